// The painting desk. A mask is an array of one byte per pixel of the preview, row by row; the canvases only show it.
// So what is saved does not depend on the screen's pixel ratio, on zoom, nor on how a browser smooths lines.
const $ = (id) => element.querySelector('#' + id);
const picture = $('picture'), heat = $('heat'), layer = $('mask'), stage = $('stage'), viewport = $('viewport');
const INK = [0, 229, 255];
const UNDO = 50, PATIENCE = 10000;
const settings = JSON.parse(props.value || '{}');
let item = null, side = 0, mask = null, warmth = null, undo = [], past = [], tool = 'brush', zoom = 1, stroke = null;
let heatShown = false, seconds = 0, since = null, busy = false, space = false, pan = null, pending = null;
let current = null;

// Time counts while the page is visible.
const clock = () => seconds + (since === null ? 0 : (performance.now() - since) / 1000);
const stopClock = () => { seconds = clock(); since = null; };
document.addEventListener('visibilitychange', () => {
  if (document.hidden) stopClock(); else if (since === null) since = performance.now();
});

function say(words, kind) {
  $('status').textContent = words;
  $('status').className = 'status ' + (kind || '');
}

function annotator() { return $('annotator').value.trim(); }
function draftKey() { return `dfdetect:${annotator()}:${item.key}`; }
function stored(key, value) {  // a browser may forbid it
  try {
    if (value === undefined) return localStorage.getItem(key);
    if (value === null) localStorage.removeItem(key); else localStorage.setItem(key, value);
  } catch { return null; }
}

// Bits, the highest of a byte first.
function pack(pixels) {
  const bytes = new Uint8Array(Math.ceil(pixels.length / 8));
  pixels.forEach((on, i) => { if (on) bytes[i >> 3] |= 128 >> (i & 7); });
  let text = '';
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return btoa(text);
}
function unpack(text, count) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  return Uint8Array.from({ length: count }, (_, i) => (bytes[i >> 3] >> (7 - (i & 7))) & 1);
}

function show(x0 = 0, y0 = 0, x1 = side, y1 = side) {
  x0 = Math.max(0, x0); y0 = Math.max(0, y0); x1 = Math.min(side, x1); y1 = Math.min(side, y1);
  if (x1 <= x0 || y1 <= y0) return;
  const image = new ImageData(x1 - x0, y1 - y0);
  for (let y = y0, i = 0; y < y1; y++) for (let x = x0; x < x1; x++, i += 4) if (mask[y * side + x]) {
    image.data.set(INK, i); image.data[i + 3] = 255;
  }
  layer.getContext('2d').putImageData(image, x0, y0);
}

// Marks all pixels whose centre is within half the width of the line from a to b, and the pixel under b.
function line(a, b) {
  const on = tool === 'brush' ? 1 : 0, r = $('width').value / 2;
  const x0 = Math.floor(Math.min(a.x, b.x) - r), x1 = Math.ceil(Math.max(a.x, b.x) + r);
  const y0 = Math.floor(Math.min(a.y, b.y) - r), y1 = Math.ceil(Math.max(a.y, b.y) + r);
  const dx = b.x - a.x, dy = b.y - a.y, length = dx * dx + dy * dy;
  const mark = (x, y) => { if (x >= 0 && y >= 0 && x < side && y < side) mask[y * side + x] = on; };
  for (let y = Math.max(0, y0); y < Math.min(side, y1); y++) for (let x = Math.max(0, x0); x < Math.min(side, x1); x++) {
    const px = x + 0.5 - a.x, py = y + 0.5 - a.y;
    const t = length ? Math.min(1, Math.max(0, (px * dx + py * dy) / length)) : 0;
    if ((px - t * dx) ** 2 + (py - t * dy) ** 2 <= r * r) mark(x, y);
  }
  mark(Math.floor(b.x), Math.floor(b.y));
  show(x0 - 1, y0 - 1, x1 + 1, y1 + 1);
}

function remember() { undo.push(mask.slice()); if (undo.length > UNDO) undo.shift(); }
function changed() {
  $('undo').disabled = !undo.length;
  $('clear').disabled = !mask.some(Boolean);
  stored(draftKey(), pack(mask));
}
function takeBack() { if (!undo.length) return; mask = undo.pop(); show(); changed(); }
function clear() { remember(); mask = new Uint8Array(side * side); show(); changed(); }
function startFromHeat() {
  if (!warmth) return;
  remember();
  const level = $('level').value / 100 * 255;
  mask = Uint8Array.from(warmth, (value) => value >= level ? 1 : 0);
  show(); changed();
  say(mask.some(Boolean) ? 'Started from the map: correct it with brush and eraser.' : 'The map marks nothing from this level on: lower it.');
}

function place(event) {
  const box = stage.getBoundingClientRect();
  return { x: (event.clientX - box.left) * side / box.width, y: (event.clientY - box.top) * side / box.height };
}
function showCursor(event) {
  const at = place(event), size = Math.max(4, $('width').value * zoom), cursor = $('cursor');
  Object.assign(cursor.style, { display: space ? 'none' : 'block', left: at.x * zoom + 'px', top: at.y * zoom + 'px', width: size + 'px', height: size + 'px' });
}
stage.addEventListener('pointerdown', (event) => {
  if (!item || busy || event.button > 1) return;
  event.preventDefault();
  stage.setPointerCapture(event.pointerId);
  if (space || event.button === 1) { pan = { x: event.clientX, y: event.clientY }; return; }
  remember();
  stroke = place(event);
  line(stroke, stroke);
});
stage.addEventListener('pointermove', (event) => {
  if (!item) return;
  showCursor(event);
  if (pan) {
    viewport.scrollBy(pan.x - event.clientX, pan.y - event.clientY);
    pan = { x: event.clientX, y: event.clientY };
  }
  if (!stroke) return;
  const events = event.getCoalescedEvents ? event.getCoalescedEvents() : [];
  for (const each of events.length ? events : [event]) { const to = place(each); line(stroke, to); stroke = to; }
});
for (const name of ['pointerup', 'pointercancel']) stage.addEventListener(name, () => {
  if (stroke) { stroke = null; changed(); }
  pan = null;
});
stage.addEventListener('pointerleave', () => { $('cursor').style.display = 'none'; });

function setZoom(to, at) {
  const fit = fitting(), before = zoom;
  zoom = Math.min(32, Math.max(fit / 2, to));
  Object.assign(stage.style, { width: side * zoom + 'px', height: side * zoom + 'px' });
  stage.classList.toggle('pixels', zoom * window.devicePixelRatio >= 2);
  if (at) {
    viewport.scrollLeft += (at.x * (zoom - before));
    viewport.scrollTop += (at.y * (zoom - before));
  }
}
function fitting() { return Math.max(0.05, Math.min(viewport.clientWidth, window.innerHeight * 0.62) / side); }
viewport.addEventListener('wheel', (event) => {
  if (!item || !(event.ctrlKey || event.metaKey)) return;
  event.preventDefault();
  setZoom(zoom * (event.deltaY < 0 ? 1.2 : 1 / 1.2), place(event));
}, { passive: false });
new ResizeObserver(() => { if (item && zoom < fitting()) setZoom(fitting()); }).observe(viewport);

function choose(name) {
  tool = name;
  for (const each of ['brush', 'eraser']) $(each).setAttribute('aria-pressed', String(each === name));
}
function setWidth(to) {
  $('width').value = to;
  $('width-words').textContent = $('width').value;
}
function showHeat(on) {
  heatShown = on && Boolean(warmth);
  heat.style.display = heatShown ? 'block' : 'none';
  $('show-heat').setAttribute('aria-pressed', String(heatShown));
}

function loaded(url) {
  return new Promise((resolve, reject) => {
    const image = new Image();
    image.onload = () => resolve(image);
    image.onerror = reject;
    image.src = url;
  });
}
// The map in the colours from black over red to yellow; where it is low, the picture stays visible.
function drawHeat(image) {
  const context = heat.getContext('2d', { willReadFrequently: true });
  context.clearRect(0, 0, side, side);
  context.drawImage(image, 0, 0);
  const pixels = context.getImageData(0, 0, side, side);
  warmth = new Uint8Array(side * side);
  for (let i = 0; i < warmth.length; i++) {
    const value = warmth[i] = pixels.data[4 * i];
    pixels.data.set([255, Math.max(0, 2 * value - 255), 0, value], 4 * i);
  }
  context.putImageData(pixels, 0, 0);
}

function time(left) {
  if (left === null) return '';
  return left < 90 ? ', less than two minutes left' : left < 5400 ? `, about ${Math.round(left / 60)} minutes left` : `, about ${(left / 3600).toFixed(1)} hours left`;
}
function showProgress(progress) {
  $('done').max = progress.total;
  $('done').value = progress.done;
  $('progress-words').textContent = `${progress.done} of ${progress.total} done, ${progress.waiting} wait for you${time(progress.seconds_left)}`;
}
function showNotes(notes) {
  $('notes').replaceChildren(...notes.map((words) => Object.assign(document.createElement('li'), { textContent: words })));
  $('notes').hidden = !notes.length;
}

// Gradio's client answers with nothing where the server is gone.
async function asked(promise) {
  const late = new Promise((resolve) => setTimeout(resolve, PATIENCE));
  const reply = await Promise.race([promise, late]);
  if (!reply) throw new Error('no answer');
  return reply;
}

async function open(id, words) {
  if (!annotator()) { $('annotator').focus(); return; }
  busy = true;
  let shown;
  try {
    shown = await asked(server.open({ annotator: annotator(), item: id || '' }));
  } catch {
    busy = false;
    say('The server does not answer. Start dfdetect annotate again; what you painted is kept in this browser.', 'bad');
    return;
  }
  busy = false;
  if (shown.error) { say(shown.error, 'bad'); return; }
  stored('dfdetect:annotator', annotator());
  showProgress(shown.progress);
  showNotes([...shown.notes, ...(shown.item_notes || [])]);
  $('work').hidden = !shown.item;
  $('finished').hidden = Boolean(shown.item);
  $('finished-words').textContent = shown.progress.done === shown.progress.total
    ? 'Every picture of this queue is answered. Run the same dfdetect train command again: it goes on with these masks.'
    : `${shown.progress.total - shown.progress.done} pictures wait for somebody else.`;
  if (!shown.item) { item = null; say(words || ''); return; }
  await showItem(shown);
  say(words || (shown.answer ? `You answered this one before: ${shown.answer}. You can change it.` : ''), words ? 'good' : '');
}

async function showItem(shown) {
  item = shown;
  side = shown.side;
  for (const canvas of [picture, heat, layer]) { canvas.width = side; canvas.height = side; }
  picture.getContext('2d').drawImage(await loaded(shown.image), 0, 0);
  warmth = null;
  if (shown.heat) drawHeat(await loaded(shown.heat));
  element.querySelectorAll('.heat-tools').forEach((each) => { each.hidden = !shown.heat; });
  showHeat(heatShown);
  $('source-box').hidden = !shown.source;
  if (shown.source) $('source').src = shown.source; else $('source').removeAttribute('src');
  mask = shown.mask ? unpack(shown.mask, side * side) : new Uint8Array(side * side);
  undo = [];
  const draft = stored(draftKey());
  if (draft && draft.length === pack(mask).length && draft !== pack(mask)) {
    undo.push(mask);
    mask = unpack(draft, side * side);
  }
  $('undo').disabled = !undo.length;
  $('clear').disabled = !mask.some(Boolean);
  $('back').disabled = !past.length;
  $('width').max = Math.max(8, Math.round(side / 4));
  setWidth(Math.min($('width').value, $('width').max));
  $('title').textContent = `Picture ${shown.item}, ${shown.size} x ${shown.size} pixels` + (shown.size > side ? `, shown at ${side}` : '');
  $('reason').textContent = shown.reason;
  $('score').textContent = `${shown.score} (1 = fake)`;
  $('video').textContent = shown.video;
  setZoom(fitting());
  show();
  seconds = 0;
  since = document.hidden ? null : performance.now();
}

async function answer(kind, replace) {
  if (!item || busy) return;
  if (kind === 'mask' && !mask.some(Boolean)) {
    say("Nothing is painted. Paint what was forged, or press Real after all or Can't tell.", 'bad');
    return;
  }
  busy = true;
  const message = { annotator: annotator(), item: item.item, answer: kind, seconds: clock(), replace: Boolean(replace) };
  if (kind === 'mask') message.bits = pack(mask);
  let result;
  try {
    result = await asked(server.answer(message));
  } catch {
    result = { error: 'Not saved: the server does not answer. Start dfdetect annotate again and press Save; what you painted is kept in this browser.' };
  }
  busy = false;
  if (result.conflict) {
    say(result.conflict, 'bad');
    if (result.conflict.includes('replace it')) { pending = kind; $('ask-words').textContent = result.conflict; $('ask').showModal(); }
    return;
  }
  if (result.error) { say(result.error, 'bad'); return; }
  if (kind !== 'skip') stored(draftKey(), null);
  past.push(item.item);
  const beside = result.saved.file && !result.saved.placed ? ' as a second opinion: somebody else painted it first' : '';
  await open('', `${item.item} saved${beside}.`);
}

const ACTIONS = {
  save: () => answer('mask'), real: () => answer('real'), unsure: () => answer('unsure'), skip: () => answer('skip'),
  back: () => { if (past.length && !busy) open(past.pop()); },
  brush: () => choose('brush'), eraser: () => choose('eraser'), undo: takeBack, clear,
  'zoom-in': () => setZoom(zoom * 1.4), 'zoom-out': () => setZoom(zoom / 1.4), 'zoom-fit': () => setZoom(fitting()),
  'show-heat': () => showHeat(!heatShown), 'use-heat': startFromHeat, again: () => open(''),
  'ask-yes': () => { $('ask').close(); answer(pending, true); }, 'ask-no': () => $('ask').close(),
};
for (const [id, act] of Object.entries(ACTIONS)) $(id).addEventListener('click', act);
$('width').addEventListener('input', () => setWidth($('width').value));
$('level').addEventListener('input', () => { $('level-words').textContent = $('level').value + '%'; });
function start() {
  if (annotator() === current) return;
  current = annotator();
  past = [];
  open('');
}
$('annotator').addEventListener('keydown', (event) => {
  if (event.key !== 'Enter') return;
  event.preventDefault();
  event.stopPropagation();
  if (!item) current = null;
  $('annotator').blur();
  start();
});
$('annotator').addEventListener('change', start);

const KEYS = { b: 'brush', e: 'eraser', z: 'undo', x: 'clear', h: 'show-heat', m: 'use-heat', r: 'real', u: 'unsure', s: 'skip', p: 'back', Enter: 'save', '+': 'zoom-in', '=': 'zoom-in', '-': 'zoom-out', 0: 'zoom-fit' };
document.addEventListener('keydown', (event) => {
  if (!element.isConnected || !item || $('ask').open || event.altKey || event.metaKey) return;
  if (event.target.matches && event.target.matches('input[type=text], textarea, select')) return;
  if (event.ctrlKey && event.key !== 'z') return;
  if (event.key === ' ' && !event.target.matches('button')) { space = true; stage.classList.add('panning'); event.preventDefault(); return; }
  if (event.key === '[' || event.key === ']') { setWidth(Number($('width').value) + (event.key === ']' ? 2 : -2)); return; }
  const id = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!id || (event.key === 'Enter' && event.target.matches('button'))) return;
  if (event.repeat && id !== 'undo') return;
  event.preventDefault();
  if (!$(id).disabled) ACTIONS[id]();
});
document.addEventListener('keyup', (event) => { if (event.key === ' ') { space = false; stage.classList.remove('panning'); } });

$('annotator').value = settings.annotator || stored('dfdetect:annotator') || '';
if (annotator()) start(); else $('annotator').focus();

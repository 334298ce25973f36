"""What the annotation page asks of its queue: the next item, a named one, and to save an answer.

Pictures go to the page inside its own messages, never as files, so that no path is ever served. A message from the page
is a dict of JSON whose every value is checked.
"""

import base64
import dataclasses
import threading
import time
from typing import Any

import cv2
import numpy as np

from dfdetect_jax.active import queue as queues
from dfdetect_jax.active import queue_masks
from dfdetect_jax.active.journal import OUTSIDE, Answer, Entry, check_annotator, latest, read_journal
from dfdetect_jax.active.mask_store import own_mask, owner_of, recover, row_of, save_answer
from dfdetect_jax.active.preview import (
    enlarge_mask,
    pack,
    preview_side,
    shrink_image,
    shrink_mask,
    unpack,
)
from dfdetect_jax.active.queue import HEAT, IMAGES, MASKS, SOURCES, Queue, QueueRow
from dfdetect_jax.active.worklist import Progress, is_shared, progress
from dfdetect_jax.errors import BadMediaError, InputError, RunError
from dfdetect_jax.media.image import read_image

Message = dict[str, Any]
_CLAIM_SECONDS = 900.0  # after which an item that somebody opened is dealt to others again


class Annotation:
    """A queue that annotators work on; safe in threads."""

    def __init__(self, queue: Queue, overlap: float = 0.0):
        """Opens it for answers, and enters those that a killed server had saved without a line in the journal.

        Args:
            queue: an opened queue.
            overlap: share of the items that two annotators paint.

        Raises:
            RunError: the queue can't be written to.
        """
        self.queue, self.overlap = queue, overlap
        self.recovered = recover(queue)
        self._claims: dict[str, tuple[str, float]] = {}
        self._lock = threading.Lock()

    def open(self, message: Message) -> Message:
        """An item as the page shows it.

        Args:
            message: "annotator", and "item": an id, or "" for the next one that waits.

        Returns:
            The item, and the progress; without "item" where nothing waits; "error", one line, if it can't be shown.
        """
        return _answered(lambda: self._open(_text(message, "annotator"), _text(message, "item")))

    def answer(self, message: Message) -> Message:
        """Saves an answer.

        Args:
            message: "annotator", "item", "answer", "seconds", "replace", and for a mask "bits", base64 of
                `preview.pack` at the preview's size.

        Returns:
            "saved": the journal's line; or "conflict", in words; or "error", one line, and nothing was lost.
        """
        return _answered(lambda: self._answer(message))

    def _open(self, annotator: str, item: str) -> Message:
        check_annotator(annotator)
        entries = read_journal(self.queue.folder)
        with self._lock:
            now = self._progress(annotator, entries)
            item = item or next(iter(now.waiting), "")
            if item:
                self._claims[item] = (annotator, time.monotonic())
        message = {"progress": _progress_as_json(now), "notes": self._notes()}
        return message | (self._item(row_of(self.queue, item), annotator, entries) if item else {})

    def _answer(self, message: Message) -> Message:
        annotator, item = check_annotator(_text(message, "annotator")), _text(message, "item")
        row, answer = row_of(self.queue, item), _answer_of(message)
        mask = None
        if answer == Answer.MASK:
            mask = self._painted(row, annotator, _text(message, "bits"))
        seconds = message.get("seconds", 0)
        seconds = float(seconds) if isinstance(seconds, int | float) and 0 <= seconds < 1e6 else 0.0
        replace = message.get("replace") is True
        saved = save_answer(self.queue, item, annotator, answer, mask, seconds=seconds, replace=replace)
        if saved.entry is None:
            return {"conflict": saved.conflict}
        with self._lock:
            self._claims.pop(item, None)
        return {"saved": dataclasses.asdict(saved.entry)}

    def _painted(self, row: QueueRow, annotator: str, bits: str) -> np.ndarray:
        """The mask at the crop's size; raises BadMediaError where the message holds none."""
        try:
            painted = unpack(base64.b64decode(bits, validate=True), preview_side(self.queue.size))
        except ValueError as error:
            raise BadMediaError(f"{row.id}: expected a mask as packed bits, found others ({error})") from error
        return enlarge_mask(painted, self.queue.size, self._before(row, annotator, read_journal(self.queue.folder)))

    def _before(self, row: QueueRow, annotator: str, entries: list[Entry]) -> np.ndarray | None:
        """The mask that an annotator continues: his own, or one of nobody's; never another annotator's."""
        own = own_mask(self.queue, row.id, annotator, entries)
        if own is not None or owner_of(self.queue, row, entries) != OUTSIDE:
            return own
        return queue_masks.read_mask(self.queue, row)

    def _progress(self, annotator: str, entries: list[Entry]) -> Progress:
        now = time.monotonic()
        claimed = {
            item
            for item, (name, since) in self._claims.items()
            if name != annotator and now - since < _CLAIM_SECONDS and not is_shared(item, self.overlap)
        }
        rows = [row for row in self.queue.rows if (self.queue.folder / row.file(IMAGES)).exists()]
        painted = {row.id for row in rows if (self.queue.folder / row.file(MASKS)).exists()}
        items = [row.id for row in rows]
        return progress(items, painted, entries, annotator, overlap=self.overlap, claimed=claimed)

    def _notes(self) -> list[str]:
        """What is wrong in the folder, a line each."""
        files = queue_masks.in_the_way(self.queue, queue_masks.missing(self.queue))
        notes = [
            f"{MASKS}/{item}.png is missing, but there is {file}: if that is its mask, save it as PNG under that name"
            for item, file in files.items()
        ]
        if (self.queue.folder / queues.STARTED).exists():
            notes.append("Training has started with these masks: they can be looked at, but no longer be changed.")
        return notes

    def _item(self, row: QueueRow, annotator: str, entries: list[Entry]) -> Message:
        notes, mask = [], None
        try:
            mask = self._before(row, annotator, entries)
        except BadMediaError as error:
            notes.append(str(error))
        image = read_image(self.queue.folder / row.file(IMAGES))
        if queues.digest(image) != row.sha256:
            raise RunError(f"{row.file(IMAGES)}: expected the selected crop, found another picture; restore it")
        own = latest(entries).get(row.id, {}).get(annotator)
        return {
            "item": row.id,
            "key": f"{self.queue.selection.fingerprint[:16]}/{row.sha256[:16]}",
            "side": preview_side(self.queue.size),
            "size": self.queue.size,
            "image": _data_url(shrink_image(image)),
            "heat": self._picture(row, HEAT),
            "source": self._picture(row, SOURCES),
            "mask": None if mask is None else base64.b64encode(pack(shrink_mask(mask))).decode(),
            "answer": own.answer if own else "",
            "score": round(row.score, 3),
            "reason": row.reason,
            "video": row.video,
            "item_notes": notes,
        }

    def _picture(self, row: QueueRow, kind: str) -> str | None:
        path = self.queue.folder / row.file(kind)
        if path.is_symlink() or path.parent.is_symlink():  # a queue of a stranger's would show what lies elsewhere
            return None
        try:
            return _data_url(shrink_image(read_image(path))) if path.is_file() else None
        except BadMediaError:
            return None


def _answered(act: Any) -> Message:
    """The result of a call, or why there is none."""
    try:
        answer: Message = act()
    except InputError as error:
        return {"error": str(error)}
    return answer


def _text(message: Message, name: str) -> str:
    value = message.get(name, "") if isinstance(message, dict) else ""
    return value if isinstance(value, str) else ""


def _answer_of(message: Message) -> Answer:
    name = _text(message, "answer")
    if name not in set(Answer):
        raise RunError(f"expected one of the answers {', '.join(Answer)}, found {name[:40]!r}")
    return Answer(name)


def _progress_as_json(now: Progress) -> Message:
    return {**dataclasses.asdict(now), "waiting": len(now.waiting)}


def _data_url(image: np.ndarray) -> str:
    """A picture, uint8 [H, W, 3] RGB, as PNG inside a URL."""
    content = cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1].tobytes()
    return "data:image/png;base64," + base64.b64encode(content).decode()

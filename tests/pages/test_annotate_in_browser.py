"""The annotation page in a real browser, on a server of its own."""

import contextlib
import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import cv2
import numpy as np
import pytest

from dfdetect_jax.active.journal import read_journal
from tests.active.queues_on_disk import write_drawn_queue
from tests.pages.browsers import Visit, chromium, contrast_violations, free_port

pytest.importorskip("gradio", reason="no Gradio; pip install 'dfdetect_jax[annotate]'")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),  # Gradio leaves a socket open
]

SIDE = 64
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def browser():
    with chromium() as each:
        yield each


@pytest.fixture
def queue(tmp_path):
    return write_drawn_queue(tmp_path / "queue", size=SIDE)


@contextlib.contextmanager
def served(queue):
    """The page of a queue, served by this process: its address."""
    from dfdetect_jax.pages import server
    from dfdetect_jax.pages.annotate_page import build_page
    from dfdetect_jax.pages.annotation import Annotation

    server.load_gradio()
    with server.private_uploads():
        page = build_page(Annotation(queue))
        yield server.launch(page)
        page.close(verbose=False)


@contextlib.contextmanager
def command(queue, port, *flags, **environment):
    """The command on a port: (address, process). Ends by SIGTERM, as a user's service manager would."""
    line = [sys.executable, "-m", "dfdetect_jax.annotate", "--queue", str(queue.folder), "--port", str(port), *flags]
    process = subprocess.Popen(line, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT), **environment})
    url = f"http://127.0.0.1:{port}/"
    try:
        for _ in range(1200):
            with contextlib.suppress(OSError):
                urllib.request.urlopen(url, timeout=5).close()
                break
            assert process.poll() is None
            time.sleep(0.1)
        yield url, process
    finally:
        if process.poll() is None:
            process.terminate()
            assert process.wait(30) == 143


def begin(visit, name="ann"):
    visit.page.fill("#annotator", name)
    visit.page.press("#annotator", "Enter")
    shows(visit, "0001") if name == "ann" else visit.page.wait_for_selector("#work:not([hidden])")


def shows(visit, item):
    visit.page.wait_for_function("item => document.querySelector('#title')?.textContent.includes(item)", arg=item)


def stroke(visit, x0, y0, x1, y1, width=4):
    """Paints a line between two points of the picture, in its pixels."""
    visit.page.locator("#width").evaluate(
        "(each, width) => { each.value = width; each.dispatchEvent(new Event('input')); }", width
    )
    box = visit.page.locator("#stage").bounding_box()
    scale = box["width"] / SIDE
    mouse = visit.page.mouse
    mouse.move(box["x"] + x0 * scale, box["y"] + y0 * scale)
    mouse.down()
    mouse.move(box["x"] + x1 * scale, box["y"] + y1 * scale, steps=7)
    mouse.up()


def on_disk(queue, item="0001"):
    return cv2.imread(str(queue.folder / f"masks/{item}.png"), cv2.IMREAD_GRAYSCALE)


def saved(visit, item):
    visit.page.wait_for_function("item => document.querySelector('#status').textContent.startsWith(item)", arg=item)


def capsule(x0, y0, x1, y1, width):
    """The pixels whose centre is within half the width of a line: bool [SIDE, SIDE], by NumPy."""
    centres = np.stack(np.meshgrid(np.arange(SIDE) + 0.5, np.arange(SIDE) + 0.5), -1)
    a, b = np.array([x0, y0]), np.array([x1, y1])
    t = np.clip(((centres - a) @ (b - a)) / ((b - a) @ (b - a)), 0, 1)[..., None]
    return np.linalg.norm(centres - (a + t * (b - a)), axis=-1) <= width / 2


@pytest.mark.parametrize(("ratio", "zoomed"), [(1, False), (2, False), (2, True)])
def test_what_was_painted_is_on_the_disk_at_any_pixel_ratio_and_zoom(browser, queue, ratio, zoomed):
    with served(queue) as url, Visit(browser, url, ratio=ratio) as visit:
        begin(visit)
        if zoomed:
            visit.page.click("#zoom-in")
        stroke(visit, 10, 8, 30, 20, 6)
        visit.page.click("#save")
        saved(visit, "0001")
        shows(visit, "0002")
        mask, expected = on_disk(queue) > 0, capsule(10, 8, 30, 20, 6)
        assert mask.shape == (SIDE, SIDE)
        centroids = [np.argwhere(each).mean(axis=0) for each in (mask, expected)]
        assert np.abs(centroids[0] - centroids[1]).max() < 1
        assert (mask & expected).sum() / (mask | expected).sum() > 0.9
        assert visit.elsewhere == []
        assert visit.errors == []


def test_brush_eraser_undo_clear_and_the_map_change_the_mask(browser, queue):
    with served(queue) as url, Visit(browser, url) as visit:
        begin(visit)
        visit.page.keyboard.press("m")  # the map marks the left half
        stroke(visit, 40, 50, 60, 50, 5)
        visit.page.keyboard.press("e")
        stroke(visit, 4, 4, 20, 4, 5)
        visit.page.keyboard.press("b")
        stroke(visit, 50, 5, 60, 5, 3)
        visit.page.keyboard.press("z")
        visit.page.keyboard.press("Enter")
        saved(visit, "0001")
        mask = on_disk(queue) > 0
        assert mask[30, :32].all()
        assert not mask[30, 32:].any()
        assert mask[50, 45]
        assert not mask[4, 5:20].any()
        assert not mask[5, 50:].any()


def test_nothing_is_lost_when_page_and_server_end(browser, queue):
    port = free_port()
    with Visit(browser, "about:blank") as visit:
        with command(queue, port) as (url, process):
            visit.page.goto(url)
            begin(visit)
            stroke(visit, 10, 10, 20, 10)
            visit.page.click("#save")
            shows(visit, "0002")
            stroke(visit, 30, 30, 50, 30)
            process.send_signal(signal.SIGKILL)
            process.wait()
            visit.page.click("#save")
            visit.page.wait_for_selector("#status.bad:has-text('server does not answer')")
        first = on_disk(queue)
        with command(queue, port) as (url, _):
            visit.page.goto(url)  # the name, too, is kept by the browser
            shows(visit, "0002")
            visit.page.click("#save")  # what was painted before the server was killed came back by itself
            saved(visit, "0002")
        np.testing.assert_array_equal(on_disk(queue), first)
        assert on_disk(queue, "0002")[30, 35] == 255
        assert [entry.item for entry in read_journal(queue.folder)] == ["0001", "0002"]


def test_the_other_answers_and_the_way_back(browser, queue):
    with served(queue) as url, Visit(browser, url) as visit:
        begin(visit)
        visit.page.keyboard.press("Enter")
        visit.page.wait_for_selector("#status.bad:has-text('Nothing is painted')")
        visit.page.keyboard.press("r")
        shows(visit, "0002")
        visit.page.keyboard.press("s")
        shows(visit, "0003")
        visit.page.keyboard.press("p")
        shows(visit, "0002")
        visit.page.keyboard.press("u")
        shows(visit, "0003")
        stroke(visit, 10, 10, 20, 20)
        visit.page.keyboard.press("Enter")
        visit.page.wait_for_selector("#finished:not([hidden])")
        assert "3 of 3 done" in visit.page.inner_text("#progress-words")
        answers = [(entry.item, entry.answer) for entry in read_journal(queue.folder)]
        assert answers == [("0001", "real"), ("0002", "skip"), ("0002", "unsure"), ("0003", "mask")]


def test_a_mask_of_another_tool_gives_way_only_when_the_annotator_says_so(browser, queue):
    cv2.imwrite(str(queue.folder / "masks/0001.png"), np.full((SIDE, SIDE), 255, np.uint8))
    cv2.imwrite(str(queue.folder / "masks/0002.jpg"), np.full((SIDE, SIDE), 255, np.uint8))
    with served(queue) as url, Visit(browser, url) as visit:
        begin(visit, "bob")
        shows(visit, "0002")
        assert "masks/0002.jpg" in visit.page.inner_text("#notes")


def test_two_annotators_at_once_get_different_items(browser, queue):
    with served(queue) as url, Visit(browser, url) as first, Visit(browser, url) as second:
        begin(first)
        begin(second, "bob")
        shows(second, "0002")


@pytest.mark.parametrize(("width", "ratio"), [(1280, 1), (420, 2)])
def test_the_page_fits_its_width_and_its_contrast_is_wcag_aa(browser, queue, width, ratio):
    with served(queue) as url, Visit(browser, url, width=width, ratio=ratio) as visit:
        visit.page.wait_for_selector("#annotator")
        assert contrast_violations(visit.page) == []
        begin(visit)
        stroke(visit, 10, 10, 20, 20)
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= width
        assert contrast_violations(visit.page) == []


def test_a_password_keeps_the_page_shut(browser, queue):
    flags = ("--password_from", "PAGE_PASSWORD")
    with command(queue, free_port(), *flags, PAGE_PASSWORD="right") as (url, _), Visit(browser, url) as visit:
        visit.page.wait_for_selector("input[type=password]")
        assert not visit.page.query_selector("#annotator")
        for password in ("wrong", "right"):
            visit.page.fill("input:not([type=password])", "ann")
            visit.page.fill("input[type=password]", password)
            visit.page.click("button:has-text('Login')")
            visit.page.wait_for_timeout(800)
        visit.page.wait_for_selector("#annotator")

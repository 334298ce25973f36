"""Draws the pages for the documentation, in Chromium: `python docs/make_page_pictures.py`.

annotate.jpg    the annotation page, half way through painting the mask of a rendered forgery
try.jpg         the page to try the released detector, with its verdict on one

Needs the extras "annotate" and "test", `playwright` among the latter's, and Chromium.
"""

import contextlib
import io
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from make_pictures import CROP, PORTRAIT, write
from PIL import Image

import dfdetect_jax as dfd
from dfdetect_jax.active.queue import Queue, QueueCrop, QueueRow, Selection, digest, write_queue
from dfdetect_jax.config import Crop
from dfdetect_jax.data.forge import Unit, render_unit
from dfdetect_jax.pages import annotate_page, server, try_page
from dfdetect_jax.pages.annotation import Annotation
from dfdetect_jax.pages.trial import Trial

SIDE = 256


@contextlib.contextmanager
def served(page: Any, **options: Any) -> Iterator[str]:
    """The address of a page of Gradio, while it is served."""
    with server.private_uploads():
        yield server.launch(page, **options)
        page.close(verbose=False)


def screenshot(url: str, width: int, height: int, act: Callable[[Any], None]) -> Image.Image:
    """The page after `act` did something on it."""
    from playwright.sync_api import sync_playwright

    path = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": width, "height": height})
        page.goto(url)
        act(page)
        picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
        browser.close()
    return picture


def drawn_queue(folder: Path, portraits: tuple[int, ...] = (PORTRAIT, 3, 7)) -> Queue:
    """Rendered forgeries beside what they were forged from, as `select` would queue them."""
    crops = []
    for rank, portrait in enumerate(portraits):
        unit = Unit(seed=0, split="test", first=portrait, portraits=1, identities=200)
        real, fake = render_unit(unit, Crop(size=SIDE))
        row = QueueRow(
            id=f"{rank + 1:04d}",
            place=rank,
            video=fake.video,
            forgery=fake.forgery,
            frame=0,
            score=0.12,
            outside=0.4,
            reason="taken for real, p(fake) 0.120",
            sha256=digest(fake.image),
        )
        crops.append(QueueCrop(row, fake.image, fake.image, source=real.image))
    selection = Selection(run="lae", step=1, strategy="hardest", share=0.03, seed=0, fingerprint="")
    return write_queue(folder, selection, SIDE, crops)


def paint(page: Any, mask: np.ndarray) -> None:
    """Starts to work, and paints along the middle of the upper part of a mask, uint8 [SIDE, SIDE]."""
    page.fill("#annotator", "ann")
    page.press("#annotator", "Enter")
    page.wait_for_selector("#work:not([hidden])")
    page.wait_for_timeout(500)
    box = page.locator("#stage").bounding_box()
    scale = box["width"] / SIDE
    rows = [row for row in range(SIDE) if mask[row].any()]
    rows = rows[: 2 * len(rows) // 3 : 4]
    for turn, row in enumerate(rows):
        columns = np.flatnonzero(mask[row])[[0, -1]][:: 1 if turn % 2 else -1]
        for column in columns:
            page.mouse.move(box["x"] + column * scale, box["y"] + row * scale, steps=4)
            if turn == 0:
                page.mouse.down()
    page.mouse.up()


def verdict(page: Any, photograph: Path) -> None:
    """Drops a photograph on the page and waits for the answer."""
    page.wait_for_selector("#file input[type=file]", state="attached")
    page.set_input_files("#file input[type=file]", str(photograph))
    page.wait_for_selector("#answer .verdict", timeout=120_000)
    page.wait_for_timeout(500)


def main() -> None:
    """Draws both."""
    server.load_gradio()
    unit = Unit(seed=0, split="test", first=PORTRAIT, portraits=1, identities=200)
    with tempfile.TemporaryDirectory() as folder:
        queue = drawn_queue(Path(folder) / "queue")
        mask = render_unit(unit, Crop(size=SIDE))[1].mask
        with served(annotate_page.build_page(Annotation(queue))) as url:
            write("annotate.jpg", screenshot(url, 1280, 900, lambda page: paint(page, mask)))
        photograph = Path(folder) / "photograph.png"
        Image.fromarray(render_unit(unit, CROP)[1].image).save(photograph)
        page = try_page.build_page(Trial(dfd.load().run))
        with served(page, routes=try_page.ROUTES, css=server.template("try.css")) as url:
            write("try.jpg", screenshot(url, 1000, 1100, lambda page: verdict(page, photograph)))


if __name__ == "__main__":
    main()

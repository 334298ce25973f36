"""The queue: a folder with the selected crops, whose masks are painted by a person or copied from the records.

queue.json           the selection, and a row per crop, the most useful first
README.txt           instructions for the annotator
images/0001.png      the crop as stored in the records
attention/0001.png   the detector's attention laid over it
heat/0001.png        the attention itself, grey: 0 untouched, 255 forged
sources/0001.png     the crop of the real picture that it was forged from, where the records have it
masks/0001.png       to be painted: white where forged, black elsewhere, of the crop's size

`dfdetect annotate` shows a page to paint them on; it adds a journal and every version of a mask, see `mask_store`.
"""

import dataclasses
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from dfdetect_jax import files
from dfdetect_jax.config import from_dict, renamed
from dfdetect_jax.config.crop import LARGEST_CROP
from dfdetect_jax.errors import RunError, SettingsError
from dfdetect_jax.pictures.picture_files import write_png

QUEUE, IMAGES, ATTENTION, MASKS, README = "queue.json", "images", "attention", "masks", "README.txt"
HEAT, SOURCES = "heat", "sources"
STARTED = "masks.sha256"  # written when stage 2 starts: its masks must not change while it runs
VERSION = 1  # of the folder's layout
_INSTRUCTIONS = f"""\
Each picture in {IMAGES}/ is a forged face. Please mark what was forged: on a page, which this command opens

    dfdetect annotate --queue FOLDER

(FOLDER is this one; pip install 'dfdetect_jax[annotate]'), or with a program of your own:

- Save a mask for {IMAGES}/0001.png as {MASKS}/0001.png, for 0002.png as {MASKS}/0002.png, and so on: a new picture of
  the same size, white where the face was forged, black elsewhere. White on a transparent layer will do.
- {ATTENTION}/ shows the detector's attention. It may be wrong: trust your eyes.
- If you can't see what was forged, delete the picture in {IMAGES}/; training then resumes without its mask. A mask that
  is all black is refused, since it may have been saved by mistake.
- Leave the other pictures and {QUEUE} as they are.
"""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Selection:
    """The request that a queue answers; equal selections yield the same images.

    Attributes:
        run: name of the run folder whose detector ranked the images.
        step: optimiser steps of its weights.
        strategy: see `selection.rank`.
        share: of the training images, at most.
        seed: of the strategy "random".
        fingerprint: of the data that images were selected from, see `records.Manifest`.
        after: digest of the labels that earlier rounds brought, see `labelled`; "" in the first round.
    """

    run: str
    step: int
    strategy: str
    share: float
    seed: int
    fingerprint: str
    after: str = ""


@dataclasses.dataclass(frozen=True, kw_only=True)
class QueueRow:
    """One selected crop.

    Attributes:
        id: the rank from 1, with four digits or more; the stem of its file names.
        place: index in the records of the training split.
        video, forgery, frame: as in `Example`.
        score: p(fake) in [0, 1] by the detector that ranked the images.
        outside: in [0, 1], the share of the detector's attention outside the face.
        reason: why it was selected, a phrase for the annotator.
        sha256: `digest` of the crop's pixels.
    """

    id: str
    place: int
    video: str
    forgery: str
    frame: int
    score: float
    outside: float
    reason: str
    sha256: str

    def file(self, kind: str) -> str:
        """The row's file of one kind, such as `IMAGES` or `MASKS`, relative to the queue folder."""
        return f"{kind}/{self.id}.png"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Queue:
    """A queue folder, opened.

    Attributes:
        folder: its path.
        selection: the request that it answers.
        size: side of the crops and of the masks, pixels.
        rows: by rank, the most useful first.
    """

    folder: Path
    selection: Selection
    size: int
    rows: tuple[QueueRow, ...]


class QueueCrop(NamedTuple):
    """What a queue holds of one crop.

    Attributes:
        row: its row.
        image: uint8 [size, size, 3] RGB, as stored in the records.
        attention: uint8 [size, size, 3] RGB, the attention laid over it.
        heat: float32 [size, size] in [0, 1], the attention; None where unknown.
        source: uint8 [size, size, 3] RGB, the crop of the picture that it was forged from; None where unknown.
        mask: uint8 [size, size] in {0, 255}, painted in an earlier round; None for a crop that is to be painted.
    """

    row: QueueRow
    image: np.ndarray
    attention: np.ndarray
    heat: np.ndarray | None = None
    source: np.ndarray | None = None
    mask: np.ndarray | None = None


def digest(image: np.ndarray) -> str:
    """SHA-256 of an image's pixels, uint8 [H, W, 3], independent of how the file compresses them."""
    return hashlib.sha256(np.ascontiguousarray(image).data).hexdigest()


def write_queue(folder: str | Path, selection: Selection, size: int, crops: Iterable[QueueCrop]) -> Queue:
    """Writes a new queue, whole or not at all.

    Args:
        folder: created here; may exist if it is empty.
        selection: the request that the queue answers.
        size: side of the crops, pixels.
        crops: by rank.

    Raises:
        RunError: the folder isn't empty, or can't be written to.
    """
    folder = Path(folder).resolve()
    partial = folder.with_name(folder.name + ".partial")
    rows = []
    try:
        shutil.rmtree(partial, ignore_errors=True)
        (partial / MASKS).mkdir(parents=True)
        for crop in crops:
            _write_crop(partial, crop)
            rows.append(crop.row)
        queue = Queue(folder=folder, selection=selection, size=size, rows=tuple(rows))
        (partial / README).write_text(_INSTRUCTIONS, encoding="utf-8")
        (partial / QUEUE).write_text(json.dumps(_as_json(queue), indent=1, allow_nan=False) + "\n", encoding="utf-8")
        os.replace(partial, folder)
    except OSError as error:
        raise RunError(
            f"{folder}: expected a place for a new queue, found none ({error.strerror or error}); name another folder"
        ) from error
    return queue


def _write_crop(folder: Path, crop: QueueCrop) -> None:
    row = crop.row
    write_png(folder / row.file(IMAGES), crop.image)
    write_png(folder / row.file(ATTENTION), crop.attention, drawing=True)
    if crop.heat is not None:
        write_png(folder / row.file(HEAT), as_picture(np.round(crop.heat * 255).astype(np.uint8)), drawing=True)
    if crop.source is not None:
        write_png(folder / row.file(SOURCES), crop.source)
    if crop.mask is not None:
        write_png(folder / row.file(MASKS), as_picture(crop.mask))


def as_picture(grey: np.ndarray) -> np.ndarray:
    """A mask or map as a picture: uint8 [H, W] -> [H, W, 3]."""
    return cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB)


def kept_queue(folder: str | Path, selection: Selection) -> Queue | None:
    """The queue that an earlier call wrote for the same selection, with its masks so far; None if there is none.

    Raises:
        RunError: the existing queue is damaged, or of another selection.
    """
    if not (Path(folder) / QUEUE).exists():
        return None
    queue = read_queue(folder)
    differing = [
        f"{field.name} {there} (requested: {here})"
        for field in dataclasses.fields(Selection)
        if (there := getattr(queue.selection, field.name)) != (here := getattr(selection, field.name))
    ]
    if differing:
        raise RunError(
            f"{folder}: expected a queue of this selection, found one of {', '.join(differing)}; "
            "name another folder, or move this one away"
        )
    return queue


def read_queue(folder: str | Path) -> Queue:
    """Opens a queue folder.

    Raises:
        RunError: there is no queue, or its `queue.json` is damaged or of another version.
    """
    path = Path(folder) / QUEUE
    try:
        values = files.read_json(path)
        if values["version"] != VERSION:
            raise ValueError(f"version {values['version']}, expected {VERSION}")
        rows = [_read_row(row) for row in values["rows"]]
        if not rows:
            raise ValueError("no rows")
        if not all(re.fullmatch("[0-9]{4,}", row.id) for row in rows):  # ids become paths
            raise ValueError("an id that is not four digits or more")
        if not all(0 <= row.place < 2**31 for row in rows):
            raise ValueError("a place that is no index")
        size = int(values["size"])
        if not 1 <= size <= LARGEST_CROP:
            raise ValueError(f"a size that is not from 1 to {LARGEST_CROP}")
        selection = from_dict(Selection, values["selection"], "selection")
        return Queue(folder=Path(folder), selection=selection, size=size, rows=tuple(rows))
    except FileNotFoundError:
        raise RunError(f"{folder}: expected a queue, found no {QUEUE}; make one with dfdetect_jax.select") from None
    except (OSError, ValueError, OverflowError, TypeError, KeyError, AttributeError, SettingsError) as error:
        raise RunError(f"{path}: expected a queue, found damage ({error}); restore it, or select anew") from error


def _read_row(values: dict[str, Any]) -> QueueRow:
    names = {field.name for field in dataclasses.fields(QueueRow)}
    row = {name: value for name, value in renamed(values, QueueRow).items() if name in names}
    return from_dict(QueueRow, row, "rows")


def _as_json(queue: Queue) -> dict[str, Any]:
    kinds = {"image": IMAGES, "attention": ATTENTION, "mask": MASKS}
    rows = [{**dataclasses.asdict(row), **{name: row.file(kind) for name, kind in kinds.items()}} for row in queue.rows]
    return {"version": VERSION, "selection": dataclasses.asdict(queue.selection), "size": queue.size, "rows": rows}

"""Saves what annotators answer into a queue: masks where training reads them, and a line in the journal.

answers/0001.ann.1.png   every mask that was ever saved: by item, annotator and version; never changed or deleted
masks/0001.png           a copy of the one that training reads: the first annotator's, in its last version
journal.jsonl            a line per answer, see `journal`

An answer is written in this order, each part whole or not at all; a mask that is withdrawn goes after the line that
says so. A process killed between two of them has lost nothing: `recover`, when the queue is opened next, does the rest.
"""

import contextlib
import datetime
import hashlib
import itertools
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from dfdetect_jax import files
from dfdetect_jax.active.agreement import iou_with_heat
from dfdetect_jax.active.journal import JOURNAL, OUTSIDE, Answer, Entry, append, check_annotator, latest, read_journal
from dfdetect_jax.active.queue import MASKS, STARTED, Queue, QueueRow
from dfdetect_jax.active.queue_masks import read_heat
from dfdetect_jax.errors import BadMediaError, RunError
from dfdetect_jax.faults import line_of
from dfdetect_jax.media.image import read_image

ANSWERS = "answers"  # in the queue
_LOCK = ".lock"
_LOCK_SECONDS = 30.0


class Saved(NamedTuple):
    """What became of an answer.

    Attributes:
        entry: the journal's line; None if nothing was saved, because `conflict` says why.
        conflict: what stands in the way, in words; "" where nothing does.
    """

    entry: Entry | None
    conflict: str = ""


def save_answer(
    queue: Queue,
    item: str,
    annotator: str,
    answer: Answer,
    mask: np.ndarray | None = None,
    *,
    seconds: float = 0.0,
    replace: bool = False,
) -> Saved:
    """Saves one answer.

    The first annotator's mask becomes the item's. A second one's is kept beside it and compared, and never takes its
    place. A mask that lies there already and is nobody's answer is replaced only with `replace`, and kept in answers/.

    Args:
        queue: an opened queue.
        item: `QueueRow.id`.
        annotator: a name, see `journal.check_annotator`.
        answer: what is answered.
        mask: uint8 [size, size] in {0, 255}, with a white pixel, for `Answer.MASK`; None otherwise.
        seconds: that the annotator spent on it.
        replace: whether a mask that somebody put there by other means may give way.

    Returns:
        The journal's line, or what stands in the way.

    Raises:
        SettingsError: the annotator's name can't be part of a file's name.
        BadMediaError: the mask is missing, empty, of another size or no mask.
        RunError: no such item; or it can't be written, such as on a full disk. Nothing that was there is lost.
    """
    check_annotator(annotator)
    row = row_of(queue, item)
    if answer == Answer.MASK:
        _check_mask(queue, row, mask)
    with _writing(queue):
        entries = read_journal(queue.folder)
        owner = owner_of(queue, row, entries)
        if conflict := _conflict(queue, row, answer, owner, annotator, replace):
            return Saved(None, conflict)
        placing = answer != Answer.SKIP and owner in ("", annotator, OUTSIDE)
        file, digest = _keep(queue, row, annotator, mask) if mask is not None else ("", "")
        if file and placing:
            _place(queue, row, file, owner)
        entry = Entry(
            time=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            annotator=annotator,
            item=item,
            answer=answer,
            seconds=round(max(seconds, 0.0), 1),
            file=file,
            sha256=digest,
            placed=bool(file) and placing,
            heat_iou=None if mask is None else iou_with_heat(mask, read_heat(queue, row)),
        )
        append(queue.folder, entry)
        if placing and not file:
            _withdraw(queue, row, owner)
    return Saved(entry)


def row_of(queue: Queue, item: str) -> QueueRow:
    """The row of an item.

    Raises:
        RunError: there is none; the name comes from a page, so it is never made a path.
    """
    for row in queue.rows:
        if row.id == item:
            return row
    raise RunError(f"{queue.folder}: expected one of the items 0001 to {queue.rows[-1].id}, found {item[:40]!r}")


def owner_of(queue: Queue, row: QueueRow, entries: list[Entry]) -> str:
    """Who saved the mask that training would read now: an annotator, `OUTSIDE` for anybody else, "" for none."""
    path = queue.folder / row.file(MASKS)
    if not path.exists():
        return ""
    placed = [entry for entry in entries if entry.item == row.id and entry.placed]
    return placed[-1].annotator if placed and placed[-1].sha256 == files.sha256_file(path) else OUTSIDE


def own_mask(queue: Queue, item: str, annotator: str, entries: list[Entry]) -> np.ndarray | None:
    """The last mask that an annotator saved for an item: uint8 [size, size] in {0, 255}; None if there is none.

    Raises:
        BadMediaError: its file can't be read.
    """
    own = [entry for entry in entries if entry.item == item and entry.annotator == annotator]
    last = next((entry for entry in reversed(own) if entry.answer != Answer.SKIP), None)
    return read_kept(queue, last) if last and last.file else None


def read_kept(queue: Queue, entry: Entry) -> np.ndarray:
    """The mask of a journal's line: uint8 [size, size] in {0, 255}.

    Raises:
        BadMediaError: its file can't be read, is another one, or lies elsewhere than in answers/.
    """
    path = queue.folder / entry.file
    if entry.file != f"{ANSWERS}/{path.name}" or not _is_version(path) or not path.is_file() or path.is_symlink():
        raise BadMediaError(f"{path}: expected a mask in {ANSWERS}/, found none; the journal names it")
    if files.sha256_file(path) != entry.sha256:
        raise BadMediaError(f"{path}: expected the mask that was saved, found another; it was changed since")
    return np.where(read_image(path).max(axis=-1) >= 128, 255, 0).astype(np.uint8)


def recover(queue: Queue) -> int:
    """Finishes what a process was at when it was killed.

    Masks in answers/ without a line get it, and become their item's where they would have; masks of whoever has
    answered otherwise since are taken away. Nothing of this once training has started with the masks, but the lines.

    Returns:
        How many lines were added.

    Raises:
        RunError: the queue can't be written to.
    """
    if not (queue.folder / ANSWERS).is_dir():
        return 0
    with _writing(queue):
        entries = read_journal(queue.folder)
        known = {entry.file for entry in entries}
        kept = [path for path in (queue.folder / ANSWERS).iterdir() if _is_version(path)]
        lost = sorted(path for path in kept if _name_of(path) not in known and path.name.split(".")[1] != OUTSIDE)
        for path in lost:
            entries.append(_recovered(queue, path, entries))
            append(queue.folder, entries[-1])
        _withdraw_again(queue, entries)
    return len(lost)


def _withdraw_again(queue: Queue, entries: list[Entry]) -> None:
    """Takes away the masks of those who have answered otherwise since."""
    answers = {} if (queue.folder / STARTED).exists() else latest(entries)
    for row in queue.rows:
        given = answers.get(row.id, {})
        owner = owner_of(queue, row, entries) if given else ""
        if owner in given and given[owner].answer != Answer.MASK:
            _withdraw(queue, row, owner)


def _recovered(queue: Queue, path: Path, entries: list[Entry]) -> Entry:
    """The line of a mask that has none, after the mask was placed if it is to be."""
    item, annotator, _ = path.name.split(".", 2)
    digest, mask = files.sha256_file(path), queue.folder / MASKS / f"{item}.png"
    row = next((row for row in queue.rows if row.id == item), None)
    started = (queue.folder / STARTED).exists()
    if row and not started and owner_of(queue, row, entries) in ("", annotator):
        _place(queue, row, _name_of(path), annotator)
    seconds = path.stat().st_mtime
    return Entry(
        time=datetime.datetime.fromtimestamp(seconds, datetime.UTC).isoformat(timespec="seconds"),
        annotator=annotator,
        item=item,
        answer=Answer.MASK,
        file=_name_of(path),
        sha256=digest,
        placed=mask.is_file() and files.sha256_file(mask) == digest,
    )


def _name_of(path: Path) -> str:
    return f"{ANSWERS}/{path.name}"


def _check_mask(queue: Queue, row: QueueRow, mask: np.ndarray | None) -> None:
    size = queue.size
    if mask is None or mask.shape != (size, size) or mask.dtype != np.uint8 or set(np.unique(mask)) - {0, 255}:
        found = "none" if mask is None else f"{mask.dtype} {list(mask.shape)}"
        raise BadMediaError(f"{row.id}: expected a mask of {size} x {size} pixels, each 0 or 255, found {found}")
    if not mask.any():
        raise BadMediaError(
            f"{row.id}: expected white where the face was forged, found nothing painted; paint it, or answer that it "
            "is real or that you can't tell"
        )


def _conflict(queue: Queue, row: QueueRow, answer: Answer, owner: str, annotator: str, replace: bool) -> str:
    if answer == Answer.SKIP:
        return ""
    if (queue.folder / STARTED).exists() and owner in ("", annotator, OUTSIDE):
        return "training has started with these masks and could not resume with others; select into another folder"
    if owner == OUTSIDE and not replace:
        return f"{row.file(MASKS)} was put there by other means; replace it, and it is kept in {ANSWERS}/"
    return ""


def _keep(queue: Queue, row: QueueRow, annotator: str, mask: np.ndarray) -> tuple[str, str]:
    """Writes a version of a mask into answers/: its name relative to the queue, and the SHA-256 of its bytes."""
    content = cv2.imencode(".png", mask)[1].tobytes()
    return _write_version(queue, row, annotator, content), hashlib.sha256(content).hexdigest()


def _write_version(queue: Queue, row: QueueRow, annotator: str, content: bytes) -> str:
    folder = queue.folder / ANSWERS
    numbers = itertools.count(1)  # by what exists: some disks don't tell Ann from ann
    name = next(name for n in numbers if not (folder / (name := f"{row.id}.{annotator}.{n}.png")).exists())
    files.write_bytes(folder / name, content)
    return f"{ANSWERS}/{name}"


def _is_version(path: Path) -> bool:
    return re.fullmatch(r"[^.]{1,40}\.[^.]{1,40}\.[0-9]{1,9}\.png", path.name) is not None


def _place(queue: Queue, row: QueueRow, file: str, owner: str) -> None:
    """Makes a kept mask the item's; what was there is in answers/."""
    _keep_outside(queue, row, owner)
    files.write_bytes(queue.folder / row.file(MASKS), (queue.folder / file).read_bytes())


def _withdraw(queue: Queue, row: QueueRow, owner: str) -> None:
    """Takes the item's mask away; it is in answers/."""
    _keep_outside(queue, row, owner)
    (queue.folder / row.file(MASKS)).unlink(missing_ok=True)


def _keep_outside(queue: Queue, row: QueueRow, owner: str) -> None:
    if owner == OUTSIDE:
        _write_version(queue, row, OUTSIDE, (queue.folder / row.file(MASKS)).read_bytes())


@contextlib.contextmanager
def _writing(queue: Queue) -> Iterator[None]:
    """Holds the queue's lock, which other servers on the same folder wait for; names what the machine lacks."""
    from filelock import FileLock, Timeout  # loads asyncio

    if linked := next((name for name in (ANSWERS, MASKS, JOURNAL) if (queue.folder / name).is_symlink()), ""):
        raise RunError(f"{queue.folder / linked}: expected a part of the queue itself, found a link; put a copy there")
    try:
        os.makedirs(queue.folder / ANSWERS, exist_ok=True)
        with FileLock(queue.folder / ANSWERS / _LOCK, timeout=_LOCK_SECONDS):
            yield
    except Timeout as error:
        words = f"another process has been writing for {_LOCK_SECONDS:.0f} s; save again"
        raise RunError(f"{queue.folder}: {words}") from error
    except OSError as error:
        line = line_of(error) or f"{error.strerror or error}; save again"
        raise RunError(f"{queue.folder}: not saved: {line}") from error

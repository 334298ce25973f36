"""Two annotators who answer every item of a queue, as the page's server saves it: the writer that `kill.py` kills.

    python benchmarks/annotate_worker.py FOLDER

FOLDER/queue is made if it isn't there; who is started again goes on with the first answer that the journal lacks. What
was saved, by what the server told the page, is noted in FOLDER/acknowledged.txt, a line each.
"""

import base64
import collections
import os
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from dfdetect_jax.active import journal, mask_store, preview
from dfdetect_jax.active import queue as queues
from dfdetect_jax.active.journal import Answer
from dfdetect_jax.errors import BadMediaError
from dfdetect_jax.pages.annotation import Annotation

_ITEMS, _SIDE = 100, 64
_ACKNOWLEDGED = "acknowledged.txt"


class Step(NamedTuple):
    """An answer; `mask` is the place of a square, None without one."""

    item: str
    annotator: str
    answer: Answer
    mask: int | None = None


def steps() -> list[Step]:
    """All answers, in order: masks, better ones, second opinions, and some that are withdrawn."""
    chosen = []
    for number in range(_ITEMS):
        item = f"{number + 1:04d}"
        chosen += [Step(item, "ann", Answer.MASK, number % 20), Step(item, "ann", Answer.MASK, number % 20 + 5)]
        chosen.append(Step(item, "bob", Answer.MASK, number % 10) if number % 4 else Step(item, "bob", Answer.UNSURE))
        if number % 3 == 0:
            chosen.append(Step(item, "ann", Answer.REAL))
    return chosen


def counts(queue: Path) -> collections.Counter[tuple[str, str]]:
    """Answers in the journal, by item and annotator."""
    return collections.Counter((entry.item, entry.annotator) for entry in journal.read_journal(queue))


def lost(folder: Path) -> tuple[int, int]:
    """Answers that were acknowledged, and how many of them a queue that is opened again lacks, or their masks."""
    if not (folder / _ACKNOWLEDGED).exists():
        return 0, 0
    queue = queues.read_queue(folder / "queue")
    mask_store.recover(queue)
    entries, unreadable = counts(queue.folder), 0
    for entry in journal.read_journal(queue.folder):
        try:
            unreadable += bool(entry.file) and not mask_store.read_kept(queue, entry).any()
        except BadMediaError:
            unreadable += 1
    lines = [line.split() for line in (folder / _ACKNOWLEDGED).read_text().splitlines()]
    return len(lines), unreadable + sum(entries[item, name] < int(number) for item, name, number in lines)


def end_of(queue: Path) -> Any:
    """What two runs have in common: answers in order, by annotator, and the bytes of every mask."""
    entries = [(e.item, e.annotator, e.answer, e.file, e.sha256, e.placed) for e in journal.read_journal(queue)]
    masks = {str(path.relative_to(queue)): path.read_bytes() for path in sorted(queue.glob("*/*.png"))}
    return sorted(entries, key=lambda entry: entry[:2]), masks


def saved_in_part(queue: Path) -> bool:
    """Whether an answer was being saved: a mask is without a line, or there still though it was withdrawn."""
    entries = journal.read_journal(queue)
    lines = {entry.file for entry in entries}
    kept = {f"answers/{path.name}" for path in queue.glob("answers/*.png")}
    answers = journal.latest(entries)
    withdrawn = {item for item, given in answers.items() if "ann" in given and given["ann"].answer != Answer.MASK}
    return bool(kept - lines) or any((queue / f"masks/{item}.png").exists() for item in withdrawn)


def make_queue(folder: Path) -> None:
    generator, crops = np.random.default_rng(0), []
    for number in range(_ITEMS):
        image = generator.integers(0, 256, (_SIDE, _SIDE, 3), np.uint8)
        row = queues.QueueRow(
            id=f"{number + 1:04d}",
            place=number,
            video=f"clip{number}",
            forgery="swap",
            frame=0,
            score=0.5,
            outside=0.5,
            reason="drawn",
            sha256=queues.digest(image),
        )
        crops.append(queues.QueueCrop(row, image, image, np.zeros((_SIDE, _SIDE), np.float32)))
    selection = queues.Selection(run="run", step=1, strategy="hardest", share=1.0, seed=0, fingerprint="f" * 64)
    queues.write_queue(folder, selection, _SIDE, crops)


def message(step: Step) -> dict[str, Any]:
    """What the page sends."""
    mask = np.zeros((_SIDE, _SIDE), np.uint8)
    if step.mask is not None:
        mask[step.mask : step.mask + 20, step.mask : step.mask + 10] = 255
    bits = base64.b64encode(preview.pack(mask)).decode()
    return {"item": step.item, "annotator": step.annotator, "answer": step.answer, "seconds": 5.0, "bits": bits}


def main() -> None:
    folder = Path(sys.argv[1])
    queue = folder / "queue"
    if not queue.exists():
        make_queue(queue)
    annotation = Annotation(queues.read_queue(queue))
    done, seen = counts(queue), collections.Counter[tuple[str, str]]()
    acknowledged = os.open(folder / _ACKNOWLEDGED, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for step in steps():
        name = step.item, step.annotator
        seen[name] += 1
        if seen[name] <= done[name]:
            continue
        told = annotation.answer(message(step))
        if "saved" not in told:
            raise RuntimeError(f"{step}: {told}")
        os.write(acknowledged, f"{step.item} {step.annotator} {seen[name]}\n".encode())


if __name__ == "__main__":
    main()

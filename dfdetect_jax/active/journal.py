"""The journal of a queue: one line of JSON per answer, by whom, when and how long it took.

A line is appended whole, and stays: who answers an item again adds another line. A line that a full disk or a killed
process cut short is skipped by the reader, and the next one starts on a line of its own.
"""

import dataclasses
import enum
import json
import os
import re
from collections.abc import Iterable
from pathlib import Path

from dfdetect_jax.errors import SettingsError

JOURNAL = "journal.jsonl"  # in the queue
OUTSIDE = "outside"  # in an annotator's place, of a mask that is nobody's answer
_LONGEST = 1e9  # seconds of an answer
_NAME = re.compile(r"[^\W_][\w-]{0,39}")  # it becomes a part of file names


class Answer(enum.StrEnum):
    """What an annotator answers to an item."""

    MASK = "mask"
    REAL = "real"
    """Nothing was forged: its label is wrong."""
    UNSURE = "unsure"
    """The annotator can't see what was forged."""
    SKIP = "skip"
    """Later."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Entry:
    """One answer.

    Attributes:
        time: when it was saved, ISO 8601, UTC.
        annotator: who.
        item: `QueueRow.id`.
        answer: what.
        seconds: that the annotator spent on the item; 0 where unknown.
        file: the mask as it was saved, relative to the queue; "" without one.
        sha256: of that file; "" without one.
        placed: whether it became the item's mask, which training reads. A second annotator's never does.
        heat_iou: agreement with the heat map, see `agreement.iou_with_heat`; None without mask or map.
    """

    time: str
    annotator: str
    item: str
    answer: str
    seconds: float = 0.0
    file: str = ""
    sha256: str = ""
    placed: bool = False
    heat_iou: float | None = None


def check_annotator(name: str) -> str:
    """The name of an annotator, as it may be part of a file's name.

    Raises:
        SettingsError: it is not 1 to 40 letters, digits, - and _, the first a letter or digit; or it is `OUTSIDE`.
    """
    if not _NAME.fullmatch(name) or name == OUTSIDE:
        raise SettingsError(
            f"annotator: expected a name of 1 to 40 letters, digits, - or _, such as ann, found {name[:60]!r}"
        )
    return name


def read_journal(queue: str | Path) -> list[Entry]:
    """The entries of a queue's journal, in order; empty where there is none yet. Damaged lines are skipped.

    Raises:
        OSError: it can't be read.
    """
    try:
        lines = (Path(queue) / JOURNAL).read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return []
    return [entry for line in lines if (entry := _entry(line)) is not None]


def append(queue: str | Path, entry: Entry) -> None:
    """Appends a line and waits until it is on the disk.

    Raises:
        OSError: it can't be written; what was written of it is skipped by the reader.
    """
    line = json.dumps(dataclasses.asdict(entry), allow_nan=False).encode() + b"\n"
    with open(Path(queue) / JOURNAL, "ab+") as file:
        if file.tell():
            file.seek(-1, os.SEEK_END)
            line = line if file.read(1) == b"\n" else b"\n" + line
        file.write(line)
        file.flush()
        os.fsync(file.fileno())


def latest(entries: Iterable[Entry]) -> dict[str, dict[str, Entry]]:
    """The last answer of each annotator that is no skip: {item: {annotator: entry}}, annotators in order of answering.

    A mask counts for its annotator until he answers otherwise.
    """
    answers: dict[str, dict[str, Entry]] = {}
    for entry in entries:
        if entry.answer != Answer.SKIP:
            answers.setdefault(entry.item, {})[entry.annotator] = entry
    return answers


def without_mask(entries: Iterable[Entry]) -> dict[str, Answer]:
    """The items that nobody gave a mask, and why: "real", or "unsure" where annotators disagree or can't tell."""
    reasons = {}
    for item, answers in latest(entries).items():
        given = {entry.answer for entry in answers.values()}
        if Answer.MASK not in given:
            reasons[item] = Answer.REAL if given == {Answer.REAL} else Answer.UNSURE
    return reasons


def _entry(line: str) -> Entry | None:
    try:
        values = json.loads(line)
        known = {field.name for field in dataclasses.fields(Entry)}  # a later version may write more
        entry = Entry(**{name: value for name, value in values.items() if name in known})
    except (ValueError, TypeError, AttributeError, RecursionError):  # the last of lists nested without end
        return None
    return entry if _is_sound(entry) else None


def _is_sound(entry: Entry) -> bool:
    texts = (entry.time, entry.annotator, entry.item, entry.answer, entry.file, entry.sha256)
    if not all(isinstance(each, str) for each in texts) or entry.answer not in set(Answer):
        return False
    numbers = (entry.seconds, 0.0 if entry.heat_iou is None else entry.heat_iou)
    sound = all(isinstance(each, int | float) and 0 <= each < _LONGEST for each in numbers)  # none of it is NaN
    return sound and isinstance(entry.placed, bool) and _NAME.fullmatch(entry.annotator) is not None

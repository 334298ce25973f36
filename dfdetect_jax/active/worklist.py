"""What an annotator has to do: which items, in which order, and about how long it takes.

Each item is for one annotator, whoever comes first; a share of them, `overlap`, is for two, who do not see each other's
masks, so that their agreement can be measured.
"""

import dataclasses
import hashlib
import statistics
from collections.abc import Collection, Sequence

from dfdetect_jax.active.journal import Answer, Entry, latest

_RECENT = 20  # answers from which the time of the next ones is estimated
_FEWEST = 3  # answers below which there is no estimate
_LONGEST = 600.0  # seconds of one answer that count; more was a break


@dataclasses.dataclass(frozen=True, kw_only=True)
class Progress:
    """How far an annotator is.

    Attributes:
        answered: items that he has answered.
        waiting: items that still wait for him, in order: those that he skipped are the last.
        total: items of the queue.
        done: items of the queue that need nothing more, from anybody.
        seconds_left: for `waiting`, by the median of his last answers; None before there are three.
    """

    answered: int
    waiting: tuple[str, ...]
    total: int
    done: int
    seconds_left: float | None


def progress(
    items: Sequence[str],
    painted: Collection[str],
    entries: Sequence[Entry],
    annotator: str,
    *,
    overlap: float = 0.0,
    claimed: Collection[str] = (),
) -> Progress:
    """The work list of one annotator.

    An item whose mask is gone although somebody painted it, because the mask's owner took it back or its file was
    deleted, is not done: training waits for it. It waits for all but those who answered that they give no mask.

    Args:
        items: ids of the queue, by rank.
        painted: ids with a mask, by whomever.
        entries: of the journal.
        annotator: whose.
        overlap: share of the items that two annotators paint.
        claimed: ids that others have open now; they come after those that nobody has, if at all.
    """
    answers = latest(entries)
    waiting, done = [], 0
    for item in items:
        by = {name: entry.answer for name, entry in answers.get(item, {}).items()}
        opinions = max(len(by), item in painted)
        gone = item not in painted and Answer.MASK in by.values()
        complete = opinions >= (2 if is_shared(item, overlap) else 1) and not gone
        done += complete
        if not complete and (annotator not in by or (gone and by[annotator] == Answer.MASK)):
            waiting.append(item)
    skipped = [entry.item for entry in entries if entry.annotator == annotator and entry.answer == Answer.SKIP]
    last_skip = {item: place for place, item in enumerate(skipped)}
    order = sorted(waiting, key=lambda item: (item in claimed, last_skip.get(item, -1)))
    return Progress(
        answered=sum(annotator in by for by in answers.values()),
        waiting=tuple(order),
        total=len(items),
        done=done,
        seconds_left=_seconds_left(entries, annotator, len(order)),
    )


def is_shared(item: str, overlap: float) -> bool:
    """Whether an item is one of the share that two annotators paint: by a hash, the same for everybody."""
    digest = hashlib.sha256(item.encode()).digest()
    return int.from_bytes(digest[:8], "big") < overlap * 2**64


def _seconds_left(entries: Sequence[Entry], annotator: str, waiting: int) -> float | None:
    times = [
        min(entry.seconds, _LONGEST)
        for entry in entries
        if entry.annotator == annotator and entry.answer != Answer.SKIP and entry.seconds > 0
    ]
    return statistics.median(times[-_RECENT:]) * waiting if len(times) >= _FEWEST else None

"""Which packets of a video have to be decoded for some of its frames."""

import bisect
from collections.abc import Sequence
from typing import NamedTuple


class Span(NamedTuple):
    """Packets that are decoded one after the other.

    Attributes:
        start: number of the first packet.
        stop: number of the last one.
        wanted: the wanted frames' indices by the numbers of their packets.
    """

    start: int
    stop: int
    wanted: dict[int, int]


def plan_spans(
    stamps: Sequence[int], shown: Sequence[bool], entries: Sequence[bool], wanted: Sequence[int]
) -> list[Span] | None:
    """Spans that yield the wanted frames, in ascending order; no two overlap.

    Args:
        stamps: times of display of all packets, in the order of decoding.
        shown: whether each one's frame is displayed.
        entries: whether decoding can begin with it, for all that is decoded later and displayed later.
        wanted: indices of frames in the order of display, ascending; those past the end are left out.

    Returns:
        None where a frame has no entry before it, or spans wouldn't come in the order of display.
    """
    order = sorted((number for number, is_frame in enumerate(shown) if is_frame), key=stamps.__getitem__)
    starts = [number for number, is_entry in enumerate(entries) if is_entry]
    pieces = []
    for index in wanted:
        if index < len(order):
            start = _entry(stamps, starts, order[index])
            if start is None:
                return None
            pieces.append(Span(start, order[index], {order[index]: index}))
    spans = _joined(sorted(pieces))
    indices = [index for span in spans for index in sorted(span.wanted.values())]
    return spans if indices == sorted(indices) else None


def _entry(stamps: Sequence[int], starts: list[int], number: int) -> int | None:
    """The last entry from which a packet can be decoded.

    Not one that is displayed later: frames before a key frame in the order of display, and after it in that of
    decoding, may be predicted from what was before it (an open group of pictures).
    """
    for start in reversed(starts[: bisect.bisect_right(starts, number)]):
        if stamps[start] <= stamps[number]:
            return start
    return None


def _joined(pieces: list[Span]) -> list[Span]:
    """Pieces, sorted by where they start, without overlap."""
    spans: list[Span] = []
    for piece in pieces:
        if spans and piece.start <= spans[-1].stop:
            last = spans.pop()
            piece = Span(last.start, max(last.stop, piece.stop), last.wanted | piece.wanted)
        spans.append(piece)
    return spans

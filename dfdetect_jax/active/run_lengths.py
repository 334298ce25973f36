"""Masks as run lengths, in the two forms that annotation tools exchange. Written from the published formats.

Label Studio's brush: the bit stream of thi.ng/rle-pack over the mask as RGBA, four equal bytes a pixel, row by row. 32
bits: how many words; 5: bits of a word - 1; four times 4: bits of a run's length - 1. Then runs: a bit 1, 2 bits that
choose one of the four lengths, the length - 1, and the word; after a bit 0 come that many words instead.

COCO: the lengths of runs of 0 and 1 in turn, column by column, beginning with 0. Compressed, each, from the fourth on
as the difference to the one before the last, is written in groups of 5 bits, the lowest first, as characters from "0".
"""

from collections.abc import Sequence

import numpy as np

_SIZES = (3, 4, 8, 16)  # bits of a run's length
_CHANNELS, _WORD = 4, 8
_MOST_WORDS = 4 * 64_000_000  # of what is read: a picture of as many pixels as photographs may have


def label_studio_runs(mask: np.ndarray) -> list[int]:
    """A mask in Label Studio's form: uint8 [H, W], any value but 0 marked -> bytes."""
    words = np.repeat(np.where(mask.ravel() > 0, 255, 0), _CHANNELS)
    bits = [f"{len(words):032b}{_WORD - 1:05b}", *(f"{size - 1:04b}" for size in _SIZES)]
    edges = np.flatnonzero(np.diff(words)) + 1
    starts = np.concatenate([[0], edges]) if len(words) else np.zeros(0, int)
    for start, length in zip(starts, np.diff([*starts, len(words)]), strict=True):
        bits += _runs(int(words[start]), int(length))
    text = "".join(bits)
    text += "0" * (-len(text) % 8)
    return [int(text[i : i + 8], 2) for i in range(0, len(text), 8)]


def _runs(word: int, length: int) -> list[str]:
    bits = []
    while length:
        part = min(length, 2 ** _SIZES[-1])
        choice = next(i for i, size in enumerate(_SIZES) if part <= 2**size)
        bits.append(f"1{choice:02b}{part - 1:0{_SIZES[choice]}b}{word:0{_WORD}b}")
        length -= part
    return bits


def from_label_studio(runs: Sequence[int], height: int, width: int) -> np.ndarray:
    """The inverse of `label_studio_runs`; reads any word size and lengths of the form.

    Args:
        runs: bytes.
        height: of the mask.
        width: of the mask.

    Returns:
        uint8 [height, width] in {0, 255}; marked where the last channel is not 0.

    Raises:
        ValueError: they are no such bytes, or of another size.
    """
    if not isinstance(runs, list | tuple):  # Python's bytes(n) would be n zeros
        raise ValueError(f"expected a list of bytes, found {type(runs).__name__}")
    reader = _Bits(runs)
    words, wide = reader.read(32), reader.read(5) + 1
    sizes = [reader.read(4) + 1 for _ in range(4)]
    if words != _CHANNELS * height * width or words > _MOST_WORDS:
        raise ValueError(f"expected {_CHANNELS} x {height} x {width} values, found {words}")
    values, place = np.zeros(words, bool), 0
    while place < words:
        one_word = reader.read(1)
        end = place + 1 + reader.read(sizes[reader.read(2)])
        if end > words:
            raise ValueError("a run that ends after the mask")
        if one_word:
            values[place:end] = reader.read(wide) != 0
        else:
            values[place:end] = [reader.read(wide) != 0 for _ in range(end - place)]
        place = end
    return _as_mask(values.reshape(height, width, _CHANNELS)[..., -1])


class _Bits:
    """Reads numbers from bytes, the highest bit first."""

    def __init__(self, content: Sequence[int]):
        self._content, self._place = bytes(content), 0  # raises ValueError for what is no byte

    def read(self, count: int) -> int:
        first, last = self._place // 8, (self._place + count + 7) // 8
        if last > len(self._content):
            raise ValueError("it ends before the mask does")
        number = int.from_bytes(self._content[first:last], "big") >> (8 * last - self._place - count)
        self._place += count
        return number & ((1 << count) - 1)


def coco_counts(mask: np.ndarray) -> list[int]:
    """A mask as COCO's lengths: uint8 [H, W], any value but 0 marked -> ints that add up to H * W."""
    pixels = np.concatenate([[False], mask.ravel(order="F") > 0])
    edges = np.flatnonzero(np.diff(pixels))
    counts = np.diff([0, *edges, mask.size])
    return [int(count) for count in counts]


def from_coco_counts(counts: Sequence[int], height: int, width: int) -> np.ndarray:
    """The inverse of `coco_counts`: uint8 [height, width] in {0, 255}.

    Raises:
        ValueError: the lengths are negative or don't add up to the mask.
    """
    if any(not isinstance(count, int) or count < 0 for count in counts) or sum(counts) != height * width:
        raise ValueError(f"expected lengths that add up to {height} x {width}")
    marked = np.arange(len(counts)) % 2 == 1
    return _as_mask(np.repeat(marked, counts).reshape(width, height).T)


def coco_text(counts: Sequence[int]) -> str:
    """COCO's lengths, compressed."""
    letters = []
    for place, count in enumerate(counts):
        rest, more = count - (counts[place - 2] if place > 2 else 0), True
        while more:
            low, rest = rest & 31, rest >> 5
            more = rest != (-1 if low & 16 else 0)
            letters.append(chr(low + 32 * more + 48))
    return "".join(letters)


def from_coco_text(text: str) -> list[int]:
    """The inverse of `coco_text`.

    Raises:
        ValueError: it is cut short, or has a character that is none of the 64.
    """
    counts: list[int] = []
    number, shift = 0, 0
    for letter in text:
        value = ord(letter) - 48
        if not 0 <= value < 64:
            raise ValueError(f"expected characters from '0' to 'o', found {letter!r}")
        number |= (value & 31) << shift
        shift += 5
        if value & 32:
            continue
        if value & 16:
            number -= 1 << shift
        counts.append(number + (counts[-2] if len(counts) > 2 else 0))
        number, shift = 0, 0
    if shift:
        raise ValueError("it is cut short")
    return counts


def _as_mask(marked: np.ndarray) -> np.ndarray:
    return np.where(marked, 255, 0).astype(np.uint8)

"""Pictures that are in two splits in other clothes: saved again, resized, slightly cropped or brightened.

Each clip is shown by one picture. Its perceptual hash proposes pairs, the correlation of small grey thumbnails confirms
them; pairs within a split are no concern.
"""

import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import cv2
import imagehash
import numpy as np
from PIL import Image

from dfdetect_jax.data.audit.finding import ERROR, LOOK_ALIKES, Finding, number, such_as
from dfdetect_jax.data.audit.unreadable import FLAT
from dfdetect_jax.data.example import SPLITS, Clip

# Measured on all pairs of 3,973 aligned faces of CelebA, and of 1,000 faces of FFHQ and StyleGAN. The three pairs that
# are found are one photograph each (0.982 and more); the most alike of different people have a correlation of 0.937.
# Of 400 copies each, all are found that were saved at JPEG quality 20, halved or doubled in size, or cropped by 1% to
# 4% on each side; 97% of those cropped by 5% and 98% of those brightened by a fifth; 40% of those cropped by 6%.
DISTANCE = 7  # bits of 64
CORRELATION = 0.95
_SIDE = 32  # of a thumbnail, pixels
_HASHED_SIDE = 128  # pixels; shrinking by area first keeps large pictures cheap and free of aliasing
_MARGINS = (0, 3, 5)  # of the hashed side, pixels
_COMPARED = ((0, 0), (0, 1), (1, 0), (0, 2), (2, 0))  # which views of two pictures
_PIECES, _PIECE_BITS = 4, 16
_BLOCK = 1 << 20  # pairs looked at together; bounds memory
_CONFIRMED = 1 << 13  # pairs of thumbnails compared together


class Fingerprint(NamedTuple):
    """What is kept of a picture: of the whole of it, and without a margin of 2% and of 4% on each side.

    Attributes:
        hashes: uint64 [3], perceptual hashes.
        thumbnails: uint8 [3, 1024], grey, 32 x 32 each.
    """

    hashes: np.ndarray
    thumbnails: np.ndarray


def fingerprint(picture: np.ndarray) -> Fingerprint | None:
    """Of a picture, uint8 [H, W, 3] RGB; None for one that shows nothing.

    The hash is ImageHash's `phash`, the signs of the lowest 8 x 8 DCT coefficients about their median.
    """
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (_HASHED_SIDE, _HASHED_SIDE), interpolation=cv2.INTER_AREA)
    if small.std() < FLAT:
        return None
    views = [small[margin : _HASHED_SIDE - margin, margin : _HASHED_SIDE - margin] for margin in _MARGINS]
    hashes = [np.packbits(imagehash.phash(Image.fromarray(view)).hash).view(">u8")[0] for view in views]
    thumbnails = [cv2.resize(view, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA).ravel() for view in views]
    return Fingerprint(np.array(hashes, np.uint64), np.stack(thumbnails))


def look_alike_findings(
    clips: Sequence[Clip], prints: Sequence[Fingerprint | None], known: set[int] = frozenset()
) -> list[Finding]:
    """A finding per pair of splits that share pictures.

    Args:
        clips: of the data set.
        prints: of each clip; None for those without a picture.
        known: places of clips that need not be told, since they are byte for byte in another split.
    """
    places = {split: [i for i, clip in enumerate(clips) if clip.split == split and prints[i]] for split in SPLITS}
    findings = []
    for earlier, later in itertools.combinations(SPLITS, 2):
        asked = [i for i in places[later] if i not in known]
        nearest = most_alike([prints[i] for i in asked], [prints[i] for i in places[earlier]])
        matches = zip(asked, nearest, strict=True)
        pairs = [(clips[i].video, clips[places[earlier][j]].video) for i, j in matches if j >= 0]
        if pairs:
            shown = such_as([f"{one} like {other}" for one, other in pairs])
            words = f"{later} against {earlier}: {number(len(pairs), 'look-alikes')}, {shown}"
            findings.append(Finding(LOOK_ALIKES, ERROR, f"{words}; if they are the same scene, keep it in one split"))
    return findings


def most_alike(asked: Sequence[Fingerprint], among: Sequence[Fingerprint]) -> np.ndarray:
    """For each of `asked` the place in `among` of the picture that is nearly the same.

    Pairs whose hashes differ by at most `DISTANCE` bits and whose thumbnails' correlation is at least `CORRELATION`,
    whole or one of them without a margin, so that a copy may be cropped.

    Memory grows with the pictures, not with the pairs: of several in `among` with one hash the first stands for all,
    and only the best match is kept.

    Returns:
        int64 [len(asked)], -1 where none is.
    """
    best, where = np.zeros(len(asked)), np.full(len(asked), -1)
    if not asked or not among:
        return where
    for view, their_view in _COMPARED:
        for i, j in _proposed([seen.hashes[view] for seen in asked], [seen.hashes[their_view] for seen in among]):
            alike = _correlation(_thumbnails(asked, i, view), _thumbnails(among, j, their_view))
            rising = np.argsort(alike)  # of several pairs of one picture, the last to be written is the best
            rising = rising[(alike[rising] >= CORRELATION) & (alike[rising] > best[i[rising]])]
            best[i[rising]], where[i[rising]] = alike[rising], j[rising]
    return where


def _proposed(asked: Sequence[int], among: Sequence[int]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """`near_pairs` without copies in `among`, in batches small enough to compare their thumbnails."""
    hashes, first = np.unique(np.array(among, np.uint64), return_index=True)
    for here, there in near_pairs(np.array(asked, np.uint64), hashes):
        for start in range(0, len(here), _CONFIRMED):
            yield here[start : start + _CONFIRMED], first[there[start : start + _CONFIRMED]]


def near_pairs(asked: np.ndarray, among: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """All pairs of hashes that differ by at most `DISTANCE` bits, without comparing all.

    Of four pieces of 16 bits, one must differ by at most one bit, else it were eight bits in all: so each hash is
    looked up, piece by piece, as it is and with each bit turned (multi-index hashing; Norouzi, Punjani, Fleet, CVPR
    2012).

    Args:
        asked: uint64 [N].
        among: uint64 [M].

    Yields:
        Places in `asked` and in `among`, int64 [n] each; a pair may come up to four times.
    """
    turned = (0, *(1 << bit for bit in range(_PIECE_BITS)))
    for shift in range(0, _PIECES * _PIECE_BITS, _PIECE_BITS):
        mine, theirs = (_piece(hashes, shift) for hashes in (asked, among))
        order = np.argsort(theirs, kind="stable")
        begins = np.searchsorted(theirs[order], np.arange((1 << _PIECE_BITS) + 1))  # of each value among the sorted
        for bit in turned:
            begin, end = begins[mine ^ bit], begins[(mine ^ bit) + 1]
            for rows in _blocks(end - begin):
                counts = end[rows] - begin[rows]
                here = np.repeat(np.arange(rows.start, rows.stop), counts)
                within = np.arange(len(here)) - np.repeat(np.cumsum(counts) - counts, counts)
                there = order[np.repeat(begin[rows], counts) + within]
                near = np.bitwise_count(asked[here] ^ among[there]) <= DISTANCE
                if near.any():
                    yield here[near], there[near]


def _piece(hashes: np.ndarray, shift: int) -> np.ndarray:
    """16 bits of each hash, int64 [N]."""
    return ((hashes >> np.uint64(shift)) & np.uint64((1 << _PIECE_BITS) - 1)).astype(np.int64)


def _blocks(counts: np.ndarray) -> Iterator[slice]:
    """Cuts rows with `counts` pairs each into runs of about `_BLOCK` pairs."""
    ends = np.cumsum(counts)
    cuts = np.unique(np.searchsorted(ends, np.arange(_BLOCK, ends[-1], _BLOCK)) + 1)
    for start, stop in itertools.pairwise([0, *cuts.tolist(), len(counts)]):
        if start < stop:
            yield slice(start, stop)


def _thumbnails(prints: Sequence[Fingerprint], places: np.ndarray, view: int) -> np.ndarray:
    """uint8 [n, 1024]."""
    return np.stack([prints[place].thumbnails[view] for place in places])


def _correlation(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Pearson's, row by row, of uint8 [n, P]; float32 [n]."""
    centred = [rows - rows.mean(axis=1, keepdims=True, dtype=np.float32) for rows in (one, other)]
    lengths = [np.sqrt(np.einsum("np,np->n", rows, rows)) for rows in centred]
    return np.einsum("np,np->n", *centred) / np.maximum(lengths[0] * lengths[1], 1e-6)

"""Pictures that are in two splits in almost the same form: saved again, resized, slightly cropped or brightened.

Each clip is represented by one picture. Its perceptual hash proposes pairs, the correlation of small grey thumbnails
confirms them; pairs within a split are ignored.
"""

import itertools
from collections.abc import Iterator, Sequence, Set
from typing import NamedTuple

import cv2
import imagehash
import numpy as np
from PIL import Image

from dfdetect_jax.data.audit.readability import FLAT
from dfdetect_jax.data.example import SPLITS, Clip
from dfdetect_jax.data.finding import Finding, Severity, Subject, example_of, quantity

# Measured on all pairs of 3,973 aligned faces of CelebA, and of 1,000 faces of FFHQ and StyleGAN. The three pairs above
# the threshold are one photograph each (0.982 and more); the most alike of different people have a correlation of
# 0.937. Of 400 copies each, all are found that were saved at JPEG quality 20, halved or doubled in size, or cropped by
# 1% to 4% on each side; 97% of those cropped by 5% and 98% of those brightened by a fifth; 40% of those cropped by 6%.
DISTANCE = 7  # bits of 64
CORRELATION = 0.95
_SIDE = 32  # of a thumbnail, pixels
_HASHED_SIDE = 128  # pixels; shrinking by area first keeps large pictures cheap and free of aliasing
_MARGINS = (0, 3, 5)  # of the hashed side, pixels
_VIEW_PAIRS = ((0, 0), (0, 1), (1, 0), (0, 2), (2, 0))  # which views of two pictures are compared
_PIECES, _PIECE_BITS = 4, 16
_BLOCK = 1 << 20  # pairs of hashes compared together; bounds memory
_BATCH = 1 << 13  # pairs of thumbnails compared together


class Fingerprint(NamedTuple):
    """A picture in short: the whole of it, and without a margin of 2% and of 4% on each side.

    Attributes:
        hashes: uint64 [3], perceptual hashes.
        thumbnails: uint8 [3, 1024], grey, 32 x 32 each.
    """

    hashes: np.ndarray
    thumbnails: np.ndarray


def fingerprint(picture: np.ndarray) -> Fingerprint | None:
    """The fingerprint of a picture, uint8 [H, W, 3] RGB; None for one of almost uniform colour.

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
    clips: Sequence[Clip], prints: Sequence[Fingerprint | None], copies: Set[int] = frozenset()
) -> list[Finding]:
    """A finding per pair of splits that share pictures.

    Args:
        clips: of the data set.
        prints: of each clip; None for those without a picture.
        copies: indices of clips that are left out, since another split has the same bytes.
    """
    findings = []
    for earlier, later in itertools.combinations(SPLITS, 2):
        queries = {i: p for i, p in _of_split(clips, prints, later).items() if i not in copies}
        targets = _of_split(clips, prints, earlier)
        matches = nearest_prints(list(queries.values()), list(targets.values()))
        places = list(targets)
        pairs = [(i, places[match]) for i, match in zip(queries, matches, strict=True) if match >= 0]
        if pairs:
            example = example_of([f"{clips[i].video} like {clips[j].video}" for i, j in pairs])
            words = f"{later} against {earlier}: {quantity(len(pairs), 'look-alikes')}, {example}"
            words = f"{words}; if they show the same scene, keep it in one split"
            findings.append(Finding(Subject.LOOK_ALIKES, Severity.ERROR, words))
    return findings


def _of_split(clips: Sequence[Clip], prints: Sequence[Fingerprint | None], split: str) -> dict[int, Fingerprint]:
    """Index of each clip of a split to its fingerprint."""
    pairs = enumerate(zip(clips, prints, strict=True))
    return {i: fingerprint for i, (clip, fingerprint) in pairs if fingerprint and clip.split == split}


def nearest_prints(queries: Sequence[Fingerprint], targets: Sequence[Fingerprint]) -> np.ndarray:
    """For each query the index of the target that is nearly the same picture.

    Two pictures match if their hashes differ by at most `DISTANCE` bits and the correlation of their thumbnails is at
    least `CORRELATION`, as a whole or with the margin of one of them removed, so that a copy may be cropped.

    Memory grows with the number of pictures, not of pairs: of several targets with one hash only the first is compared,
    and only the best match is kept.

    Returns:
        int64 [len(queries)], -1 where no target matches.
    """
    best, match = np.zeros(len(queries)), np.full(len(queries), -1)
    if not queries or not targets:
        return match
    for view, target_view in _VIEW_PAIRS:
        query_hashes = [query.hashes[view] for query in queries]
        for i, j in _candidates(query_hashes, [target.hashes[target_view] for target in targets]):
            similarity = _correlation(_thumbnails(queries, i, view), _thumbnails(targets, j, target_view))
            rising = np.argsort(similarity)  # of several pairs of one picture, the last to be written is the best
            rising = rising[(similarity[rising] >= CORRELATION) & (similarity[rising] > best[i[rising]])]
            best[i[rising]], match[i[rising]] = similarity[rising], j[rising]
    return match


def _candidates(queries: Sequence[int], targets: Sequence[int]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """`near_pairs` without copies among the targets, in batches small enough to compare their thumbnails."""
    hashes, first = np.unique(np.array(targets, np.uint64), return_index=True)
    for i, j in near_pairs(np.array(queries, np.uint64), hashes):
        for start in range(0, len(i), _BATCH):
            yield i[start : start + _BATCH], first[j[start : start + _BATCH]]


def near_pairs(
    queries: np.ndarray, targets: np.ndarray, block: int = _BLOCK
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """All pairs of hashes that differ by at most `DISTANCE` bits, without comparing all.

    Of four pieces of 16 bits, one must differ by at most one bit, else eight bits would differ in all: so each hash is
    looked up, piece by piece, as it is and with each bit flipped (multi-index hashing; Norouzi, Punjani, Fleet, CVPR
    2012).

    Args:
        queries: uint64 [N].
        targets: uint64 [M].
        block: pairs compared together, about; bounds memory.

    Yields:
        Indices of queries and of targets, int64 [n] each; a pair may appear up to four times.
    """
    flips = (0, *(1 << bit for bit in range(_PIECE_BITS)))
    for shift in range(0, _PIECES * _PIECE_BITS, _PIECE_BITS):
        query_pieces, target_pieces = (_piece(hashes, shift) for hashes in (queries, targets))
        order = np.argsort(target_pieces, kind="stable")
        # Where each value of a piece begins among the sorted targets.
        begins = np.searchsorted(target_pieces[order], np.arange((1 << _PIECE_BITS) + 1))
        for flip in flips:
            begin, end = begins[query_pieces ^ flip], begins[(query_pieces ^ flip) + 1]
            for rows in _blocks(end - begin, block):
                counts = end[rows] - begin[rows]
                i = np.repeat(np.arange(rows.start, rows.stop), counts)
                within = np.arange(len(i)) - np.repeat(np.cumsum(counts) - counts, counts)
                j = order[np.repeat(begin[rows], counts) + within]
                near = np.bitwise_count(queries[i] ^ targets[j]) <= DISTANCE
                if near.any():
                    yield i[near], j[near]


def _piece(hashes: np.ndarray, shift: int) -> np.ndarray:
    """16 bits of each hash, uint64 [N] to int64 [N]."""
    return ((hashes >> np.uint64(shift)) & np.uint64((1 << _PIECE_BITS) - 1)).astype(np.int64)


def _blocks(counts: np.ndarray, block: int) -> Iterator[slice]:
    """Divides rows, with `counts` pairs each (int [N]), into runs of about `block` pairs."""
    ends = np.cumsum(counts)
    cuts = np.unique(np.searchsorted(ends, np.arange(block, ends[-1], block)) + 1)
    for start, stop in itertools.pairwise([0, *cuts.tolist(), len(counts)]):
        if start < stop:
            yield slice(start, stop)


def _thumbnails(prints: Sequence[Fingerprint], indices: np.ndarray, view: int) -> np.ndarray:
    """One view's thumbnails of the fingerprints at `indices` (int [n]); uint8 [n, 1024]."""
    return np.stack([prints[index].thumbnails[view] for index in indices])


def _correlation(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Pearson's correlation, row by row, of uint8 [n, P]; float32 [n]."""
    centred = [rows - rows.mean(axis=1, keepdims=True, dtype=np.float32) for rows in (one, other)]
    lengths = [np.sqrt(np.einsum("np,np->n", rows, rows)) for rows in centred]
    return np.einsum("np,np->n", *centred) / np.maximum(lengths[0] * lengths[1], 1e-6)

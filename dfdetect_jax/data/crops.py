"""From one clip to examples: the frames asked for, one person's face in them, and where it was forged.

One pass over each file. Of a frame only its face crops are kept, so memory grows with the frames asked for, not with
the clip's length or size.
"""

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np

from dfdetect_jax.config import Crop
from dfdetect_jax.data.example import FAKE, Clip, Example
from dfdetect_jax.errors import BadMediaError
from dfdetect_jax.media.crop import crop_matrix, warp, warp_mask
from dfdetect_jax.media.face import Face, track
from dfdetect_jax.media.image import media_kind, read_image
from dfdetect_jax.media.video import evenly_spaced, probe, read_frames

_BATCH = 8  # frames shown to the detector together
_FACES = 6  # largest ones of a frame that are followed


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClipReport:
    """What came of one clip.

    Attributes:
        clip: its name.
        split: that it belongs to.
        asked: frames looked for.
        got: examples made.
        mask: "own", "difference", or "" where a fake has none (and for reals).
        words: for the user, e.g. "no face in 3 of 32 frames".
        failed: the clip could not be read and gave nothing.
        sha256: of the clip's file, "" for generated ones.
    """

    clip: str
    split: str
    asked: int
    got: int
    mask: str = ""
    words: tuple[str, ...] = ()
    failed: bool = False
    sha256: str = ""


def read_failed(clip: Clip, why: str) -> ClipReport:
    """The report of a clip that can't be read."""
    return ClipReport(clip=clip.video, split=clip.split, asked=0, got=0, words=(why,), failed=True)


@dataclasses.dataclass
class _Cut:
    """One face of one frame, cut."""

    frame: int
    image: np.ndarray
    mask: np.ndarray | None
    overlap: float  # forged pixels of the frame that lie in the face's box


@dataclasses.dataclass
class _Companion:
    """What says where a clip is forged: its own mask, or its source; and words for the report."""

    kind: str  # "own", "difference" or ""
    path: str | None
    frames: int  # that it has; those of the clip where it limits nothing
    words: tuple[str, ...]


def clip_examples(clip: Clip, detector, crop: Crop, frames: int, dataset: str = "") -> tuple[list[Example], ClipReport]:
    """Cuts one face per frame, the same person's through the clip.

    A fake's person is the one whose face overlaps the mask most; where there is no mask, as for reals, the one seen in
    most frames.

    Args:
        clip: what to read.
        detector: as `media.face.load_detector` gives it.
        crop: how faces are cut.
        frames: to look at, spread evenly over the part that clip and source share; all where there are fewer.
        dataset: name that the examples carry.

    Returns:
        Examples in the order of their frames (image uint8 [S, S, 3], mask uint8 [S, S]), and the report.

    Raises:
        BadMediaError: the clip can't be read.
    """
    total = 1 if media_kind(clip.path) == "image" else probe(clip.path).frames
    companion = _companion(clip, total)
    indices = evenly_spaced(min(total, companion.frames), frames)
    faces, cuts, masks, read = _cut_all(clip, companion, indices, detector, crop)
    words = list(companion.words)
    kind = companion.kind
    if kind == "difference":
        from dfdetect_jax.media.mask import difference_usable

        usable, why = difference_usable(masks)
        words.append("mask: difference" if usable else f"difference unusable: {why}")
        kind = kind if usable else ""
    chosen = _person(track(faces), cuts, with_masks=bool(kind))
    examples = [_example(clip, cuts[face], kind, dataset) for face in chosen]
    if read < len(indices):
        words.append(f"partial: {read} of {len(indices)} frames could be read, the file is cut short")
    if len(examples) < read:
        words.append(f"no face in {read - len(examples)} of {read} frames")
    unmasked = sum(not example.has_mask for example in examples)
    if kind and unmasked:
        words.append(f"{unmasked} frames without mask, which is shorter than the clip")
    report = ClipReport(
        clip=clip.video, split=clip.split, asked=len(indices), got=len(examples), mask=kind, words=tuple(words)
    )
    return examples, report


def _companion(clip: Clip, total: int) -> _Companion:
    if clip.label != FAKE:
        return _Companion("", None, total, ())
    words = ()
    for kind, path in (("own", clip.mask_path), ("difference", clip.source_path)):
        if path is None:
            continue
        try:
            length = 1 if media_kind(path) == "image" else probe(path).frames
        except BadMediaError as error:
            words = (*words, f"{'mask' if kind == 'own' else 'source'} unreadable: {error}")
            continue
        # A mask that ends early leaves frames without one; a source is paired frame by frame, so it sets the length.
        words = (*words, "mask: own") if kind == "own" else words
        return _Companion(kind, path, length if kind == "difference" else total, words)
    return _Companion("", None, total, (*words, "no source") if clip.source else (*words, "no mask"))


def _cut_all(clip: Clip, companion: _Companion, indices: Sequence[int], detector, crop: Crop):
    """Faces per frame, a cut per face, the difference masks in bits, and how many frames could be read."""
    faces: list[list[Face]] = []
    cuts: dict[Face, _Cut] = {}
    masks: list[np.ndarray] = []
    for batch in _batched(_paired(clip.path, companion.path, indices)):
        found = detector([frame for _, frame, _ in batch])
        for (index, frame, beside), some in zip(batch, found, strict=True):
            mask = _mask(frame, beside, companion.kind)
            if mask is not None and companion.kind == "difference":
                masks.append(mask)
            faces.append(some[:_FACES])
            for face in faces[-1]:
                cuts[face] = _cut(index, frame, mask, face, crop)
    return faces, cuts, masks, len(faces)


def _mask(frame: np.ndarray, beside: np.ndarray | None, kind: str) -> np.ndarray | None:
    if beside is None or beside.shape != frame.shape:
        return None
    if kind == "difference":
        from dfdetect_jax.media.mask import difference_mask

        return difference_mask(frame, beside)
    return np.where(beside.max(-1) > 127, 255, 0).astype(np.uint8)  # mask videos are compressed: not just two values


def _cut(index: int, frame: np.ndarray, mask: np.ndarray | None, face: Face, crop: Crop) -> _Cut:
    matrix = crop_matrix(face, crop)
    if mask is None:
        return _Cut(index, warp(frame, matrix, crop.size), None, 0.0)
    x0, y0, x1, y1 = np.maximum(np.round(face.box).astype(int), 0)
    overlap = float(np.count_nonzero(mask[y0:y1, x0:x1]))
    return _Cut(index, warp(frame, matrix, crop.size), warp_mask(mask, matrix, crop.size), overlap)


def _person(tracks: list[list[Face | None]], cuts: dict[Face, _Cut], with_masks: bool) -> list[Face]:
    """Faces of the one track to keep; `tracks` come with the longest first."""
    if not tracks:
        return []
    seen = [[face for face in faces if face is not None] for faces in tracks]
    if with_masks:  # `max` keeps the first, longest one where none overlaps
        return max(seen, key=lambda faces: sum(cuts[face].overlap for face in faces))
    return seen[0]


def _example(clip: Clip, cut: _Cut, kind: str, dataset: str) -> Example:
    known = clip.label != FAKE or (bool(kind) and cut.mask is not None)
    empty = np.zeros(cut.image.shape[:2], np.uint8)
    return Example(
        image=cut.image,
        mask=cut.mask if known and cut.mask is not None else empty,
        has_mask=known,
        label=clip.label,
        dataset=dataset,
        method=clip.method,
        video=clip.video,
        identity=clip.identity,
        frame=cut.frame,
        split=clip.split,
        source=clip.source,
    )


def _paired(
    path: str, beside: str | None, indices: Sequence[int]
) -> Iterator[tuple[int, np.ndarray, np.ndarray | None]]:
    """Frames of a clip, each with the frame of the same index of the file beside it, or None where that has ended."""
    others = _read(beside, indices) if beside else iter(())
    other = next(others, None)
    for index, frame in _read(path, indices):
        while other is not None and other[0] < index:
            other = next(others, None)
        yield index, frame, other[1] if other is not None and other[0] == index else None


def _read(path: str, indices: Sequence[int]) -> Iterator[tuple[int, np.ndarray]]:
    if media_kind(path) == "image":
        yield 0, read_image(path)
    else:
        yield from read_frames(path, indices)


def _batched(frames: Iterator[tuple]) -> Iterator[list[tuple]]:
    batch = []
    for entry in frames:
        batch.append(entry)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch

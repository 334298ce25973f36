"""From one clip to examples: the frames asked for, one person's face in them, and where it was forged.

One pass over each file. Of a frame only its face crops are kept, so memory grows with the frames asked for, not with
the clip's length or size.
"""

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np

from dfdetect_jax.config import Crop
from dfdetect_jax.data.example import Clip, Example, Label, Media
from dfdetect_jax.data.prepare.frames import frame_count, paired_frames
from dfdetect_jax.errors import BadMediaError
from dfdetect_jax.media.crop import crop_matrix, warp, warp_mask
from dfdetect_jax.media.face import Face, track
from dfdetect_jax.media.mask import (
    LEAST_DIFFERENCE,
    binary_mask,
    contrast,
    difference_mask,
    difference_usable,
    framed_alike,
)
from dfdetect_jax.media.video import evenly_spaced

_BATCH = 8  # frames shown to the face detector together
_JUDGED = 8  # frames that tell whether a difference to the source makes a mask
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


@dataclasses.dataclass(frozen=True)
class _Companion:
    """What says where a clip is forged.

    Attributes:
        kind: "own" for a mask of its own, "difference" for its source, "" for neither.
        media: of the mask or the source.
        frames: that clip and companion share.
        words: for the report.
        threshold: of the difference, grey levels.
    """

    kind: str
    media: Media | None
    frames: int
    words: tuple[str, ...]
    threshold: float = LEAST_DIFFERENCE


def clip_examples(
    clip: Clip, face_detector, crop: Crop, frames: int, dataset: str = ""
) -> tuple[list[Example], ClipReport]:
    """Cuts one face per frame, the same person's through the clip.

    A fake's person is the one whose face overlaps the mask most; where there is no mask, as for reals, the one seen in
    most frames.

    Args:
        clip: what to read.
        face_detector: as `media.detectors.load_face_detector` gives it.
        crop: how faces are cut.
        frames: to look at, spread evenly over the part that clip and source share; all where there are fewer.
        dataset: name that the examples carry.

    Returns:
        Examples in the order of their frames (image uint8 [S, S, 3], mask uint8 [S, S]), and the report.

    Raises:
        BadMediaError: the clip can't be read.
    """
    total = frame_count(clip.media)
    companion = _companion(clip, total)
    indices = evenly_spaced(min(total, companion.frames), frames)
    if companion.kind == "difference":
        companion = _judged(clip, companion, indices, face_detector)
    faces, cuts = _cut_all(clip, companion, indices, face_detector, crop)
    person = _person(track(faces), cuts, with_masks=bool(companion.kind))
    examples = [_example(clip, cuts[face], companion.kind, dataset) for face in person]
    words = [*companion.words, *_shortfalls(len(indices), len(faces), examples, companion.kind)]
    report = ClipReport(
        clip=clip.video,
        split=clip.split,
        asked=len(indices),
        got=len(examples),
        mask=companion.kind,
        words=tuple(words),
    )
    return examples, report


def _shortfalls(asked: int, read: int, examples: Sequence[Example], kind: str) -> Iterator[str]:
    if read < asked:
        yield f"partial: {read} of {asked} frames could be read, the file is cut short"
    if len(examples) < read:
        yield f"no face in {read - len(examples)} of {read} frames"
    unmasked = sum(not example.has_mask for example in examples)
    if kind and unmasked:
        yield f"{unmasked} frames without mask: it is shorter than the clip, of another size or unreadable"


def _companion(clip: Clip, total: int) -> _Companion:
    if clip.label != Label.FAKE:
        return _Companion("", None, total, ())
    words = ()
    for kind, media in (("own", clip.mask_media), ("difference", clip.source_path)):
        if media is None:
            continue
        try:
            length = frame_count(media)
        except BadMediaError as error:
            words = (*words, f"{'mask' if kind == 'own' else 'source'} unreadable: {error}")
            continue
        if kind == "own":  # one that ends early leaves frames without a mask
            return _Companion(kind, media, total, (*words, "mask: own"))
        return _Companion(kind, media, length, words)  # paired frame by frame, so it sets the length
    return _Companion("", None, total, (*words, "no source" if clip.source else "no mask"))


def _judged(clip: Clip, companion: _Companion, indices: Sequence[int], face_detector) -> _Companion:
    """Judges by a few frames whether the difference to the source makes masks, and from which threshold on."""
    some = [indices[i] for i in evenly_spaced(len(indices), _JUDGED)]
    pairs = [
        (fake, source) for _, fake, source in paired_frames(clip.media, companion.media, some) if source is not None
    ]
    found = face_detector([fake for fake, _ in pairs])
    judgement = difference_usable(
        [
            contrast(fake, framed_alike(source, fake.shape[:2]), [face.box for face in faces])
            for (fake, source), faces in zip(pairs, found, strict=True)
            if faces
        ]
    )
    if judgement.usable:
        words = (*companion.words, "mask: difference")
        return dataclasses.replace(companion, words=words, threshold=judgement.threshold)
    words = (*companion.words, f"difference unusable: {judgement.reason}")
    return dataclasses.replace(companion, kind="", media=None, words=words)


def _cut_all(clip: Clip, companion: _Companion, indices: Sequence[int], face_detector, crop: Crop):
    """The faces of every frame that could be read, and a cut for each."""
    faces: list[list[Face]] = []
    cuts: dict[Face, _Cut] = {}
    for batch in _batched(paired_frames(clip.media, companion.media, indices)):
        found = face_detector([frame for _, frame, _ in batch])
        for (index, frame, beside), some in zip(batch, found, strict=True):
            faces.append(some[:_FACES])
            mask = _mask(frame, beside, companion)
            for face in faces[-1]:
                cuts[face] = _cut(index, frame, mask, face, crop)
    return faces, cuts


def _mask(frame: np.ndarray, beside: np.ndarray | None, companion: _Companion) -> np.ndarray | None:
    if beside is None:
        return None
    if companion.kind == "difference":
        return difference_mask(frame, framed_alike(beside, frame.shape[:2]), companion.threshold)
    if beside.shape != frame.shape:
        return None
    return binary_mask(beside, frame.shape[:2])


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
    known = clip.label != Label.FAKE or (bool(kind) and cut.mask is not None)
    empty = np.zeros(cut.image.shape[:2], np.uint8)
    return Example(
        image=cut.image,
        mask=cut.mask if known and cut.mask is not None else empty,
        has_mask=known,
        frame=clip.frame_number(cut.frame),
        dataset=dataset,
        **clip.origin,
    )


def _batched(frames: Iterator[tuple]) -> Iterator[list[tuple]]:
    batch = []
    for entry in frames:
        batch.append(entry)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch

"""From one clip to examples: its frames, one person's face in them, and the pixels that were forged.

One pass over each file. Of a frame only its face crops are kept, so memory grows with the number of frames used, not
with the clip's length or size.
"""

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

import numpy as np

from dfdetect_jax.config import Crop
from dfdetect_jax.data.clip_masks import TWO_VALUED, review_mask
from dfdetect_jax.data.clip_media import MediaLength, media_length, paired_frames
from dfdetect_jax.data.example import Clip, Example, Label, Media
from dfdetect_jax.data.prepare.clip_report import ClipReport
from dfdetect_jax.errors import BadMediaError
from dfdetect_jax.media.crop import crop_matrix, warp, warp_mask
from dfdetect_jax.media.detectors import FaceDetector
from dfdetect_jax.media.face import Face, track
from dfdetect_jax.media.frame import Frame
from dfdetect_jax.media.mask import (
    LEAST_DIFFERENCE,
    binary_mask,
    contrast,
    difference_mask,
    difference_usable,
    framed_alike,
)
from dfdetect_jax.media.video import MiscountError, evenly_spaced

_BATCH = 8  # frames given to the face detector together
_SAMPLE = 8  # frames that decide whether the difference to the source makes a mask
_FACES = 6  # largest ones of a frame that are tracked
Item = TypeVar("Item")


@dataclasses.dataclass(frozen=True)
class _FaceCrop:
    """The crop of one face in one frame.

    Attributes:
        frame: index of the frame.
        image: uint8 [S, S, 3].
        mask: uint8 [S, S] in {0, 255}, or None where it is unknown.
        overlap: forged pixels of the frame that lie in the face's box.
    """

    frame: int
    image: np.ndarray
    mask: np.ndarray | None
    overlap: int


@dataclasses.dataclass(frozen=True)
class _MaskSource:
    """The media that the masks of a clip are made from.

    Attributes:
        kind: "own" for a mask of its own, "difference" for its source, "" for neither.
        media: of the mask or the source.
        frames: number of frames that both have.
        words: for the report.
        threshold: of the difference, or of the mask, grey levels.
        refused: whether the clip has a mask of its own that can't be used.
    """

    kind: str
    media: Media | None
    frames: int
    words: tuple[str, ...]
    threshold: float = LEAST_DIFFERENCE
    refused: bool = False


def clip_examples(
    clip: Clip, face_detector: FaceDetector, crop: Crop, frames: int, dataset: str = ""
) -> tuple[list[Example], ClipReport]:
    """Crops one face per frame, of the same person throughout the clip.

    The person of a fake is the one whose face overlaps the mask most; without a mask, as for reals, the one whose face
    is the largest, summed over the frames.

    Args:
        clip: to read.
        face_detector: from `media.detectors.load_face_detector`.
        crop: how faces are cropped.
        frames: to use, evenly spaced over the part that clip and source share; all where there are fewer.
        dataset: name of the data set in the examples.

    Returns:
        Examples in the order of their frames (image uint8 [S, S, 3], mask uint8 [S, S]), and the report.

    Raises:
        BadMediaError: the clip can't be read.
    """
    length = media_length(clip.media)
    try:
        return _clip_examples(clip, length, face_detector, crop, frames, dataset)
    except MiscountError as recount:
        length = MediaLength(recount.frames, length.cut_short, max(0, recount.lost - length.cut_short))
        return _clip_examples(clip, length, face_detector, crop, frames, dataset)


def _clip_examples(
    clip: Clip, length: MediaLength, face_detector: FaceDetector, crop: Crop, frames: int, dataset: str
) -> tuple[list[Example], ClipReport]:
    source = _mask_source(clip, length.frames)
    indices = evenly_spaced(min(length.frames, source.frames), frames)
    if source.kind == "difference":
        source = _check_difference(clip, source, indices, face_detector)
    pairs = paired_frames(clip.media, source.media, indices, expected=length.frames)
    faces, crops, damaged = _crop_faces(pairs, source, face_detector, crop)
    person = _person(track(faces), crops, with_masks=bool(source.kind))
    examples = [_example(clip, crops[face], source.kind, dataset) for face in person]
    words = [
        *source.words,
        *_damage(length, damaged),
        *_shortfalls(len(indices), len(faces), damaged, examples, source.kind),
    ]
    report = ClipReport(
        clip=clip.video,
        split=clip.split,
        asked=len(indices),
        got=len(examples),
        mask=source.kind,
        words=tuple(words),
        failed=not faces,  # no frame is intact
        mask_refused=source.refused,
    )
    return examples, report


def _damage(length: MediaLength, damaged: int) -> Iterator[str]:
    if length.cut_short:
        yield "partial: the file is cut short"
    if length.lost:
        yield f"damage inside the stream: {length.lost} frames can't be decoded"
    if damaged:
        what = "1 frame or photograph is" if damaged == 1 else f"{damaged} frames or photographs are"
        yield f"damage inside the stream: {what} damaged and left out"


def _shortfalls(wanted: int, readable: int, damaged: int, examples: Sequence[Example], kind: str) -> Iterator[str]:
    if readable + damaged < wanted:
        yield f"partial: {readable} of {wanted} frames could be read"
    if len(examples) < readable:
        yield f"no face in {readable - len(examples)} of {readable} frames"
    unmasked = sum(not example.has_mask for example in examples)
    if kind and unmasked:
        yield f"{unmasked} frames without mask: it is shorter than the clip, of another size or unreadable"


def _mask_source(clip: Clip, total: int) -> _MaskSource:
    if clip.label != Label.FAKE:
        return _MaskSource("", None, total, ())
    own = _own_mask(clip, total)
    if own.kind:
        return own
    words = own.words
    if clip.source_path:
        try:  # paired frame by frame, so it sets the length
            length = media_length(clip.source_path).frames
            return dataclasses.replace(own, kind="difference", media=clip.source_path, frames=length)
        except BadMediaError as error:
            words = (*words, f"source unreadable: {error}")
    return dataclasses.replace(own, words=(*words, "no source" if clip.source else "no mask"))


def _own_mask(clip: Clip, total: int) -> _MaskSource:
    """The clip's own mask; of kind "" if it has none, or none that can be used."""
    if clip.mask_media is None:
        return _MaskSource("", None, total, ())
    try:
        review = review_mask(clip)
    except BadMediaError as error:
        return _MaskSource("", None, total, (f"mask unreadable: {error}",), refused=True)
    if review.refusal:
        return _MaskSource("", None, total, (f"mask refused: {review.refusal}",), refused=True)
    dark = (f"mask of two values: taken for forged is {review.least}",) if TWO_VALUED in review.misfits else ()
    # One that ends early leaves frames without a mask.
    return _MaskSource("own", clip.mask_media, total, ("mask: own", *dark), threshold=review.least)


def _check_difference(
    clip: Clip, source: _MaskSource, indices: Sequence[int], face_detector: FaceDetector
) -> _MaskSource:
    """Decides by a few frames whether the difference to the source makes masks, and from which threshold on."""
    sample = [indices[i] for i in evenly_spaced(len(indices), _SAMPLE)]
    frames = paired_frames(clip.media, source.media, sample)
    pairs = [(fake.image, original) for fake, original in frames if original is not None and not fake.damaged]
    faces_of = face_detector([fake for fake, _ in pairs])
    judgement = difference_usable(
        [
            contrast(fake, framed_alike(original, fake.shape[:2]), [face.box for face in faces])
            for (fake, original), faces in zip(pairs, faces_of, strict=True)
            if faces
        ]
    )
    if judgement.usable:
        words = (*source.words, "mask: difference")
        return dataclasses.replace(source, words=words, threshold=judgement.threshold)
    words = (*source.words, f"difference unusable: {judgement.reason}")
    return dataclasses.replace(source, kind="", media=None, words=words)


def _crop_faces(
    pairs: Iterable[tuple[Frame, np.ndarray | None]], source: _MaskSource, face_detector: FaceDetector, crop: Crop
) -> tuple[list[list[Face]], dict[Face, _FaceCrop], int]:
    """The faces of every frame that is not damaged, a crop of each, and the number of damaged frames."""
    faces: list[list[Face]] = []
    crops: dict[Face, _FaceCrop] = {}
    damaged = 0
    for batch in _batches(pairs):
        intact = [(frame, beside) for frame, beside in batch if not frame.damaged]
        damaged += len(batch) - len(intact)
        faces_of = face_detector([frame.image for frame, _ in intact])
        for (frame, beside), in_frame in zip(intact, faces_of, strict=True):
            faces.append(in_frame[:_FACES])
            mask = _mask(frame.image, beside, source)
            for face in faces[-1]:
                crops[face] = _crop_face(frame.index, frame.image, mask, face, crop)
    return faces, crops, damaged


def _mask(frame: np.ndarray, beside: np.ndarray | None, source: _MaskSource) -> np.ndarray | None:
    """The mask of a frame, uint8 [H, W] in {0, 255}, from the frame of mask or source; both uint8 [H, W, 3]."""
    if beside is None:
        return None
    if source.kind == "difference":
        return difference_mask(frame, framed_alike(beside, frame.shape[:2]), source.threshold)
    if beside.shape != frame.shape:
        return None
    return binary_mask(beside, frame.shape[:2], round(source.threshold))


def _crop_face(index: int, frame: np.ndarray, mask: np.ndarray | None, face: Face, crop: Crop) -> _FaceCrop:
    """Crops a face of a frame, uint8 [H, W, 3], and its mask, uint8 [H, W], alike."""
    matrix = crop_matrix(face, crop)
    if mask is None:
        return _FaceCrop(index, warp(frame, matrix, crop.size), None, 0)
    x0, y0, x1, y1 = np.maximum(np.round(face.box).astype(int), 0)
    overlap = int(np.count_nonzero(mask[y0:y1, x0:x1]))
    return _FaceCrop(index, warp(frame, matrix, crop.size), warp_mask(mask, matrix, crop.size), overlap)


def _person(tracks: list[list[Face | None]], crops: dict[Face, _FaceCrop], with_masks: bool) -> list[Face]:
    """Faces of the one track to keep; `tracks` come as `track` orders them."""
    if not tracks:
        return []
    people = [[face for face in faces if face is not None] for faces in tracks]
    if with_masks:  # `max` keeps the first one where none overlaps
        return max(people, key=lambda faces: sum(crops[face].overlap for face in faces))
    return people[0]


def _example(clip: Clip, crop: _FaceCrop, kind: str, dataset: str) -> Example:
    has_mask = clip.label != Label.FAKE or (bool(kind) and crop.mask is not None)
    empty = np.zeros(crop.image.shape[:2], np.uint8)
    return Example(
        image=crop.image,
        mask=crop.mask if has_mask and crop.mask is not None else empty,
        has_mask=has_mask,
        frame=clip.frame_number(crop.frame),
        dataset=dataset,
        **clip.origin,
    )


def _batches(frames: Iterable[Item]) -> Iterator[list[Item]]:
    batch = []
    for frame in frames:
        batch.append(frame)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch

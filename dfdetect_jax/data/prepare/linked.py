"""From one clip of pictures that are face crops already to examples that hold their paths."""

import dataclasses
import os
from collections.abc import Iterator

from dfdetect_jax.data.clip_masks import TWO_VALUED, review_mask
from dfdetect_jax.data.example import Clip, Label, LinkedExample
from dfdetect_jax.data.prepare.clip_report import ClipReport
from dfdetect_jax.errors import BadMediaError
from dfdetect_jax.media.file_format import media_kind
from dfdetect_jax.media.video import evenly_spaced


def linked_examples(clip: Clip, root: str, frames: int, dataset: str = "") -> tuple[list[LinkedExample], ClipReport]:
    """Uses pictures that are face crops as they are, where they are.

    Args:
        clip: with `frames`, or a photograph.
        root: folder that paths in the examples start from.
        frames: to use, evenly spaced over those that the clip has.
        dataset: name of the data set in the examples.

    Returns:
        Examples of the pictures that exist, without masks where these don't fit, and the report.

    Raises:
        BadMediaError: the clip is a video.
    """
    if not clip.frames and media_kind(clip.path) != "image":
        raise BadMediaError(f"{clip.path}: expected pictures to link to, found a video; prepare with --encoding raw")
    positions = evenly_spaced(max(1, len(clip.frames)), frames)
    refusal = _refusal(clip)
    if refusal:
        clip = dataclasses.replace(clip, masks=(), mask_path=None)
    examples = [example for position in positions if (example := _example(clip, position, root, dataset))]
    masked = sum(bool(example.mask) for example in examples)
    report = ClipReport(
        clip=clip.video,
        split=clip.split,
        asked=len(positions),
        got=len(examples),
        mask="own" if masked else "",
        words=(*filter(None, [refusal]), *_remarks(clip, len(positions), len(examples), masked)),
        failed=not examples,
        mask_refused=bool(refusal),
    )
    return examples, report


def _refusal(clip: Clip) -> str:
    """Why the masks of a clip can't be linked to, for the report; "" where they can, or there are none."""
    if clip.label != Label.FAKE or clip.mask_media is None:
        return ""
    try:
        review = review_mask(clip)
    except BadMediaError as error:
        return f"mask unreadable: {error}"
    if TWO_VALUED in review.misfits:
        return f"mask refused: dark{review.misfits[TWO_VALUED]}, which only --encoding raw reads"
    return f"mask refused: {review.refusal}" if review.refusal else ""


def _example(clip: Clip, position: int, root: str, dataset: str) -> LinkedExample | None:
    """The paths of one picture and its mask; None where the picture does not exist."""
    picture = clip.frames[position] if clip.frames else clip.path
    mask = clip.masks[position] if clip.masks else clip.mask_path
    if not os.path.isfile(picture):
        return None
    mask_link = os.path.relpath(mask, root) if mask and os.path.isfile(mask) else ""
    return LinkedExample(
        image=os.path.relpath(picture, root),
        mask=mask_link,
        has_mask=bool(mask_link) or clip.label != Label.FAKE,
        frame=clip.frame_number(position),
        dataset=dataset,
        **clip.origin,
    )


def _remarks(clip: Clip, wanted: int, count: int, masked: int) -> Iterator[str]:
    if count < wanted:
        yield f"partial: {count} of {wanted} listed pictures exist"
    if clip.label == Label.FAKE:
        yield "mask: own" if masked else "no mask"
        if 0 < masked < count:
            yield f"{count - masked} frames without mask"

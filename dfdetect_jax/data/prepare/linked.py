"""From one clip of pictures that are face crops already to examples that say where they lie."""

import os
from collections.abc import Iterator

from dfdetect_jax.data.example import Clip, Example, Label
from dfdetect_jax.data.prepare.crops import ClipReport
from dfdetect_jax.errors import BadMediaError
from dfdetect_jax.media.image import media_kind
from dfdetect_jax.media.video import evenly_spaced


def linked_examples(clip: Clip, root: str, frames: int, dataset: str = "") -> tuple[list[Example], ClipReport]:
    """Takes pictures that are face crops as they are, where they are.

    Args:
        clip: with `frames`, or a photograph.
        root: folder that paths in the examples start from.
        frames: to take, spread evenly over those that the clip has.
        dataset: name that the examples carry.

    Returns:
        Examples that hold paths in place of image and mask ("" for no mask), of the pictures that are there, and the
        report.

    Raises:
        BadMediaError: the clip is a video.
    """
    if not clip.frames and media_kind(clip.path) != "image":
        raise BadMediaError(f"{clip.path}: expected pictures to link to, found a video")
    chosen = evenly_spaced(max(1, len(clip.frames)), frames)
    examples = [example for i in chosen if (example := _example(clip, i, root, dataset))]
    masked = sum(bool(example.mask) for example in examples)
    report = ClipReport(
        clip=clip.video,
        split=clip.split,
        asked=len(chosen),
        got=len(examples),
        mask="own" if masked else "",
        words=tuple(_words(clip, len(chosen), len(examples), masked)),
        failed=not examples,
    )
    return examples, report


def _example(clip: Clip, position: int, root: str, dataset: str) -> Example | None:
    """The paths of one picture and its mask; None where the picture is not there."""
    picture = clip.frames[position] if clip.frames else clip.path
    mask = clip.masks[position] if clip.masks else clip.mask_path
    if not os.path.isfile(picture):
        return None
    masked = bool(mask) and os.path.isfile(mask)
    return Example(
        image=os.path.relpath(picture, root),
        mask=os.path.relpath(mask, root) if masked else "",
        has_mask=masked or clip.label != Label.FAKE,
        frame=clip.frame_number(position),
        dataset=dataset,
        **clip.origin,
    )


def _words(clip: Clip, asked: int, got: int, masked: int) -> Iterator[str]:
    if got < asked:
        yield f"partial: {got} of {asked} listed pictures are there"
    if clip.label == Label.FAKE:
        yield "mask: own" if masked else "no mask"
        if 0 < masked < got:
            yield f"{got - masked} frames without mask"

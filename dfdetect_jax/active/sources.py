"""The real picture that a fake was forged from, where the records have it: shown beside the fake to annotators."""

from collections.abc import Callable, Sequence

import numpy as np

from dfdetect_jax.data.example import Label
from dfdetect_jax.data.records import Records


def source_crops(split: Records, places: Sequence[int]) -> Callable[[int], np.ndarray | None]:
    """Finds the sources of fakes.

    Args:
        split: the records of one split.
        places: indices of the fakes.

    Returns:
        place -> the crop of the source's frame of the same number, uint8 [S, S, 3], or of its only one; None where the
        records name no source, or don't hold it.
    """
    names = {place: split.names(place)["source"] for place in places}
    frames = _frames_of(split, set(names.values()) - {""})

    def crop(place: int) -> np.ndarray | None:
        of_source = frames.get(names[place], {})
        if not of_source:
            return None
        same = of_source.get(split.without_mask(place)["frame"], -1)
        if same < 0 and len(of_source) > 1:
            return None
        return np.asarray(split.without_mask(same if same >= 0 else next(iter(of_source.values())))["image"])

    return crop


def _frames_of(split: Records, videos: set[str]) -> dict[str, dict[int, int]]:
    """Places of real frames: {video: {frame: place}}; only those of `videos` are decoded."""
    frames: dict[str, dict[int, int]] = {}
    if not videos:
        return frames
    for place in np.flatnonzero(split.labels == Label.REAL).tolist():
        if (video := split.names(place)["video"]) in videos:
            frames.setdefault(video, {})[split.without_mask(place)["frame"]] = place
    return frames

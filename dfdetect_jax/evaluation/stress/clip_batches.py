"""Frames of one split clip by clip, each clip's in their order: what a video codec needs, and records don't give."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from dfdetect_jax.data.pipeline import Examples
from dfdetect_jax.data.records import Records
from dfdetect_jax.devices.host import processors

_AT_LEAST = 32  # frames in a batch; a detector works in batches of its own


def chosen_places(count: int, max_frames: int | None) -> np.ndarray:
    """At most `max_frames` of `count` places, evenly spaced: int64 [n], rising; all for None.

    Records stand in an order that is a hash of their names, so evenly spaced ones are a sample of everything.
    """
    kept = count if max_frames is None else min(count, max_frames)
    return np.arange(kept) * count // max(kept, 1)


def clip_batches(
    folder: str | Path, split: str, *, image_size: int, max_frames: int | None = None
) -> Iterator[dict[str, np.ndarray]]:
    """Batches of whole clips, as far as their frames are among those chosen.

    Args:
        folder: prepared records.
        split: "train", "val" or "test".
        image_size: side of the images, pixels.
        max_frames: at most so many, evenly over the split; None for all.

    Yields:
        Dicts as `data.pipeline.eval_batches` gives them, without padding and without masks, of some 32 frames or one
        longer clip; and also position int64 [N], of each frame in the split, and clip int64 [N], which counts the
        clips of a batch. Frames of a clip stand in order.

    Raises:
        RecordsError: the split is empty, or a record is damaged.
    """
    records = Records(folder, split)
    places = chosen_places(len(records), max_frames)
    with ThreadPoolExecutor(processors()) as threads:
        names = list(threads.map(lambda place: _clip_name(records, place), places.tolist()))
        clips: dict[tuple, list[int]] = {}
        for name, place in zip(names, places.tolist(), strict=True):
            clips.setdefault(name, []).append(place)
        waiting: list[list[int]] = []
        for clip in clips.values():
            waiting.append(clip)
            if sum(map(len, waiting)) >= _AT_LEAST:
                yield _batch(records, waiting, image_size, threads)
                waiting = []
        if waiting:
            yield _batch(records, waiting, image_size, threads)


def _clip_name(records: Records, place: int) -> tuple[str, str]:
    names = records.names(place)
    return names["dataset"], names["video"]


def _batch(records: Records, clips: list[list[int]], image_size: int, threads: ThreadPoolExecutor) -> dict:
    places = np.concatenate([np.asarray(clip) for clip in clips])
    examples = Examples(records, places, image_size, texts=True, masks=None)
    read = list(threads.map(examples.__getitem__, range(len(places))))
    batch = {name: np.stack([example[name] for example in read]) for name in read[0]}
    batch["position"] = places
    batch["clip"] = np.repeat(np.arange(len(clips)), [len(clip) for clip in clips])
    order = np.lexsort((places, batch["frame"], batch["clip"]))
    return {name: values[order] for name, values in batch.items()}

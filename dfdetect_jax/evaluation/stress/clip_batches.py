"""Batches of whole clips with frames in order, as a video codec needs them; records are in hashed order."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from dfdetect_jax.data.pipeline import Examples
from dfdetect_jax.data.records import Records
from dfdetect_jax.devices.host import processors

_AT_LEAST = 32  # frames in a batch; a detector has batches of its own


def evenly_spaced(count: int, max_frames: int | None) -> np.ndarray:
    """At most `max_frames` of `count` positions, evenly spaced: int64 [n], ascending; all for None.

    Records are in the order of a hash of their names, so evenly spaced ones are a random sample.
    """
    kept = count if max_frames is None else min(count, max_frames)
    return np.arange(kept) * count // max(kept, 1)


def clip_batches(
    folder: str | Path, split: str, *, image_size: int, max_frames: int | None = None
) -> Iterator[dict[str, np.ndarray]]:
    """Batches of whole clips, as far as their frames are in the sample.

    Args:
        folder: prepared records.
        split: "train", "val", "test", or "all".
        image_size: side of the images, pixels.
        max_frames: at most so many, evenly over the split; None for all.

    Yields:
        Dicts as of `data.pipeline.eval_batches`, without padding and without masks, of at least 32 frames (the last one
        of fewer); also position int64 [N], of each frame in the split, and clip int64 [N], the number of its clip in
        the batch. Frames of a clip are in order.

    Raises:
        RecordsError: the split is empty, or a record is damaged.
    """
    records = Records(folder, split)
    positions = evenly_spaced(len(records), max_frames)
    with ThreadPoolExecutor(processors()) as threads:
        names = list(threads.map(lambda position: _clip_name(records, position), positions.tolist()))
        clips: dict[tuple[str, str], list[int]] = {}
        for name, position in zip(names, positions.tolist(), strict=True):
            clips.setdefault(name, []).append(position)
        waiting: list[list[int]] = []
        for clip in clips.values():
            waiting.append(clip)
            if sum(map(len, waiting)) >= _AT_LEAST:
                yield _batch(records, waiting, image_size, threads)
                waiting = []
        if waiting:
            yield _batch(records, waiting, image_size, threads)


def _clip_name(records: Records, position: int) -> tuple[str, str]:
    names = records.names(position)
    return names["dataset"], names["video"]


def _batch(
    records: Records, clips: list[list[int]], image_size: int, threads: ThreadPoolExecutor
) -> dict[str, np.ndarray]:
    positions = np.concatenate([np.asarray(clip) for clip in clips])
    source = Examples(records, positions, image_size, texts=True, masks=None)
    examples = list(threads.map(source.__getitem__, range(len(positions))))
    batch = {name: np.stack([example[name] for example in examples]) for name in examples[0]}
    batch["position"] = positions
    batch["clip"] = np.repeat(np.arange(len(clips)), [len(clip) for clip in clips])
    order = np.lexsort((positions, batch["frame"], batch["clip"]))
    return {name: values[order] for name, values in batch.items()}

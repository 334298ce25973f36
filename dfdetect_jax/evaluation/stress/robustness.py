"""How much of a detector is left when pictures are distorted: every corruption at every level, on the same frames."""

import functools
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from dfdetect_jax.data.records import Records
from dfdetect_jax.evaluation.metrics.frame_scores import FrameScores, concatenate, from_batch
from dfdetect_jax.evaluation.metrics.summary import summarize
from dfdetect_jax.evaluation.stress.clip_batches import clip_batches
from dfdetect_jax.evaluation.stress.corruptions import CORRUPTIONS, LEVELS, check_names, corrupt, psnr

CLEAN = ("clean", 0)
NOTE = (
    "crops were distorted, where the DeeperForensics protocol distorts whole videos before cropping: levels are "
    "harsher than published ones"
)
VIDEO_NOTE = "video compression saw each clip's measured frames one after the other, not all frames of the video"


def measure(
    score: Callable[[np.ndarray], np.ndarray],
    folder: str | Path,
    split: str,
    *,
    image_size: int,
    threshold: float,
    corruptions: Sequence[str] = tuple(CORRUPTIONS),
    max_frames: int | None = None,
    seed: int = 0,
    figures: Callable[[FrameScores], dict] | None = None,
    on_progress: Callable[[int], None] = lambda frames: None,
) -> tuple[dict, dict[tuple[str, int], FrameScores]]:
    """Scores a split clean and under every corruption and level; pictures are decoded once for all of them.

    Args:
        score: uint8 [N, S, S, 3] -> float [N] in [0, 1], any N; `Run.score`.
        folder: prepared records.
        split: "train", "val" or "test".
        image_size: side S of the detector's input, pixels.
        threshold: chosen on validation, clean.
        corruptions: names out of `CORRUPTIONS`.
        max_frames: at most so many, evenly over the split; None for all.
        seed: of the draws of noise and blocks.
        figures: what is told of the scores of one level, {"frame": figures, "video": figures}; None for what
            `metrics.summarize` says of them at `threshold`. Here intervals come in.
        on_progress: called with the number of frames of each batch and level, once it is scored; in all that is the
            number of frames times (1 + 5 per corruption).

    Returns:
        What stands in `metrics.json`, and the scores behind it by (corruption, level), clean ones under ("clean", 0).
        The first is {"n", "of", "seed", "notes", "parameters": {NAME: what its parameter is, in words}, "clean": L,
        "corruptions": {NAME: [L at level 1, ..., 5]}} with "n" frames measured of the split's "of". An L has "level",
        "parameter", "psnr" (dB, mean over the frames that changed; None where none did, and "psnr_why"), then the
        figures of frames, and those of videos under "video".

    Raises:
        RecordsError: the split is empty, or a record is damaged.
        RunError: a score is not a finite number.
        SettingsError: there is no corruption of some name, or its codec is not installed.
    """
    check_names(corruptions)
    passes = [CLEAN, *((name, level) for name in corruptions for level in range(1, LEVELS + 1))]
    parts, likeness = {key: [] for key in passes}, {key: [] for key in passes}
    for batch in clip_batches(folder, split, image_size=image_size, max_frames=max_frames):
        for key in passes:
            images = _distorted(batch, *key, seed)
            parts[key].append(from_batch(batch, score(images)))
            likeness[key].append(psnr(batch["image"], images))
            on_progress(len(images))
    scores = {key: concatenate(frames) for key, frames in parts.items()}
    tell = figures or functools.partial(summarize, threshold=threshold, seen=())
    levels = {key: _level(*key, tell(scores[key]), np.concatenate(likeness[key])) for key in passes}
    result = {
        "n": len(scores[CLEAN]),
        "of": len(Records(folder, split)),
        "seed": seed,
        "notes": [NOTE, *([VIDEO_NOTE] if "video" in corruptions else [])],
        "parameters": {name: CORRUPTIONS[name].parameter for name in corruptions},
        "clean": levels[CLEAN],
        "corruptions": {name: [levels[name, level] for level in range(1, LEVELS + 1)] for name in corruptions},
    }
    return result, scores


def _distorted(batch: dict[str, np.ndarray], name: str, level: int, seed: int) -> np.ndarray:
    if (name, level) == CLEAN:
        return batch["image"]
    return corrupt(batch["image"], name, level, seed, positions=batch["position"], clips=batch["clip"])


def _level(name: str, level: int, figures: dict, likeness: np.ndarray) -> dict:
    changed = likeness[np.isfinite(likeness)]
    told = {
        "level": level,
        "parameter": CORRUPTIONS[name].values[level - 1] if level else None,
        "psnr": float(changed.mean()) if len(changed) else None,
    }
    if not len(changed):
        told["psnr_why"] = "no frame was changed"
    return {**told, **figures["frame"], "video": figures["video"]}

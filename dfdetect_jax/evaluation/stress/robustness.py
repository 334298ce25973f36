"""Detection metrics under every corruption and level, on the same frames."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dfdetect_jax.data.records import Records
from dfdetect_jax.evaluation.metrics.detection_metrics import DetectionMetrics, VideoMetrics, without_none
from dfdetect_jax.evaluation.metrics.frame_scores import FrameScores, concatenate, from_batch
from dfdetect_jax.evaluation.metrics.summary import GroupMetrics
from dfdetect_jax.evaluation.stress.clip_batches import clip_batches
from dfdetect_jax.evaluation.stress.codecs import check_available
from dfdetect_jax.evaluation.stress.corruptions import corrupt, psnr
from dfdetect_jax.evaluation.stress.protocol import CORRUPTIONS, LEVELS

CLEAN = ("clean", 0)
NOTE = (
    "corruptions apply to crops, while the DeeperForensics protocol distorts whole videos before cropping: levels are "
    "harsher than published ones"
)
VIDEO_NOTE = "video compression joins the measured frames of each clip, not all frames of the video"
Pass = tuple[str, int]  # corruption and level


@dataclasses.dataclass(frozen=True, kw_only=True)
class CorruptionLevel:
    """Metrics at one level of one corruption.

    Attributes:
        level: 1 to 5; 0 is clean.
        parameter: the corruption's value at this level; None for clean frames.
        psnr: dB, mean over the frames that changed; None where none did.
        frame, video: the metrics.
    """

    level: int
    parameter: Any
    psnr: float | None
    frame: DetectionMetrics
    video: VideoMetrics

    def as_json(self) -> dict[str, Any]:
        """{"level", "parameter", "psnr"}, "psnr_why" where that is None, the metrics of frames, and "video"."""
        parameter = list(self.parameter) if isinstance(self.parameter, tuple) else self.parameter
        why = without_none(psnr_why="no frame was changed" if self.psnr is None else None)
        values = {"level": self.level, "parameter": parameter, "psnr": self.psnr, **why}
        return {**values, **self.frame.as_json(), "video": self.video.as_json()}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Robustness:
    """Metrics of one data set under corruptions.

    Attributes:
        n, of: frames measured, of the split's.
        seed: of the random numbers of noise and blocks.
        notes: how to read the results.
        clean: without corruption, on the same frames.
        corruptions: by name, levels 1 to 5.
    """

    n: int
    of: int
    seed: int
    notes: tuple[str, ...]
    clean: CorruptionLevel
    corruptions: Mapping[str, Sequence[CorruptionLevel]]

    def as_json(self) -> dict[str, Any]:
        """{"n", "of", "seed", "notes", "parameters": {NAME: words}, "clean", "corruptions": {NAME: [level 1, ...]}}."""
        return {
            "n": self.n,
            "of": self.of,
            "seed": self.seed,
            "notes": list(self.notes),
            "parameters": {name: CORRUPTIONS[name].parameter for name in self.corruptions},
            "clean": self.clean.as_json(),
            "corruptions": {name: [level.as_json() for level in levels] for name, levels in self.corruptions.items()},
        }


def measure_robustness(
    score: Callable[[np.ndarray], np.ndarray],
    folder: str | Path,
    split: str,
    *,
    image_size: int,
    measure: Callable[[FrameScores], GroupMetrics],
    corruptions: Sequence[str] = tuple(CORRUPTIONS),
    max_frames: int | None = None,
    seed: int = 0,
    on_progress: Callable[[int], None] = lambda frames: None,
) -> tuple[Robustness, dict[Pass, FrameScores]]:
    """Scores a split clean and under every corruption and level; pictures are decoded once for all of them.

    Args:
        score: uint8 [N, S, S, 3] -> float [N] in [0, 1], any N; `Run.score`.
        folder: prepared records.
        split: "train", "val", "test", or "all".
        image_size: side S of the detector's input, pixels.
        measure: the metrics of the scores of one level, such as `summary.measure_group` at a threshold.
        corruptions: names of `CORRUPTIONS`.
        max_frames: at most so many, evenly over the split; None for all.
        seed: of the random numbers of noise and blocks.
        on_progress: called with the number of frames of each batch and level, once it is scored: in total the number of
            frames times (1 + 5 per corruption).

    Returns:
        The metrics, and the scores behind them by (corruption, level), clean ones under ("clean", 0).

    Raises:
        RecordsError: the split is empty, or a record is damaged.
        RunError: a score is not a finite number.
        SettingsError: a corruption does not exist, or its codec is not installed.
    """
    check_available(corruptions)
    passes = [CLEAN, *((name, level) for name in corruptions for level in range(1, LEVELS + 1))]
    parts: dict[Pass, list[FrameScores]] = {each: [] for each in passes}
    likeness: dict[Pass, list[np.ndarray]] = {each: [] for each in passes}
    for batch in clip_batches(folder, split, image_size=image_size, max_frames=max_frames):
        for each in passes:
            images = _corrupted(batch, *each, seed)
            parts[each].append(from_batch(batch, score(images)))
            likeness[each].append(psnr(batch["image"], images))
            on_progress(len(images))
    scores = {each: concatenate(frames) for each, frames in parts.items()}
    levels = {each: _level(*each, measure(scores[each]), np.concatenate(likeness[each])) for each in passes}
    robustness = Robustness(
        n=len(scores[CLEAN]),
        of=len(Records(folder, split)),
        seed=seed,
        notes=(NOTE, VIDEO_NOTE) if "video" in corruptions else (NOTE,),
        clean=levels[CLEAN],
        corruptions={name: [levels[name, level] for level in range(1, LEVELS + 1)] for name in corruptions},
    )
    return robustness, scores


def _corrupted(batch: Mapping[str, np.ndarray], name: str, level: int, seed: int) -> np.ndarray:
    if (name, level) == CLEAN:
        return batch["image"]
    return corrupt(batch["image"], name, level, seed, positions=batch["position"], clips=batch["clip"])


def _level(name: str, level: int, metrics: GroupMetrics, likeness: np.ndarray) -> CorruptionLevel:
    changed = likeness[np.isfinite(likeness)]
    return CorruptionLevel(
        level=level,
        parameter=CORRUPTIONS[name].values[level - 1] if level else None,
        psnr=float(changed.mean()) if len(changed) else None,
        frame=metrics.frame,
        video=metrics.video,
    )

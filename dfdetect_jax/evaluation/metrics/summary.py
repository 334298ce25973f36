"""The metrics of one split: of all its frames and videos, and of each forgery against all reals."""

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from dfdetect_jax.data.example import Label
from dfdetect_jax.evaluation.metrics import bootstrap
from dfdetect_jax.evaluation.metrics.bootstrap import NO_INTERVALS, Resampling
from dfdetect_jax.evaluation.metrics.detection import PreparedScores
from dfdetect_jax.evaluation.metrics.detection_metrics import DetectionMetrics, VideoMetrics
from dfdetect_jax.evaluation.metrics.frame_scores import FrameScores
from dfdetect_jax.evaluation.metrics.localization import Localization
from dfdetect_jax.evaluation.metrics.localization_intervals import localization_metrics
from dfdetect_jax.evaluation.metrics.localization_metrics import LocalizationMetrics
from dfdetect_jax.evaluation.metrics.videos import folder_groups, folder_scores, groups_of, video_scores


@dataclasses.dataclass(frozen=True, kw_only=True)
class GroupMetrics:
    """Detection metrics of a group of clips, over frames and over videos."""

    frame: DetectionMetrics
    video: VideoMetrics

    def as_json(self) -> dict[str, Any]:
        """{"frame", "video"}."""
        return {"frame": self.frame.as_json(), "video": self.video.as_json()}


@dataclasses.dataclass(frozen=True, kw_only=True)
class ForgeryMetrics(GroupMetrics):
    """One forgery's fakes against all reals of the split.

    Attributes:
        seen: whether the run was trained on this forgery.
        localization: of its fakes; None for a method without attention maps.
    """

    seen: bool
    localization: LocalizationMetrics | None

    def as_json(self) -> dict[str, Any]:
        """{"seen", "frame", "video", "localization"}."""
        return {"seen": self.seen, **super().as_json(), "localization": _as_json(self.localization)}


@dataclasses.dataclass(frozen=True, kw_only=True)
class SplitMetrics(GroupMetrics):
    """All frames of a split.

    Attributes:
        by_forgery: sorted by name.
        localization: of all fakes; None for a method without attention maps.
    """

    by_forgery: Mapping[str, ForgeryMetrics]
    localization: LocalizationMetrics | None

    def as_json(self) -> dict[str, Any]:
        """{"frame", "video", "by_forgery", "localization"}."""
        by_forgery = {forgery: metrics.as_json() for forgery, metrics in self.by_forgery.items()}
        return {**super().as_json(), "by_forgery": by_forgery, "localization": _as_json(self.localization)}


def summarize(
    frames: FrameScores,
    threshold: float,
    seen: Collection[str],
    localization: Localization | None = None,
    *,
    temperature: float = 1.0,
    resampling: Resampling = NO_INTERVALS,
) -> SplitMetrics:
    """The metrics of one split.

    Args:
        frames: its scores.
        threshold, temperature: chosen on validation; the same ones serve frames and videos.
        seen: forgeries that the model was trained on.
        localization: the attention maps of the same frames; None for a model without them.
        resampling: of the intervals; all metrics of scores are computed on the same resamples.

    Raises:
        RecordsError, RunError: as `video_scores`, `bootstrap.clusters`.
    """
    forgeries = sorted(set(frames.forgery[frames.label == Label.FAKE].tolist()))
    everything = np.ones(len(frames), bool)
    against_reals = [(frames.label == Label.REAL) | (frames.forgery == forgery) for forgery in forgeries]
    whole, *groups = _measure_groups(frames, [everything, *against_reals], threshold, temperature, resampling)
    by_forgery = {
        forgery: ForgeryMetrics(
            **vars(metrics),
            seen=forgery in seen,
            localization=_localization_metrics(localization, forgery, resampling),
        )
        for forgery, metrics in zip(forgeries, groups, strict=True)
    }
    of_all = _localization_metrics(localization, None, resampling)
    return SplitMetrics(**vars(whole), by_forgery=by_forgery, localization=of_all)


def measure_group(
    frames: FrameScores, threshold: float, *, temperature: float = 1.0, resampling: Resampling = NO_INTERVALS
) -> GroupMetrics:
    """The metrics of all `frames` together; arguments and errors as `summarize`."""
    return _measure_groups(frames, [np.ones(len(frames), bool)], threshold, temperature, resampling)[0]


class _PreparedGroup:
    """Frames, videos, and videos as DeepfakeBench groups them, of the same rows."""

    def __init__(self, frames: FrameScores, clusters: np.ndarray, threshold: float, temperature: float):
        videos, folders = groups_of(frames.dataset, frames.video), folder_groups(frames)
        self.folders_in_one_cluster = bool((clusters == clusters[folders[0]][folders[1]]).all())
        self.sets = [
            PreparedScores(rows.score, rows.label, threshold, temperature, cluster)
            for rows, cluster in (
                (frames, clusters),
                (video_scores(frames), clusters[videos[0]]),
                (folder_scores(frames), clusters[folders[0]]),
            )
        ]

    def metrics(self) -> GroupMetrics:
        """Without intervals."""
        frame, video, folders = (scores.metrics() for scores in self.sets)
        why = folders.why if folders.auc is None and video.auc is not None else None
        return GroupMetrics(
            frame=frame, video=VideoMetrics(**vars(video), dfb_compat=folders.auc, why_no_dfb_compat=why)
        )

    def metrics_with_intervals(self, resampled: Sequence[np.ndarray]) -> GroupMetrics:
        """As `metrics`; `resampled` is what `bootstrap.resample` returns for `sets`."""
        metrics, (frame, video, folders) = self.metrics(), map(bootstrap.intervals, resampled, self.sets)
        one = self.folders_in_one_cluster
        of_videos = dataclasses.replace(
            metrics.video,
            intervals=video,
            dfb_compat_interval=folders.bounds["auc"] if one else None,
            why_no_dfb_compat_interval=None if one else "folders of one name join several clusters",
        )
        return GroupMetrics(frame=dataclasses.replace(metrics.frame, intervals=frame), video=of_videos)


def _measure_groups(
    frames: FrameScores, groups: Sequence[np.ndarray], threshold: float, temperature: float, resampling: Resampling
) -> list[GroupMetrics]:
    """The metrics of each group, a bool [N] over `frames`, all under the same resamples."""
    wanted = resampling.resamples > 0
    clusters = bootstrap.clusters(frames, resampling.by) if wanted else np.zeros(len(frames), np.int64)
    prepared = [_PreparedGroup(frames[rows], clusters[rows], threshold, temperature) for rows in groups]
    if not wanted:
        return [group.metrics() for group in prepared]
    sets = [scores for group in prepared for scores in group.sets]
    values = bootstrap.resample(sets, clusters.max(initial=-1) + 1, resampling.resamples, resampling.seed)
    return [group.metrics_with_intervals(values[3 * i : 3 * i + 3]) for i, group in enumerate(prepared)]


def _localization_metrics(
    localization: Localization | None, forgery: str | None, resampling: Resampling
) -> LocalizationMetrics | None:
    return None if localization is None else localization_metrics(localization, forgery, resampling)


def _as_json(localization: LocalizationMetrics | None) -> dict[str, Any] | None:
    return None if localization is None else localization.as_json()

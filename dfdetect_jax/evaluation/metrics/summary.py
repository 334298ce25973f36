"""What is told of a set of scores: the threshold from validation, and one data set's entry in `metrics.json`."""

from collections.abc import Collection, Sequence

import numpy as np

from dfdetect_jax.data.example import Label
from dfdetect_jax.evaluation.metrics import bootstrap
from dfdetect_jax.evaluation.metrics.detection import Detection, checked, described, detection
from dfdetect_jax.evaluation.metrics.frame_scores import FrameScores
from dfdetect_jax.evaluation.metrics.localization import Localization
from dfdetect_jax.evaluation.metrics.videos import folder_groups, folder_scores, groups_of, video_scores

__all__ = ["UNINFORMED_THRESHOLD", "choose_threshold", "detection", "summarize", "video_scores"]

UNINFORMED_THRESHOLD = 0.5


class _Levels:
    """Frames, videos, and videos as DeepfakeBench groups them, of the same rows."""

    def __init__(self, frames: FrameScores, clusters: np.ndarray, threshold: float, temperature: float):
        self.sets = []
        videos, folders = groups_of(frames.dataset, frames.video), folder_groups(frames)
        self.folders_in_one_cluster = bool((clusters == clusters[folders[0]][folders[1]]).all())
        for rows, cluster in (
            (frames, clusters),
            (video_scores(frames), clusters[videos[0]]),
            (folder_scores(frames), clusters[folders[0]]),
        ):
            self.sets.append(Detection(rows.score, rows.label, threshold, temperature, cluster))

    def figures(self) -> dict[str, dict]:
        frame, video, folders = map(described, self.sets)
        video["dfb_compat"] = folders["auc"]
        if folders["auc"] is None and video["auc"] is not None:
            video["why_no_dfb_compat"] = folders["why"]
        return {"frame": frame, "video": video}

    def add_intervals(self, figures: dict[str, dict], drawn: Sequence[np.ndarray]) -> None:
        """Puts intervals beside `figures`, from the three of `bootstrap.resample` that belong to `sets`."""
        frame, video, folders = map(bootstrap.intervals, drawn, self.sets)
        figures["frame"] |= frame
        figures["video"] |= video | {"dfb_compat_ci": folders["auc_ci"] if self.folders_in_one_cluster else None}
        if not self.folders_in_one_cluster:
            figures["video"]["why_no_dfb_compat_ci"] = "folders of one name join several clusters"


def choose_threshold(scores: np.ndarray, labels: np.ndarray) -> float:
    """The threshold to call fakes by, chosen on validation scores.

    Of the midpoints between neighbouring distinct scores, the one with the highest balanced accuracy (mean of the
    shares of fakes and of reals called right); among equals the one in the widest gap, then the lowest. Where scores
    can't tell (one label only, or all scores equal) it is 0.5, the classifier's own decision.

    Raises:
        RunError: a score is not a number in [0, 1].
    """
    scores, labels = checked(scores, labels)
    values, position = np.unique(scores, return_inverse=True)
    fakes = np.bincount(position[labels == Label.FAKE], minlength=len(values))
    reals = np.bincount(position[labels == Label.REAL], minlength=len(values))
    if len(values) < 2 or not fakes.sum() or not reals.sum():
        return UNINFORMED_THRESHOLD
    reals_below = np.cumsum(reals)[:-1]
    fakes_above = fakes.sum() - np.cumsum(fakes)[:-1]
    # Cross-multiplied to integers: two thresholds that are equally good compare as equal.
    goodness = reals_below * fakes.sum() + fakes_above * reals.sum()
    gaps = np.where(goodness == goodness.max(), np.diff(values), -1.0)
    best = int(np.argmax(gaps))
    middle = (values[best] + values[best + 1]) / 2
    return float(middle if middle > values[best] else values[best + 1])  # neighbouring floats have no middle


def summarize(
    frames: FrameScores,
    threshold: float,
    seen: Collection[str],
    localization: Localization | None = None,
    *,
    temperature: float = 1.0,
    resamples: int = 0,
    by: str = "identity",
    seed: int = 0,
) -> dict:
    """One data set's entry in `metrics.json`.

    Args:
        frames: the scores of one split.
        threshold, temperature: chosen on validation; the same ones serve frames and videos.
        seen: forgeries that the model was trained on.
        localization: what was gathered of the same frames' attention maps; None for a model without them.
        resamples: how many resamples the intervals rest on; 0 for none.
        by, seed: what is resampled, see `bootstrap.clusters`; all figures see the same draws.

    Returns:
        {"frame": `detection` over frames, "video": over videos, "localization": `Localization.overall`, "by_forgery":
        {forgery: {"seen", "frame", "video", "localization": `Localization.of`}}}. A forgery's figures of detection are
        its fakes against all reals of the split. Videos have "dfb_compat" as well, the AUC of `folder_scores`; None,
        with "why_no_dfb_compat", where joining folders leaves one label. With resamples, "auc_ci" and so on stand
        beside the figures, and what `bootstrap.intervals` tells; "dfb_compat_ci" is None, with "why_no_dfb_compat_ci",
        where a joined folder is of several clusters. Without maps, "localization" is None.

    Raises:
        RecordsError, RunError: as `video_scores`, `bootstrap.clusters`.
    """
    forgeries = sorted(set(frames.forgery[frames.label == Label.FAKE].tolist()))
    figures = _figures(frames, forgeries, threshold, temperature, resamples, by, seed)
    located = dict.fromkeys(forgeries) if localization is None else {name: localization.of(name) for name in forgeries}
    return {
        **figures[0],
        "by_forgery": {
            forgery: {"seen": forgery in seen, **its_figures, "localization": located[forgery]}
            for forgery, its_figures in zip(forgeries, figures[1:], strict=True)
        },
        "localization": None if localization is None else localization.overall(),
    }


def _figures(
    frames: FrameScores,
    forgeries: Sequence[str],
    threshold: float,
    temperature: float,
    resamples: int,
    by: str,
    seed: int,
) -> list[dict[str, dict]]:
    """{"frame", "video"} of all rows, then of each forgery against all reals; arguments as in `summarize`."""
    clusters = bootstrap.clusters(frames, by) if resamples else np.zeros(len(frames), np.int64)
    everything = np.ones(len(frames), bool)
    against_reals = [(frames.label == Label.REAL) | (frames.forgery == forgery) for forgery in forgeries]
    levels = [_Levels(frames[rows], clusters[rows], threshold, temperature) for rows in (everything, *against_reals)]
    figures = [each.figures() for each in levels]
    if resamples:
        sets = [prepared for each in levels for prepared in each.sets]
        drawn = bootstrap.resample(sets, clusters.max(initial=-1) + 1, resamples, seed)
        for i, each in enumerate(levels):
            each.add_intervals(figures[i], drawn[3 * i : 3 * i + 3])
    return figures

"""Detection metrics of one set of scores: values, counts, intervals, and why a value or an interval is undefined."""

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

from dfdetect_jax.evaluation.metrics import ranking

DECISION_METRICS = ("accuracy", "balanced_accuracy", "tpr", "fpr")
PROBABILITY_METRICS = ("brier", "log_loss", "ece")
CALIBRATED_METRICS = tuple(f"{name}_calibrated" for name in PROBABILITY_METRICS)
METRICS = (*ranking.METRICS, *DECISION_METRICS, *PROBABILITY_METRICS, *CALIBRATED_METRICS)

HEADLINES = ("auc", "fpr", "tpr")

Interval = tuple[float, float]  # (low, high), 95%


def headline(values: Mapping[str, object]) -> str:
    """The metric that stands for all others: "auc", or for one class alone the share that is called fake.

    That is "fpr" of reals, false alarms, or "tpr" of fakes, the detection rate.

    Args:
        values: by metric, None where undefined.
    """
    return next((name for name in HEADLINES if values.get(name) is not None), HEADLINES[0])


@dataclasses.dataclass(frozen=True, kw_only=True)
class BootstrapIntervals:
    """Intervals of the metrics of one set of scores.

    Attributes:
        bounds: by metric; None where the metric is undefined, or where all rows are of one cluster.
        resamples: how many.
        resamples_left_out: those with one label only, which have no part in metrics that need both labels.
        clusters: how many clusters there are.
        why: why there are no intervals; None if there are.
    """

    bounds: Mapping[str, Interval | None]
    resamples: int
    resamples_left_out: int
    clusters: int
    why: str | None = None

    def as_json(self) -> dict[str, Any]:
        """{"auc_ci": [low, high] or None, ..., "resamples", "resamples_left_out", "clusters"}, and "why_no_ci"."""
        return {
            **{f"{name}_ci": as_list(bounds) for name, bounds in self.bounds.items()},
            "resamples": self.resamples,
            "resamples_left_out": self.resamples_left_out,
            "clusters": self.clusters,
            **without_none(why_no_ci=self.why),
        }


@dataclasses.dataclass(frozen=True, kw_only=True)
class DetectionMetrics:
    """How well scores separate fakes from reals. An undefined metric is None, and `why` gives the reason.

    Attributes:
        n_real, n_fake: rows of each label.
        auc, ap, eer, eer_nearest, tpr_at_fpr_1, tpr_at_fpr_0_1: see `ranking.Ranking.metrics`.
        accuracy: share of rows on the right side of the threshold.
        balanced_accuracy: mean of TPR and 1 - FPR.
        tpr, fpr: share of fakes, and of reals, with a score of at least the threshold.
        brier: mean squared error of the score as a probability.
        log_loss: mean of `calibration.log_losses`, nats.
        ece: `calibration.calibration_error`, 15 equal bins of the score.
        brier_calibrated, log_loss_calibrated, ece_calibrated: the same of `calibration.calibrate`d scores.
        why: why values are undefined, or rest on too few reals; None if neither.
        intervals: None if none were requested.
    """

    NAMES: ClassVar[tuple[str, ...]] = METRICS

    n_real: int
    n_fake: int
    auc: float | None = None
    ap: float | None = None
    eer: float | None = None
    eer_nearest: float | None = None
    tpr_at_fpr_1: float | None = None
    tpr_at_fpr_0_1: float | None = None
    accuracy: float | None = None
    balanced_accuracy: float | None = None
    tpr: float | None = None
    fpr: float | None = None
    brier: float | None = None
    log_loss: float | None = None
    ece: float | None = None
    brier_calibrated: float | None = None
    log_loss_calibrated: float | None = None
    ece_calibrated: float | None = None
    why: str | None = None
    intervals: BootstrapIntervals | None = None

    @property
    def n(self) -> int:
        """Rows."""
        return self.n_real + self.n_fake

    @property
    def fnr(self) -> float | None:
        """Share of fakes below the threshold: misses; None without fakes."""
        return None if self.tpr is None else 1 - self.tpr

    @property
    def headline(self) -> str:
        """See `headline`."""
        return headline({name: self.value(name) for name in HEADLINES})

    @property
    def reasons(self) -> list[str]:
        """Why values or intervals are undefined, or unreliable."""
        return [*_sentence("", self.why), *_sentence("no interval: ", self.why_no_interval)]

    @property
    def why_no_interval(self) -> str | None:
        """Why intervals are undefined; None if they are not, or were not requested."""
        return None if self.intervals is None else self.intervals.why

    def value(self, name: str) -> float | None:
        """A metric of `NAMES`."""
        value: float | None = getattr(self, name)
        return value

    def interval(self, name: str) -> Interval | None:
        """The interval of a metric of `NAMES`; None where it is undefined or was not requested."""
        return None if self.intervals is None else self.intervals.bounds[name]

    def as_json(self) -> dict[str, Any]:
        """{"n", "n_real", "n_fake", "auc", ...}, "why" if there is a reason, then the intervals."""
        return self._values_as_json() | ({} if self.intervals is None else self.intervals.as_json())

    def _values_as_json(self) -> dict[str, Any]:
        counts = {"n": self.n, "n_real": self.n_real, "n_fake": self.n_fake}
        return {**counts, **{name: self.value(name) for name in METRICS}, **without_none(why=self.why)}


@dataclasses.dataclass(frozen=True, kw_only=True)
class VideoMetrics(DetectionMetrics):
    """Detection metrics over videos, and the AUC of videos as DeepfakeBench groups them.

    Attributes:
        dfb_compat: AUC of `videos.folder_scores`; None where joining folders leaves one label.
        why_no_dfb_compat: why that is undefined although `auc` is not.
        dfb_compat_interval: its interval; None where a joined folder is of several clusters.
        why_no_dfb_compat_interval: the reason for that.
    """

    NAMES: ClassVar[tuple[str, ...]] = (*METRICS, "dfb_compat")

    dfb_compat: float | None
    why_no_dfb_compat: str | None = None
    dfb_compat_interval: Interval | None = None
    why_no_dfb_compat_interval: str | None = None

    @property
    def reasons(self) -> list[str]:
        """Why values or intervals are undefined, or unreliable."""
        return [
            *super().reasons,
            *_sentence("no AUC (DeepfakeBench): ", self.why_no_dfb_compat),
            *_sentence("no interval of AUC (DeepfakeBench): ", self.why_no_dfb_compat_interval),
        ]

    def interval(self, name: str) -> Interval | None:
        """The interval of a metric of `NAMES`; None where it is undefined or was not requested."""
        return self.dfb_compat_interval if name == "dfb_compat" else super().interval(name)

    def as_json(self) -> dict[str, Any]:
        """As `DetectionMetrics.as_json`, with "dfb_compat" behind the values and "dfb_compat_ci" at the end."""
        values = self._values_as_json() | {"dfb_compat": self.dfb_compat}
        values |= without_none(why_no_dfb_compat=self.why_no_dfb_compat)
        if self.intervals is None:
            return values
        values |= self.intervals.as_json() | {"dfb_compat_ci": as_list(self.dfb_compat_interval)}
        return values | without_none(why_no_dfb_compat_ci=self.why_no_dfb_compat_interval)


def as_list(interval: Interval | None) -> list[float] | None:
    """An interval as JSON."""
    return None if interval is None else list(interval)


def without_none(**entries: Any) -> dict[str, Any]:
    """The entries that are not None."""
    return {name: value for name, value in entries.items() if value is not None}


def _sentence(start: str, reason: str | None) -> list[str]:
    return [] if reason is None else [start + reason]

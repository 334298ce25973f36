"""Mean and spread of metrics over runs that differ in the seed alone."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.special import stdtrit

from dfdetect_jax.evaluation.metrics.bootstrap import PERCENTILES
from dfdetect_jax.evaluation.metrics.detection_metrics import (
    DetectionMetrics,
    Interval,
    as_list,
    headline,
    without_none,
)
from dfdetect_jax.evaluation.metrics.summary import GroupMetrics, SplitMetrics


@dataclasses.dataclass(frozen=True, kw_only=True)
class Spread:
    """One metric over several runs. What is undefined is None.

    Attributes:
        mean: of the runs for which the metric is defined.
        sd: sample standard deviation.
        interval: 95% interval of the mean by Student's t with n - 1 degrees of freedom, not clipped to [0, 1].
        n: runs for which the metric is defined.
        why: why something is undefined, or None.
    """

    mean: float | None = None
    sd: float | None = None
    interval: Interval | None = None
    n: int
    why: str | None = None

    def as_json(self) -> dict[str, Any]:
        """{"mean", "sd", "ci", "n"}, and "why" if there is a reason."""
        values = {"mean": self.mean, "sd": self.sd, "ci": as_list(self.interval), "n": self.n}
        return values | without_none(why=self.why)


@dataclasses.dataclass(frozen=True, kw_only=True)
class GroupSpread:
    """Spread over frames and over videos, by metric."""

    frame: Mapping[str, Spread]
    video: Mapping[str, Spread]

    @property
    def headline(self) -> str:
        """The metric that stands for all others, see `detection_metrics.headline`."""
        return headline({name: each.mean for name, each in self.frame.items()})

    def as_json(self) -> dict[str, Any]:
        """{"frame": {METRIC: {"mean", ...}}, "video": the same}."""
        units = {"frame": self.frame, "video": self.video}
        return {unit: {name: each.as_json() for name, each in spreads.items()} for unit, spreads in units.items()}


@dataclasses.dataclass(frozen=True, kw_only=True)
class SeedSpread(GroupSpread):
    """Spread of one data set's metrics.

    Attributes:
        by_forgery: each forgery's fakes against all reals.
    """

    by_forgery: Mapping[str, GroupSpread]

    def as_json(self) -> dict[str, Any]:
        """{"frame", "video", "by_forgery": {FORGERY: {"frame", "video"}}}."""
        return super().as_json() | {"by_forgery": {name: each.as_json() for name, each in self.by_forgery.items()}}


def seed_spread(runs: Sequence[SplitMetrics]) -> SeedSpread:
    """The spread of one data set's metrics over `runs`, at least one."""
    whole = _group_spread(runs)
    by_forgery = {forgery: _group_spread([run.by_forgery[forgery] for run in runs]) for forgery in runs[0].by_forgery}
    return SeedSpread(frame=whole.frame, video=whole.video, by_forgery=by_forgery)


def spread_by_metric(runs: Sequence[DetectionMetrics]) -> dict[str, Spread]:
    """The spread of every metric over `runs`, at least one."""
    return {name: spread_of([run.value(name) for run in runs]) for name in runs[0].NAMES}


def spread_of(values: Sequence[float | None]) -> Spread:
    """The spread of one metric; None where it is undefined."""
    defined = np.array([value for value in values if value is not None])
    n = len(defined)
    if not n:
        return Spread(n=0, why="undefined for every run")
    mean = float(defined.mean())
    if n == 1:
        return Spread(mean=mean, n=1, why="defined for one run only: no spread")
    sd = float(defined.std(ddof=1))
    half = float(stdtrit(n - 1, PERCENTILES[1] / 100)) * sd / np.sqrt(n)
    return Spread(mean=mean, sd=sd, interval=(float(mean - half), float(mean + half)), n=n)


def _group_spread(groups: Sequence[GroupMetrics]) -> GroupSpread:
    return GroupSpread(
        frame=spread_by_metric([group.frame for group in groups]),
        video=spread_by_metric([group.video for group in groups]),
    )

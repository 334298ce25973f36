"""How well a map that was not learnt from masks shows what was forged: its ranking of pixels, and the pointing game.

Such maps, a reconstruction's error or a class activation, are on no scale of probabilities. So there is no overlap at a
threshold, and no value on reals; what remains depends on the order of values alone.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from dfdetect_jax.evaluation.metrics.bootstrap import Resampling
from dfdetect_jax.evaluation.metrics.detection_metrics import Interval, as_list, without_none
from dfdetect_jax.evaluation.metrics.localization import Localization
from dfdetect_jax.evaluation.metrics.localization_intervals import localization_metrics

HEAT_METRICS = ("pixel_auc", "pixel_ap", "pointing")
Values = Mapping[str, float | None]


@dataclasses.dataclass(frozen=True, kw_only=True)
class HeatMetrics:
    """One kind of map against the masks of fakes. An undefined metric is None, and `why` gives the reason.

    Attributes:
        n: fakes with a mask.
        values: by name of `HEAT_METRICS`, as in `localization_metrics.MapMetrics`.
        baselines: the same of "random", noise, and "centre", a fixed spot in the middle of every crop.
        why: why values are undefined, or None.
        intervals: by metric; those that are undefined or were not requested are missing.
    """

    n: int
    values: Values
    baselines: Mapping[str, Values] = dataclasses.field(default_factory=dict)
    why: str | None = None
    intervals: Mapping[str, Interval | None] = dataclasses.field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """{"n", METRIC: value, ..., "baselines"}, "why" if there is a reason, then "<metric>_ci"."""
        values = {"n": self.n, **self.values, "baselines": self.baselines, **without_none(why=self.why)}
        return values | {f"{name}_ci": as_list(interval) for name, interval in self.intervals.items()}


def squashed(heat: np.ndarray) -> np.ndarray:
    """h / (1 + h): heat of at least 0 as a number in [0, 1) in the same order, for `Localization.update`."""
    return heat / (1 + heat)


def heat_metrics(localization: Localization, resampling: Resampling) -> HeatMetrics:
    """The metrics of `squashed` maps that were added to `localization`, with intervals as `localization_metrics`."""
    measured = localization_metrics(localization, None, resampling)
    baselines = {} if measured.baselines is None else measured.baselines.values()
    return HeatMetrics(
        n=measured.n,
        values=_of(measured.values()),
        baselines={name: _of(values) for name, values in baselines.items()},
        why=measured.why,
        intervals={name: measured.intervals[name] for name in HEAT_METRICS if name in measured.intervals},
    )


def _of(values: Values) -> dict[str, float | None]:
    return {name: values[name] for name in HEAT_METRICS}

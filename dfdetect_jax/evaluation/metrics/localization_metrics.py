"""Localization metrics: how well attention maps show what was forged, typed, with their baselines and intervals."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from dfdetect_jax.evaluation.metrics.detection_metrics import Interval, as_list, without_none

MAP_METRICS = ("pixel_auc", "pixel_ap", "iou", "f1", "best_threshold", "iou_best", "f1_best", "pointing")
REAL_METRICS = ("real_attention", "real_area")


@dataclasses.dataclass(frozen=True, kw_only=True)
class MapMetrics:
    """Metrics of maps against masks. An undefined metric is None.

    Attributes:
        pixel_auc, pixel_ap: of all pixels of the fakes pooled, see `attention_maps`.
        iou, f1: means over fakes, at threshold 0.5.
        best_threshold: of validation, or else the one with the highest mean IoU on these images.
        iou_best, f1_best: means over fakes at `best_threshold`.
        pointing: share of fakes whose maximum is in the mask.
    """

    pixel_auc: float | None = None
    pixel_ap: float | None = None
    iou: float | None = None
    f1: float | None = None
    best_threshold: float | None = None
    iou_best: float | None = None
    f1_best: float | None = None
    pointing: float | None = None

    def values(self) -> dict[str, float | None]:
        """`MAP_METRICS` by name."""
        return {name: getattr(self, name) for name in MAP_METRICS}


@dataclasses.dataclass(frozen=True, kw_only=True)
class NoiseMetrics:
    """What independent noise in place of a map reaches on average; IoU and F1 depend on its distribution."""

    pixel_auc: float | None
    pixel_ap: float
    pointing: float

    def values(self) -> dict[str, float | None]:
        """By name."""
        return {"pixel_auc": self.pixel_auc, "pixel_ap": self.pixel_ap, "pointing": self.pointing}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Baselines:
    """What needs no model.

    Attributes:
        random: noise.
        centre: `attention_maps.centre_blob`, a fixed spot in the middle of every crop, at its own best threshold.
        sigma: width of that spot, in sides of the crop.
    """

    random: NoiseMetrics
    centre: MapMetrics
    sigma: float

    def values(self) -> dict[str, dict[str, float | None]]:
        """The metrics of both, by name of the baseline."""
        return {"random": self.random.values(), "centre": self.centre.values()}

    def as_json(self) -> dict[str, Any]:
        """{"random": {...}, "centre": {..., "sigma"}}."""
        return {"random": self.random.values(), "centre": {**self.centre.values(), "sigma": self.sigma}}


@dataclasses.dataclass(frozen=True, kw_only=True)
class RealAttention:
    """Attention on reals, where there is nothing to show.

    Attributes:
        n: reals.
        attention: mean attention over their pixels; None without reals.
        area: share of their pixels with attention of at least 0.5; None without reals.
    """

    n: int
    attention: float | None
    area: float | None

    def values(self) -> dict[str, float | None]:
        """`REAL_METRICS` by name."""
        return {"real_attention": self.attention, "real_area": self.area}


@dataclasses.dataclass(frozen=True, kw_only=True)
class LocalizationMetrics(MapMetrics):
    """Localization metrics of fakes with a mask. An undefined metric is None, and `why` gives the reason.

    Attributes:
        n: fakes measured.
        n_without_mask, n_empty_mask: fakes left out.
        forged_share: share of forged pixels.
        best_from: where `best_threshold` was chosen: "validation", or "these images", which is optimistic.
        baselines: None where no fake was measured.
        reals: None for a single forgery.
        why: why values are undefined, or None.
        intervals: by metric; those that are undefined or were not requested are missing.
    """

    n: int
    n_without_mask: int
    n_empty_mask: int
    forged_share: float | None = None
    best_from: str | None = None
    baselines: Baselines | None = None
    reals: RealAttention | None = None
    why: str | None = None
    intervals: Mapping[str, Interval | None] = dataclasses.field(default_factory=dict)

    @property
    def blob_auc(self) -> float | None:
        """Pixel AUC of the centre blob."""
        return None if self.baselines is None else self.baselines.centre.pixel_auc

    @property
    def n_left_out(self) -> int:
        """Fakes left out."""
        return self.n_without_mask + self.n_empty_mask

    @property
    def reasons(self) -> list[str]:
        """Why values are undefined."""
        return [] if self.why is None else [self.why]

    def values(self) -> dict[str, float | None]:
        """`MAP_METRICS`, "blob_auc" and, of a whole data set, `REAL_METRICS`, by name."""
        return {**super().values(), "blob_auc": self.blob_auc, **({} if self.reals is None else self.reals.values())}

    def as_json(self) -> dict[str, Any]:
        """Counts, metrics, baselines, reals (of a whole data set), then "<metric>_ci"."""
        counts = {"n": self.n, "n_without_mask": self.n_without_mask, "n_empty_mask": self.n_empty_mask}
        values: dict[str, Any] = {
            **counts,
            "forged_share": self.forged_share,
            **super().values(),
            "best_from": self.best_from,
        }
        if self.baselines is None:
            values |= {"baselines": None, **without_none(why=self.why)}
        else:
            values |= {**without_none(why=self.why), "baselines": self.baselines.as_json()}
        if self.reals is not None:
            values |= {"n_real": self.reals.n, **self.reals.values()}
        return values | {f"{name}_ci": as_list(interval) for name, interval in self.intervals.items()}

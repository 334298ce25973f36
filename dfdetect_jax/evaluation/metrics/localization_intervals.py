"""95% intervals of localization metrics, from bootstrap resamples of identities as in `bootstrap`."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from dfdetect_jax.evaluation.metrics.attention_maps import HALF, Tally, pixel_ap, pixel_auc
from dfdetect_jax.evaluation.metrics.bootstrap import Resampling, multiplicities, percentile_interval
from dfdetect_jax.evaluation.metrics.detection_metrics import Interval
from dfdetect_jax.evaluation.metrics.localization import Localization
from dfdetect_jax.evaluation.metrics.localization_metrics import REAL_METRICS, LocalizationMetrics

_MEANS = ("iou", "f1", "iou_best", "f1_best", "pointing")
_NAMES = ("pixel_auc", "pixel_ap", *_MEANS)


def localization_metrics(
    localization: Localization, forgery: str | None, resampling: Resampling
) -> LocalizationMetrics:
    """`Localization.metrics` with their intervals, if `resampling` requests any.

    Args:
        localization: with sums by identity, if intervals are requested.
        forgery: a forgery, or None for all.
        resampling: how many resamples of identities, and the seed; at least two identities are needed.

    Returns:
        The metrics. For intervals pixels are ranked in 2^10 levels, which moves an AUC by less than 1e-3.
    """
    metrics = localization.metrics(forgery)
    if not resampling.resamples:
        return metrics
    intervals: dict[str, Interval | None] = {}
    keys = sorted(key for key in localization.identities if forgery in (None, key[1]))
    place = {identity: i for i, identity in enumerate(dict.fromkeys(identity for identity, _ in keys))}
    if metrics.n and localization.best is not None and len(place) > 1:
        weights = _weights(len(place), resampling)[:, [place[identity] for identity, _ in keys]]
        values = _resampled([localization.identities[key] for key in keys], weights, localization.best)
        intervals = {name: percentile_interval(values[name]) for name in _NAMES if metrics.values()[name] is not None}
    if forgery is None and len(localization.reals) > 1:
        sums = np.stack([localization.reals[identity] for identity in sorted(localization.reals)])
        totals = _weights(len(sums), resampling) @ sums
        for column, name in enumerate(REAL_METRICS, 1):
            intervals[name] = percentile_interval(totals[:, column] / totals[:, 0])
    return dataclasses.replace(metrics, intervals=intervals)


def _weights(count: int, resampling: Resampling) -> np.ndarray:
    """All chunks of `bootstrap.multiplicities` at once: float64 [resamples, count]."""
    return np.concatenate(list(multiplicities(count, resampling.resamples, resampling.seed)))


def _resampled(tallies: Sequence[Tally], weights: np.ndarray, best: int) -> dict[str, np.ndarray]:
    """Each metric, [resamples]; NaN where a resample has nothing that it needs."""
    columns = [
        [tally.n, tally.iou[HALF], tally.f1[HALF], tally.iou[best], tally.f1[best], tally.pointing] for tally in tallies
    ]
    sums = weights @ np.array(columns)
    means = dict(zip(_MEANS, (sums[:, 1:] / sums[:, :1]).T, strict=True))
    pixels = np.stack([tally.pixels.reshape(-1) for tally in tallies]).astype(np.float64)
    untouched, forged = np.moveaxis((weights @ pixels).reshape(len(weights), 2, -1), 1, 0)
    return means | {"pixel_auc": pixel_auc(untouched, forged), "pixel_ap": pixel_ap(untouched, forged)}

"""How sure the figures of localisation are: identities drawn with replacement, as in `bootstrap`."""

from collections.abc import Sequence

import numpy as np

from dfdetect_jax.evaluation.metrics.bootstrap import draws, interval
from dfdetect_jax.evaluation.metrics.localization import COARSE, THRESHOLDS, Localization, Tally

_NAMES = ("pixel_auc", "pixel_ap", "iou", "f1", "iou_best", "f1_best", "pointing")


def with_intervals(figures: dict, localization: Localization, forgery: str | None, resamples: int, seed: int) -> dict:
    """Adds "<name>_ci": [low, high] beside each figure that can have one.

    Args:
        figures: of `Localization.overall` (forgery None) or `Localization.of`.
        localization: that kept its sums by identity.
        forgery: a forgery, or None for all.
        resamples: draws of as many identities as there are.
        seed: of the draws.

    Returns:
        `figures` with 95% percentile intervals. Pixels are ranked in 2^10 levels here, which moves an AUC by less than
        1e-3; a figure keeps the value that it had.
    """
    chosen = sorted(key for key in localization.identities if forgery in (None, key[1]))
    place = {identity: i for i, identity in enumerate(dict.fromkeys(identity for identity, _ in chosen))}
    intervals = {}
    if figures["n"] and len(place) > 1:
        drawn = _drawn(len(place), resamples, seed)[:, [place[identity] for identity, _ in chosen]]
        values = _resampled([localization.identities[key] for key in chosen], drawn, localization.best)
        intervals = {f"{name}_ci": interval(values[name]) for name in _NAMES if figures[name] is not None}
    if forgery is None and len(localization.reals) > 1:
        sums = np.stack([localization.reals[identity] for identity in sorted(localization.reals)])
        drawn = _drawn(len(sums), resamples, seed) @ sums
        for column, name in enumerate(("real_attention", "real_area"), 1):
            intervals[f"{name}_ci"] = interval(drawn[:, column] / drawn[:, 0])
    return figures | intervals


def _drawn(count: int, resamples: int, seed: int) -> np.ndarray:
    """All of `bootstrap.draws` at once: float64 [resamples, count]."""
    return np.concatenate(list(draws(count, resamples, seed)))


def _resampled(tallies: Sequence[Tally], drawn: np.ndarray, best: int) -> dict[str, np.ndarray]:
    """Each figure, [resamples]; NaN where nothing was drawn that it needs."""
    half = len(THRESHOLDS) // 2
    columns = [
        [tally.n, tally.iou[half], tally.f1[half], tally.iou[best], tally.f1[best], tally.pointing] for tally in tallies
    ]
    sums = drawn @ np.array(columns)
    means = dict(zip(("iou", "f1", "iou_best", "f1_best", "pointing"), (sums[:, 1:] / sums[:, :1]).T, strict=True))
    pixels = np.stack([tally.pixels.reshape(-1) for tally in tallies]).astype(np.float64)
    untouched, forged = np.moveaxis((drawn @ pixels).reshape(-1, 2, COARSE), 1, 0)
    return means | {"pixel_auc": _aucs(untouched, forged), "pixel_ap": _aps(untouched, forged)}


def _aucs(untouched: np.ndarray, forged: np.ndarray) -> np.ndarray:
    """`pixel_auc` of each row of [resamples, L]."""
    below = np.cumsum(untouched, axis=1) - untouched
    with np.errstate(invalid="ignore"):
        return (forged * (below + untouched / 2)).sum(axis=1) / (forged.sum(axis=1) * untouched.sum(axis=1))


def _aps(untouched: np.ndarray, forged: np.ndarray) -> np.ndarray:
    """`pixel_ap` of each row of [resamples, L]."""
    found = np.cumsum(forged[:, ::-1], axis=1)
    called = np.cumsum((forged + untouched)[:, ::-1], axis=1)
    with np.errstate(invalid="ignore"):
        return (forged[:, ::-1] * found / np.maximum(called, 1)).sum(axis=1) / forged.sum(axis=1)

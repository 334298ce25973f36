"""Ranking metrics of scores: sorted once, then all metrics for given weights in one pass.

A bootstrap resample has the same scores with other weights (how often each cluster was sampled), so what depends on the
scores alone is computed once: the order of reals and of fakes, and for each row how many rows of the other label rank
above it. Metrics of weighted rows equal those of rows repeated as often as their weight.
"""

import bisect

import numpy as np

from dfdetect_jax.data.example import Label

METRICS = ("auc", "ap", "eer", "eer_nearest", "tpr_at_fpr_1", "tpr_at_fpr_0_1")
# As floats both are a little above 1/100 and 1/1000, so that a whole number of reals is never rounded away.
FALSE_POSITIVE_RATES = {"tpr_at_fpr_1": 0.01, "tpr_at_fpr_0_1": 0.001}
_REACH = 64  # distinct scores on both sides of the crossing that are searched first for a corner of the curve


class Ranking:
    """Scores of fakes and reals, sorted: for many sets of weights on the same scores.

    >>> ranking = Ranking(np.array([0.1, 0.4, 0.35, 0.8]), np.array([0, 0, 1, 1]))
    >>> ranking.metrics()["auc"]
    0.75
    >>> ranking.metrics(np.array([1, 0, 1, 1]))["auc"]  # without the second row
    1.0
    """

    def __init__(self, scores: np.ndarray, labels: np.ndarray, groups: np.ndarray | None = None):
        """Sorts, in O(N log N).

        Args:
            scores: float [N], finite; higher is more likely fake.
            labels: int [N], 0 real and 1 fake.
            groups: int [N], the index of each row's weight in the argument of `metrics`; None for one weight per row.
        """
        scores, labels = np.asarray(scores, np.float64), np.asarray(labels)
        groups = np.arange(len(scores)) if groups is None else np.asarray(groups)
        order = np.argsort(-scores, kind="stable")
        real_rows, fake_rows = (order[labels[order] == label] for label in (Label.REAL, Label.FAKE))
        reals, fakes, values = -scores[real_rows], -scores[fake_rows], np.unique(-scores)  # ascending: highest first
        self._real_groups, self._fake_groups = groups[real_rows], groups[fake_rows]
        # Counts of rows that rank strictly above, or at and above; they index the running sums of weights.
        self._reals_above = np.searchsorted(reals, fakes, side="left")
        self._reals_upto = np.searchsorted(reals, fakes, side="right")
        self._fakes_upto = np.searchsorted(fakes, fakes, side="right")
        self._fakes_above = np.searchsorted(fakes, reals, side="left")
        # The points of the ROC curve, from (0, 0), one per distinct score.
        self._curve_reals = np.concatenate([[0], np.searchsorted(reals, values, side="right")])
        self._curve_fakes = np.concatenate([[0], np.searchsorted(fakes, values, side="right")])

    def metrics(self, weights: np.ndarray | None = None) -> dict[str, float]:
        """Every metric of `METRICS`, in O(N); empty where no fake or no real has a weight.

        "auc": area under the ROC curve, the chance that a fake scores higher than a real, ties counted half. "ap":
        average precision with fakes as positives, the sum over distinct scores of the gain in recall times precision,
        not interpolated. "eer": where FPR = FNR, both interpolated linearly between the two points of the curve where
        FPR - FNR changes sign. "eer_nearest": the FPR at the corner of the curve where abs(FNR - FPR) is least, the
        first of equals. That is what DeepfakeBench reports (training/metrics/utils.py, on `sklearn.metrics.roc_curve`
        with its defaults, which drop points between two equal steps); in small sets it jumps with single images.
        "tpr_at_fpr_1", "tpr_at_fpr_0_1": the highest TPR of a threshold whose FPR is at most 1% or 0.1%.

        Args:
            weights: float or int [N], or [G] with `groups`; not negative. None for 1 each.
        """
        if weights is None:
            weights = np.ones(1 + max(self._real_groups.max(initial=0), self._fake_groups.max(initial=0)))
        fake_weights = np.asarray(weights, np.float64)[self._fake_groups]
        real, fake = _running(np.asarray(weights, np.float64)[self._real_groups]), _running(fake_weights)
        reals, fakes = real[-1], fake[-1]
        if reals == 0 or fakes == 0:
            return {}
        upto = real[self._reals_upto]
        beaten = reals - (real[self._reals_above] + upto) / 2
        hits = fake[self._fakes_upto]
        precision = hits / np.maximum(hits + upto, np.finfo(np.float64).tiny)  # 0 / 0 only where the weight is 0
        metrics = {
            "auc": float(np.dot(fake_weights, beaten) / (fakes * reals)),
            "ap": float(np.dot(fake_weights, precision) / fakes),
            **self._equal_error_rates(real, fake),
        }
        for name, rate in FALSE_POSITIVE_RATES.items():
            first_too_many = np.searchsorted(real[1:], rate * reals, side="right")
            metrics[name] = float(fake[self._fakes_above[first_too_many]] / fakes)
        return metrics

    def _equal_error_rates(self, real: np.ndarray, fake: np.ndarray) -> dict[str, float]:
        def rates(point: int) -> tuple[float, float]:
            return real[self._curve_reals[point]] / real[-1], fake[self._curve_fakes[point]] / fake[-1]

        def excess(point: int) -> float:
            false_positive, true_positive = rates(point)
            return false_positive - (1.0 - true_positive)  # -1 at the first point, 1 at the last, never falling

        after = bisect.bisect_left(range(len(self._curve_reals)), 0.0, key=excess)
        low, high = excess(after - 1), excess(after)
        share = -low / (high - low)
        below, above = rates(after - 1)[0], rates(after)[0]
        return {
            "eer": float(below + share * (above - below)),
            "eer_nearest": self._nearest_corner(real, fake, after),
        }

    def _nearest_corner(self, real: np.ndarray, fake: np.ndarray, crossing: int) -> float:
        """FPR of the curve's corner nearest to FPR = FNR, which lies just before the point `crossing`.

        FNR - FPR only falls along the curve, so that the nearest corner is one of the two around the crossing: points
        near it are searched alone, in a window that is widened until it has corners on both sides.
        """
        points, reach = len(self._curve_reals), _REACH  # points on each side
        while True:
            first, end = max(crossing - reach, 0), min(crossing + reach, points)
            false = real[self._curve_reals[first:end]]
            true = fake[self._curve_fakes[first:end]]
            moved = np.concatenate([[True], (np.diff(false) > 0) | (np.diff(true) > 0)])  # else of weight 0
            false, true = false[moved], true[moved]
            turns = (np.diff(false, 2) != 0) | (np.diff(true, 2) != 0)  # between equal steps there is no corner
            corner = np.concatenate([[first == 0], turns, [end == points]])
            if first == 0:
                corner[1] = True  # the first point after (0, 0) always counts
            false_rate, miss_rate = false[corner] / real[-1], 1.0 - true[corner] / fake[-1]
            apart = miss_rate - false_rate
            if len(apart) and apart[0] > 0 >= apart[-1]:
                return float(false_rate[np.argmin(np.abs(apart))])
            reach *= 8


def _running(weights: np.ndarray) -> np.ndarray:
    """Sums of the first 0, 1, ... N weights: float64 [N + 1]."""
    sums = np.empty(len(weights) + 1)
    sums[0] = 0.0
    np.cumsum(weights, out=sums[1:])
    return sums

"""Whether a score of 0.7 is a fake seven times in ten: calibration error, and the temperature that mends it.

`scores` is float [N] in [0, 1], the probability of a fake; `labels` is int [N], 0 real and 1 fake. Logarithms take
scores of exactly 0 or 1 (saturated float32 sigmoids) as 1e-7 and 1 - 1e-7, so one confident error costs at most 16.1
nats instead of making a mean infinite.
"""

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import expit, logit

BINS = 15
CLIP = 1e-7
_LARGEST_TEMPERATURE = 20.0


def log_losses(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """-log of the probability given to each row's own label, in nats: float64 [N], at most 16.1 (scores clipped)."""
    own = np.where(np.asarray(labels) == 1, scores, 1.0 - np.asarray(scores, np.float64))
    return -np.log(np.clip(own, CLIP, 1.0 - CLIP))


def calibrate(scores: np.ndarray, temperature: float) -> np.ndarray:
    """sigmoid(logit(p) / T): float64 [N]; their order stays, and a temperature of 1 leaves all as they are.

    Raises:
        ValueError: the temperature is not above 0.
    """
    if not temperature > 0:
        raise ValueError(f"expected a temperature above 0, found {temperature}")
    scores = np.asarray(scores, np.float64)
    return scores if temperature == 1 else expit(_logits(scores) / temperature)


def fit_temperature(scores: np.ndarray, labels: np.ndarray) -> float:
    """The temperature T, from 1/20 to 20, whose `calibrate` has the lowest mean log loss; for validation scores.

    Above 1 the scores were too sure. Scores that separate the labels get 1/20, those that rank them the wrong way
    round 20; with one label only, or none, there is nothing to fit, and it is 1. Source: Guo et al., On calibration of
    modern neural networks, ICML 2017, section 4.2.
    """
    labels = np.asarray(labels)
    if len(np.unique(labels)) < 2:
        return 1.0
    towards_own = _logits(scores) * np.where(labels == 1, 1.0, -1.0)
    bound = np.log(_LARGEST_TEMPERATURE)

    def loss(log_temperature: float) -> float:
        return float(np.mean(np.logaddexp(0.0, -towards_own * np.exp(-log_temperature))))

    found = minimize_scalar(loss, bounds=(-bound, bound), method="bounded", options={"xatol": 1e-8})
    # The loss has one valley in log T, but the search never tries the very ends.
    return float(np.exp(min((found.x, -bound, bound), key=loss)))


def bin_of(scores: np.ndarray) -> np.ndarray:
    """Which of the 15 equal bins of [0, 1] each score is in: int [N]; bin b is [b / 15, (b + 1) / 15), the last with 1.

    Where a score is equal to an edge as the two are rounded, it is in the upper bin.
    """
    return np.clip(np.floor(np.asarray(scores, np.float64) * BINS).astype(np.int64), 0, BINS - 1)


def expected_calibration_error(scores: np.ndarray, labels: np.ndarray, weights: np.ndarray | None = None) -> float:
    """Sum over bins of (share of rows in the bin) * abs(share of fakes - mean score), in [0, 1].

    The bins are 15 equal parts of the probability of a fake, see `bin_of`; not of the confidence in whichever label
    was called, which folds both ends together and lets errors of reals and fakes cancel. NaN without rows.

    Args:
        weights: float [N], not negative; None for 1 each.
    """
    weights = np.ones(len(scores)) if weights is None else np.asarray(weights, np.float64)
    if not weights.sum():
        return float("nan")
    gaps = np.bincount(bin_of(scores), weights=weights * (np.asarray(labels) - scores), minlength=BINS)
    return float(np.abs(gaps).sum() / weights.sum())


def reliability(scores: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For the diagram: mean score and share of fakes, float64 [15], and number of rows, int [15], of each bin.

    An empty bin has NaN for both, which plots leave out.
    """
    bins = bin_of(scores)
    count = np.bincount(bins, minlength=BINS)
    rows = np.where(count, count, np.nan)
    mean = np.bincount(bins, weights=scores, minlength=BINS) / rows
    fakes = np.bincount(bins, weights=np.asarray(labels, np.float64), minlength=BINS) / rows
    return mean, fakes, count


def _logits(scores: np.ndarray) -> np.ndarray:
    return logit(np.clip(np.asarray(scores, np.float64), CLIP, 1.0 - CLIP))

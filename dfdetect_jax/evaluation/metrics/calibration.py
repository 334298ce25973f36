"""Calibration: whether a score of 0.7 is a fake seven times in ten, and scores at another temperature.

`scores` is float [N] in [0, 1], the probability of a fake; `labels` is int [N], 0 real and 1 fake. Logarithms clip
scores to [1e-7, 1 - 1e-7], since float32 sigmoids saturate at 0 and 1: one confident error then costs at most 16.1 nats
instead of making a mean infinite. `evaluation.frozen` fits the temperature.
"""

import numpy as np
from scipy.special import expit, logit

from dfdetect_jax.data.example import Label

BINS = 15
CLIP = 1e-7


def log_losses(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """-log of the probability of each row's own label, nats: float64 [N], at most 16.1 (scores clipped)."""
    own = np.where(np.asarray(labels) == Label.FAKE, scores, 1.0 - np.asarray(scores, np.float64))
    return -np.log(np.clip(own, CLIP, 1.0 - CLIP))


def clipped_logits(scores: np.ndarray) -> np.ndarray:
    """log(p / (1 - p)) of clipped scores: float64 [N] in [-16.1, 16.1]."""
    return logit(np.clip(np.asarray(scores, np.float64), CLIP, 1.0 - CLIP))


def calibrate(scores: np.ndarray, temperature: float) -> np.ndarray:
    """sigmoid(logit(p) / T): float64 [N]; keeps their order, and a temperature of 1 keeps the scores themselves.

    >>> calibrate(np.array([0.1, 0.5, 0.9]), temperature=2.0).round(3).tolist()
    [0.25, 0.5, 0.75]

    Source: Guo et al., On calibration of modern neural networks, ICML 2017, section 4.2.

    Raises:
        ValueError: the temperature is not above 0.
    """
    if not temperature > 0:
        raise ValueError(f"expected a temperature above 0, found {temperature}")
    scores = np.asarray(scores, np.float64)
    return scores if temperature == 1 else expit(clipped_logits(scores) / temperature)


def bin_of(scores: np.ndarray) -> np.ndarray:
    """Which of the 15 equal bins of [0, 1] each score is in: int [N]; bin b is [b / 15, (b + 1) / 15), the last with 1.

    Where a score is equal to an edge as the two are rounded, it is in the upper bin.

    >>> bin_of(np.array([0.0, 0.5, 1.0])).tolist()
    [0, 7, 14]
    """
    return np.clip(np.floor(np.asarray(scores, np.float64) * BINS).astype(np.int64), 0, BINS - 1)


def calibration_gaps(scores: np.ndarray, labels: np.ndarray, clusters: np.ndarray) -> np.ndarray:
    """The sum of label - score in each bin, by cluster: float64 [C, 15]; clusters is int [N], numbered from 0.

    The bins are equal parts of the probability of a fake, see `bin_of`; not of the confidence in the predicted label,
    which folds both ends together and lets errors of reals and fakes cancel.
    """
    cells = clusters * BINS + bin_of(scores)
    length = BINS * (clusters.max(initial=-1) + 1)
    return np.bincount(cells, weights=labels - scores, minlength=length).reshape(-1, BINS)


def calibration_error(gaps: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Expected calibration error, in [0, 1]: sum over bins of (share of rows) * abs(share of fakes - mean score).

    Args:
        gaps: float64 [..., 15], of `calibration_gaps`, summed over the clusters of each set.
        rows: [...], rows of each set; 0 gives NaN.
    """
    return np.abs(gaps).sum(axis=-1) / rows


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

"""Measures how well scores separate fakes from reals, over all rows or over many resamples of their clusters.

Everywhere `scores` is float [N] in [0, 1], the probability of a fake; `labels` is int [N], 0 real and 1 fake. A row is
a frame or a video; it is classified as fake where its score is at least the threshold.

Ranking metrics come from `ranking`. The others are ratios of sums over rows, so the sums of each cluster are all that a
resample needs.
"""

from typing import Any

import numpy as np

from dfdetect_jax.data.example import Label
from dfdetect_jax.errors import RunError
from dfdetect_jax.evaluation.metrics import calibration, ranking
from dfdetect_jax.evaluation.metrics.detection_metrics import METRICS, DetectionMetrics

_ENOUGH_REALS = {name: round(1 / rate) for name, rate in ranking.FALSE_POSITIVE_RATES.items()}


class PreparedScores:
    """Scores prepared so that their metrics, for any weights of their clusters, cost one pass."""

    def __init__(
        self,
        scores: np.ndarray,
        labels: np.ndarray,
        threshold: float,
        temperature: float = 1.0,
        clusters: np.ndarray | None = None,
    ):
        """Sorts, and sums by cluster.

        Args:
            scores, labels: [N].
            threshold: chosen on validation.
            temperature: fitted on validation, see `calibration.calibrate`.
            clusters: int [N], from 0; None if nothing will be resampled.

        Raises:
            RunError: a score is not a number in [0, 1].
            ValueError: the arrays differ in shape, or a label is neither 0 nor 1.
        """
        scores, labels = checked(scores, labels)
        clusters = np.zeros(len(scores), np.int64) if clusters is None else np.asarray(clusters)
        self.n_fake = int((labels == Label.FAKE).sum())
        self.n_real = len(scores) - self.n_fake
        self.n_clusters = len(np.unique(clusters))
        self._ranking = ranking.Ranking(scores, labels, clusters)
        parts = [_counts(scores, labels, threshold, clusters)]
        for probabilities in (scores, calibration.calibrate(scores, temperature)):
            parts.append(_errors(probabilities, labels, clusters))
        self._sums = np.concatenate(parts, axis=1)

    def metrics(self) -> DetectionMetrics:
        """The metrics of all rows, each counted once, without intervals."""
        row = self.resampled(np.ones((1, len(self._sums))))[0]
        values: dict[str, Any] = {
            name: None if np.isnan(value) else float(value) for name, value in zip(METRICS, row, strict=True)
        }
        why = _why(self.n_real, self.n_fake)
        return DetectionMetrics(n_real=self.n_real, n_fake=self.n_fake, why=why, **values)

    def resampled(self, multiplicities: np.ndarray) -> np.ndarray:
        """The metrics of resamples: float64 [B, 16], columns as `METRICS`; NaN where undefined.

        Args:
            multiplicities: float64 [B, C], how often each resample contains each cluster; C may exceed the clusters of
                these rows.
        """
        ranks = np.full((len(multiplicities), len(ranking.METRICS)), np.nan)
        for row, weights in zip(ranks, multiplicities, strict=True):
            row[:] = [*self._ranking.metrics(weights).values()] or np.nan
        return np.concatenate([ranks, _ratios(multiplicities[:, : len(self._sums)] @ self._sums)], axis=1)


def measure_detection(
    scores: np.ndarray, labels: np.ndarray, threshold: float, temperature: float = 1.0
) -> DetectionMetrics:
    """The metrics of one set of scores; arguments and errors as `PreparedScores`."""
    return PreparedScores(scores, labels, threshold, temperature).metrics()


def checked(scores: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Scores as float64 and labels, both [N].

    Raises:
        RunError: a score is not a number in [0, 1].
        ValueError: the arrays differ in shape, or a label is neither 0 nor 1.
    """
    scores, labels = np.asarray(scores, np.float64), np.asarray(labels)
    if scores.ndim != 1 or scores.shape != labels.shape:
        raise ValueError(f"expected scores and labels of one shape [N], found {scores.shape} and {labels.shape}")
    if not np.isin(labels, (Label.REAL, Label.FAKE)).all():
        raise ValueError(f"expected labels 0 and 1, found {np.unique(labels).tolist()}")
    bad = int((~np.isfinite(scores)).sum())
    if bad:
        raise RunError(
            f"expected finite scores, found {bad} of {len(scores)} that are NaN or infinite: the model has diverged; "
            "train it again with a lower optimizer.learning_rate or with optimizer.clip_norm"
        )
    if len(scores) and not 0 <= scores.min() <= scores.max() <= 1:
        raise RunError(
            f"expected scores in [0, 1], found {scores.min():g} to {scores.max():g}; give probabilities, not logits"
        )
    return scores, labels


def _why(n_real: int, n_fake: int) -> str | None:
    if not n_real and not n_fake:
        return "nothing was scored"
    if not n_real or not n_fake:
        missing = "reals" if n_fake else "fakes"
        return f"no {missing} were scored: auc, ap, eer, tpr_at_fpr and balanced_accuracy need both"
    short = [f"{name} needs at least {least}" for name, least in _ENOUGH_REALS.items() if n_real < least]
    return f"only {n_real} reals: {', '.join(short)}" if short else None


def _counts(scores: np.ndarray, labels: np.ndarray, threshold: float, clusters: np.ndarray) -> np.ndarray:
    """Reals, fakes, false positives and true positives of each cluster: float64 [C, 4]."""
    positive, fakes = scores >= threshold, labels == Label.FAKE
    kinds = (~fakes, fakes, positive & ~fakes, positive & fakes)
    return np.stack([np.bincount(clusters, weights=kind) for kind in kinds], axis=1)


def _errors(probabilities: np.ndarray, labels: np.ndarray, clusters: np.ndarray) -> np.ndarray:
    """Sums of squared error, of log loss, and calibration gaps of each cluster: float64 [C, 17]."""
    losses = ((labels - probabilities) ** 2, calibration.log_losses(probabilities, labels))
    gaps = calibration.calibration_gaps(probabilities, labels, clusters)
    return np.concatenate([*(np.bincount(clusters, weights=loss)[:, None] for loss in losses), gaps], axis=1)


def _ratios(sums: np.ndarray) -> np.ndarray:
    """The metrics behind those of ranking in `METRICS`, from sums over rows: float64 [B, 38] -> [B, 10]."""
    reals, fakes, false_positives, true_positives = sums[:, :4].T
    rows = reals + fakes
    with np.errstate(invalid="ignore"):  # 0 / 0 is NaN, which stands for an undefined metric
        tpr, fpr = true_positives / fakes, false_positives / reals
        rates = [(true_positives + reals - false_positives) / rows, (tpr + 1 - fpr) / 2, tpr, fpr]
        for errors in np.split(sums[:, 4:], 2, axis=1):
            rates += [errors[:, 0] / rows, errors[:, 1] / rows, calibration.calibration_error(errors[:, 2:], rows)]
    return np.stack(rates, axis=1)

"""How well scores tell fakes from reals: the figures of all rows, or of many resamples of their clusters.

Everywhere `scores` is float [N] in [0, 1], the probability of a fake; `labels` is int [N], 0 real and 1 fake; a row, a
frame or a video, is called fake where its score is at least the threshold. A number that can't be had (no fakes, no
reals, nothing at all) is None and the reason stands beside it under "why".

Figures of rank come from `ranking`. The others are ratios of sums over rows, so that of each cluster its sums are all
that a resample needs.
"""

import numpy as np

from dfdetect_jax.data.example import Label
from dfdetect_jax.errors import RunError
from dfdetect_jax.evaluation.metrics import calibration, ranking

_RATES = ("accuracy", "balanced_accuracy", "tpr", "fpr")
_PROBABILITIES = ("brier", "log_loss", "ece")
FIGURES = (*ranking.FIGURES, *_RATES, *_PROBABILITIES, *(f"{name}_calibrated" for name in _PROBABILITIES))
_ENOUGH_REALS = {name: round(1 / rate) for name, rate in ranking.FALSE_POSITIVE_RATES.items()}


class Detection:
    """Scores prepared so that their figures, for any weights of their clusters, cost one pass."""

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
            temperature: from `calibration.fit_temperature` on validation.
            clusters: int [N], from 0; None where nothing will be resampled.

        Raises:
            RunError: a score is not a number in [0, 1].
            ValueError: the arrays don't belong together, or a label is neither 0 nor 1.
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

    def figures(self) -> dict[str, float | None]:
        """`FIGURES` of all rows, each counted once; None for what can't be had."""
        values = self.resampled(np.ones((1, len(self._sums))))[0]
        return {name: None if np.isnan(value) else float(value) for name, value in zip(FIGURES, values, strict=True)}

    def resampled(self, multiplicities: np.ndarray) -> np.ndarray:
        """`FIGURES` of resamples: float64 [B, 16], NaN for what can't be had.

        Args:
            multiplicities: float64 [B, C], how often each resample drew each cluster; C may be more than occur here.
        """
        ranks = np.full((len(multiplicities), len(ranking.FIGURES)), np.nan)
        for row, weights in zip(ranks, multiplicities, strict=True):
            row[:] = [*self._ranking.figures(weights).values()] or np.nan
        return np.concatenate([ranks, _ratios(multiplicities[:, : len(self._sums)] @ self._sums)], axis=1)


def detection(scores: np.ndarray, labels: np.ndarray, threshold: float, temperature: float = 1.0) -> dict:
    """The figures of one set of scores.

    Returns:
        "n", "n_real", "n_fake": counts. "auc", "ap", "eer", "eer_nearest", "tpr_at_fpr_1", "tpr_at_fpr_0_1": see
        `Ranking.figures`. "accuracy": share that `threshold` calls right. "tpr", "fpr": share of fakes and of reals
        that it calls fake. "balanced_accuracy": mean of TPR and 1 - FPR. "brier": mean squared error of the score as a
        probability. "log_loss": mean of `calibration.log_losses` (nats, scores clipped to [1e-7, 1 - 1e-7]). "ece":
        `calibration.expected_calibration_error`, 15 equal bins of the score. "brier_calibrated",
        "log_loss_calibrated", "ece_calibrated": the same after `calibration.calibrate` with `temperature`. What can't
        be had is None, and "why" says so; it also says which figures rest on too few reals.

    Raises:
        RunError: a score is not a number in [0, 1].
        ValueError: the arrays don't belong together, or a label is neither 0 nor 1.
    """
    return described(Detection(scores, labels, threshold, temperature))


def described(prepared: Detection) -> dict:
    """What `detection` returns, of scores that are prepared already."""
    n_real, n_fake = prepared.n_real, prepared.n_fake
    figures = {"n": n_real + n_fake, "n_real": n_real, "n_fake": n_fake, **prepared.figures()}
    if not n_real and not n_fake:
        figures["why"] = "nothing was scored"
    elif not n_real or not n_fake:
        missing = "reals" if n_fake else "fakes"
        figures["why"] = f"no {missing} were scored: auc, ap, eer, tpr_at_fpr and balanced_accuracy need both"
    elif n_real < max(_ENOUGH_REALS.values()):
        short = [f"{name} ({least})" for name, least in _ENOUGH_REALS.items() if n_real < least]
        figures["why"] = f"{n_real} reals are fewer than {' and '.join(short)} need to mean anything"
    return figures


def checked(scores: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Scores as float64 and labels, both [N].

    Raises:
        RunError: a score is not a number in [0, 1].
        ValueError: the arrays don't belong together, or a label is neither 0 nor 1.
    """
    scores, labels = np.asarray(scores, np.float64), np.asarray(labels)
    if scores.ndim != 1 or scores.shape != labels.shape:
        raise ValueError(f"expected scores and labels of one shape [N], found {scores.shape} and {labels.shape}")
    if not np.isin(labels, (Label.REAL, Label.FAKE)).all():
        raise ValueError(f"expected labels 0 and 1, found {np.unique(labels).tolist()}")
    bad = int((~np.isfinite(scores)).sum())
    if bad:
        raise RunError(
            f"expected finite scores, found {bad} of {len(scores)} that are not; the model has diverged: train it "
            "again with a lower optimizer.learning_rate or with optimizer.clip_norm"
        )
    if len(scores) and not 0 <= scores.min() <= scores.max() <= 1:
        raise RunError(
            f"expected scores in [0, 1], found {scores.min():g} to {scores.max():g}; give probabilities, not logits"
        )
    return scores, labels


def _counts(scores: np.ndarray, labels: np.ndarray, threshold: float, clusters: np.ndarray) -> np.ndarray:
    """Of each cluster, how many reals, fakes, reals called fake and fakes called fake: float64 [C, 4]."""
    called, fakes = scores >= threshold, labels == Label.FAKE
    kinds = (~fakes, fakes, called & ~fakes, called & fakes)
    return np.stack([np.bincount(clusters, weights=kind) for kind in kinds], axis=1)


def _errors(probabilities: np.ndarray, labels: np.ndarray, clusters: np.ndarray) -> np.ndarray:
    """Of each cluster, the sums of squared error and of log loss, and of label - score by bin: float64 [C, 17]."""
    bins = calibration.BINS
    gap = labels - probabilities
    losses = (gap**2, calibration.log_losses(probabilities, labels))
    cells = clusters * bins + calibration.bin_of(probabilities)
    gaps = np.bincount(cells, weights=gap, minlength=bins * (clusters.max(initial=-1) + 1)).reshape(-1, bins)
    return np.concatenate([*(np.bincount(clusters, weights=loss)[:, None] for loss in losses), gaps], axis=1)


def _ratios(sums: np.ndarray) -> np.ndarray:
    """The figures of `FIGURES` behind those of rank, from sums over the rows: float64 [B, 38] -> [B, 10]."""
    reals, fakes, false_positives, true_positives = sums[:, :4].T
    rows = reals + fakes
    with np.errstate(invalid="ignore"):  # 0 / 0 is NaN, which stands for what can't be had
        tpr, fpr = true_positives / fakes, false_positives / reals
        rates = [(true_positives + reals - false_positives) / rows, (tpr + 1 - fpr) / 2, tpr, fpr]
        for errors in np.split(sums[:, 4:], 2, axis=1):
            rates += [errors[:, 0] / rows, errors[:, 1] / rows, np.abs(errors[:, 2:]).sum(axis=1) / rows]
    return np.stack(rates, axis=1)

"""Calibration, pinned to a plain loop."""

import numpy as np
import pytest
from scipy.special import expit

from dfdetect_jax.evaluation.metrics import calibration


def made(temperature, n, seed=0):
    """Scores that are right at `temperature`: labels are drawn with the probability that it gives them."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(scale=3.0, size=n)
    return expit(logits), (rng.random(n) < expit(logits / temperature)).astype(int)


def test_calibration_keeps_order_and_one_half_and_softens_the_rest():
    scores = np.array([0.0, 0.2, 0.5, 0.9, 1.0])
    softer = calibration.calibrate(scores, 2.0)
    assert (np.diff(softer) > 0).all()
    assert softer[2] == 0.5
    assert softer[3] == pytest.approx(0.75)  # odds 9 to 1, and their square root 3 to 1
    assert softer[1] == pytest.approx(1 / 3)
    assert calibration.calibrate(scores, 1.0).tolist() == scores.tolist()
    with pytest.raises(ValueError, match="above 0"):
        calibration.calibrate(scores, 0.0)


def test_a_certain_error_costs_a_stated_amount():
    losses = calibration.log_losses(np.array([0.0, 1.0, 1.0, 0.0, 0.25]), np.array([1, 0, 1, 0, 1]))
    assert losses == pytest.approx([-np.log(1e-7), -np.log(1e-7), 1e-7, 1e-7, np.log(4)])


def looped_ece(scores, labels, weights):
    error = 0.0
    for low in range(15):
        chosen = [i for i, score in enumerate(scores) if low <= score * 15 < low + 1 or (low == 14 and score == 1.0)]
        share = sum(weights[i] for i in chosen) / sum(weights)
        if share:
            mean = np.average([scores[i] for i in chosen], weights=[weights[i] for i in chosen])
            fakes = np.average([labels[i] for i in chosen], weights=[weights[i] for i in chosen])
            error += share * abs(fakes - mean)
    return error


def calibration_error(scores, labels, weights=None):
    """Each row a cluster of its own, weighted."""
    weights = np.ones(len(scores)) if weights is None else weights
    gaps = calibration.calibration_gaps(scores, labels, np.arange(len(scores)))
    return calibration.calibration_error(weights @ gaps, weights.sum())


def test_calibration_errors_agree_with_a_plain_loop():
    rng = np.random.default_rng(3)
    for _ in range(500):
        n = int(rng.integers(1, 25))
        scores, labels = rng.random(n), rng.integers(0, 2, n)
        if rng.random() < 0.5:
            scores = np.round(scores * 15) / 15  # on the edges of bins
        weights = rng.integers(1, 4, n)
        assert calibration_error(scores, labels, weights) == pytest.approx(
            looped_ece(scores, labels, weights), abs=1e-12
        )
        assert calibration_error(scores, labels) == pytest.approx(looped_ece(scores, labels, np.ones(n)), abs=1e-12)


def test_gaps_are_summed_within_clusters_and_bins():
    scores, labels, clusters = np.array([0.01, 0.02, 0.99, 0.01]), np.array([1, 0, 1, 0]), np.array([0, 0, 0, 2])
    expected = np.zeros((3, 15))
    expected[0, 0], expected[0, 14], expected[2, 0] = 0.99 - 0.02, 0.01, -0.01
    assert calibration.calibration_gaps(scores, labels, clusters) == pytest.approx(expected)


def test_hand_worked_calibration_errors():
    # Two bins: means 0.02 and 0.95, shares of fakes 1/2 and 1, two rows each.
    scores, labels = np.array([0.01, 0.03, 0.94, 0.96]), np.array([0, 1, 1, 1])
    assert calibration_error(scores, labels) == pytest.approx(0.5 * 0.48 + 0.5 * 0.05)
    mean, fakes, count = calibration.reliability(scores, labels)
    assert count.tolist() == [2, *[0] * 13, 2]
    assert (mean[0], mean[-1], fakes[0], fakes[-1]) == pytest.approx((0.02, 0.95, 0.5, 1.0))
    assert np.isnan(mean[1:-1]).all()
    assert np.isnan(fakes[1:-1]).all()


def test_the_diagram_holds_the_calibration_error():
    scores, labels = made(3.0, 2000)
    mean, fakes, count = calibration.reliability(scores, labels)
    error = np.nansum(np.abs(mean - fakes) * count) / count.sum()
    assert calibration_error(scores, labels) == pytest.approx(error)
    assert calibration_error(calibration.calibrate(scores, 3.0), labels) < error / 3

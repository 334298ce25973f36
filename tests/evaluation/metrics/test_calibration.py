"""Calibration, held to a plain loop and to scikit-learn's logistic regression."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from dfdetect_jax.evaluation.metrics import calibration


def sigmoid(logits):
    return 1 / (1 + np.exp(-logits))


def made(temperature, n, seed=0):
    """Scores that are right at `temperature`: labels are drawn with the probability that it gives them."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(scale=3.0, size=n)
    return sigmoid(logits), (rng.random(n) < sigmoid(logits / temperature)).astype(int)


@pytest.mark.parametrize("temperature", [0.25, 1.0, 4.0])
def test_the_temperature_that_labels_were_drawn_at_is_found(temperature):
    scores, labels = made(temperature, 200_000)
    assert calibration.fit_temperature(scores, labels) == pytest.approx(temperature, rel=0.02)


@pytest.mark.parametrize("seed", range(40))
def test_the_temperature_is_that_of_logistic_regression_on_logits(seed):
    scores, labels = made(np.random.default_rng(seed).uniform(0.5, 5), 150, seed)
    regression = LogisticRegression(C=np.inf, fit_intercept=False, tol=1e-10, max_iter=1000)
    slope = regression.fit(np.log(scores / (1 - scores))[:, None], labels).coef_[0, 0]
    assert calibration.fit_temperature(scores, labels) == pytest.approx(1 / slope, rel=1e-4)


def test_no_temperature_near_by_has_a_lower_log_loss():
    scores, labels = made(2.0, 500)
    best = calibration.fit_temperature(scores, labels)
    losses = [log_loss(labels, calibration.calibrate(scores, best * factor)) for factor in (0.9, 0.99, 1, 1.01, 1.1)]
    assert min(losses) == losses[2]


def test_scores_that_separate_or_mislead_take_the_ends():
    scores = np.array([0.2, 0.4, 0.6, 0.9])
    assert calibration.fit_temperature(scores, np.array([0, 0, 1, 1])) == pytest.approx(1 / 20)
    assert calibration.fit_temperature(scores, np.array([1, 1, 0, 0])) == pytest.approx(20)


@pytest.mark.parametrize("labels", [[], [1, 1], [0]])
def test_with_one_label_nothing_is_fitted(labels):
    assert calibration.fit_temperature(np.full(len(labels), 0.3), np.array(labels, int)) == 1.0


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


def test_a_thousand_calibration_errors_agree_with_a_plain_loop():
    rng = np.random.default_rng(3)
    for _ in range(1000):
        n = int(rng.integers(1, 25))
        scores, labels = rng.random(n), rng.integers(0, 2, n)
        if rng.random() < 0.5:
            scores = np.round(scores * 15) / 15  # on the edges of bins
        weights = rng.integers(1, 4, n)
        ece = calibration.expected_calibration_error
        assert ece(scores, labels, weights) == pytest.approx(looped_ece(scores, labels, weights), abs=1e-12)
        assert ece(scores, labels) == pytest.approx(looped_ece(scores, labels, np.ones(n)), abs=1e-12)


def test_hand_worked_calibration_errors():
    # Two bins: means 0.02 and 0.95, shares of fakes 1/2 and 1, two rows each.
    scores, labels = np.array([0.01, 0.03, 0.94, 0.96]), np.array([0, 1, 1, 1])
    error = calibration.expected_calibration_error(scores, labels)
    assert error == pytest.approx(0.5 * 0.48 + 0.5 * 0.05)
    assert np.isnan(calibration.expected_calibration_error(np.array([]), np.array([], int)))
    mean, fakes, count = calibration.reliability(scores, labels)
    assert count.tolist() == [2, *[0] * 13, 2]
    assert (mean[0], mean[-1], fakes[0], fakes[-1]) == pytest.approx((0.02, 0.95, 0.5, 1.0))
    assert np.isnan(mean[1:-1]).all()
    assert np.isnan(fakes[1:-1]).all()


def test_the_diagram_holds_the_calibration_error():
    scores, labels = made(3.0, 2000)
    mean, fakes, count = calibration.reliability(scores, labels)
    error = np.nansum(np.abs(mean - fakes) * count) / count.sum()
    assert calibration.expected_calibration_error(scores, labels) == pytest.approx(error)
    calibrated = calibration.calibrate(scores, calibration.fit_temperature(scores, labels))
    assert calibration.expected_calibration_error(calibrated, labels) < error / 3

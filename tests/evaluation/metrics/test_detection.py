"""Detection metrics, pinned to scikit-learn, for all rows and for resampled ones."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score, brier_score_loss, confusion_matrix, log_loss

from dfdetect_jax.errors import RunError
from dfdetect_jax.evaluation.metrics import calibration
from dfdetect_jax.evaluation.metrics.detection import PreparedScores, measure_detection
from dfdetect_jax.evaluation.metrics.detection_metrics import CALIBRATED_METRICS, METRICS, PROBABILITY_METRICS


def random_case(rng):
    """Scores, labels and a threshold: 1 to 60 rows, often tied, of unequal numbers, or with one label only."""
    n = int(rng.integers(1, 61))
    labels = (rng.random(n) < rng.choice([0.0, 0.1, 0.5, 0.9, 1.0])).astype(int)
    scores = np.clip(rng.normal(0.4 + 0.2 * labels, 0.3), 0, 1)  # some are 0 or 1
    levels = rng.choice([3, 15, 10**6])
    return np.round(scores * levels) / levels, labels, rng.choice([0.2, 0.5, 2 / 3])


def probability_metrics(labels, scores):
    """Brier score and log loss of scikit-learn, and the calibration error summed bin by bin."""
    bins = np.minimum((scores * 15).astype(int), 14)
    gaps = [(labels - scores)[bins == number].sum() for number in range(15)]
    return [
        brier_score_loss(labels, scores, pos_label=1),
        log_loss(labels, np.clip(scores, 1e-7, 1 - 1e-7), labels=[0, 1]),
        np.abs(gaps).sum() / len(scores),
    ]


def test_random_cases_agree_with_scikit_learn():
    rng = np.random.default_rng(0)
    for _ in range(250):
        scores, labels, threshold = random_case(rng)
        temperature = rng.choice([0.5, 1.0, 3.0])
        metrics = measure_detection(scores, labels, threshold, temperature)
        called = scores >= threshold
        (_, false_positives), (_, hits) = confusion_matrix(labels, called, labels=[0, 1])
        assert metrics.accuracy == accuracy_score(labels, called)
        assert metrics.fpr == (false_positives / (labels == 0).sum() if (labels == 0).any() else None)
        assert metrics.tpr == (hits / labels.sum() if labels.any() else None)
        if 0 < labels.sum() < len(labels):
            assert metrics.balanced_accuracy == pytest.approx(balanced_accuracy_score(labels, called))
        else:
            assert metrics.balanced_accuracy is metrics.auc is metrics.eer is None
            assert "need both" in metrics.why
        expected = probability_metrics(labels, scores)
        assert [metrics.value(name) for name in PROBABILITY_METRICS] == pytest.approx(expected, abs=1e-9)
        expected = probability_metrics(labels, calibration.calibrate(scores, temperature))
        assert [metrics.value(name) for name in CALIBRATED_METRICS] == pytest.approx(expected, abs=1e-9)


def test_resamples_of_clusters_are_the_metrics_of_their_rows_repeated():
    rng = np.random.default_rng(2)
    for _ in range(150):
        scores, labels, threshold = random_case(rng)
        clusters = rng.integers(0, 5, len(scores))
        multiplicities = rng.integers(0, 3, (3, 7))  # two more clusters than occur here
        resampled = PreparedScores(scores, labels, threshold, 2.0, clusters).resampled(multiplicities.astype(float))
        for values, counts in zip(resampled, multiplicities, strict=True):
            rows = np.repeat(np.arange(len(scores)), counts[clusters])
            metrics = measure_detection(scores[rows], labels[rows], threshold, 2.0)
            expected = [np.nan if metrics.value(name) is None else metrics.value(name) for name in METRICS]
            np.testing.assert_allclose(values, expected, atol=1e-12)


def test_a_temperature_keeps_ranking_and_decision_metrics():
    scores, labels, threshold = random_case(np.random.default_rng(5))
    raw, scaled = measure_detection(scores, labels, threshold), measure_detection(scores, labels, threshold, 3.0)
    changed = {name for name in METRICS if raw.value(name) != scaled.value(name)}
    assert changed == set(CALIBRATED_METRICS)
    assert all(raw.value(f"{name}_calibrated") == raw.value(name) for name in PROBABILITY_METRICS)


def test_a_hand_worked_case():
    # Of the four pairs (fake, real) three are in order. Precision at the fakes: 1/1 and 2/3.
    metrics = measure_detection(np.array([0.9, 0.6, 0.7, 0.1]), np.array([1, 1, 0, 0]), threshold=0.65)
    assert metrics.auc == 0.75
    assert metrics.ap == pytest.approx((1 + 2 / 3) / 2)
    assert (metrics.accuracy, metrics.balanced_accuracy) == (0.5, 0.5)
    assert (metrics.tpr, metrics.fpr) == (0.5, 0.5)
    assert metrics.brier == pytest.approx((0.01 + 0.16 + 0.49 + 0.01) / 4)
    assert (metrics.n, metrics.n_real, metrics.n_fake) == (4, 2, 2)


def test_a_tied_pair_counts_half():
    metrics = measure_detection(np.array([0.5, 0.5]), np.array([0, 1]), threshold=0.5)
    assert metrics.auc == metrics.eer == 0.5


@pytest.mark.parametrize(
    ("labels", "reason"), [([], "nothing"), ([0, 0], "no fakes"), ([1, 1], "no reals")], ids=["none", "reals", "fakes"]
)
def test_an_undefined_metric_is_none_with_a_reason(labels, reason):
    metrics = measure_detection(np.full(len(labels), 0.7), np.array(labels, int), threshold=0.5)
    assert metrics.auc is metrics.ap is metrics.eer is metrics.tpr_at_fpr_1 is None
    assert reason in metrics.why
    assert metrics.accuracy == (np.mean(labels) if labels else None)
    assert (metrics.log_loss is None) == (not labels)


@pytest.mark.parametrize(
    ("reals", "reason"),
    [
        (99, "only 99 reals: tpr_at_fpr_1 needs at least 100, tpr_at_fpr_0_1 needs at least 1000"),
        (999, "only 999 reals: tpr_at_fpr_0_1 needs at least 1000"),
        (1000, None),
    ],
)
def test_metrics_that_rest_on_too_few_reals_are_given_and_named(reals, reason):
    metrics = measure_detection(np.linspace(0, 1, reals + 1), np.array([*[0] * reals, 1]), threshold=0.5)
    assert metrics.tpr_at_fpr_0_1 == 1.0
    assert metrics.why == reason


def test_scores_of_exactly_0_and_1_have_a_finite_log_loss():
    metrics = measure_detection(np.array([0.0, 1.0]), np.array([1, 0]), threshold=0.5)
    assert metrics.log_loss == pytest.approx(-np.log(1e-7))


@pytest.mark.parametrize(("bad", "message"), [(np.nan, "1 of 3"), (np.inf, "1 of 3"), (1.5, r"0.1 to 1.5"), (-3, "-3")])
def test_scores_that_are_no_probabilities_are_rejected(bad, message):
    with pytest.raises(RunError, match=message):
        measure_detection(np.array([0.1, bad, 0.9]), np.array([0, 1, 1]), threshold=0.5)


@pytest.mark.parametrize(("scores", "labels"), [([0.1, 0.2], [0]), ([0.1, 0.2], [0, 2]), ([[0.1]], [[0]])])
def test_arrays_of_different_shapes_and_unknown_labels_are_rejected(scores, labels):
    with pytest.raises(ValueError, match="expected"):
        measure_detection(np.array(scores), np.array(labels), threshold=0.5)

"""Figures of detection, held to scikit-learn, for all rows and for repeated ones."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score, brier_score_loss, confusion_matrix, log_loss

from dfdetect_jax.errors import RunError
from dfdetect_jax.evaluation.metrics import calibration
from dfdetect_jax.evaluation.metrics.detection import FIGURES, Detection, detection


def random_case(rng):
    """Scores, labels and a threshold: 1 to 60 rows, often tied, of unequal numbers, or with one label only."""
    n = int(rng.integers(1, 61))
    labels = (rng.random(n) < rng.choice([0.0, 0.1, 0.5, 0.9, 1.0])).astype(int)
    scores = np.clip(rng.normal(0.4 + 0.2 * labels, 0.3), 0, 1)  # some are 0 or 1
    levels = rng.choice([3, 15, 10**6])
    return np.round(scores * levels) / levels, labels, rng.choice([0.2, 0.5, 2 / 3])


def probability_figures(labels, scores):
    return {
        "brier": brier_score_loss(labels, scores, pos_label=1),
        "log_loss": log_loss(labels, np.clip(scores, 1e-7, 1 - 1e-7), labels=[0, 1]),
        "ece": calibration.expected_calibration_error(scores, labels),
    }


@pytest.mark.parametrize("part", range(2))
def test_a_thousand_random_cases_agree_with_scikit_learn(part):
    rng = np.random.default_rng(part)
    for _ in range(500):
        scores, labels, threshold = random_case(rng)
        temperature = rng.choice([0.5, 1.0, 3.0])
        figures = detection(scores, labels, threshold, temperature)
        called = scores >= threshold
        (_, false_positives), (_, hits) = confusion_matrix(labels, called, labels=[0, 1])
        assert figures["accuracy"] == accuracy_score(labels, called)
        assert figures["fpr"] == (false_positives / (labels == 0).sum() if (labels == 0).any() else None)
        assert figures["tpr"] == (hits / labels.sum() if labels.any() else None)
        if 0 < labels.sum() < len(labels):
            assert figures["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(labels, called))
        else:
            assert figures["balanced_accuracy"] is figures["auc"] is figures["eer"] is None
            assert "need both" in figures["why"]
        expected = probability_figures(labels, scores)
        assert {name: figures[name] for name in expected} == pytest.approx(expected, abs=1e-9)
        expected = probability_figures(labels, calibration.calibrate(scores, temperature))
        assert {name: figures[f"{name}_calibrated"] for name in expected} == pytest.approx(expected, abs=1e-9)


def test_resamples_of_clusters_are_the_figures_of_their_rows_repeated():
    rng = np.random.default_rng(2)
    for _ in range(150):
        scores, labels, threshold = random_case(rng)
        clusters = rng.integers(0, 5, len(scores))
        drawn = rng.integers(0, 3, (3, 7))  # two more clusters than occur here
        resampled = Detection(scores, labels, threshold, 2.0, clusters).resampled(drawn.astype(float))
        for values, counts in zip(resampled, drawn, strict=True):
            rows = np.repeat(np.arange(len(scores)), counts[clusters])
            figures = detection(scores[rows], labels[rows], threshold, 2.0)
            expected = [np.nan if figures[name] is None else figures[name] for name in FIGURES]
            np.testing.assert_allclose(values, expected, atol=1e-12)


def test_a_temperature_leaves_figures_of_rank_and_decisions_as_they_are():
    scores, labels, threshold = random_case(np.random.default_rng(5))
    plain, mended = detection(scores, labels, threshold), detection(scores, labels, threshold, 3.0)
    changed = {name for name in FIGURES if plain[name] != mended[name]}
    assert changed == {"brier_calibrated", "log_loss_calibrated", "ece_calibrated"}
    assert all(plain[f"{name}_calibrated"] == plain[name] for name in ("brier", "log_loss", "ece"))


def test_a_hand_worked_case():
    # Of the four pairs (fake, real) three are in order. Precision at the fakes: 1/1 and 2/3.
    figures = detection(np.array([0.9, 0.6, 0.7, 0.1]), np.array([1, 1, 0, 0]), threshold=0.65)
    assert figures["auc"] == 0.75
    assert figures["ap"] == pytest.approx((1 + 2 / 3) / 2)
    assert (figures["accuracy"], figures["balanced_accuracy"]) == (0.5, 0.5)
    assert (figures["tpr"], figures["fpr"]) == (0.5, 0.5)
    assert figures["brier"] == pytest.approx((0.01 + 0.16 + 0.49 + 0.01) / 4)
    assert (figures["n"], figures["n_real"], figures["n_fake"]) == (4, 2, 2)


def test_a_tied_pair_counts_half():
    figures = detection(np.array([0.5, 0.5]), np.array([0, 1]), threshold=0.5)
    assert figures["auc"] == figures["eer"] == 0.5


@pytest.mark.parametrize(
    ("labels", "reason"), [([], "nothing"), ([0, 0], "no fakes"), ([1, 1], "no reals")], ids=["none", "reals", "fakes"]
)
def test_what_cant_be_had_is_none_with_a_reason(labels, reason):
    figures = detection(np.full(len(labels), 0.7), np.array(labels, int), threshold=0.5)
    assert figures["auc"] is figures["ap"] is figures["eer"] is figures["tpr_at_fpr_1"] is None
    assert reason in figures["why"]
    assert figures["accuracy"] == (np.mean(labels) if labels else None)
    assert (figures["log_loss"] is None) == (not labels)


@pytest.mark.parametrize(
    ("reals", "reason"),
    [
        (99, "99 reals are fewer than tpr_at_fpr_1 (100) and tpr_at_fpr_0_1 (1000) need"),
        (999, "999 reals are fewer than tpr_at_fpr_0_1 (1000) need"),
        (1000, None),
    ],
)
def test_figures_that_rest_on_too_few_reals_are_given_and_named(reals, reason):
    figures = detection(np.linspace(0, 1, reals + 1), np.array([*[0] * reals, 1]), threshold=0.5)
    assert figures["tpr_at_fpr_0_1"] == 1.0
    assert (figures["why"].startswith(reason) if reason else "why" not in figures) is True


def test_scores_of_exactly_0_and_1_have_a_finite_log_loss():
    figures = detection(np.array([0.0, 1.0]), np.array([1, 0]), threshold=0.5)
    assert figures["log_loss"] == pytest.approx(-np.log(1e-7))


@pytest.mark.parametrize(("bad", "message"), [(np.nan, "1 of 3"), (np.inf, "1 of 3"), (1.5, r"0.1 to 1.5"), (-3, "-3")])
def test_scores_that_are_no_probabilities_are_refused(bad, message):
    with pytest.raises(RunError, match=message):
        detection(np.array([0.1, bad, 0.9]), np.array([0, 1, 1]), threshold=0.5)


@pytest.mark.parametrize(("scores", "labels"), [([0.1, 0.2], [0]), ([0.1, 0.2], [0, 2]), ([[0.1]], [[0]])])
def test_arrays_that_dont_belong_together_are_refused(scores, labels):
    with pytest.raises(ValueError, match="expected"):
        detection(np.array(scores), np.array(labels), threshold=0.5)

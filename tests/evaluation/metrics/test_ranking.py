"""Ranking metrics, pinned to scikit-learn and to pairs counted one by one."""

import numpy as np
import pytest
from scipy.optimize import brentq
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from dfdetect_jax.evaluation.metrics.ranking import METRICS, Ranking


def random_case(rng):
    """Scores and labels: 2 to 60 rows with both labels, often tied, often of very unequal numbers."""
    n = int(rng.integers(2, 61))
    labels = (rng.random(n) < rng.choice([0.05, 0.5, 0.9])).astype(int)
    labels[rng.choice(n, 2, replace=False)] = 0, 1
    scores = np.clip(rng.normal(0.5 + rng.choice([-0.1, 0.0, 0.3]) * labels, 0.2), 0, 1)
    levels = rng.choice([2, 5, 20, 10**6])
    return np.round(scores * levels) / levels, labels


def deepfakebench_eer(labels, scores, weights=None):
    false_positive, true_positive, _ = roc_curve(labels, scores, sample_weight=weights)
    return false_positive[np.argmin(np.abs(1 - true_positive - false_positive))]


def crossing(false_positive, true_positive):
    """FPR where the curve meets FPR = FNR, found along its length: over FPR, vertical pieces have no single value."""
    length = np.concatenate([[0], np.cumsum(np.diff(false_positive) + np.diff(true_positive))])
    at = brentq(lambda s: np.interp(s, length, false_positive) + np.interp(s, length, true_positive) - 1, 0, length[-1])
    return np.interp(at, length, false_positive)


def expected(labels, scores):
    false_positive, true_positive, _ = roc_curve(labels, scores, drop_intermediate=False)
    return {
        "auc": roc_auc_score(labels, scores),
        "ap": average_precision_score(labels, scores),
        "eer": crossing(false_positive, true_positive),
        "eer_nearest": deepfakebench_eer(labels, scores),
        "tpr_at_fpr_1": true_positive[false_positive <= 0.01].max(),
        "tpr_at_fpr_0_1": true_positive[false_positive <= 0.001].max(),
    }


def test_random_cases_agree_with_scikit_learn():
    rng = np.random.default_rng(0)
    for _ in range(500):
        scores, labels = random_case(rng)
        assert Ranking(scores, labels).metrics() == pytest.approx(expected(labels, scores), abs=1e-10)


def test_weighted_cases_are_those_of_repeated_rows():
    rng = np.random.default_rng(10)
    for _ in range(500):
        scores, labels = random_case(rng)
        weights = rng.integers(0, 4, len(scores))
        kept, its_labels = np.repeat(scores, weights), np.repeat(labels, weights)
        metrics = Ranking(scores, labels).metrics(weights)
        if 0 < its_labels.sum() < len(its_labels):
            assert metrics == pytest.approx(Ranking(kept, its_labels).metrics(), abs=1e-12)
        else:
            assert metrics == {}


def test_weights_need_not_be_whole():
    rng = np.random.default_rng(20)
    for _ in range(200):
        scores, labels = random_case(rng)
        weights = rng.random(len(scores)) + 1e-3
        metrics = Ranking(scores, labels).metrics(weights)
        assert metrics["auc"] == pytest.approx(roc_auc_score(labels, scores, sample_weight=weights))
        assert metrics["ap"] == pytest.approx(average_precision_score(labels, scores, sample_weight=weights))


def test_weights_of_groups_are_those_of_their_rows():
    rng = np.random.default_rng(21)
    for _ in range(200):
        scores, labels = random_case(rng)
        groups, weights = rng.integers(0, 6, len(scores)), rng.integers(0, 3, 6)
        grouped = Ranking(scores, labels, groups).metrics(weights)
        assert grouped == Ranking(scores, labels).metrics(weights[groups])


def test_auc_is_the_share_of_pairs_in_order_with_ties_half():
    rng = np.random.default_rng(22)
    for _ in range(300):
        scores, labels = random_case(rng)
        gaps = scores[labels == 1][:, None] - scores[labels == 0]
        assert Ranking(scores, labels).metrics()["auc"] == pytest.approx(np.mean((gaps > 0) + (gaps == 0) / 2))


@pytest.mark.parametrize(
    ("scores", "labels", "eer"),
    [
        ([0.1, 0.2, 0.8, 0.9], [0, 0, 1, 1], 0.0),
        ([0.8, 0.9, 0.1, 0.2], [0, 0, 1, 1], 1.0),
        ([0.9, 0.6, 0.7, 0.1], [1, 1, 0, 0], 0.5),
        # One of three reals stands above all fakes: the curve runs (0,0) (1/3,0) (1/3,1), crossing 1 - x at 1/3.
        ([0.9, 0.2, 0.1, 0.5, 0.6], [0, 0, 0, 1, 1], 1 / 3),
        # All scores equal: one straight line from (0,0) to (1,1).
        ([0.3, 0.3, 0.3], [0, 1, 1], 0.5),
    ],
)
def test_equal_error_rate_of_worked_cases(scores, labels, eer):
    assert Ranking(np.array(scores), np.array(labels)).metrics()["eer"] == pytest.approx(eer)


@pytest.mark.parametrize("run", [3, 63, 64, 65, 700])
def test_the_nearest_corner_is_found_however_far_it_is(run):
    # From the top: fakes, reals, fakes, each in an unbroken run, of which the curve keeps the ends alone.
    labels = np.repeat([1, 0, 1], [run, 2 * run, run])
    scores = np.linspace(0.9, 0.1, len(labels))
    metrics = Ranking(scores, labels).metrics()
    assert metrics["eer"] == pytest.approx(0.5)
    assert metrics["eer_nearest"] == deepfakebench_eer(labels, scores) == 0.0
    weights = np.random.default_rng(run).integers(0, 2, len(labels))
    weighted = Ranking(scores, labels).metrics(weights)
    assert weighted["eer_nearest"] == deepfakebench_eer(labels, scores, weights)


def test_the_first_point_of_the_curve_is_a_corner_even_on_a_straight_line():
    scores, labels = np.array([0.9, 0.9, 0.5, 0.5, 0.1, 0.1]), np.array([0, 1, 0, 1, 0, 1])
    assert Ranking(scores, labels).metrics()["eer_nearest"] == deepfakebench_eer(labels, scores) == pytest.approx(1 / 3)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("above", "dense", "corner"), [(30, slice(4030, 4090), 1.0), (50, slice(50, 110), 0.0)])
def test_where_few_rows_have_a_weight_the_search_for_a_corner_goes_on(seed, above, dense, corner):
    # FPR = FNR within a run of reals, where sparse and dense weights meet: the dense end is nearer.
    labels = np.repeat([1, 0, 1], [above, 4060, 80 - above])
    weights = (np.random.default_rng(seed).random(len(labels)) < 0.025).astype(int)
    weights[labels == 1] = weights[dense] = 1
    scores = np.linspace(0.9, 0.1, len(labels))
    nearest = Ranking(scores, labels).metrics(weights)["eer_nearest"]
    assert nearest == deepfakebench_eer(labels, scores, weights) == corner


def test_tpr_at_a_false_positive_rate_counts_whole_reals():
    # 1% of 300 reals are three: the threshold may go to just above the fourth highest.
    reals, fakes = np.linspace(0.0, 0.9, 300), np.array([0.95, 0.8999, 0.8925, 0.8915, 0.889])
    labels = np.repeat([0, 1], [300, 5])
    metrics = Ranking(np.concatenate([reals, fakes]), labels).metrics()
    assert np.sort(reals)[-4:] == pytest.approx([0.890970, 0.893980, 0.896990, 0.9], abs=1e-6)
    assert metrics["tpr_at_fpr_1"] == 4 / 5
    assert metrics["tpr_at_fpr_0_1"] == 1 / 5


def test_every_whole_share_of_reals_is_allowed_whatever_the_rounding():
    for hundreds in range(1, 100):
        n = 100 * hundreds
        scores = np.concatenate([np.linspace(0.1, 0.9, n), np.linspace(0.1, 0.9, n)])
        metrics = Ranking(scores, np.repeat([0, 1], n)).metrics()
        assert metrics["tpr_at_fpr_1"] == hundreds / n


@pytest.mark.parametrize("labels", [[], [0], [1], [0, 0], [1, 1, 1]])
def test_one_label_has_no_metrics(labels):
    assert Ranking(np.full(len(labels), 0.5), np.array(labels, int)).metrics() == {}


def test_all_metrics_are_named():
    assert tuple(Ranking(np.array([0.1, 0.9]), np.array([0, 1])).metrics()) == METRICS

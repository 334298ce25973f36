"""Conformal sets: pinned to NumPy's quantile and to Vovk's p-values; coverage as promised."""

import math

import numpy as np
import pytest

from dfdetect_jax.evaluation.thresholds import conformal
from dfdetect_jax.evaluation.thresholds.conformal import ConformalRule


def drawn(count, seed, fakes=0.3):
    """Scores that lean towards their labels."""
    rng = np.random.default_rng(seed)
    labels = (rng.random(count) < fakes).astype(int)
    return rng.beta(2 + 2 * labels, 4 - 2 * labels), labels


@pytest.mark.parametrize("count", [9, 10, 99, 137])
@pytest.mark.parametrize("error_rate", [0.1, 0.3])
def test_the_limit_is_the_corrected_quantile(count, error_rate):
    values = np.random.default_rng(count).random(count)
    level = math.ceil(round((count + 1) * (1 - error_rate), 6)) / count  # Angelopoulos and Bates, section 1
    expected = np.quantile(values, level - 1e-9, method="inverted_cdf")
    assert conformal.conformal_limit(values, error_rate) == expected


@pytest.mark.parametrize("count", [0, 8])
def test_with_too_few_for_the_error_rate_every_label_is_in_the_set(count):
    assert conformal.conformal_limit(np.zeros(count), 0.1) == 1.0


def test_a_label_is_in_the_set_where_its_p_value_exceeds_the_error_rate():
    (scores, labels), error_rate = drawn(60, 1), 0.15
    rule = conformal.class_conditional_rule(scores, labels, error_rate)
    new = np.random.default_rng(2).random(200)
    for label, within in enumerate(rule.label_sets(new)):

        def strange(p, label=label):
            return 1 - p if label else p

        alike = strange(scores[labels == label])
        p_values = [(1 + (alike >= strange(p)).sum()) / (len(alike) + 1) for p in new]
        np.testing.assert_array_equal(within, np.array(p_values) > error_rate)


@pytest.mark.parametrize("make", [conformal.marginal_rule, conformal.class_conditional_rule])
def test_new_examples_of_the_same_kind_are_covered_as_promised(make):
    covered = [conformal.measure_sets(make(*drawn(50, i), 0.2), *drawn(200, 10_000 + i)) for i in range(300)]
    assert 0.79 < np.mean([sets.coverage for sets in covered]) < 0.84  # at most 1 - error + 1 / (n + 1), of each class
    if make is conformal.class_conditional_rule:
        assert np.mean([sets.coverage_real for sets in covered]) > 0.79
        assert np.mean([sets.coverage_fake for sets in covered]) > 0.79


def test_a_marginal_rule_has_one_limit_over_both_labels():
    scores, labels = np.array([0.1, 0.2, 0.3, 0.9]), np.array([0, 0, 1, 1])  # true labels: .1, .2, .7, .1
    assert conformal.marginal_rule(scores, labels, 0.5) == pytest.approx((0.2, 0.2))


def test_hand_counted_sets():
    #        both  both  real  fake  none of the labels
    rule = ConformalRule(real_limit=0.6, fake_limit=0.5)
    sets = conformal.measure_sets(rule, np.array([0.5, 0.6, 0.1, 0.9]), np.array([0, 1, 1, 1]))
    assert sets.as_json() == {
        "coverage": 0.75,
        "coverage_real": 1.0,
        "coverage_fake": pytest.approx(2 / 3),
        "size": 1.5,
        "both": 0.5,
        "none": 0.0,
        "accuracy_of_single": 0.5,
    }
    empty = conformal.measure_sets(ConformalRule(0.2, 0.2), np.array([0.5]), np.array([0]))
    assert (empty.none, empty.size, empty.coverage_fake, empty.accuracy_of_single) == (1.0, 0.0, None, None)

"""False alarms: pinned to the distribution that the scores were sampled from."""

import itertools

import numpy as np
import pytest
from scipy.special import expit, logit
from scipy.stats import logistic, norm

from dfdetect_jax.run.false_alarms import FalseAlarms


@pytest.fixture(scope="module")
def sampled():
    """Of 2000 reals whose logits are logistic, so that their scores are uniform."""
    return FalseAlarms.of(expit(logistic.ppf((np.arange(2000) + 0.5) / 2000)))


@pytest.mark.parametrize("rate", [0.5, 0.1, 0.05, 0.01, 0.001])
def test_thresholds_are_the_quantiles_of_the_reals(sampled, rate):
    assert sampled.score_at(rate) == pytest.approx(1 - rate, rel=1e-3)
    assert sampled.rate(sampled.score_at(rate)) == pytest.approx(rate, rel=1e-6)


@pytest.mark.parametrize("count", [10, 12, 20, 60])
def test_few_reals_give_about_the_rate_that_was_asked_for(count):
    """The mean share of false alarms over many validation splits; each reaches 1% only on average."""
    random = np.random.default_rng(0)
    logits = random.normal(size=(2000, count))
    thresholds = [FalseAlarms.of(expit(each)).score_at(0.01) for each in logits]
    assert np.median(norm.sf(logit(thresholds))) == pytest.approx(0.007, abs=0.004)
    assert np.mean(norm.sf(logit(thresholds))) < 0.025


def test_beyond_all_reals_the_rate_goes_on_falling(sampled):
    rates = [sampled.rate(score) for score in (0.9, 0.999, 0.99999, 1.0)]
    assert all(later < earlier for earlier, later in itertools.pairwise(rates))
    assert rates[-1] > 0
    assert 0 < sampled.score_at(1e-6) < 1


def test_the_highest_of_many_reals_is_no_more_alarming_than_one():
    """The share of reals above a threshold stays the same, however many faces there are to take the highest of."""
    random = np.random.default_rng(0)
    alarms = FalseAlarms.of(expit(random.logistic(size=1000)))
    threshold = alarms.score_at(0.05)
    for count in (1, 3, 20):
        highest = expit(random.logistic(size=(2000, count)).max(axis=1))
        rate = np.mean([alarms.highest_of(float(score), count) >= threshold for score in highest])
        assert rate == pytest.approx(0.05, abs=0.02)
        assert count == 1 or np.mean(highest >= threshold) > 0.1


def test_one_face_keeps_its_score_and_more_faces_lower_it(sampled):
    scores = [sampled.highest_of(0.97, count) for count in (1, 2, 4, 100)]
    assert scores[0] == 0.97
    assert scores == sorted(scores, reverse=True)
    assert sampled.highest_of(0.97, 2) == pytest.approx(1 - (1 - 0.97**2), rel=5e-3)  # uniform scores: p -> 1-(1-p)^2


@pytest.mark.parametrize("scores", [[], [0.5] * 9, [0.1] * 9 + [np.nan], [0.1] * 9 + [1.5]])
def test_too_few_or_impossible_scores_give_none(scores):
    assert FalseAlarms.of(scores) is None


def test_equal_scores_are_no_obstacle():
    alarms = FalseAlarms.of([0.3] * 20)
    assert alarms.rate(0.9) < alarms.rate(0.2) <= 1
    assert 0.3 <= alarms.score_at(0.01) < 0.5

"""Thresholds from scores without labels: pinned to scikit-learn, to a plain loop, and to made distributions."""

import numpy as np
import pytest
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KernelDensity

from dfdetect_jax.evaluation.thresholds import adaptation

RNG = np.random.default_rng(0)


def normal_scores(mean, count, spread=1.0, seed=0):
    """Scores whose logits are normal."""
    return expit(np.random.default_rng(seed).normal(mean, spread, count))


def two_classes(reals, fakes, seed=0):
    """Scores and labels with logits N(-1, 1) of reals and N(1, 1) of fakes: the probability is sigmoid(2 z) of equal
    numbers."""
    scores = np.concatenate([normal_scores(-1, reals, seed=seed), normal_scores(1, fakes, seed=seed + 1)])
    return scores, np.repeat([0, 1], [reals, fakes])


def test_platt_scaling_is_logistic_regression_on_logits():
    scores, labels = two_classes(300, 100)
    platt = adaptation.fit_platt(scores, labels)
    reference = LogisticRegression(C=np.inf, tol=1e-10, max_iter=5000).fit(logit(scores)[:, None], labels)
    np.testing.assert_allclose(
        platt.probabilities(scores), reference.predict_proba(logit(scores)[:, None])[:, 1], atol=1e-5
    )
    assert platt.prior == 0.25


def test_at_the_share_of_validation_the_threshold_is_where_the_probability_is_one_half():
    platt = adaptation.fit_platt(*two_classes(300, 100))
    threshold = adaptation.prior_threshold(platt, platt.prior)
    assert platt.probabilities(np.array([threshold])) == pytest.approx(0.5)


def test_the_threshold_of_a_share_is_that_of_bayes():
    # logit P(fake | z) = 2 z of equal numbers, and 2 z + logit(share) of others.
    platt = adaptation.Platt(2.0, 0.0, 0.5)
    assert adaptation.prior_threshold(platt, 0.9) == pytest.approx(expit(-np.log(9) / 2))
    assert adaptation.prior_threshold(platt, 0.0) > 0.99
    assert adaptation.prior_threshold(adaptation.Platt(-1.0, 0.0, 0.5), 0.5) is None


@pytest.mark.parametrize("share", [0.05, 0.3, 0.8])
def test_the_share_of_fakes_is_estimated_without_labels(share):
    platt = adaptation.fit_platt(*two_classes(4000, 4000))
    scores, _ = two_classes(round(8000 * (1 - share)), round(8000 * share), seed=7)
    assert adaptation.share_of_fakes(platt.probabilities(scores), platt.prior) == pytest.approx(share, abs=0.03)


def test_the_share_of_fakes_is_the_maximum_of_the_likelihood():
    p, prior = RNG.random(200), 0.3
    shares = np.linspace(0.001, 0.999, 999)
    likelihoods = [np.log(q / prior * p + (1 - q) / (1 - prior) * (1 - p)).sum() for q in shares]
    assert adaptation.share_of_fakes(p, prior) == pytest.approx(shares[np.argmax(likelihoods)], abs=1e-3)


@pytest.mark.parametrize("shift", [-2.0, 0.0, 3.0])
def test_the_threshold_of_a_mixture_is_between_its_parts_and_moves_with_them(shift):
    logits = np.concatenate([RNG.normal(-2, 0.5, 900), RNG.normal(2, 0.5, 300)])
    assert logit(adaptation.mixture_threshold(expit(logits + shift))) == pytest.approx(shift, abs=0.1)


@pytest.mark.parametrize(("shift", "scale"), [(0.0, 1.0), (1.5, 1.0), (-1.0, 2.0)])
def test_the_threshold_moves_with_the_peak_of_reals_and_widens_with_it(shift, scale):
    logits = np.random.default_rng(3).normal(-2, 0.5, 400)
    moved = adaptation.real_mode_threshold(expit(logits * scale + shift), 0.4, expit(logits))
    assert logit(moved) == pytest.approx(logit(0.4) * scale + shift)


def test_the_peak_is_that_of_a_gaussian_kernel_density():
    # A set whose spread below the peak and whose peak are those of scikit-learn's density.
    reals, logits = normal_scores(-2, 300), np.random.default_rng(5).gamma(3.0, 0.7, 200)

    def peak_and_spread(z):
        width = z.std(ddof=1) * len(z) ** (-1 / 5)  # Scott's rule
        grid = np.linspace(z.min(), z.max(), 4096)
        peak = grid[np.argmax(KernelDensity(bandwidth=width).fit(z[:, None]).score_samples(grid[:, None]))]
        return peak, np.sqrt(np.mean((z[z <= peak] - peak) ** 2))

    (before, spread_before), (after, spread_after) = peak_and_spread(logit(reals)), peak_and_spread(logits)
    expected = after + (logit(0.4) - before) / spread_before * spread_after
    assert logit(adaptation.real_mode_threshold(expit(logits), 0.4, reals)) == pytest.approx(expected, abs=0.05)

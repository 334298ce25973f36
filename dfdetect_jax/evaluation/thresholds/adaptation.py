"""Score thresholds for one data set from its scores without labels.

Everywhere `scores` is float [N] in [0, 1], the probability of a fake, with at least two distinct values; normal
distributions and peaks are those of their logits, `calibration.clipped_logits`. All of these look at the data that are
then measured, though at no label: what they promise holds for a user who has a pile of files of one kind, not for a
single file.
"""

from typing import NamedTuple

import numpy as np
from scipy.special import expit, logit
from scipy.stats import gaussian_kde
from sklearn.linear_model import LogisticRegression
from sklearn.mixture import GaussianMixture

from dfdetect_jax.evaluation.metrics.calibration import CLIP, clipped_logits

_ROUNDS, _SETTLED = 10_000, 1e-10  # of `share_of_fakes`
_GRID = 1024  # points at which a density is compared


class Platt(NamedTuple):
    """P(fake) = sigmoid(slope * logit(score) + intercept), where fakes are as frequent as `prior`.

    Attributes:
        slope, intercept: fitted on labelled scores.
        prior: share of fakes among those, in (0, 1).
    """

    slope: float
    intercept: float
    prior: float

    def probabilities(self, scores: np.ndarray) -> np.ndarray:
        """Of float [N] in [0, 1]: float64 [N]."""
        return expit(self.slope * clipped_logits(scores) + self.intercept)


def fit_platt(scores: np.ndarray, labels: np.ndarray) -> Platt:
    """Logistic regression of labels on the logits of scores, without a penalty.

    Source: Platt, Probabilistic outputs for support vector machines, 1999. With two classes it is temperature scaling
    with a bias, which the correction of priors needs: Alexandari, Kundaje and Shrikumar, Maximum likelihood with
    bias-corrected calibration is hard-to-beat at label shift adaptation, ICML 2020.

    Args:
        scores: float [N] in [0, 1], of validation.
        labels: int [N], 0 real and 1 fake, both present.
    """
    regression = LogisticRegression(C=np.inf, tol=1e-8, max_iter=1000)
    regression.fit(clipped_logits(scores)[:, None], labels)
    return Platt(float(regression.coef_[0, 0]), float(regression.intercept_[0]), float(np.mean(labels)))


def share_of_fakes(probabilities: np.ndarray, prior: float) -> float:
    """The share of fakes in a set of unknown labels, by expectation maximisation: in [0, 1].

    It is the maximum of the likelihood if the set differs from validation in that share alone, and reals and fakes
    each look as they did there.

    Source: Saerens, Latinne and Decaestecker, Adjusting the outputs of a classifier to new a priori probabilities,
    Neural Computation 14, 2002.

    Args:
        probabilities: of fakes, float [N], calibrated where their share is `prior`.
        prior: in (0, 1).
    """
    p, share = np.clip(probabilities, CLIP, 1 - CLIP), prior
    for _ in range(_ROUNDS):
        fake, real = share / prior * p, (1 - share) / (1 - prior) * (1 - p)
        before, share = share, float(np.mean(fake / (fake + real)))
        if abs(share - before) < _SETTLED:
            break
    return share


def prior_threshold(platt: Platt, share: float) -> float | None:
    """The score at which fakes are as likely as reals where that share are fakes: the threshold of best accuracy.

    Saerens et al. 2002 correct the odds by the ratio of the priors; here that is solved for the score. None where
    higher scores don't mean fakes.
    """
    if platt.slope <= 0:
        return None
    shift = logit(np.clip(share, CLIP, 1 - CLIP)) - logit(platt.prior)
    return float(expit(-(platt.intercept + shift) / platt.slope))


def mixture_threshold(scores: np.ndarray) -> float:
    """Half-way between the means of two normal distributions of one spread, fitted by expectation maximisation.

    There both are equally likely when they are equally frequent, so that balanced accuracy is highest. Source:
    McLachlan and Peel, Finite mixture models, 2000, chapter 3; of thresholds: Kittler and Illingworth, Minimum error
    thresholding, Pattern Recognition 19, 1986, here with one spread, with which densities cross once.
    """
    mixture = GaussianMixture(2, covariance_type="tied", random_state=0, tol=1e-6, max_iter=1000)
    mixture.fit(clipped_logits(scores)[:, None])
    return float(expit(mixture.means_.mean()))


def real_mode_threshold(scores: np.ndarray, threshold: float, reals: np.ndarray) -> float:
    """A threshold moved with the highest peak of the scores, which is taken for that of reals.

    It is as many spreads from the peak of the set as `threshold` is from that of validation's reals. The spread is
    that of the values below the peak, which fakes hardly reach. Source: Efron, Large-scale simultaneous hypothesis
    testing: the choice of a null hypothesis, JASA 99, 2004, where centre and width of the null are those of the central
    peak.

    Args:
        scores: of the set.
        threshold: chosen on validation, in (0, 1).
        reals: float [M] in [0, 1], the scores of validation's reals.
    """
    (before, spread_before), (after, spread_after) = _peak(reals), _peak(scores)
    distance = (clipped_logits(np.array(threshold)) - before) / spread_before
    return float(expit(after + distance * spread_after))


def _peak(scores: np.ndarray) -> tuple[float, float]:
    """Where the density of the logits is highest, and the root mean square of how far values below are from it."""
    z = clipped_logits(scores)
    grid = np.linspace(z.min(), z.max(), _GRID)
    peak = float(grid[np.argmax(gaussian_kde(z)(grid))])
    below = z[z <= peak]
    # Where the lowest value is the peak nothing is below, and the spread of all has to do.
    spread = np.sqrt(np.mean((below - peak) ** 2)) if len(below) else 0.0
    return peak, float(spread or z.std())

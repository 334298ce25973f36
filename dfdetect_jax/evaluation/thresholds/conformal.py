"""Split conformal prediction: sets of labels that hold the true one as often as is asked for.

A score p in [0, 1] is the probability of a fake. The nonconformity of a label is one less its probability: p of "real",
1 - p of "fake". A set holds every label whose nonconformity is at most a limit, a quantile over calibration data. With
both labels, or none, the verdict is "uncertain". If a new example is exchangeable with those of calibration, its set
holds its label with a probability of at least 1 - error_rate; for another kind of reals or fakes nothing is promised.

Sources: Vovk, Gammerman and Shafer, Algorithmic learning in a random world, 2005; Sadinle, Lei and Wasserman, Least
ambiguous set-valued classifiers with bounded error levels, JASA 114, 2019; Angelopoulos and Bates, A gentle
introduction to conformal prediction and distribution-free uncertainty quantification, 2021, section 1.
"""

import dataclasses
import math
from typing import Any, NamedTuple

import numpy as np

from dfdetect_jax.data.example import Label
from dfdetect_jax.evaluation.metrics.detection import checked


class ConformalRule(NamedTuple):
    """Which labels a set holds.

    Attributes:
        real_limit, fake_limit: highest nonconformity of the label, in [0, 1].
    """

    real_limit: float
    fake_limit: float

    def label_sets(self, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Whether the sets of float [N] hold "real", and whether they hold "fake": bool [N] each."""
        scores = np.asarray(scores, np.float64)
        return scores <= self.real_limit, 1.0 - scores <= self.fake_limit


def conformal_limit(nonconformity: np.ndarray, error_rate: float) -> float:
    """The ceil((n + 1) (1 - error_rate))-th smallest of n values in [0, 1]; 1 where there are too few of them.

    Args:
        nonconformity: float [n], of the true labels of calibration data.
        error_rate: share of sets that may lack the true label, in (0, 1).
    """
    place = math.ceil((len(nonconformity) + 1) * (1 - error_rate) - 1e-9)  # 10 * .9 is not above 9
    return 1.0 if place > len(nonconformity) else float(np.sort(nonconformity)[place - 1])


def marginal_rule(scores: np.ndarray, labels: np.ndarray, error_rate: float) -> ConformalRule:
    """One limit for both labels: the error rate holds over reals and fakes as calibration mixes them.

    Args:
        scores: float [N] in [0, 1], of calibration data.
        labels: int [N], 0 real and 1 fake.
        error_rate: in (0, 1).
    """
    limit = conformal_limit(_of_true_label(*checked(scores, labels)), error_rate)
    return ConformalRule(limit, limit)


def class_conditional_rule(scores: np.ndarray, labels: np.ndarray, error_rate: float) -> ConformalRule:
    """A limit for each label (Mondrian): the error rate holds over reals, and over fakes; arguments as `marginal_rule`.

    Of reals it is a false alarm rate: this share of them have a set without "real".
    """
    scores, labels = checked(scores, labels)
    values = _of_true_label(scores, labels)
    return ConformalRule(*(conformal_limit(values[labels == label], error_rate) for label in (Label.REAL, Label.FAKE)))


@dataclasses.dataclass(frozen=True, kw_only=True)
class SetMetrics:
    """How sets of labels did; a share is None where there is nothing that it could be of.

    Attributes:
        coverage: share of sets that hold the true label.
        coverage_real, coverage_fake: the same of reals, and of fakes.
        size: mean number of labels.
        both, none: shares of sets with both labels, and with none.
        accuracy_of_single: share of sets with one label whose label is the true one.
    """

    coverage: float | None
    coverage_real: float | None
    coverage_fake: float | None
    size: float | None
    both: float | None
    none: float | None
    accuracy_of_single: float | None

    def as_json(self) -> dict[str, Any]:
        """By attribute."""
        return dataclasses.asdict(self)


def measure_sets(rule: ConformalRule, scores: np.ndarray, labels: np.ndarray) -> SetMetrics:
    """Coverage and size.

    Args:
        rule: of calibration data.
        scores: float [N] in [0, 1].
        labels: int [N], 0 real and 1 fake.
    """
    scores, labels = checked(scores, labels)
    real, fake = rule.label_sets(scores)
    is_fake = labels == Label.FAKE
    covered = np.where(is_fake, fake, real)
    return SetMetrics(
        coverage=_mean(covered),
        coverage_real=_mean(covered[~is_fake]),
        coverage_fake=_mean(covered[is_fake]),
        size=_mean(real.astype(np.int64) + fake),
        both=_mean(real & fake),
        none=_mean(~real & ~fake),
        accuracy_of_single=_mean(covered[real != fake]),
    )


def _of_true_label(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return np.where(labels == Label.FAKE, 1.0 - scores, scores)


def _mean(values: np.ndarray) -> float | None:
    return float(values.mean()) if len(values) else None

"""How often real media reach a score: the distribution of validation's reals, from which thresholds are frozen.

Scores are probabilities of a fake, in [0, 1]. Between observed scores the rate is interpolated; beyond the highest
tenth, where few reals are left to count, an exponential tail on the logits continues it: the generalised Pareto
distribution of shape 0 (Pickands, Annals of Statistics 1975; Coles, An introduction to statistical modeling of extreme
values, 2001, section 4.2).
"""

import dataclasses
import functools
from collections.abc import Sequence

import numpy as np

_CLIP = 1e-7  # of scores, whose float32 sigmoid saturates
_TAIL = 0.1  # share of the reals that the tail is fitted to
_FEWEST_BEYOND = 3  # reals that it is fitted to in any case; fewer give a tail too short, and several times the rate
_FEWEST = 10  # reals below which no rate is worth stating
_LEAST_RATE = 1e-12


@dataclasses.dataclass(frozen=True)
class FalseAlarms:
    """The scores of real photographs and clips that were not trained on.

    Attributes:
        scores: one per photograph or clip, ascending, each in [0, 1]; at least `_FEWEST`.
    """

    scores: tuple[float, ...] = dataclasses.field(repr=False)

    @classmethod
    def of(cls, scores: np.ndarray | Sequence[float]) -> "FalseAlarms | None":
        """From scores in any order, float [N]; None for fewer than ten, or where one is not in [0, 1]."""
        values = np.sort(np.asarray(scores, np.float64))
        usable = values.ndim == 1 and len(values) >= _FEWEST and bool(((values >= 0) & (values <= 1)).all())
        return cls(tuple(values.tolist())) if usable else None

    def rate(self, score: float) -> float:
        """The expected share of reals with at least this score, in (0, 1]."""
        z = float(_logits(score))
        logits, rates = self._curve
        if z > logits[-1]:
            return max(float(rates[-1] * np.exp(-(z - logits[-1]) / self._scale)), _LEAST_RATE)
        return float(np.interp(z, logits, rates))

    def score_at(self, rate: float) -> float:
        """The score that this share of reals is expected to reach, in (0, 1): the inverse of `rate`."""
        logits, rates = self._curve
        if rate < rates[-1]:
            z = logits[-1] - self._scale * np.log(max(rate, _LEAST_RATE) / rates[-1])
        else:
            z = np.interp(-rate, -rates, logits)
        return float(1 / (1 + np.exp(-z)))

    def highest_of(self, score: float, count: int) -> float:
        """The score of one face that is as rare among reals as `score` is as the highest of `count` faces.

        p' = 1 - (1 - p) ** count (Sidak, JASA 1967), and back to the score of that rate. It never exceeds `score`.
        """
        if count < 2:
            return score
        rate = -np.expm1(count * np.log1p(-min(self.rate(score), 1 - 1e-12)))
        return min(score, self.score_at(float(rate)))

    @functools.cached_property
    def _curve(self) -> tuple[np.ndarray, np.ndarray]:
        """Ascending logits of the body and their rates, float64 [M] each; the tail starts at the last."""
        logits = _logits(self.scores)
        count = len(logits)
        start = min(round(count * (1 - _TAIL)), count - 1 - _FEWEST_BEYOND)  # place of the logit where the tail starts
        # The i-th of n is reached by (n - i + 1/2) / n of the reals: the middle of its step.
        rates = (count - np.arange(count) - 0.5) / count
        values, first = np.unique(logits[: start + 1], return_index=True)
        return values, rates[first]

    @functools.cached_property
    def _scale(self) -> float:
        """Mean excess of the logits over the start of the tail, at least a thousandth."""
        logits = _logits(self.scores)
        start = self._curve[0][-1]
        beyond = logits[logits > start] - start
        return max(float(beyond.mean()) if len(beyond) else 0.0, 1e-3)


def _logits(scores: float | Sequence[float]) -> np.ndarray:
    """log(p / (1 - p)); not by SciPy, whose import takes a tenth of the time to a first verdict."""
    clipped = np.clip(scores, _CLIP, 1 - _CLIP)
    return np.log(clipped / (1 - clipped))

"""From a score to a verdict: the thresholds that validation froze, and what a probability is.

Real below one threshold, fake from another on, uncertain between. They are set by the share of real photographs and
clips that may be called fake, `max_fpr`:

    fake from     the score that max_fpr of validation's reals reach
    real below    the score that 5 * max_fpr of them reach, or the threshold of the highest balanced accuracy on
                  validation where that one is lower: a detector that can hardly tell fakes from reals calls few real

The highest of several scores is compared after `FalseAlarms.highest_of`, which takes their number into account.
"""

from __future__ import annotations

import dataclasses
import enum
import math
from typing import TYPE_CHECKING

from dfdetect_jax.errors import RunError, SettingsError

if TYPE_CHECKING:  # brings JAX, which a wrong command line need not wait for
    from dfdetect_jax.run.false_alarms import FalseAlarms
    from dfdetect_jax.run.folder import Run

MAX_FPR = 0.01
_SUSPECT = 5  # times as many reals as may be called fake may be called uncertain or fake
_CLIP = 1e-7
_MOST = 700.0  # whose exponential is finite


class Verdict(enum.StrEnum):
    """A run's verdict on a file; `ERROR` for one that can't be scored."""

    REAL = "real"
    UNCERTAIN = "uncertain"
    FAKE = "fake"
    NO_FACE = "no face"
    ERROR = "error"


@dataclasses.dataclass(frozen=True, kw_only=True)
class DecisionRule:
    """How scores of a run become verdicts.

    Attributes:
        fake_from: scores from here on are fake.
        real_below: scores below are real; at most `fake_from`, and equal to it where there is no third verdict.
        false_alarms: of the run; None where the number of faces can't be taken into account.
        temperature: of the run's calibration; None where it wasn't calibrated.
        notes: sentences on the thresholds, for whoever runs the command.
    """

    fake_from: float
    real_below: float
    false_alarms: FalseAlarms | None = None
    temperature: float | None = None
    notes: tuple[str, ...] = ()

    def verdict(self, score: float) -> Verdict:
        """Of a score in [0, 1]."""
        if score >= self.fake_from:
            return Verdict.FAKE
        return Verdict.REAL if score < self.real_below else Verdict.UNCERTAIN

    def highest_of(self, score: float, count: int) -> float:
        """The highest of `count` scores, lowered to what it is worth as one of so many; in [0, 1]."""
        return score if self.false_alarms is None else self.false_alarms.highest_of(score, count)

    def probability(self, score: float) -> float | None:
        """The calibrated probability of a fake, where fakes are as frequent as in validation; None if uncalibrated."""
        if self.temperature is None:
            return None
        score = min(max(score, _CLIP), 1 - _CLIP)
        against = math.log(1 / score - 1) / self.temperature  # -logit(score) / temperature
        return 1 / (1 + math.exp(min(against, _MOST)))  # its sigmoid


def decision_rule(run: Run, max_fpr: float | None = None) -> DecisionRule:
    """The rule of a run.

    A run without stored false alarms, such as one of version 0.1.0, has its one threshold and no third verdict.

    Args:
        run: an opened run.
        max_fpr: share of reals that may be called fake, above 0 and at most 0.2; None for `MAX_FPR` where the run can
            hold it.

    Raises:
        SettingsError: `max_fpr` is out of range.
        RunError: `max_fpr` is given, and the run has no false alarms stored.
    """
    from dfdetect_jax.run.frozen import read_frozen

    if max_fpr is not None and not 0 < max_fpr <= 0.2:
        raise SettingsError(f"max_fpr: expected a share of reals above 0 and at most 0.2, found {max_fpr:g}")
    values = read_frozen(run)
    if values is None or values.false_alarms is None:
        missing = "no scores of validation's reals are stored with this run"
        if max_fpr is not None:
            raise RunError(
                f"{run.folder}: --max_fpr needs the scores of ten or more reals of validation, and {missing}; run "
                "evaluate on it once, where its training data are"
            )
        note = f"{missing}: one threshold of balanced accuracy, {run.threshold:.3f}, and no verdict between"
        temperature = values.temperature if values else None
        return DecisionRule(fake_from=run.threshold, real_below=run.threshold, temperature=temperature, notes=(note,))
    return _frozen_rule(run.threshold, values.false_alarms, values.temperature, max_fpr or MAX_FPR)


def _frozen_rule(threshold: float, false_alarms: FalseAlarms, temperature: float, max_fpr: float) -> DecisionRule:
    fake_from = false_alarms.score_at(max_fpr)
    real_below = min(fake_from, false_alarms.score_at(_SUSPECT * max_fpr), threshold)
    reals = len(false_alarms.scores)
    notes = [
        f"fake from {fake_from:.3f}, which {100 * max_fpr:.2g}% of {reals} real photographs and clips of validation "
        f"reach; real below {real_below:.3f}; uncertain between"
    ]
    if reals * max_fpr < 1:
        notes.append(f"{reals} reals are too few to count {100 * max_fpr:.2g}% of them: the threshold is extrapolated")
    return DecisionRule(
        fake_from=fake_from,
        real_below=real_below,
        false_alarms=false_alarms,
        temperature=temperature,
        notes=tuple(notes),
    )

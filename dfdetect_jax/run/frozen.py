"""Values chosen on validation data and then frozen, as a run folder stores them.

The score threshold is chosen during training with every checkpoint and is stored in its seal. All others belong to the
best checkpoint alone; `evaluation.frozen` chooses them after training and stores them in `FILE`.
"""

import dataclasses
from typing import Any

from dfdetect_jax import files
from dfdetect_jax.run.false_alarms import FalseAlarms
from dfdetect_jax.run.folder import Run, keep_beside

FILE = "validation.json"  # in the run folder
VALIDATION = "validation"  # the same, within the one config.json of a model folder


@dataclasses.dataclass(frozen=True, kw_only=True)
class FrozenValues:
    """What validation data determine.

    Attributes:
        threshold: of scores, see `evaluation.frozen.choose_threshold`.
        temperature: of scores, see `evaluation.frozen.fit_temperature`; 1 where it could not be fitted.
        attention_threshold: of maps, see `evaluation.frozen.choose_map_threshold`; None without maps or masks.
        false_alarms: scores of validation's real photographs and clips; None where there were too few.
        why: why something could not be chosen; "" if everything could.
        outdated: whether a version that knew no false alarms stored them.
    """

    threshold: float
    temperature: float = 1.0
    attention_threshold: float | None = None
    false_alarms: FalseAlarms | None = None
    why: str = ""
    outdated: bool = False


def read_frozen(run: Run) -> FrozenValues | None:
    """The values stored for the run's best checkpoint; None where there are none, or those of another checkpoint."""
    try:
        stored = run.info[VALIDATION] if VALIDATION in run.info else files.read_json(run.folder / FILE)
        if stored["step"] != run.info["checkpoint"]["step"]:
            return None
        return FrozenValues(
            threshold=run.threshold,
            temperature=stored["temperature"],
            attention_threshold=stored["attention_threshold"],
            false_alarms=FalseAlarms.of(stored.get("reals", ())),
            why=stored["why"],
            outdated="reals" not in stored,
        )
    except (OSError, ValueError, TypeError, KeyError, AttributeError):  # none yet, or of another version
        return None


def store_frozen(run: Run, values: FrozenValues) -> None:
    """Stores the values in the run folder; a read-only folder is left as it is."""
    keep_beside(run.folder, FILE, as_json(run, values))


def as_json(run: Run, values: FrozenValues) -> dict[str, Any]:
    """What is stored: all but the threshold, and the step of the checkpoint."""
    return {
        "step": run.info["checkpoint"]["step"],
        "temperature": values.temperature,
        "attention_threshold": values.attention_threshold,
        "why": values.why,
        "reals": list(values.false_alarms.scores) if values.false_alarms else [],
    }

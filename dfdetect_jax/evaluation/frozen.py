"""What is chosen on validation data and then frozen: the temperature of scores, and the threshold of maps.

The threshold of scores is chosen while training, with each checkpoint; these two belong to the best checkpoint alone
and are kept in the run folder beside it.
"""

import dataclasses
import json
from pathlib import Path

from dfdetect_jax.data.pipeline import eval_batches
from dfdetect_jax.errors import RecordsError
from dfdetect_jax.evaluation.metrics.calibration import fit_temperature
from dfdetect_jax.evaluation.metrics.frame_scores import concatenate, from_batch
from dfdetect_jax.evaluation.metrics.localization import THRESHOLDS, Localization
from dfdetect_jax.run.folder import Run, keep_beside, records_of

FILE = "validation.json"  # in the run folder
_BATCH = 32


@dataclasses.dataclass(frozen=True)
class Chosen:
    """What validation gave.

    Attributes:
        temperature: of `calibration.calibrate`; 1 where it could not be fitted.
        attention_threshold: one of `localization.THRESHOLDS`, with the highest mean IoU; None without maps or masks.
        why: in words, why something could not be chosen; "" if all could.
    """

    temperature: float = 1.0
    attention_threshold: float | None = None
    why: str = ""


def chosen(run: Run) -> Chosen:
    """What was chosen for a run's best checkpoint: as kept, or chosen now if its training data are still in place."""
    kept = _read(run)
    if kept is not None:
        return kept
    try:
        records = records_of(run)
    except RecordsError:
        return Chosen(
            why="its validation data are not in place, so scores are not calibrated and maps have no threshold"
        )
    return choose(run, records)


def choose(run: Run, records: Path) -> Chosen:
    """Chooses on the validation split, reals and seen forgeries, and keeps the result in the run folder.

    Args:
        run: an opened run.
        records: what it was trained on.

    Raises:
        RecordsError: the validation split is empty or damaged.
    """
    size, parts, localization = run.settings.data.image_size, [], Localization()
    for batch in eval_batches(records, "val", batch_size=_BATCH, image_size=size, forgeries=run.seen or None):
        if run.localizes:
            prediction = run.localize(batch["image"])
            localization.update(prediction.attention, batch)
            parts.append(from_batch(batch, prediction.score))
        else:
            parts.append(from_batch(batch, run.score(batch["image"])))
    scores, best = concatenate(parts), localization.best
    result = Chosen(fit_temperature(scores.score, scores.label), None if best is None else float(THRESHOLDS[best]))
    keep_beside(run.folder, FILE, {"step": run.info["checkpoint"]["step"], **dataclasses.asdict(result)})
    return result


def _read(run: Run) -> Chosen | None:
    try:
        kept = json.loads((run.folder / FILE).read_text())
        step = kept.pop("step")
        return Chosen(**kept) if step == run.info["checkpoint"]["step"] else None
    except (OSError, ValueError, TypeError, KeyError):  # none yet, or of another version: chosen anew
        return None

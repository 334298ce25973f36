"""Values chosen on validation data and then frozen: the score threshold, the temperature, the map threshold, and how
often reals reach a score. `run.frozen` stores them.
"""

from pathlib import Path

import numpy as np
from scipy.optimize import minimize_scalar

from dfdetect_jax.config import override
from dfdetect_jax.data.example import Label
from dfdetect_jax.errors import RecordsError
from dfdetect_jax.evaluation.metrics.attention_maps import THRESHOLDS
from dfdetect_jax.evaluation.metrics.calibration import clipped_logits
from dfdetect_jax.evaluation.metrics.detection import checked
from dfdetect_jax.evaluation.metrics.frame_scores import FrameScores, concatenate, from_batch
from dfdetect_jax.evaluation.metrics.localization import Localization
from dfdetect_jax.evaluation.metrics.videos import video_scores
from dfdetect_jax.evaluation.validation_data import validation_batches
from dfdetect_jax.run.false_alarms import FalseAlarms
from dfdetect_jax.run.folder import Run, records_of
from dfdetect_jax.run.frozen import FrozenValues, read_frozen, store_frozen

UNINFORMED_THRESHOLD = 0.5
LARGEST_TEMPERATURE = 20.0
_BATCH = 32


def frozen_values(run: Run) -> FrozenValues:
    """The frozen values of a run's best checkpoint: as stored, or chosen now if its training data are in place.

    What version 0.1.0 stored is chosen anew, too, while the data are there.
    """
    stored = read_frozen(run)
    if stored is not None and not stored.outdated:
        return stored
    try:
        records = records_of(run)
    except RecordsError:
        why = "validation data not found: scores are not calibrated, and the map threshold is not from validation"
        return stored or FrozenValues(threshold=run.threshold, why=why)
    return choose_frozen_values(run, records)


def choose_frozen_values(run: Run, records: Path) -> FrozenValues:
    """Chooses on the validation split, see `validation_data`, and stores the result in the run folder.

    Args:
        run: an opened run.
        records: what it was trained on.

    Raises:
        RecordsError: the validation split is empty or damaged.
    """
    scores, localization = _validate(run, records)
    values = FrozenValues(
        threshold=run.threshold,
        temperature=fit_temperature(scores.score, scores.label),
        attention_threshold=choose_map_threshold(localization),
        false_alarms=real_scores(scores),
    )
    store_frozen(run, values)
    return values


def choose_threshold(scores: np.ndarray, labels: np.ndarray) -> float:
    """The score threshold with the highest balanced accuracy on validation scores.

    Candidates are the midpoints between neighbouring distinct scores; balanced accuracy is the mean of the shares of
    fakes and of reals classified correctly. Of equally good candidates, the one in the widest gap, then the lowest.
    With one label only, or all scores equal, it is 0.5.

    Args:
        scores: float [N] in [0, 1].
        labels: int [N], 0 real and 1 fake.

    Raises:
        RunError: a score is not a number in [0, 1].
    """
    scores, labels = checked(scores, labels)
    values, position = np.unique(scores, return_inverse=True)
    fakes = np.bincount(position[labels == Label.FAKE], minlength=len(values))
    reals = np.bincount(position[labels == Label.REAL], minlength=len(values))
    if len(values) < 2 or not fakes.sum() or not reals.sum():
        return UNINFORMED_THRESHOLD
    reals_below = np.cumsum(reals)[:-1]
    fakes_above = fakes.sum() - np.cumsum(fakes)[:-1]
    # Cross-multiplied to integers: two thresholds that are equally good compare as equal.
    goodness = reals_below * fakes.sum() + fakes_above * reals.sum()
    gaps = np.where(goodness == goodness.max(), np.diff(values), -1.0)
    best = int(np.argmax(gaps))
    middle = (values[best] + values[best + 1]) / 2
    return float(middle if middle > values[best] else values[best + 1])  # neighbouring floats have no middle


def fit_temperature(scores: np.ndarray, labels: np.ndarray) -> float:
    """The temperature T, from 1/20 to 20, at which `calibration.calibrate` has the lowest mean log loss.

    Above 1 the scores were overconfident. Scores that separate the labels give 1/20, scores in the wrong order 20; with
    one label only, or none, it is 1. Source: Guo et al., On calibration of modern neural networks, ICML 2017, section
    4.2.

    Args:
        scores: float [N] in [0, 1], of validation.
        labels: int [N], 0 real and 1 fake.
    """
    labels = np.asarray(labels)
    if len(np.unique(labels)) < 2:
        return 1.0
    towards_own = clipped_logits(scores) * np.where(labels == Label.FAKE, 1.0, -1.0)
    bound = np.log(LARGEST_TEMPERATURE)

    def loss(log_temperature: float) -> float:
        return float(np.mean(np.logaddexp(0.0, -towards_own * np.exp(-log_temperature))))

    optimum = minimize_scalar(loss, bounds=(-bound, bound), method="bounded", options={"xatol": 1e-8})
    # The loss has one minimum in log T, but the search never evaluates the bounds.
    return float(np.exp(min((optimum.x, -bound, bound), key=loss)))


def choose_map_threshold(localization: Localization) -> float | None:
    """The one of `attention_maps.THRESHOLDS` with the highest mean IoU on validation maps; None without masks."""
    return None if localization.best is None else float(THRESHOLDS[localization.best])


def real_scores(frames: FrameScores) -> FalseAlarms | None:
    """The scores of the real photographs and clips, the mean over the frames of each; None for fewer than ten."""
    clips = video_scores(frames)
    return FalseAlarms.of(clips.score[clips.label == Label.REAL])


def _validate(run: Run, records: Path) -> tuple[FrameScores, Localization]:
    localization, parts = Localization(), list[FrameScores]()
    settings = override(run.settings, {"data.train_forgeries": run.seen})
    for batch in validation_batches(records, settings, batch_size=_BATCH):
        if run.localizes:
            prediction = run.localize(batch["image"])
            localization.update(np.asarray(prediction.attention), batch)
            parts.append(from_batch(batch, np.asarray(prediction.score)))
        else:
            parts.append(from_batch(batch, run.score(batch["image"])))
    return concatenate(parts), localization

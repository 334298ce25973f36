"""Ways to a threshold side by side on one data set: frozen on validation, or adapted to the set without its labels."""

import dataclasses
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from dfdetect_jax.config import override
from dfdetect_jax.data.example import Label
from dfdetect_jax.data.mixture import select
from dfdetect_jax.data.records import Records
from dfdetect_jax.evaluation.frozen import choose_threshold, fit_temperature
from dfdetect_jax.evaluation.metrics.calibration import clipped_logits
from dfdetect_jax.evaluation.metrics.detection import measure_detection
from dfdetect_jax.evaluation.metrics.detection_metrics import DetectionMetrics
from dfdetect_jax.evaluation.metrics.frame_scores import FrameScores, score_frames
from dfdetect_jax.evaluation.scored_split import Advance, counted
from dfdetect_jax.evaluation.thresholds import adaptation, conformal
from dfdetect_jax.evaluation.thresholds.conformal import ConformalRule, SetMetrics
from dfdetect_jax.evaluation.validation_data import SPLIT, by_twins, validation_batches
from dfdetect_jax.run.folder import Run

FROZEN, SELF_BLENDED = "frozen", "self-blended"
ERROR_RATE = 0.1
FEWEST = 10  # distinct scores of a set that is adapted to
_BATCH = 32
_VALIDATION = "validation: reals and the forgeries trained on"
_TWINS = "validation: reals and their self-blended twins"
_OWN = "validation: reals and the forgeries trained on, of the same data set"
_RULES = {"marginal": conformal.marginal_rule, "class-conditional": conformal.class_conditional_rule}


class ValidationScores(NamedTuple):
    """Frame scores of the validation split.

    Attributes:
        seen: of reals and the forgeries that were trained on, by which the run's threshold was chosen.
        twins: of reals and their self-blended twins.
    """

    seen: FrameScores
    twins: FrameScores


class Way(NamedTuple):
    """A threshold, and where it is from.

    Attributes:
        name: of the way.
        looks_at: what the threshold was chosen by, as a phrase.
        threshold: in [0, 1].
        temperature: of calibration, from the same data; None for a way that has none.
        share: of fakes in the set, where the way estimates it.
    """

    name: str
    looks_at: str
    threshold: float
    temperature: float | None = None
    share: float | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class WayMetrics:
    """One way on one data set, over frames.

    Attributes:
        way: the threshold.
        detection: at the threshold; probabilities at the temperature.
    """

    way: Way
    detection: DetectionMetrics

    def as_json(self) -> dict[str, Any]:
        """The way's attributes, "accuracy", "balanced_accuracy", "fpr", "fnr"; with a temperature "ece", "log_loss"."""
        of, way = self.detection, self.way
        values = {**way._asdict(), "accuracy": of.accuracy, "balanced_accuracy": of.balanced_accuracy, "fpr": of.fpr}
        calibrated = {} if way.temperature is None else {"ece": of.ece_calibrated, "log_loss": of.log_loss_calibrated}
        return values | {"fnr": of.fnr} | calibrated


@dataclasses.dataclass(frozen=True, kw_only=True)
class ConformalMetrics:
    """One conformal rule on one data set, over frames.

    Attributes:
        kind: "marginal" or "class-conditional".
        calibration: the data it was calibrated on: "validation", `SELF_BLENDED` or "same data set".
        looks_at: the same as a phrase.
        error_rate: share of sets that may lack the true label.
        rule: its limits.
        sets: how it did.
    """

    kind: str
    calibration: str
    looks_at: str
    error_rate: float
    rule: ConformalRule
    sets: SetMetrics

    def as_json(self) -> dict[str, Any]:
        """The attributes; limits and metrics of sets not nested."""
        names = ("kind", "calibration", "looks_at", "error_rate")
        return {name: getattr(self, name) for name in names} | self.rule._asdict() | self.sets.as_json()


@dataclasses.dataclass(frozen=True, kw_only=True)
class ThresholdMetrics:
    """All ways and rules on one data set.

    Attributes:
        ways: `FROZEN` first.
        conformal: by data of calibration and kind.
        why: why ways are missing; "" if none is.
    """

    ways: tuple[WayMetrics, ...]
    conformal: tuple[ConformalMetrics, ...]
    why: str = ""

    def as_json(self) -> dict[str, Any]:
        """{"ways": [...], "conformal": [...]}, and "why"."""
        values = {
            "ways": [each.as_json() for each in self.ways],
            "conformal": [each.as_json() for each in self.conformal],
        }
        return values | ({"why": self.why} if self.why else {})


def validation_scores(run: Run, records: Path, advance: Advance = lambda done: None) -> ValidationScores:
    """Scores validation twice: with the forgeries that were trained on, and with self-blended twins.

    Args:
        run: an opened run.
        records: what it was trained on.
        advance: called with numbers of frames that are done, of `validation_frames`.

    Raises:
        RecordsError: the validation split is empty or damaged, or has no reals.
    """
    seen = override(run.settings, {"data.train_forgeries": run.seen})
    passes = [
        score_frames(run.score, counted(validation_batches(records, settings, batch_size=_BATCH), advance))
        for settings in (seen, override(seen, {"augment.self_blend.share": 0.5}))
    ]
    return ValidationScores(*passes)


def validation_frames(run: Run, records: Path) -> int:
    """How many frames `validation_scores` scores; errors as there."""
    split = Records(records, SPLIT)
    labels = split.labels[select(split, run.seen)]
    with_twins = 2 * int((labels == Label.REAL).sum())
    settings = override(run.settings, {"data.train_forgeries": run.seen})
    return with_twins + (with_twins if by_twins(records, settings.data, settings.augment.self_blend) else len(labels))


def compare_thresholds(
    frames: FrameScores,
    validation: ValidationScores,
    threshold: float,
    temperature: float = 1.0,
    error_rate: float = ERROR_RATE,
) -> ThresholdMetrics:
    """Every way and every conformal rule on one data set; its labels measure, and choose nothing.

    Args:
        frames: scores of the data set.
        validation: of the same run.
        threshold, temperature: of the run, frozen.
        error_rate: of the conformal rules, in (0, 1).
    """
    enough = len(np.unique(clipped_logits(frames.score))) >= FEWEST
    ways = [*frozen_ways(validation, threshold, temperature)]
    ways += adapted_ways(frames.score, validation, threshold) if enough else []
    return ThresholdMetrics(
        ways=tuple(WayMetrics(way=way, detection=_measured(way, frames)) for way in ways),
        conformal=tuple(_conformal(frames, validation, error_rate)),
        why="" if enough else f"fewer than {FEWEST} distinct scores: no threshold was adapted to them",
    )


def frozen_ways(validation: ValidationScores, threshold: float, temperature: float) -> Iterator[Way]:
    """Those that look at no other data than validation's: the run's own, and that of self-blended twins."""
    yield Way(FROZEN, _VALIDATION, threshold, temperature)
    scores, labels = validation.twins.score, validation.twins.label
    yield Way(SELF_BLENDED, _TWINS, choose_threshold(scores, labels), fit_temperature(scores, labels))


def adapted_ways(scores: np.ndarray, validation: ValidationScores, threshold: float) -> Iterator[Way]:
    """Those that look at the scores of the set, without labels; see `adaptation`.

    Args:
        scores: float [N] in [0, 1], of the set, with `FEWEST` distinct values.
        validation: of the run.
        threshold: of the run, frozen.
    """
    yield Way("mixture", "scores of the set", adaptation.mixture_threshold(scores))
    seen = validation.seen
    if len(np.unique(seen.label)) == 2:
        platt = adaptation.fit_platt(seen.score, seen.label)
        share = adaptation.share_of_fakes(platt.probabilities(scores), platt.prior)
        adapted = adaptation.prior_threshold(platt, share)
        if adapted is not None:
            yield Way("priors", f"scores of the set; {_VALIDATION}", adapted, share=share)
    reals = seen.score[seen.label == Label.REAL]
    if len(np.unique(clipped_logits(reals))) >= FEWEST:
        adapted = adaptation.real_mode_threshold(scores, threshold, reals)
        yield Way("real mode", "scores of the set; validation: reals", adapted)


def _measured(way: Way, frames: FrameScores) -> DetectionMetrics:
    return measure_detection(frames.score, frames.label, way.threshold, way.temperature or 1.0)


def _conformal(frames: FrameScores, validation: ValidationScores, error_rate: float) -> Iterator[ConformalMetrics]:
    own = validation.seen[np.isin(validation.seen.dataset, frames.dataset)]
    calibrations = [("validation", _VALIDATION, validation.seen), (SELF_BLENDED, _TWINS, validation.twins)]
    if len(np.unique(own.label)) == 2 and len(own) < len(validation.seen):
        calibrations.append(("same data set", _OWN, own))
    for (calibration, looks_at, of), (kind, make) in itertools.product(calibrations, _RULES.items()):
        rule = make(of.score, of.label, error_rate)
        yield ConformalMetrics(
            kind=kind,
            calibration=calibration,
            looks_at=looks_at,
            error_rate=error_rate,
            rule=rule,
            sets=conformal.measure_sets(rule, frames.score, frames.label),
        )

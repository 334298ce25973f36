"""The result of an evaluation, typed: `measure` makes it, `comparison` puts runs side by side, `report` writes it.

Every type's `as_json` returns its part of `metrics.json`.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from dfdetect_jax.evaluation.example_views import ExampleView
from dfdetect_jax.evaluation.leakage import Leakage
from dfdetect_jax.evaluation.metrics.frame_scores import FrameScores
from dfdetect_jax.evaluation.metrics.heat_metrics import HeatMetrics
from dfdetect_jax.evaluation.metrics.paired import PairedComparison
from dfdetect_jax.evaluation.metrics.seed_spread import SeedSpread
from dfdetect_jax.evaluation.metrics.summary import SplitMetrics
from dfdetect_jax.evaluation.stress.attacks import AttackResult
from dfdetect_jax.evaluation.stress.robustness import Robustness
from dfdetect_jax.evaluation.thresholds.ways import ThresholdMetrics
from dfdetect_jax.scoring.result import HeatKind


@dataclasses.dataclass(frozen=True, kw_only=True)
class DataSetMetrics(SplitMetrics):
    """All metrics of one run on one split of a data set.

    Attributes:
        leakage: what the split shares with the training data.
        heat: of the maps of a method without attention, the one that is shown first; empty without masks.
        robustness: under corruptions; None if none were requested.
        attacks: by name; empty if none were requested.
        thresholds: other ways to a threshold; None if not requested.
    """

    leakage: Leakage
    heat: Mapping[HeatKind, HeatMetrics] = dataclasses.field(default_factory=dict)
    robustness: Robustness | None = None
    attacks: Mapping[str, AttackResult] = dataclasses.field(default_factory=dict)
    thresholds: ThresholdMetrics | None = None

    def as_json(self) -> dict[str, Any]:
        """{"frame", "video", "by_forgery", "localization", "leakage"}; "heat", "robustness", "attacks", ... if any."""
        values = super().as_json() | {"leakage": self.leakage.as_json()}
        if self.heat:
            values["heat"] = {kind.value: metrics.as_json() for kind, metrics in self.heat.items()}
        if self.robustness is not None:
            values["robustness"] = self.robustness.as_json()
        if self.attacks:
            values["attacks"] = {name: result.as_json() for name, result in self.attacks.items()}
        if self.thresholds is not None:
            values["thresholds"] = self.thresholds.as_json()
        return values


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunMetrics:
    """All metrics of one run.

    Attributes:
        threshold, temperature: of scores, chosen on validation.
        notes: what a reader should know of the training, a sentence each.
        data: by data set.
    """

    threshold: float
    temperature: float = 1.0
    notes: tuple[str, ...] = ()
    data: Mapping[str, DataSetMetrics]

    def as_json(self) -> dict[str, Any]:
        """{"threshold", "temperature", "notes", "data": {NAME: ...}}."""
        return {
            "threshold": self.threshold,
            "temperature": self.temperature,
            "notes": list(self.notes),
            "data": {key: metrics.as_json() for key, metrics in self.data.items()},
        }


@dataclasses.dataclass(frozen=True, kw_only=True)
class Provenance:
    """What it takes to reproduce a run and its metrics, as JSON values.

    Attributes:
        settings: of the run.
        fingerprints: of the measured data sets.
        versions: of the libraries that the run was trained with.
        commit: of this library's source, or None.
        checkpoint: step and validation results of the weights.
        training_data: what `config.json` records of the training data.
        intervals: how they were computed, one line.
    """

    settings: Mapping[str, Any]
    fingerprints: Mapping[str, str]
    versions: Mapping[str, str]
    commit: str | None
    checkpoint: Mapping[str, Any]
    training_data: Mapping[str, Any]
    intervals: str

    def subjects(self) -> dict[str, Any]:
        """What the page lists, by heading."""
        return {
            "settings": self.settings,
            "fingerprints": self.fingerprints,
            "versions": self.versions,
            "commit": self.commit,
            "checkpoint": self.checkpoint,
            "trained on": self.training_data,
            "intervals": self.intervals,
        }


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunResult:
    """One run, measured.

    Attributes:
        metrics: of all data sets.
        scores: the frame scores behind them, by data set.
        examples: to be shown, by data set.
        provenance: what it takes to reproduce them.
    """

    metrics: RunMetrics
    scores: Mapping[str, FrameScores]
    examples: Mapping[str, Sequence[ExampleView]]
    provenance: Provenance


@dataclasses.dataclass(frozen=True, kw_only=True)
class Evaluation:
    """One or several runs, measured on the same data sets.

    Attributes:
        title: of the report.
        runs: by name, at least one, in the order of the report.
        paired: every other run against the first, per data set; empty without intervals.
        seeds: {names of runs that differ in the seed alone, joined by commas: {data set: spread}}.
    """

    title: str
    runs: Mapping[str, RunResult]
    paired: Sequence[PairedComparison] = ()
    seeds: Mapping[str, Mapping[str, SeedSpread]] = dataclasses.field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Of one run its metrics; of several {"runs": {NAME: metrics}, "paired": [...], "seeds": {...}}."""
        runs = {name: result.metrics.as_json() for name, result in self.runs.items()}
        if len(runs) == 1:
            (run,) = runs.values()
            return run
        return {
            "runs": runs,
            "paired": [comparison.as_json() for comparison in self.paired],
            "seeds": {
                names: {key: spread.as_json() for key, spread in by_data.items()}
                for names, by_data in self.seeds.items()
            },
        }

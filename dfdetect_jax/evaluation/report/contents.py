"""What the page is made from: figures, scores and examples of one or several runs. Any part of it may be missing."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from dfdetect_jax.evaluation.metrics.frame_scores import FrameScores

MISSED, FALSE_ALARM, BEST = "missed fake", "false alarm", "best"


@dataclasses.dataclass(frozen=True)
class ExampleView:
    """One scored crop with what a reader wants to see of it.

    Attributes:
        image: uint8 [S, S, 3], as the network saw it.
        heat: float32 [S, S], at least 0, as `views.heat_maps` gives it; None for a method without.
        reconstruction: uint8 [S, S, 3], or None.
        mask: uint8 [S, S] in {0, 255}, 255 forged; None where it is unknown.
        label: 0 real, 1 fake.
        forgery, video, frame: as in the records; `forgery` is "" for reals.
        score: in [0, 1], higher is more likely fake.
        kind: why it is shown: "missed fake", "false alarm" or "best".
        shows: what the heat is, `results.ATTENTION` or `results.RECONSTRUCTION_ERROR`; None where that is not known.
    """

    image: np.ndarray
    heat: np.ndarray | None
    reconstruction: np.ndarray | None
    mask: np.ndarray | None
    label: int
    forgery: str
    video: str
    frame: int
    score: float
    kind: str
    shows: str | None = None


@dataclasses.dataclass(frozen=True)
class RunResult:
    """One run's part of the page.

    Attributes:
        metrics: the run's part of `metrics.json`: {"threshold", "temperature", "notes", "data": {NAME: {"frame",
            "video", "by_forgery", "localization", "leakage"}}}; beside these of a data set, where they were measured,
            "robustness", as `robustness.measure` returns it, and "attacks", by name as `attacks.measure` returns it.
        scores: the frames behind them, by data set.
        examples: to be shown, by data set, in the order of the page.
        about: "settings" (nested dict), "versions", "fingerprints" (by data set) and "commit"; more is shown as it is.
    """

    metrics: dict
    scores: Mapping[str, FrameScores] = dataclasses.field(default_factory=dict)
    examples: Mapping[str, list[ExampleView]] = dataclasses.field(default_factory=dict)
    about: dict = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """All that the page shows.

    Attributes:
        title: heading of the page.
        runs: by name, in the order of the page.
        paired: one dict per comparison: {"a": run, "b": run, "data": NAME} and what `bootstrap.paired` returns.
        seeds: what `bootstrap.over_seeds` returns, under any names: {GROUP: {NAME: {"frame": {"auc": {"mean", ...}}}}}.
    """

    title: str
    runs: Mapping[str, RunResult]
    paired: list[dict] = dataclasses.field(default_factory=list)
    seeds: dict = dataclasses.field(default_factory=dict)


def part(of: Any, *path: str) -> Any:
    """`of[path[0]][path[1]]...`; None where a step is missing or None."""
    for name in path:
        of = of.get(name) if isinstance(of, Mapping) else None
    return of


def data_names(evaluation: Evaluation) -> list[str]:
    """The data sets of all runs, in order of first appearance."""
    return list(dict.fromkeys(name for run in evaluation.runs.values() for name, _ in measured_data(run)))


def ordered_forgeries(summary: Mapping | None) -> list[tuple[str, dict]]:
    """The forgeries of a data set with their figures: those seen in training first, then by name."""
    forgeries = part(summary, "by_forgery") or {}
    return sorted(forgeries.items(), key=lambda item: (not part(item[1], "seen"), item[0]))


def measured_data(run: RunResult) -> list[tuple[str, dict]]:
    """The run's data sets with their figures."""
    return [(key, summary or {}) for key, summary in (part(run.metrics, "data") or {}).items()]


def robustness_of(run: RunResult) -> list[tuple[str, dict]]:
    """The data sets that were distorted, with what `robustness.measure` returned."""
    found = [(key, part(summary, "robustness")) for key, summary in measured_data(run)]
    return [(key, result) for key, result in found if part(result, "corruptions")]


def leaks_of(summary: Mapping | None) -> list[str]:
    """What a data set shares with the training data, as warnings: from what `leakage.leakage` returned, or words."""
    leakage = part(summary, "leakage")
    return words_of(part(leakage, "warning") if isinstance(leakage, Mapping) else leakage)


def reasons_of(figures: Mapping | None) -> list[str]:
    """Why some of the figures, or their intervals, are missing or mean little: all that stands under "why..."."""
    found = []
    for name in figures or {}:
        if name.startswith("why"):
            what = name.removeprefix("why").strip("_").replace("_", " ").replace(" ci", " interval")
            found += [f"{what}: {words}" if what else words for words in words_of(figures[name])]
    return found


def words_of(value: str | list[str] | None) -> list[str]:
    """Sentences, one or several; empty for None."""
    return [value] if isinstance(value, str) and value else [str(each) for each in value or []]

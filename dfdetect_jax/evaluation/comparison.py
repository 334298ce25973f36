"""Several runs on the same data: each against the first, frame by frame, and the spread over seeds."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from dfdetect_jax.evaluation.measure import Progress, measure_run, no_progress
from dfdetect_jax.evaluation.metrics.bootstrap import Resampling
from dfdetect_jax.evaluation.metrics.paired import PairedComparison, RunScores, compare_paired
from dfdetect_jax.evaluation.metrics.seed_spread import SeedSpread, seed_spread
from dfdetect_jax.evaluation.prepared_split import PreparedSplit
from dfdetect_jax.evaluation.results import Evaluation, Provenance, RunResult
from dfdetect_jax.evaluation.stress.protocol import Stress
from dfdetect_jax.run.folder import Run


def evaluate_runs(
    runs: Mapping[str, Run],
    data: Sequence[PreparedSplit],
    resampling: Resampling = Resampling(),  # noqa: B008 (immutable)
    stress: Stress = Stress(),  # noqa: B008 (immutable)
    progress: Progress = no_progress,
    adapt: bool = False,
) -> Evaluation:
    """Measures one or several runs on the same data sets and compares them; arguments and errors as `measure_run`."""

    def measured(name: str, run: Run) -> RunResult:
        return measure_run(
            run, data, resampling, stress, lambda what, frames: progress(f"{name}, {what}", frames), adapt=adapt
        )

    title = " and ".join(runs) if len(runs) < 3 else f"{len(runs)} runs"
    return compare_runs(title, {name: measured(name, run) for name, run in runs.items()}, resampling)


def compare_runs(title: str, runs: Mapping[str, RunResult], resampling: Resampling) -> Evaluation:
    """Puts the results of one or several runs side by side.

    Args:
        title: of the report.
        runs: by name, each measured on the same data sets; other runs are compared with the first.
        resampling: of the comparisons; without resamples there are none.

    Raises:
        RunError: two runs have no frame of a data set in common.
        ValueError: there are no runs, or they were measured on different data sets.
    """
    if len({tuple(result.metrics.data) for result in runs.values()}) != 1:
        raise ValueError("expected runs that were all measured on the same data sets, in the same order")
    paired = compare_with_first(runs, resampling) if resampling.resamples else []
    return Evaluation(title=title, runs=dict(runs), paired=paired, seeds=seed_spreads(runs))


def compare_with_first(runs: Mapping[str, RunResult], resampling: Resampling) -> list[PairedComparison]:
    """Every other run less the first, on each data set.

    Raises:
        RunError: two runs have no frame of a data set in common.
    """
    first, *others = runs
    return [
        compare_paired(_scores(other, runs[other], key), _scores(first, runs[first], key), key, resampling)
        for other in others
        for key in runs[first].scores
    ]


def seed_spreads(runs: Mapping[str, RunResult]) -> dict[str, dict[str, SeedSpread]]:
    """{names of runs that differ in the seed alone, joined by commas: {data set: spread}}."""
    groups: dict[str, list[str]] = {}
    for name, result in runs.items():
        groups.setdefault(_without_seed(result.provenance), []).append(name)
    return {
        ", ".join(names): {
            key: seed_spread([runs[name].metrics.data[key] for name in names]) for key in runs[names[0]].metrics.data
        }
        for names in groups.values()
        if len(names) > 1
    }


def _scores(name: str, result: RunResult, key: str) -> RunScores:
    metrics = result.metrics
    return RunScores(run=name, frames=result.scores[key], threshold=metrics.threshold, temperature=metrics.temperature)


def _without_seed(provenance: Provenance) -> str:
    """Equal for runs of equal settings, but for the seed and the place of the data, on equal training data."""
    settings: dict[str, Any] = {name: value for name, value in provenance.settings.items() if name != "seed"}
    settings["data"] = {name: value for name, value in settings["data"].items() if name != "data_dir"}
    return json.dumps([settings, provenance.training_data["fingerprint"]], sort_keys=True)

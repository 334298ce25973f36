"""One run measured on several data sets, several runs side by side, and the folder that keeps all of it."""

import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from dfdetect_jax import methods
from dfdetect_jax.config import to_dict
from dfdetect_jax.data.records import read_manifest
from dfdetect_jax.evaluation import comparison
from dfdetect_jax.evaluation.frozen import chosen
from dfdetect_jax.evaluation.metrics.frame_scores import FrameScores, concatenate
from dfdetect_jax.evaluation.metrics.summary import summarize
from dfdetect_jax.evaluation.report import report_files
from dfdetect_jax.evaluation.report.contents import Evaluation, RunResult
from dfdetect_jax.evaluation.report.examples import views
from dfdetect_jax.evaluation.report.page import write_page
from dfdetect_jax.evaluation.report.report_files import Resampling
from dfdetect_jax.evaluation.stress import attacks, robustness
from dfdetect_jax.run.folder import Run

PAGE = "report.html"
Progress = Callable[[int], None]


class Measured(NamedTuple):
    """A part of a data set that is measured: its key in `metrics.json`, its folder of records, and the split."""

    key: str
    folder: Path
    split: str


class Stress(NamedTuple):
    """What crops are put through besides: names of corruptions and attacks, and how many frames of each data set."""

    corruptions: Sequence[str] = ()
    attacks: Sequence[str] = ()
    max_frames: int | None = None


def measure(
    run: Run,
    data: Sequence[Measured],
    resampling: Resampling,
    stress: Stress = Stress(),  # noqa: B008 (immutable)
    progress: Callable[[str, int], Progress] = lambda name, frames: lambda done: None,
) -> RunResult:
    """Measures a run on each data set.

    Args:
        run: an opened run.
        data: what it is measured on.
        resampling: of the intervals.
        stress: corruptions and attacks; they cost a pass over `max_frames` per level.
        progress: given a name and a number of frames, gives the function that is called as frames are done.

    Raises:
        RecordsError, RunError: as `report_files.evaluate_run`.
        SettingsError: there is no such corruption or attack.
    """
    summaries, scores, examples, fingerprints = {}, {}, {}, {}
    for key, folder, split in data:
        done = progress(key, _frames(folder, split, Stress()))
        summary, scores[key] = report_files.evaluate_run(
            run, str(folder), split, resampling=resampling, on_progress=done
        )
        if stress.corruptions:
            summary["robustness"] = _robustness(run, folder, split, resampling, stress, progress)
        for name in stress.attacks:
            attack = _attack(run, folder, split, name, resampling, stress, progress)
            summary.setdefault("attacks", {})[name] = attack
        summaries[key] = summary
        examples[key] = views(run, folder, split, scores[key])
        fingerprints[key] = read_manifest(folder).fingerprint
    about = _about(run) | {
        "fingerprints": fingerprints,
        "intervals": f"{resampling.resamples} resamples by {resampling.by}, seed {resampling.seed}",
    }
    return RunResult(metrics=report_files.metrics_of(run, summaries), scores=scores, examples=examples, about=about)


def _about(run: Run) -> dict:
    """What it takes to make the run again."""
    return {
        "settings": to_dict(run.settings),
        "versions": run.info.get("versions", {}),
        "commit": run.info.get("commit"),
        "checkpoint": run.info["checkpoint"],
        "trained on": run.info["data"],
    }


def compare(
    title: str, runs: Mapping[str, Run], results: Mapping[str, RunResult], resampling: Resampling
) -> Evaluation:
    """Puts the results of several runs side by side.

    Raises:
        RunError: two runs have no frame in common.
    """
    paired = []
    if resampling.resamples:
        scores = {name: result.scores for name, result in results.items()}
        paired = comparison.paired_with_first(
            runs, scores, resamples=resampling.resamples, by=resampling.by, seed=resampling.seed
        )
    seeds = comparison.seeds(runs, {name: result.metrics for name, result in results.items()})
    return Evaluation(title=title, runs=dict(results), paired=paired, seeds=seeds)


def write(out: Path, evaluation: Evaluation) -> None:
    """Writes `metrics.json`, `scores.csv` and `report.html`; of several runs, the first two for each in a folder too.

    Raises:
        RunError: the folder can't be written to.
    """
    results = evaluation.runs
    if len(results) == 1:
        (result,) = results.values()
        report_files.write_report(out, result.metrics, _all(result))
    else:
        together = {name: result.metrics for name, result in results.items()}
        report_files.write_report(out, {"runs": together, "paired": evaluation.paired, "seeds": evaluation.seeds}, None)
        for name, result in results.items():
            report_files.write_report(out / name, result.metrics, _all(result))
    write_page(out / PAGE, evaluation)


def _all(result: RunResult) -> FrameScores:
    return concatenate(list(result.scores.values()))


def _figures(run: Run, resampling: Resampling, frames: FrameScores) -> dict:
    """As for the data as they are, with intervals; no forgery by itself."""
    drawn = {"resamples": resampling.resamples, "by": resampling.by, "seed": resampling.seed}
    return summarize(frames, run.threshold, run.seen, temperature=chosen(run).temperature, **drawn)


def _robustness(run: Run, folder: Path, split: str, resampling: Resampling, stress: Stress, progress) -> dict:
    result, _ = robustness.measure(
        run.score,
        folder,
        split,
        image_size=run.settings.data.image_size,
        threshold=run.threshold,
        corruptions=stress.corruptions,
        max_frames=stress.max_frames,
        figures=functools.partial(_figures, run, resampling),
        on_progress=progress("distorted", _frames(folder, split, stress) * (1 + 5 * len(stress.corruptions))),
    )
    return result


def _attack(run: Run, folder: Path, split: str, name: str, resampling: Resampling, stress: Stress, progress) -> dict:
    result, _ = attacks.measure(
        methods.build(run.settings),
        run.variables,
        run.score,
        folder,
        split,
        attack=name,
        image_size=run.settings.data.image_size,
        threshold=run.threshold,
        max_frames=stress.max_frames,
        figures=functools.partial(_figures, run, resampling),
        on_progress=progress(f"attacked by {name}", _frames(folder, split, stress) * (1 + len(attacks.EPSILONS))),
    )
    return result


def _frames(folder: Path, split: str, stress: Stress) -> int:
    there = sum(count["examples"] for count in read_manifest(folder).counts[split].values())
    return min(there, stress.max_frames or there)

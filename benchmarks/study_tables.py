"""Tables and curves of the study, from its lines of results and the scores of its runs."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import measure
import numpy as np
from matplotlib.figure import Figure
from study_arms import ARMS, baseline_of

from dfdetect_jax import files
from dfdetect_jax.evaluation.metrics import bootstrap
from dfdetect_jax.evaluation.metrics.detection import PreparedScores
from dfdetect_jax.evaluation.metrics.detection_metrics import METRICS
from dfdetect_jax.evaluation.metrics.frame_scores import FrameScores, read_scores
from dfdetect_jax.evaluation.metrics.seed_spread import spread_of

Line = Mapping[str, Any]
FIGURES = ("auc", "video auc", "balanced accuracy", "1 - eer", "pixel ap", "pointing")
_COMPARED = ("auc", "balanced_accuracy")
_SAME = ("dataset", "split", "video", "identity", "frame", "label")


class Gain(NamedTuple):
    """One metric of an arm less that of its baseline, paired by seed and by frame.

    Attributes:
        mean: over seeds.
        over_people: 95% interval over bootstrap resamples of people, the same ones for every seed and both arms: what
            other test people would have given these networks. None without two people.
        over_seeds: 95% interval of the mean over seeds (Student's t): what other seeds would have given on these
            people. None for one seed.
        seeds: how many pairs.
    """

    mean: float | None
    over_people: tuple[float, float] | None
    over_seeds: tuple[float, float] | None
    seeds: int


def read_lines(path: Path) -> list[dict[str, Any]]:
    """All results; a last line that a kill cut short is left out."""
    lines = path.read_text().splitlines() if path.exists() else []
    return [json.loads(line) for line in lines if line.endswith("}")]


def add_line(path: Path, line: Line) -> None:
    """Adds one result, on a line of its own even behind one that was cut short."""
    path.parent.mkdir(parents=True, exist_ok=True)
    before = path.read_text() if path.exists() else ""
    with path.open("a") as file:
        file.write(("\n" if before and not before.endswith("\n") else "") + json.dumps(line) + "\n")


def scores_file(folder: Path, data: str) -> Path:
    """Where the frame scores of a run on a data set are."""
    return folder / f"scores-{data.replace('/', '-').replace(':', '-')}.csv"


def write(lines: Sequence[Line], results: Path, out: Path, resamples: int, against: str | None = None) -> None:
    """Prints the tables of runs, one per training set, arm and seed, and writes them and the curves beside `results`.

    With `against`, an arm, all others are compared with it instead of with their baselines, in a file of its own.
    """
    if not lines:
        print("no run is finished yet")
        return
    rows = [*table_rows(lines, out, resamples, against)]
    notes = [
        "means over seeds; in brackets 95% intervals; gains are against the arm named, paired by seed and by frame: "
        "over people by bootstrap of test people, over seeds by Student's t",
        *absent(lines),
    ]
    name = f"against-{against.replace(' ', '_')}.json" if against else "tables.json"
    measure.report("The study", measure.environment("jax", "flax"), rows, notes, results.with_name(name))
    draw_curves(lines, results.with_name("curves.png"))


def absent(lines: Iterable[Line]) -> list[str]:
    """Arms without any run, by group: what was cut is said."""
    run = {line["arm"] for line in lines}
    return [f"not run: {', '.join(missing)}"] if (missing := [name for name in ARMS if name not in run]) else []


def table_rows(lines: Sequence[Line], out: Path, resamples: int, against: str | None = None) -> Iterable[measure.Row]:
    """A row per training set, arm, data set and forgery; "all" for the whole set, which alone has the gains."""
    groups: dict[tuple[str, str], dict[int, Line]] = {}
    for line in lines:
        groups.setdefault((line["train"], line["arm"]), {})[line["seed"]] = line
    for (train, arm), by_seed in groups.items():
        runs = list(by_seed.values())
        other = against or baseline_of(arm)
        base = groups.get((train, other), {}) if other != arm else {}
        for data in runs[0]["data"]:
            named = {"train": train, "arm": arm, "seeds": str(len(runs)), "data": data}
            row = {**named, "forgery": "all", **means([line["data"][data] for line in runs])}
            yield row | gains(by_seed, base, other, data, out, resamples)
            for forgery, values in runs[0]["data"][data]["by_forgery"].items():
                seen = "seen" if values["seen"] else "unseen"
                of_runs = [line["data"][data]["by_forgery"][forgery] for line in runs]
                yield {**named, "forgery": f"{forgery} ({seen})", **means(of_runs), **NO_GAINS}


NO_GAINS: dict[str, None] = dict.fromkeys(("against", "gain in auc", "gain in balanced accuracy"))


def means(values: Sequence[Mapping[str, Any]]) -> dict[str, str | None]:
    """Mean and interval over seeds of each figure."""
    spreads = {name: spread_of([each[name] for each in values]) for name in FIGURES}
    return {name: in_words(each.mean, each.interval) for name, each in spreads.items()}


def in_words(mean: float | None, *intervals: tuple[float, float] | None) -> str | None:
    if mean is None:
        return None
    return " ".join([f"{mean:.3f}", *(f"[{each[0]:.3f}, {each[1]:.3f}]" for each in intervals if each is not None)])


def gains(
    arm: Mapping[int, Line], base: Mapping[int, Line], name: str, data: str, out: Path, resamples: int
) -> dict[str, str | None]:
    """The gains of an arm over its baseline on a data set, for the seeds that both have."""
    seeds = [seed for seed in arm if seed in base]
    if not seeds:
        return dict(NO_GAINS)
    pairs = [tuple(_scores(each[seed], data, out) for each in (arm, base)) for seed in seeds]
    words = {
        metric: in_words(gain.mean, gain.over_people, gain.over_seeds)
        for metric, gain in compare(pairs, resamples).items()
    }
    return {"against": name, "gain in auc": words["auc"], "gain in balanced accuracy": words["balanced_accuracy"]}


def _scores(line: Line, data: str, out: Path) -> tuple[FrameScores, float]:
    return read_scores(scores_file(out / line["folder"], data)), line["threshold"]


def compare(pairs: Sequence[Sequence[tuple[FrameScores, float]]], resamples: int) -> dict[str, Gain]:
    """Gains by metric, "auc" and "balanced_accuracy".

    Args:
        pairs: for each seed the scores and the threshold of an arm, and those of its baseline, on the same frames in
            the same order.
        resamples: of the people.

    Raises:
        ValueError: frames differ, as where a data set was prepared anew in between.
    """
    frames = pairs[0][0][0]
    for scores, _ in (each for pair in pairs for each in pair):
        if not all(np.array_equal(getattr(scores, name), getattr(frames, name)) for name in _SAME):
            raise ValueError("expected scores of the same frames in the same order; measure these runs again")
    cluster = bootstrap.clusters(frames)
    sets = [PreparedScores(scores.score, scores.label, at, 1.0, cluster) for pair in pairs for scores, at in pair]
    resampled = bootstrap.resample(sets, sets[0].n_clusters, resamples)
    return {name: _gain(sets, resampled, name) for name in _COMPARED}


def _gain(sets: Sequence[PreparedScores], resampled: Sequence[np.ndarray], name: str) -> Gain:
    values = [each.metrics().value(name) for each in sets]
    differences = [None if a is None or b is None else a - b for a, b in zip(values[::2], values[1::2], strict=True)]
    spread, column = spread_of(differences), METRICS.index(name)
    by_resample = [a[:, column] - b[:, column] for a, b in zip(resampled[::2], resampled[1::2], strict=True)]
    several = sets[0].n_clusters > 1 and len(by_resample[0]) > 0
    people = bootstrap.percentile_interval(np.mean(by_resample, axis=0)) if several else None
    return Gain(spread.mean, people, spread.interval, spread.n)


def draw_curves(lines: Sequence[Line], path: Path) -> None:
    """Validation AUC over steps, a panel per training set and group, a line per run, the arms in colours."""
    panels = sorted({(line["train"], line["group"]) for line in lines})
    figure = Figure(figsize=(5 * len(panels), 3.6), layout="constrained")
    for axis, panel in zip(np.atleast_1d(figure.subplots(1, len(panels), sharey=True)), panels, strict=True):
        of_panel = [line for line in lines if (line["train"], line["group"]) == panel]
        arms = list(dict.fromkeys(line["arm"] for line in of_panel))
        for line in of_panel:
            first = line is next(each for each in of_panel if each["arm"] == line["arm"])
            steps = [step for step, _ in line["curve"]]
            label = line["arm"] if first else None
            axis.plot(steps, [auc for _, auc in line["curve"]], color=f"C{arms.index(line['arm'])}", label=label)
        axis.set(title=", ".join(panel), xlabel="step", ylabel="validation AUC")
        axis.legend(fontsize="x-small")
    with files.replacing(path) as partial:
        figure.savefig(partial, dpi=110, format="png")

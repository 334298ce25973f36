"""Ways to a threshold side by side: what each reaches on data sets that a run has seen the like of, and on others.

    python benchmarks/thresholds.py --run RUN... [--data_dir FOLDER] [--error_rate .1 .2] [--json FILE]

Takes the frame scores that `evaluate` wrote (RUN/report/scores.csv), and scores validation twice. Thresholds are those
of `dfdetect_jax/evaluation/thresholds/`; what each looks at is in the file. "highest" is the threshold that is best on
the labels of the set itself: no way to a threshold, but the most that any could reach.

Gains in balanced accuracy over the frozen threshold, and coverage, have 95% intervals over bootstrap resamples of the
set's people, thresholds held as they are.
"""

import argparse
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import measure
import numpy as np
from study_tables import compare

from dfdetect_jax import cli, files
from dfdetect_jax.data.example import Label
from dfdetect_jax.evaluation.frozen import choose_threshold, frozen_values
from dfdetect_jax.evaluation.metrics import bootstrap
from dfdetect_jax.evaluation.metrics.detection import measure_detection
from dfdetect_jax.evaluation.metrics.frame_scores import FrameScores, read_scores
from dfdetect_jax.evaluation.thresholds.conformal import ConformalRule
from dfdetect_jax.evaluation.thresholds.ways import (
    ValidationScores,
    Way,
    WayMetrics,
    compare_thresholds,
    validation_scores,
)
from dfdetect_jax.run.folder import Run, open_run, records_of
from dfdetect_jax.run.frozen import FrozenValues

HIGHEST = "highest"
ABOVE_ALL = float(np.nextafter(1.0, 2.0))  # a threshold that calls everything real
RESAMPLES = 1000
SHOWN = ("run", "data", "fakes", "way", "balanced accuracy", "gain", "low", "high", "false alarms", "misses")
SHOWN_SETS = ("run", "data", "kind", "calibration", "coverage", "low", "high", "coverage_real", "coverage_fake", "size")

Row = dict[str, Any]


class DataSet(NamedTuple):
    """A data set as a run scored it.

    Attributes:
        run: its name.
        name: of the data set.
        fakes: "seen" in training, "unseen", or "none".
        frames: the scores.
    """

    run: str
    name: str
    fakes: str
    frames: FrameScores


def main() -> None:
    args = parse()
    cli.keep_compiled_programs()
    ways, conformal = list[Row](), list[Row]()
    for folder in args.run:
        run = open_run(folder)
        frozen, validation = frozen_values(run), validation_scores(run, records_of(run, args.data_dir))
        for data in data_sets(run):
            ways += way_rows(data, validation, frozen)
            for rate in args.error_rate:
                conformal += conformal_rows(data, validation, rate)
    tables = {"ways": ways, "means": mean_rows(ways), "conformal": conformal}
    where = measure.environment("dfdetect_jax", "scikit-learn", "scipy")
    measure.report("thresholds", where, only(ways, SHOWN), [], None)
    measure.report("means over data sets with reals and fakes", where, tables["means"], [], None)
    measure.report("conformal sets", where, only(conformal, ("error_rate", *SHOWN_SETS)), [], None)
    if args.json:
        files.write_json(args.json, {"environment": where, **tables})


def data_sets(run: Run) -> Iterator[DataSet]:
    """What `evaluate` scored."""
    scores = read_scores(run.folder / "report" / "scores.csv")
    for name in dict.fromkeys(scores.dataset.tolist()):
        frames = scores[scores.dataset == name]
        forgeries = frames.forgery[frames.label == Label.FAKE]
        fakes = "none" if not len(forgeries) else "seen" if np.isin(forgeries, run.seen).all() else "unseen"
        yield DataSet(run.folder.name, name, fakes, frames)


def way_rows(data: DataSet, validation: ValidationScores, frozen: FrozenValues) -> Iterator[Row]:
    """A row per way on one data set, and one of the highest threshold where there are both labels."""
    ways = list(compare_thresholds(data.frames, validation, frozen.threshold, frozen.temperature).ways)
    if len(np.unique(data.frames.label)) == 2:
        ways.append(highest(data.frames))
    for each in ways:
        of, way = each.as_json(), each.way
        yield {
            **{"run": data.run, "data": data.name, "fakes": data.fakes, "way": way.name, "looks at": way.looks_at},
            **{"threshold": way.threshold, "balanced accuracy": of["balanced_accuracy"]},
            **gain(data.frames, way.threshold, frozen.threshold),
            **{"false alarms": of["fpr"], "misses": of["fnr"], "accuracy": of["accuracy"]},
            **{"share of fakes": float(np.mean(data.frames.label)), "estimated": way.share},
            **{"temperature": way.temperature, "ece": of.get("ece"), "log loss": of.get("log_loss")},
        }


def highest(frames: FrameScores) -> WayMetrics:
    """The best threshold on the labels of the set, that of no fakes at all among them."""

    def at(threshold: float) -> WayMetrics:
        detection = measure_detection(frames.score, frames.label, threshold)
        return WayMetrics(way=Way(HIGHEST, "labels of the set", threshold), detection=detection)

    both = at(choose_threshold(frames.score, frames.label)), at(ABOVE_ALL)
    return max(both, key=lambda each: each.detection.balanced_accuracy or 0.0)


def gain(frames: FrameScores, threshold: float, frozen: float) -> Row:
    """In balanced accuracy over the frozen threshold; None where a label is missing, no interval of one person."""
    found = compare([((frames, threshold), (frames, frozen))], RESAMPLES)["balanced_accuracy"]
    low, high = found.over_people or (None, None)
    return {"gain": found.mean, "low": low, "high": high}


def mean_rows(rows: Sequence[Row]) -> list[Row]:
    """The mean of each way over a run's data sets with both labels, apart by whether forgeries were trained on."""
    groups: dict[tuple[str, str, str], list[Row]] = {}
    for row in rows:
        if row["gain"] is not None:
            groups.setdefault((row["run"], row["fakes"], row["way"]), []).append(row)
    names = ("balanced accuracy", "gain", "false alarms", "misses", "accuracy")
    return [
        {
            **dict(zip(("run", "fakes", "way"), group, strict=True)),
            "data sets": str(len(of)),
            **{name: float(np.mean([row[name] for row in of])) for name in names},
        }
        for group, of in groups.items()
    ]


def conformal_rows(data: DataSet, validation: ValidationScores, error_rate: float) -> Iterator[Row]:
    """A row per conformal rule on one data set."""
    for each in compare_thresholds(data.frames, validation, 0.5, error_rate=error_rate).conformal:
        low, high = coverage_interval(each.rule, data.frames) or (None, None)
        named = {"run": data.run, "data": data.name, "fakes": data.fakes}
        yield {**named, **each.as_json(), "low": low, "high": high}


def coverage_interval(rule: ConformalRule, frames: FrameScores) -> tuple[float, float] | None:
    """Of the coverage, over resamples of people; None for one person."""
    people = bootstrap.clusters(frames)
    real, fake = rule.label_sets(frames.score)
    covered = np.bincount(people, weights=np.where(frames.label == Label.FAKE, fake, real))
    if len(covered) < 2:
        return None
    weights = np.concatenate([*bootstrap.multiplicities(len(covered), RESAMPLES)])
    return bootstrap.percentile_interval((weights @ covered) / (weights @ np.bincount(people)))


def only(rows: Sequence[Row], names: Sequence[str]) -> list[measure.Row]:
    return [{name: row[name] for name in names} for row in rows]


def parse() -> argparse.Namespace:
    parser = measure.command_line(__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--run", nargs="+", required=True, help="evaluated run folders; their training data are needed")
    parser.add_argument("--data_dir", default="", help="folder of prepared data sets (default: as in training)")
    parser.add_argument("--error_rate", type=float, nargs="+", default=[0.1], help="of conformal sets (default: 0.1)")
    return parser.parse_args()


if __name__ == "__main__":
    main()

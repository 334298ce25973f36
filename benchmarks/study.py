"""Do the papers' claims hold on real deepfakes, and against their rivals? One command that may be stopped at any time.

    python benchmarks/study.py --train dfdc_faces --test dfdc_faces ciplab:all --out DIR [--groups cae lae rivals faces]
        [--seeds 5] [--steps 3000] [--hours 12] [--tune] [--results FILE]
    python benchmarks/study.py --tiny --out DIR        three arms, two steps each, embedded data: does it run?

Data sets are names or folders of prepared records, the tests' with a split as in `evaluate`. The arms are in
`study_arms.py`. Each run of an arm on a training set with a seed is a folder below DIR; when it is measured, a line is
added to `benchmarks/results/study/runs.jsonl` (or `--results`), and the same command goes on with what has no line yet.
With `--hours` no run is started after that time. Runs go seed by seed, so that a study that is cut short has all arms
with fewer seeds.

Lines of other steps or sizes are left alone, and out of the tables. With `--tune` every arm is first trained with each
of three learning rates and seed 0, and the rate of the highest validation AUC is its rate for all seeds: the same
budget for each, and no test set is looked at. Thresholds are chosen on validation too. `tables.json` and `curves.png`,
beside the lines, are made anew by each call; `--hours 0` makes them alone, for which the scores in DIR are needed.
There each arm is compared with a baseline of its group; `--against ARM` compares all with one, such as the rivals with
"all masks", in `against-ARM.json`.

Two cores do about 200 images/s of a small CAE at 96 px: 3,000 steps of 32 are eight minutes, and five seeds of the ten
arms "cae" seven hours. The LAE does about as many, EfficientNet-Lite0 a quarter.
"""

import argparse
import json
import shutil
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jax
import measure
import study_tables
from study_arms import ARMS, RATES, TINY_ARMS, settings_of

from dfdetect_jax import cli
from dfdetect_jax.config import Settings
from dfdetect_jax.config.common import Data
from dfdetect_jax.data.record_folders import locate
from dfdetect_jax.data.records import read_manifest
from dfdetect_jax.devices.host import keep_freed_memory
from dfdetect_jax.evaluation.measure import measure_run
from dfdetect_jax.evaluation.metrics.bootstrap import Resampling
from dfdetect_jax.evaluation.metrics.frame_scores import write_scores
from dfdetect_jax.evaluation.prepared_split import PreparedSplit, find_splits
from dfdetect_jax.evaluation.results import DataSetMetrics
from dfdetect_jax.run.folder import open_run
from dfdetect_jax.training import stages
from dfdetect_jax.training.source import find_records

RESULTS = Path(__file__).parent / "results" / "study" / "runs.jsonl"
GROUPS = ("cae", "lae", "rivals", "faces")


class Job(NamedTuple):
    """One run of the study: an arm on a training set, with a learning rate and a seed."""

    train: str
    arm: str
    rate: float
    seed: int

    def folder(self, out: Path) -> Path:
        arm = self.arm.replace(" ", "_").replace("%", "").replace(",", "")
        return out / Path(self.train).name / arm / f"{self.rate:g}" / str(self.seed)


def jobs(args: argparse.Namespace, rates: dict[tuple[str, str], float]) -> Iterator[Job]:
    """All runs with the rates that were chosen, seed by seed."""
    for seed in range(args.seeds):
        for train in args.train:
            yield from (
                Job(train, name, rates.get((Path(train).name, name), args.rate), seed)
                for name in args.arms
                if seed < ARMS[name].seeds
            )


def tuning_jobs(args: argparse.Namespace) -> list[Job]:
    """Each arm with each rate and the first seed."""
    return [Job(train, name, rate, 0) for train in args.train for name in args.arms for rate in RATES]


def chosen_rates(lines: Iterable[dict[str, Any]]) -> dict[tuple[str, str], float]:
    """For each training set and arm the rate of the highest validation AUC; of equal ones the lower."""
    best: dict[tuple[str, str], tuple[float, float]] = {}
    for line in lines:
        key, worth = (line["train"], line["arm"]), (line["validation auc"] or 0.0, -line["rate"])
        if line["seed"] == 0 and worth > best.get(key, (-1.0, 0.0)):
            best[key] = worth
    return {key: -negative for key, (_, negative) in best.items()}


def settings_for(job: Job, args: argparse.Namespace) -> Settings:
    """What all arms have in common, and the arm's own."""
    steps = args.steps
    values = {
        "seed": job.seed,
        "data.name": job.train if args.tiny else str(locate(job.train)),
        "data.image_size": args.size,
        "augment.preset": args.augment,
        "optimizer.learning_rate": job.rate,
        "optimizer.schedule": "cosine",
        "train.batch_size": args.batch,
        "train.steps": steps,
        "train.eval_every": max(1, steps // 10),
        "train.log_every": max(1, steps // 10),
        "train.keep": 1,
    }
    if args.tiny:
        values |= {"data.forge_images": 16, "data.data_dir": str(args.out / "data")}
    return settings_of(ARMS[job.arm], values, args.tiny)


def run_job(job: Job, args: argparse.Namespace) -> dict[str, Any]:
    """Trains and measures one run, or resumes it; its line of results."""
    folder, settings, started = job.folder(args.out), settings_for(job, args), time.monotonic()
    records = find_records(settings.data)
    if not stages.train(settings, folder, records):
        raise SystemExit(f"{folder}: stopped before the last step; the same command resumes it")
    trained = time.monotonic()
    run = open_run(folder)
    tests = [PreparedSplit(key="forge", folder=records)] if args.tiny else find_splits(args.test, "test")
    result = measure_run(run, tests, Resampling(resamples=args.resamples))
    for key, frames in result.scores.items():
        write_scores(study_tables.scores_file(folder, key), frames)
    shutil.rmtree(folder / "samples", ignore_errors=True)
    return {
        **job._asdict(),
        "train": Path(job.train).name,
        "group": ARMS[job.arm].group,
        "folder": str(folder.relative_to(args.out)),
        "steps": args.steps,
        "image size": args.size,
        "parameters": sum(leaf.size for leaf in jax.tree.leaves(run.variables["params"])),
        "minutes": {"training": (trained - started) / 60, "measuring": (time.monotonic() - trained) / 60},
        "validation auc": run.info["checkpoint"].get("val_auc"),
        "curve": validation_curve(folder),
        "threshold": result.metrics.threshold,
        "temperature": result.metrics.temperature,
        "notes": list(result.metrics.notes),
        "training data": read_manifest(records).fingerprint,
        "versions": run.info.get("versions", {}),
        "commit": run.info.get("commit"),
        "data": {key: figures(metrics) for key, metrics in result.metrics.data.items()},
    }


def figures(metrics: DataSetMetrics) -> dict[str, Any]:
    """What the tables show of one run on one data set, and of each forgery in it."""

    def of(group: Any, maps: Any) -> dict[str, Any]:
        return {
            "auc": group.frame.auc,
            "auc_ci": (group.frame.as_json() or {}).get("auc_ci"),
            "video auc": group.video.auc,
            "balanced accuracy": group.frame.balanced_accuracy,
            "1 - eer": None if group.frame.eer is None else 1 - group.frame.eer,
            "pixel ap": maps and maps.pixel_ap,
            "pointing": maps and maps.pointing,
        }

    by_forgery = {name: of(each, each.localization) | {"seen": each.seen} for name, each in metrics.by_forgery.items()}
    return of(metrics, metrics.localization) | {"n": metrics.frame.n, "by_forgery": by_forgery}


def validation_curve(folder: Path) -> list[list[float]]:
    """[step, validation AUC] of each validation: an arm whose curve still rises has not converged."""
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [[line["step"], line["val_auc"]] for line in lines if line.get("val_auc") is not None]


def run_all(todo: Iterable[Job], args: argparse.Namespace, end: float) -> None:
    """Runs what has no line of results yet, until the time is up."""
    for job in todo:
        if key_of(job._asdict()) in {key_of(line) for line in of_this_size(args)}:
            continue
        if time.monotonic() >= end:
            print("the time is up; the same command goes on", flush=True)
            return
        print(*job, flush=True)
        study_tables.add_line(args.results, run_job(job, args))


def key_of(line: dict[str, Any]) -> tuple[Any, ...]:
    return Path(line["train"]).name, line["arm"], float(line["rate"]), line["seed"]


def of_this_size(args: argparse.Namespace) -> list[dict[str, Any]]:
    """The lines of runs of as many steps and pixels; others in the same file are another study's."""
    lines = study_tables.read_lines(args.results)
    return [line for line in lines if (line["steps"], line["image size"]) == (args.steps, args.size)]


def main() -> None:
    args = arguments()
    keep_freed_memory()
    cli.keep_compiled_programs()
    end = time.monotonic() + 3600 * args.hours
    if args.tune:
        run_all(tuning_jobs(args), args, end)
    rates = chosen_rates(of_this_size(args)) if args.tune else {}
    run_all(jobs(args, rates), args, end)
    lines = [line for line in of_this_size(args) if line["rate"] == rates.get((line["train"], line["arm"]), args.rate)]
    study_tables.write(lines, args.results, args.out, args.resamples, args.against)


def arguments() -> argparse.Namespace:
    parser = measure.command_line(__doc__.splitlines()[0])
    parser.add_argument("--train", nargs="+", default=[], help="prepared data sets to train on, by name or folder")
    parser.add_argument("--test", nargs="+", default=[], help="prepared data sets to measure on, NAME or NAME:SPLIT")
    parser.add_argument("--out", type=Path, required=True, help="folder for the runs")
    parser.add_argument("--results", type=Path, help=f"lines of results; by default {RESULTS}")
    parser.add_argument("--groups", nargs="+", default=["cae", "lae", "rivals"], choices=GROUPS)
    parser.add_argument("--arms", nargs="+", choices=ARMS, help="by name, in place of --groups")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=1e-3, help="learning rate of every arm, without --tune")
    parser.add_argument("--size", type=int, default=96, help="side of the crops, pixels")
    parser.add_argument("--augment", default="benchmark", help="augmentation preset of every arm")
    parser.add_argument("--hours", type=float, default=1e6, help="start no run after this time")
    parser.add_argument("--resamples", type=int, default=1000, help="of every interval")
    parser.add_argument("--against", choices=ARMS, help="arm that the tables compare all others with")
    parser.add_argument("--tune", action="store_true", help="choose each arm's learning rate on validation")
    parser.add_argument("--tiny", action="store_true", help="see that it runs")
    args = parser.parse_args()
    args.arms = args.arms or [name for name, arm in ARMS.items() if arm.group in args.groups]
    if args.tiny:
        args.train, args.arms, args.steps, args.size, args.batch = [Data().name], list(TINY_ARMS), 2, 32, 8
        args.seeds, args.resamples, args.augment = min(args.seeds, 2), 20, "none"
        args.results = args.results or args.out / "runs.jsonl"
    elif not (args.train and args.test):
        parser.error("expected --train and --test, or --tiny")
    args.results = args.results or RESULTS
    return args


if __name__ == "__main__":
    main()

"""LAEs that share their first stage and differ in the masks of the second: what the benchmarks of masks have in common.

A first stage is trained once per seed, in OUT/SEED/first. Each arm goes on from a copy of that folder, with the same
weights, optimiser state, schedule and place in the data, so that a difference between arms of a seed is due to masks.
Each run that was measured is a line in OUT/runs.jsonl, or `--results`; the same command goes on with what has no line.
"""

import argparse
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import measure
import numpy as np
from study_arms import LAE, PRETRAINED, TINY
from study_tables import Line, add_line, in_words, read_lines

from dfdetect_jax import methods
from dfdetect_jax.config import Settings, check, override
from dfdetect_jax.data.record_folders import locate
from dfdetect_jax.data.records import Records, read_manifest
from dfdetect_jax.evaluation.measure import measure_run
from dfdetect_jax.evaluation.metrics.bootstrap import NO_INTERVALS
from dfdetect_jax.evaluation.metrics.localization_metrics import MapMetrics
from dfdetect_jax.evaluation.metrics.seed_spread import spread_of
from dfdetect_jax.evaluation.prepared_split import PreparedSplit, find_splits
from dfdetect_jax.evaluation.results import DataSetMetrics
from dfdetect_jax.run.folder import open_run
from dfdetect_jax.training import loop
from dfdetect_jax.training.source import find_records

FIGURES = ("auc", "pixel ap", "iou", "best iou", "pointing")
FIRST = "first"
SPOT = "spot in the middle"  # of every crop, without any detector
TINY_SIZE, TINY_STEPS = 32, (2, 1)


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of data, schedule and size."""
    parser.add_argument("--data", default="", help="prepared data set with masks to train on, by name or folder")
    parser.add_argument("--test", nargs="+", default=[], help="prepared data sets to measure on, NAME or NAME:SPLIT")
    parser.add_argument("--out", type=Path, required=True, help="folder for the runs")
    parser.add_argument("--results", type=Path, help="lines of results (default: runs.jsonl in --out)")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4], help="of the runs (%(default)s)")
    parser.add_argument("--steps", type=int, nargs=2, default=[1000, 500], help="of each stage (%(default)s)")
    parser.add_argument("--size", type=int, default=64, help="side of the crops, pixels (%(default)s)")
    parser.add_argument("--batch", type=int, default=32, help="images (%(default)s)")
    parser.add_argument("--rate", type=float, default=1e-3, help="learning rate, cosine over both stages (%(default)s)")
    parser.add_argument("--augment", default="benchmark", help="augmentation preset (%(default)s)")
    parser.add_argument("--pretrained", action="store_true", help="EfficientNet-Lite0 with ImageNet's weights")
    parser.add_argument("--tiny", action="store_true", help="on embedded data, to see that it runs")


def parse(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """The arguments, with "records", where the training data are, and "splits", what is measured on."""
    args = parser.parse_args()
    args.results = args.results or args.out / "runs.jsonl"
    if args.tiny:
        args.size, args.steps, args.batch, args.augment = TINY_SIZE, list(TINY_STEPS), 8, "none"
        args.records = find_records(settings_for(args, 0).data)
        args.splits = [PreparedSplit(key="forge", folder=args.records)]
    elif args.data:
        args.records = locate(args.data)
        args.splits = find_splits(args.test or [args.data], "test")
    else:
        parser.error("expected --data, or --tiny")
    return args


def schedule(args: argparse.Namespace) -> dict[str, Any]:
    """What runs of one table have in common, as their lines have it."""
    names = ("steps", "size", "batch", "rate", "augment", "pretrained")
    return {"data set": read_manifest(args.records).fingerprint} | {name: getattr(args, name) for name in names}


def settings_for(args: argparse.Namespace, seed: int) -> Settings:
    """The settings of all arms of a seed: which masks come is not said here, but by whoever continues a first stage."""
    steps = sum(args.steps)
    every = max(1, steps // 10)
    values: dict[str, Any] = {
        **LAE,
        **(PRETRAINED if args.pretrained else {}),
        "seed": seed,
        "data.name": "forge" if args.tiny else str(locate(args.data)),
        "data.image_size": args.size,
        "augment.preset": args.augment,
        "optimizer.learning_rate": args.rate,
        "optimizer.schedule": "cosine",
        "train.batch_size": args.batch,
        "train.steps": steps,
        "train.eval_every": every,
        "train.log_every": every,
        "train.keep": 1,
        "active.start": args.steps[0],
        "active.annotator": "people",
    }
    if args.tiny:
        values |= {**TINY["lae"], "data.forge_images": 48, "data.data_dir": str(args.out / "data")}
    return check(override(methods.defaults("lae"), values))


def first_stage(args: argparse.Namespace, seed: int) -> Path:
    """Trains the first stage of a seed, or resumes it; its folder."""
    folder = args.out / str(seed) / FIRST
    go_on(args, seed, folder, until=args.steps[0])
    return folder


def branch(first: Path, folder: Path) -> None:
    """A copy of a first stage to continue from, whole or not at all; one that is there stays."""
    if not folder.exists():
        partial = folder.with_name(folder.name + ".partial")
        shutil.rmtree(partial, ignore_errors=True)
        shutil.copytree(first, partial)
        os.replace(partial, folder)


def go_on(args: argparse.Namespace, seed: int, folder: Path, **how: Any) -> None:
    """Trains in a folder as `loop.train` does with the arguments `how`; ends the program where a SIGTERM ended it."""
    if not loop.train(settings_for(args, seed), folder, args.records, **how):
        raise SystemExit(f"{folder}: stopped before the last step; the same command resumes it")


def measure_arm(args: argparse.Namespace, seed: int, arm: str, folder: Path, **more: Any) -> None:
    """Measures a run, and adds its line; its folder is deleted unless others continue from it."""
    result = measure_run(open_run(folder), args.splits, NO_INTERVALS)
    data = {key: _figures(metrics) for key, metrics in result.metrics.data.items()}
    add_line(args.results, {"arm": arm, "seed": seed, **schedule(args), **more, "data": data})
    if folder.name != FIRST:
        shutil.rmtree(folder)


def _figures(metrics: DataSetMetrics) -> dict[str, Any]:
    maps = metrics.localization
    spot = maps.baselines.centre if maps and maps.baselines else None
    counts = {"n": metrics.frame.n, "masks": maps.n if maps else 0}
    return {"auc": metrics.frame.auc, **_of_maps(maps), **counts, "spot": _of_maps(spot)}


def _of_maps(maps: MapMetrics | None) -> dict[str, float | None]:
    """ "iou" at a threshold of 0.5, "best iou" at that of validation."""
    names = {"pixel ap": "pixel_ap", "iou": "iou", "best iou": "iou_best", "pointing": "pointing"}
    return {name: getattr(maps, attribute, None) for name, attribute in names.items()}


def measured(args: argparse.Namespace) -> list[dict[str, Any]]:
    """The lines of all runs of this data and schedule so far, by seed."""
    wanted = schedule(args)
    lines = [line for line in read_lines(args.results) if line | wanted == line]
    return sorted(lines, key=lambda line: line["seed"])


def is_measured(args: argparse.Namespace, seed: int, arm: str) -> bool:
    return any((line["seed"], line["arm"]) == (seed, arm) for line in measured(args))


def true_mask(records: Records, place: int) -> np.ndarray | None:
    """The mask of a record, uint8 [S, S] in {0, 255}; None where it has none, or an empty one."""
    example = records[place]
    mask: np.ndarray = example["mask"]
    return mask if example["has_mask"] and mask.any() else None


Baseline = Callable[[str], str]


def table_rows(lines: Sequence[Line], arms: Sequence[str], against: Mapping[str, Baseline]) -> Iterator[measure.Row]:
    """A row per data set, figure and arm: mean over seeds, paired differences to baselines; and of a fixed spot.

    Args:
        lines: from `measured`.
        arms: in the order of the rows; those without a run, or without the figure, are left out.
        against: what a column calls a baseline -> the arm that is the baseline of an arm.
    """
    for key in lines[0]["data"]:
        for name in FIGURES:
            values = {arm: _by_seed(lines, arm, key, name) for arm in arms}
            for arm, by_seed in values.items():
                spread = spread_of([*by_seed.values()])
                if spread.mean is not None:  # without masks there is nothing to localise
                    row = {"data": key, "figure": name, "arm": arm, "seeds": str(spread.n)}
                    row |= {"mean": in_words(spread.mean, spread.interval)}
                    yield row | {f"against {words}": _against(values, arm, of(arm)) for words, of in against.items()}
            if (spot := lines[0]["data"][key]["spot"].get(name)) is not None:
                row = {"data": key, "figure": name, "arm": SPOT, "seeds": None, "mean": in_words(spot)}
                yield row | dict.fromkeys(f"against {words}" for words in against)


def _against(values: Mapping[str, Mapping[int, float | None]], arm: str, baseline: str) -> str | None:
    return None if arm == baseline else difference(values[arm], values.get(baseline, {}))


def _by_seed(lines: Sequence[Line], arm: str, key: str, name: str) -> dict[int, float | None]:
    return {line["seed"]: line["data"][key][name] for line in lines if line["arm"] == arm}


def difference(of: Mapping[int, float | None], base: Mapping[int, float | None]) -> str | None:
    """Mean difference over the seeds that both have, with its 95% interval (Student's t); None without such a seed."""
    pairs = [(value, base[seed]) for seed, value in of.items() if seed in base]
    spread = spread_of([None if a is None or b is None else a - b for a, b in pairs])
    if spread.mean is None:
        return None
    interval = "" if spread.interval is None else f" [{spread.interval[0]:+.3f}, {spread.interval[1]:+.3f}]"
    return f"{spread.mean:+.3f}{interval}"

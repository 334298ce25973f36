"""Real deepfakes: what encoder, augmentation, self-blending and masks are worth on people and forgeries never seen.

    python benchmarks/real_faces.py --train dfdc_faces --test dfdc_faces ffpp:all dfdc:all ciplab:all --out DIR

Data sets are prepared alike, by name or folder, with landmarks. Every arm and seed is one run of `dfdetect_jax.train`
in a folder below DIR; the same command resumes unfinished runs, and the table holds the finished ones. All arms see
equally many images, and nothing is chosen on a test set: threshold and checkpoint come from validation.

The figures of a data set are those of all its fakes against all its reals; of one without reals, the share that is
called fake at the frozen threshold. Seeds first: `--seeds 3` makes every arm once before any arm twice.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import measure
from lae_study import mean_and_interval

from configs import cae, lae
from dfdetect_jax import cli
from dfdetect_jax.config import Settings, check, override
from dfdetect_jax.data.records import locate, read_manifest
from dfdetect_jax.devices.host import keep_freed_memory
from dfdetect_jax.evaluation.measure import measure_run
from dfdetect_jax.evaluation.metrics.bootstrap import NO_INTERVALS
from dfdetect_jax.evaluation.prepared_split import PreparedSplit, find_splits
from dfdetect_jax.evaluation.results import DataSetMetrics
from dfdetect_jax.run.folder import open_run
from dfdetect_jax.training import stages

RESULT = "real_faces.json"
METHODS = {"cae": cae, "lae": lae}

SCRATCH: dict[str, Any] = {"augment.preset": "none", "augment.flip": True}
PRETRAINED = {**SCRATCH, "model.encoder": "efficientnet_lite0", "model.pretrained": "imagenet"}
AUGMENTED = {**PRETRAINED, "augment.preset": "strong"}
BLENDED = {**AUGMENTED, "augment.self_blend.share": 0.25}
BLENDED_ALONE = {**AUGMENTED, "augment.self_blend.share": 0.5}
# Settings by method and arm, on top of the method's preset for rendered faces.
ARMS: dict[str, dict[str, Any]] = {
    "cae, scratch": SCRATCH,
    "cae, pretrained": PRETRAINED,
    "cae, + augmentation": AUGMENTED,
    "cae, + self-blending": BLENDED,
    "cae, self-blending alone": BLENDED_ALONE,
    "lae, scratch, no masks": {**SCRATCH, "active.masks": "none"},
    "lae, scratch, 3%": {**SCRATCH, "active.masks": "selected"},
    "lae, scratch, all": {**SCRATCH, "active.masks": "all"},
    "lae, pretrained, no masks": {**AUGMENTED, "active.masks": "none"},
    "lae, pretrained, 3%": {**AUGMENTED, "active.masks": "selected"},
    "lae, pretrained, all": {**AUGMENTED, "active.masks": "all"},
    "lae, pretrained, self-blended": {**BLENDED, "active.masks": "none"},
    "lae, self-blending alone": {**BLENDED_ALONE, "active.masks": "none"},
}


class Job(NamedTuple):
    """One run."""

    arm: str
    seed: int

    @property
    def method(self) -> str:
        return self.arm.partition(",")[0]

    def folder(self, out: Path) -> Path:
        return out / "".join(letter if letter.isalnum() else "_" for letter in self.arm) / str(self.seed)


def settings_for(job: Job, records: Path, args: argparse.Namespace) -> Settings:
    """The settings of a run: those of the method's preset for rendered faces, equal size, steps and schedule."""
    values = {
        "seed": job.seed,
        "data.name": str(records),
        "data.image_size": args.size,
        "data.train_forgeries": (),
        "optimizer.learning_rate": 5e-4,
        "train.batch_size": args.batch,
        "train.steps": args.steps,
        "train.eval_every": max(1, args.steps // 2),
        "train.log_every": max(1, args.steps // 4),
        "train.keep": 1,
    }
    if job.method == "lae":
        values |= {"model.stages": 4, "active.start": max(1, args.steps // 4)}
    return check(override(METHODS[job.method].get_config(), values | ARMS[job.arm]))


def run_job(job: Job, tests: list[PreparedSplit], args: argparse.Namespace) -> None:
    """Trains and measures one run, unless its result exists."""
    folder, records = job.folder(args.out), locate(args.train)
    if (folder / RESULT).exists():
        return
    if not stages.train(settings_for(job, records, args), folder, records):
        raise SystemExit(f"{folder}: stopped before the last step; the same command resumes it")
    data = measure_run(open_run(folder), tests, NO_INTERVALS).metrics.data
    figures = {key: figures_of(metrics) for key, metrics in data.items()}
    (folder / RESULT).write_text(json.dumps({**job._asdict(), "figures": figures}))


def figures_of(metrics: DataSetMetrics) -> dict[str, float | None]:
    maps = metrics.localization
    return {
        "auc": metrics.frame.auc,
        "balanced accuracy": metrics.frame.balanced_accuracy,
        "called fake": metrics.frame.tpr,
        "pixel auc": maps.pixel_auc if maps else None,
        "pixel ap": maps.pixel_ap if maps else None,
    }


def table_rows(results: list[dict], keys: list[str]) -> Iterator[measure.Row]:
    """A row per arm: for each data set the AUC, or without reals the share called fake; then accuracy and maps."""
    groups: dict[str, list[dict]] = {}
    for result in results:
        groups.setdefault(result["arm"], []).append(result["figures"])
    for arm, seeds in groups.items():
        row: measure.Row = {"arm": arm, "seeds": str(len(seeds))}
        for key in keys:
            name = "auc" if seeds[0][key]["auc"] is not None else "called fake"
            row[f"{key} {name}"] = over_seeds(seeds, key, name)
            if name == "auc":
                row[f"{key} accuracy"] = over_seeds(seeds, key, "balanced accuracy")
            row |= {f"{key} {name}": over_seeds(seeds, key, name) for name in ("pixel auc", "pixel ap")}
        yield row


def over_seeds(seeds: list[dict], key: str, name: str) -> str | None:
    values = [figures[key][name] for figures in seeds]
    return None if None in values else mean_and_interval(values)


def main() -> None:
    parser = measure.command_line(__doc__.splitlines()[0])
    parser.add_argument("--train", required=True, help="prepared data set to train on")
    parser.add_argument("--test", nargs="+", required=True, help="prepared data sets to measure on, as NAME[:SPLIT]")
    parser.add_argument("--out", type=Path, required=True, help="folder for the runs")
    parser.add_argument("--arms", nargs="+", default=list(ARMS), choices=ARMS)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--size", type=int, default=128, help="side of the network's input, pixels")
    args = parser.parse_args()
    keep_freed_memory()
    cli.keep_compiled_programs()
    tests = find_splits(args.test, "test")
    jobs = [Job(arm, seed) for seed in range(args.seeds) for arm in args.arms]
    for job in jobs:
        print(*job, flush=True)
        run_job(job, tests, args)
    paths = [job.folder(args.out) / RESULT for job in jobs]
    results = [json.loads(path.read_text()) for path in paths if path.exists()]
    rows = list(table_rows(results, [test.key for test in tests]))
    names = sorted({name for row in rows for name in row if name not in ("arm", "seeds")})
    rows = [{"arm": row["arm"], "seeds": row["seeds"], **{name: row.get(name) for name in names}} for row in rows]
    trained_on = read_manifest(locate(args.train)).name
    notes = [f"trained on {trained_on}: {args.steps} steps of {args.batch} images; ± is a 95% interval over seeds"]
    where = measure.environment("jax", "flax", "optax")
    measure.report("Real deepfakes", where, rows, notes, args.json)


if __name__ == "__main__":
    main()

"""The LAE and its ablations: three tasks, several seeds, detection and localisation on seen and unseen forgeries.

    python benchmarks/lae_study.py --data forge celeba --out DIR [--seeds 3] [--steps 600] [--part 1/2] [--json FILE]

A data set is the result of `prepare --dataset forge [--root FOLDER]`, by name or folder. Every arm of every task and
seed is one run of `dfdetect_jax.train` in a folder below DIR; the same command resumes unfinished runs. `--part i/n`
trains every n-th run, for several processes in parallel. The table contains the finished runs. `curves.png` in DIR
plots the validation AUC of every run: an arm whose curve still rises has not converged.
"""

import argparse
import json
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import measure
import numpy as np
from matplotlib.figure import Figure
from scipy import stats

from dfdetect_jax import cli
from dfdetect_jax.config import LAEModel, LAESettings, check, override
from dfdetect_jax.config.lae import POOLINGS
from dfdetect_jax.data.record_folders import locate
from dfdetect_jax.data.records import read_manifest
from dfdetect_jax.devices.host import keep_freed_memory
from dfdetect_jax.evaluation.measure import measure_run
from dfdetect_jax.evaluation.metrics.bootstrap import NO_INTERVALS
from dfdetect_jax.evaluation.metrics.summary import ForgeryMetrics
from dfdetect_jax.evaluation.prepared_split import PreparedSplit
from dfdetect_jax.run.folder import open_run
from dfdetect_jax.training import stages

TASKS = {
    "swap": ("swap_alpha", "swap_poisson"),
    "attribute": ("attribute_bilinear", "attribute_transposed"),
    "inpainting": ("inpaint_telea", "inpaint_patch"),
}
NO_MASKS = "no masks"
RESULT = "study.json"


# The same encoder, the average of its map, one dense layer; nothing is reconstructed.
PLAIN_CLASSIFIER = {
    "model.head": "linear",
    "model.pooling": "mean",
    "active.masks": "none",
    "loss.pixel": 0.0,
}
# Settings by arm.
ARMS: dict[str, dict[str, Any]] = {
    "plain classifier": PLAIN_CLASSIFIER,
    NO_MASKS: {"active.masks": "none"},
    "3% random": {"active.masks": "selected", "active.strategy": "random"},
    "3% active": {"active.masks": "selected", "active.strategy": "hardest"},
    "all masks": {"active.masks": "all"},
}


class Job(NamedTuple):
    """One run of the study."""

    data: str
    task: str
    arm: str
    seed: int

    def folder(self, out: Path) -> Path:
        return out / Path(self.data).name / self.task / self.arm.replace(" ", "_").replace("%", "") / str(self.seed)


def settings_for(job: Job, records: Path, args: argparse.Namespace) -> LAESettings:
    """The settings of a run: a third of the steps in stage 1; number of steps and schedule are the same for all."""
    values = {
        "seed": job.seed,
        "data.name": str(records),
        "data.image_size": read_manifest(records).crop.size,
        "data.train_forgeries": TASKS[job.task][:1],
        "model.stages": 3,
        "model.pooling": args.pooling,
        "loss.perceptual": 0.0,
        "loss.adversarial": 0.0,
        "optimizer.learning_rate": 1e-3,
        "optimizer.schedule": "cosine",
        "train.batch_size": args.batch,
        "train.steps": args.steps,
        "train.eval_every": max(1, args.steps // 6),
        "train.log_every": max(1, args.steps // 6),
        "train.keep": 1,
        "active.start": args.steps // 3,
    }
    return check(override(LAESettings(), values | ARMS[job.arm]))


def run_job(job: Job, args: argparse.Namespace) -> None:
    """Trains and evaluates one run, unless its result exists."""
    folder, records = job.folder(args.out), locate(job.data)
    if (folder / RESULT).exists():
        return
    if not stages.train(settings_for(job, records, args), folder, records):
        raise SystemExit(f"{folder}: stopped before the last step; the same command resumes it")
    run = open_run(folder)
    metrics = measure_run(run, [PreparedSplit(key=job.data, folder=records)], NO_INTERVALS).metrics.data[job.data]
    seen, unseen = TASKS[job.task]
    others = [forgery for forgery in metrics.by_forgery if forgery not in TASKS[job.task]]
    figures = {
        "seen": forgery_metrics(metrics.by_forgery[seen]),
        "unseen": forgery_metrics(metrics.by_forgery[unseen]),
        "other tasks auc": statistics.mean(metrics.by_forgery[forgery].frame.auc for forgery in others),
        "attention on reals": metrics.localization.reals.attention,
    }
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    curve = [[line["step"], line["val_auc"]] for line in lines if line.get("val_auc") is not None]
    (folder / RESULT).write_text(json.dumps({**job._asdict(), "figures": figures, "curve": curve}))


def forgery_metrics(metrics: ForgeryMetrics) -> dict[str, float | None]:
    maps = metrics.localization
    return {
        "auc": metrics.frame.auc,
        "balanced accuracy": metrics.frame.balanced_accuracy,
        "pixel auc": maps.pixel_auc,
        "pixel ap": maps.pixel_ap,
        "best iou": maps.iou_best,
        "pointing": maps.pointing,
        "blob pixel ap": maps.baselines.centre.pixel_ap,
    }


def finished(jobs: list[Job], out: Path) -> list[dict]:
    paths = [job.folder(out) / RESULT for job in jobs]
    return [json.loads(path.read_text()) for path in paths if path.exists()]


def mean_and_interval(values: list[float]) -> str:
    """Mean and half width of its 95% interval over seeds (Student's t); the mean alone for one seed."""
    mean = statistics.mean(values)
    if len(values) < 2:
        return f"{mean:.3f}"
    half = stats.t.ppf(0.975, len(values) - 1) * statistics.stdev(values) / len(values) ** 0.5
    return f"{mean:.3f} ± {half:.3f}"


def table_rows(results: list[dict]) -> Iterator[measure.Row]:
    """A row per data set, task and arm; the last column pairs each seed with the same seed without masks."""
    groups: dict[tuple, dict[int, dict]] = {}
    for result in results:
        groups.setdefault((result["data"], result["task"], result["arm"]), {})[result["seed"]] = result["figures"]
    for (data, task, arm), by_seed in groups.items():
        row = {"data": Path(data).name, "task": task, "arm": arm, "seeds": str(len(by_seed))}
        for kind in ("seen", "unseen"):
            for name in ("auc", "balanced accuracy", "pixel auc", "pixel ap"):
                row[f"{kind} {name}"] = mean_and_interval([figures[kind][name] for figures in by_seed.values()])
        base = groups.get((data, task, NO_MASKS), {})
        gains = [by_seed[s]["unseen"]["auc"] - base[s]["unseen"]["auc"] for s in by_seed if s in base]
        row["unseen auc against no masks"] = mean_and_interval(gains) if gains and arm != NO_MASKS else None
        yield row


def draw_curves(results: list[dict], path: Path) -> None:
    """One panel per data set and task, one line per run, the arms in colours."""
    panels = sorted({(result["data"], result["task"]) for result in results})
    figure = Figure(figsize=(4 * len(panels), 3.2), layout="constrained")
    axes = np.atleast_1d(figure.subplots(1, len(panels), sharey=True))
    for axis, (data, task) in zip(axes, panels, strict=True):
        named = set()
        for result in results:
            if (result["data"], result["task"]) == (data, task):
                arm = result["arm"]
                steps, auc = zip(*result["curve"], strict=True)
                label = None if arm in named else arm
                axis.plot(steps, auc, color=f"C{list(ARMS).index(arm)}", linewidth=1, alpha=0.8, label=label)
                named.add(arm)
        axis.set(title=f"{Path(data).name}, {task}", xlabel="step")
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("validation AUC (seen forgery)")
    axes[-1].legend(fontsize="small")
    figure.savefig(path, dpi=110)


def main() -> None:
    parser = measure.command_line(__doc__.splitlines()[0])
    parser.add_argument("--data", nargs="+", required=True, help="prepared data sets, by name or folder")
    parser.add_argument("--out", type=Path, required=True, help="folder for the runs")
    parser.add_argument("--tasks", nargs="+", default=list(TASKS), choices=TASKS)
    parser.add_argument("--arms", nargs="+", default=list(ARMS), choices=ARMS)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument(
        "--pooling", default=LAEModel().pooling, choices=POOLINGS, help="of all arms but the classifier"
    )
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--part", default="1/1", help="i/n: train every n-th run, from the i-th on; 0/1 trains none")
    args = parser.parse_args()
    keep_freed_memory()
    cli.keep_compiled_programs()
    jobs = [
        Job(data, task, arm, seed)
        for seed in range(args.seeds)
        for data in args.data
        for task in args.tasks
        for arm in args.arms
    ]
    first, parts = map(int, args.part.split("/"))
    for job in jobs[first - 1 :: parts] if first else []:
        print(*job, flush=True)
        run_job(job, args)
    results = finished(jobs, args.out)
    draw_curves(results, args.out / "curves.png")
    notes = [
        f"{len(results)} of {len(jobs)} runs, {args.steps} steps of {args.batch} each; ± is a 95% interval over seeds"
    ]
    where = measure.environment("jax", "flax", "optax")
    measure.report("LAE and its ablations", where, list(table_rows(results)), notes, args.json)


if __name__ == "__main__":
    main()

"""The whole loop: train, select, paint on the page, train on. What are imperfectly painted masks worth?

    python benchmarks/annotation_loop.py --data dfdc_faces --test dfdc_faces ffpp:all ciplab:all --out DIR --json FILE
        [--seeds 0 1 2] [--steps 300 200] [--share 0.03] [--strategy hardest]
    python benchmarks/annotation_loop.py --tiny --out DIR        two steps, embedded data: does it run?

For each seed: the first stage of an LAE; a queue of a share of the training images; `dfdetect annotate` on a copy of it
for each arm, where an automatic painter answers every item through the calls of the page; and the second stage, which
reads the folder, as `dfdetect train` does. "before" is the first stage alone, "no masks" goes on without any, "perfect
masks" paints the true ones. The others paint masks that are too large, moved, or half missing, or a mixture of these.
The same command goes on where it was stopped.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import mask_runs
import measure
import numpy as np
from painter import PAINTERS, paint

from dfdetect_jax import cli
from dfdetect_jax.active import queue as queues
from dfdetect_jax.active.agreement import iou
from dfdetect_jax.active.choose import active_settings, choose_for_masks
from dfdetect_jax.active.queue_masks import read_masks
from dfdetect_jax.config import override
from dfdetect_jax.config.active import STRATEGIES
from dfdetect_jax.data.records import Records
from dfdetect_jax.devices.host import keep_freed_memory
from dfdetect_jax.run.folder import open_run
from dfdetect_jax.training import stages

BEFORE, NO_MASKS = "before", "no masks"
PAINTED = {f"{name} masks": painter for name, painter in PAINTERS.items()}
ARMS = (BEFORE, NO_MASKS, *PAINTED)


def run_seed(args: argparse.Namespace, seed: int) -> None:
    """All arms of a seed that have not been measured yet."""
    if all(mask_runs.is_measured(args, seed, arm) for arm in args.arms):
        return
    first = mask_runs.first_stage(args, seed)
    select(args, seed, first)
    for arm in args.arms:
        if mask_runs.is_measured(args, seed, arm):
            continue
        print(f"seed {seed}, {arm}", flush=True)
        if arm == BEFORE:
            mask_runs.measure_arm(args, seed, arm, first)
            continue
        folder = args.out / str(seed) / arm.replace(" ", "_")
        mask_runs.branch(first, folder)
        if arm == NO_MASKS:
            mask_runs.go_on(args, seed, folder, stage=2)
            mask_runs.measure_arm(args, seed, arm, folder)
        else:
            painted = paint_and_train(args, seed, arm, folder)
            mask_runs.measure_arm(args, seed, arm, folder, painted=painted)


def select(args: argparse.Namespace, seed: int, first: Path) -> None:
    """Writes the queue of a first stage; one that is there stays."""
    settings = mask_runs.settings_for(args, seed)
    active = active_settings(settings, first)
    active = override(active, {"strategy": args.strategy, "share": args.share})
    choose_for_masks(open_run(first), args.records, active, first / stages.QUEUE)


def paint_and_train(args: argparse.Namespace, seed: int, arm: str, folder: Path) -> dict[str, float]:
    """Paints the queue of a run on the page, and trains the second stage from the folder; what was painted."""
    queue, records = queues.read_queue(folder / stages.QUEUE), Records(args.records, "train")

    def truth(place: int) -> np.ndarray | None:
        return mask_runs.true_mask(records, place)

    paint(queue, truth, PAINTED[arm], seed)
    masks = read_masks(queue, queue.selection.fingerprint)
    ious = [iou(mask, records[place]["mask"]) for place, mask in zip(masks.places.tolist(), masks.masks, strict=True)]
    if not stages.train(mask_runs.settings_for(args, seed), folder, args.records):
        raise SystemExit(f"{folder}: stopped before the last step; the same command resumes it")
    return {"masks": len(masks), "items": len(queue.rows), "iou": float(np.mean(ious))}


def main() -> None:
    parser = measure.command_line(__doc__.splitlines()[0])
    mask_runs.add_flags(parser)
    parser.add_argument("--share", type=float, default=0.03, help="of the training images to paint (%(default)s)")
    parser.add_argument("--strategy", default="hardest", choices=STRATEGIES, help="of selection (%(default)s)")
    parser.add_argument("--arms", nargs="+", default=list(ARMS), choices=ARMS)
    keep_freed_memory()
    cli.keep_compiled_programs()
    args = mask_runs.parse(parser)
    for seed in args.seeds:
        run_seed(args, seed)
    lines = mask_runs.measured(args)
    against = {"no masks": lambda arm: NO_MASKS, "perfect masks": lambda arm: "perfect masks"}
    rows = list(mask_runs.table_rows(lines, ARMS, against))
    where = measure.environment("jax", "flax", "gradio")
    measure.report("The annotation loop", where, rows, [*notes(args, lines)], args.json)


def notes(args: argparse.Namespace, lines: Sequence[mask_runs.Line]) -> list[str]:
    """How it was measured, and how wrong the painters were."""
    ious = {arm: [line["painted"]["iou"] for line in lines if line["arm"] == arm] for arm in PAINTED}
    said = ", ".join(f"{arm} {np.mean(values):.3f}" for arm, values in ious.items() if values)
    return [
        f"{args.steps[0]} and {args.steps[1]} steps of {args.batch}, {args.size} px, {args.share:.0%} of the training "
        f"images by {args.strategy}; in brackets 95% intervals of the mean over seeds (Student's t); differences are "
        "paired by seed",
        f"mean IoU of the painted masks with the true ones: {said}",
    ]


if __name__ == "__main__":
    main()

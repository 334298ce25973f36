"""Is it worth choosing which images people paint? Every strategy against random, on the same first stages.

    python benchmarks/selection.py --data dfdc_faces --out DIR --json FILE [--test dfdc_faces] [--shares 0.01 0.03]
        [--seeds 0 1 2 3 4] [--strategies random hardest diverse] [--steps 300 200] [--hours 2]
    python benchmarks/selection.py --tiny --out DIR        two steps, embedded data: does it run?

For each seed, share and strategy the second stage of an LAE learns from the true masks of the images that the strategy
chose by the seed's first stage, which all share. The same command goes on where it was stopped; with `--hours` no run
is started after that time. Runs go seed by seed, so that what is cut short has all strategies with fewer seeds.
"""

import argparse
import time
from collections.abc import Iterator

import mask_runs
import measure
import numpy as np

from dfdetect_jax import cli
from dfdetect_jax.active.choose import score_fakes
from dfdetect_jax.active.selection import NEEDS, Candidates, how_many, rank
from dfdetect_jax.config.active import STRATEGIES
from dfdetect_jax.data.mixture import select
from dfdetect_jax.data.painted_masks import Masks
from dfdetect_jax.data.records import Records
from dfdetect_jax.devices.host import keep_freed_memory
from dfdetect_jax.run.folder import open_run

CONTROL = "random"


def arm_of(share: float, strategy: str) -> str:
    return f"{share:.0%} {strategy}"


def control_of(arm: str) -> str:
    """The arm of as many masks at random."""
    return f"{arm.split()[0]} {CONTROL}"


def run_seed(args: argparse.Namespace, seed: int, end: float) -> None:
    """All arms of a seed that have not been measured yet, until the time is up."""
    todo = [
        (share, strategy)
        for share in args.shares
        for strategy in args.strategies
        if not mask_runs.is_measured(args, seed, arm_of(share, strategy))
    ]
    if not todo or time.monotonic() >= end:
        return
    first = mask_runs.first_stage(args, seed)
    records = Records(args.records, "train")
    needs = sorted({column for _, strategy in todo for column in NEEDS[strategy]})
    candidates = score_fakes(open_run(first), args.records, needs)
    for share, strategy in todo:
        if time.monotonic() >= end:
            return
        arm = arm_of(share, strategy)
        print(f"seed {seed}, {arm}", flush=True)
        folder = args.out / str(seed) / f"{share:g}-{strategy}"
        masks = masks_of(records, chosen(records, candidates, share, strategy, seed))
        mask_runs.branch(first, folder)
        mask_runs.go_on(args, seed, folder, masks=masks, stage=2)
        mask_runs.measure_arm(args, seed, arm, folder, masks=len(masks))


def chosen(records: Records, candidates: Candidates, share: float, strategy: str, seed: int) -> np.ndarray:
    """Places of the fakes that a strategy chooses, int64 [n], ascending."""
    count = how_many(share, len(select(records, ())), len(candidates))
    rows = [choice.row for choice in rank(candidates, strategy, count, seed)]
    return np.sort(candidates.places[rows])


def masks_of(records: Records, places: np.ndarray) -> Masks:
    """The true masks of the places that have one."""
    masks = {int(place): mask_runs.true_mask(records, int(place)) for place in places}
    there = {place: mask for place, mask in masks.items() if mask is not None}
    return Masks(places=np.array(list(there), np.int64), masks=np.stack(list(there.values())))


def arms(args: argparse.Namespace) -> Iterator[str]:
    """All of the table, in order; those of earlier calls with other flags too."""
    yield from (arm_of(share, strategy) for share in args.shares for strategy in STRATEGIES)


def main() -> None:
    parser = measure.command_line(__doc__.splitlines()[0])
    mask_runs.add_flags(parser)
    parser.add_argument("--shares", type=float, nargs="+", default=[0.01, 0.03], help="of the training images")
    parser.add_argument("--strategies", nargs="+", default=list(STRATEGIES), choices=STRATEGIES)
    parser.add_argument("--hours", type=float, default=1e6, help="start no run after this time")
    keep_freed_memory()
    cli.keep_compiled_programs()
    args = mask_runs.parse(parser)
    end = time.monotonic() + 3600 * args.hours
    for seed in args.seeds:
        run_seed(args, seed, end)
    lines = mask_runs.measured(args)
    if not lines:
        raise SystemExit("no run is finished yet")
    rows = list(mask_runs.table_rows(lines, list(arms(args)), {CONTROL: control_of}))
    notes = [
        f"{args.steps[0]} and {args.steps[1]} steps of {args.batch}, {args.size} px; in brackets 95% intervals of the "
        f"mean over seeds (Student's t); differences are paired by seed, with as many masks at random"
    ]
    measure.report("Selection of the images to paint", measure.environment("jax", "flax"), rows, notes, args.json)


if __name__ == "__main__":
    main()

"""Chooses the training fakes that most need a mask and writes a queue of them for people to paint.

    python -m dfdetect_jax.select --run runs/lae-default

Writes RUN/queue: images, where the detector looks, and a README.txt for the painters. With --oracle the masks that the
data has are filled in. A queue of the same selection that is there already is kept, with the masks painted since.
"""

import argparse
import dataclasses
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from dfdetect_jax import cli
from dfdetect_jax.active import queue as queues
from dfdetect_jax.active.choose import choose, lae_settings, training_fakes
from dfdetect_jax.active.selection import STRATEGIES
from dfdetect_jax.config import LAESettings, check
from dfdetect_jax.run.folder import Run, open_run, training_records


def main(argv: Sequence[str] | None = None) -> int:
    """The command; returns its exit status.

    Raises:
        InputError: the run or its records can't be used, or the queue can't be written.
    """
    args = _arguments(argv)
    cli.keep_compiled_programs()
    run = open_run(args.run)
    asked = _asked(run, args.strategy, args.share, args.seed)
    records = training_records(run, args.data_dir)
    folder = Path(args.out) if args.out else run.folder / "queue"
    with cli.progress("fakes", len(training_fakes(run, records))) as advance:
        queue = choose(run, records, asked.active, folder, seed=asked.seed, on_progress=advance)
    if args.oracle:
        queues.fill_from_records(queue, records)
    _print_summary(queue)
    return 0


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m dfdetect_jax.select", description=__doc__.splitlines()[0])
    parser.add_argument("--run", required=True, help="run folder of an LAE, made by dfdetect_jax.train")
    parser.add_argument("--strategy", choices=STRATEGIES, help="how fakes are ranked; default: the run's setting")
    parser.add_argument(
        "--share", type=float, help="of the training images, how many at most; default: the run's setting"
    )
    parser.add_argument("--seed", type=int, help="of the strategy random; default: the run's")
    parser.add_argument("--out", help="folder of the queue; default: RUN/queue")
    parser.add_argument("--oracle", action="store_true", help="fill in the masks that the data has")
    parser.add_argument("--data_dir", default="", help="where prepared data sets are; default: as in training")
    return parser.parse_args(argv)


def _asked(run: Run, strategy: str | None, share: float | None, seed: int | None) -> LAESettings:
    """The run's settings with those that the command line changes, checked."""
    settings = lae_settings(run)
    active = dataclasses.replace(settings.active, **_given(strategy=strategy, share=share))
    return check(dataclasses.replace(settings, active=active, **_given(seed=seed)))


def _given(**flags) -> dict:
    return {name: value for name, value in flags.items() if value is not None}


def _print_summary(queue: queues.Queue) -> None:
    asked, scores, missing = queue.selection, [row.score for row in queue.rows], len(queues.missing(queue))
    by_forgery = ", ".join(
        f"{name} {count}" for name, count in Counter(row.forgery for row in queue.rows).most_common()
    )
    print(
        f"{len(queue.rows)} fakes by {asked.strategy}, at most {asked.share:.3g} of the training images: {by_forgery}"
    )
    print(f"p(fake) {min(scores):.3f} to {max(scores):.3f}; {missing} still without a mask")
    print(f"queue: {queue.folder}", file=sys.stderr)
    if missing:
        print(f"next: paint masks as {queue.folder / queues.README} says, then train on", file=sys.stderr)


if __name__ == "__main__":
    cli.run(main)

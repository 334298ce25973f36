"""Chooses the training fakes that most need a mask and writes a queue of them for people to paint.

    dfdetect select --run runs/lae

Writes RUN/queue: images, the detector's attention, and a README.txt for the annotators. With --oracle the masks of the
data are filled in. An existing queue of the same selection is kept, with its painted masks.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dfdetect_jax import cli
from dfdetect_jax.config import check, override
from dfdetect_jax.config.active import STRATEGIES
from dfdetect_jax.stores.address import local

if TYPE_CHECKING:
    from dfdetect_jax.active.queue import Queue


def main(argv: Sequence[str] | None = None) -> int:
    """The command; returns its exit status.

    Raises:
        InputError: the run or its records can't be used, or the queue can't be written.
    """
    args = parse(argv)
    local(args.out or args.run, "--out" if args.out else "--run", "people paint in a local folder: copy the run here")
    cli.keep_compiled_programs()
    # Imported only now: they load JAX, which a wrong command line should not have to wait for.
    from dfdetect_jax.active import queue as queues
    from dfdetect_jax.active import queue_masks
    from dfdetect_jax.active.choose import active_settings, choose_for_masks, training_fakes
    from dfdetect_jax.run.folder import open_run, records_of

    run = open_run(args.run)
    active_settings(run.settings, run.folder)  # before a flag is taken for a setting that another method lacks
    changes = {"active.strategy": args.strategy, "active.share": args.share, "seed": args.seed}
    settings = check(override(run.settings, {path: value for path, value in changes.items() if value is not None}))
    active = active_settings(settings, run.folder)
    records = records_of(run, args.data_dir)
    folder = Path(args.out) if args.out else run.folder / "queue"
    with cli.progress("fakes", len(training_fakes(run, records))) as advance:
        queue = choose_for_masks(
            run, records, active, folder, seed=settings.seed, after=args.after, on_progress=advance
        )
    if args.oracle:
        queue_masks.fill_from_records(queue, records)
    _print_summary(queue, len(queue_masks.missing(queue)), folder / queues.README)
    return cli.ExitStatus.OK


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line's arguments.

    Raises:
        SettingsError: they can't be used.
    """
    parser = cli.Parser(prog="dfdetect select", description=__doc__.splitlines()[0])
    parser.add_argument("--run", required=True, help="run folder of an LAE, made by dfdetect train")
    parser.add_argument("--strategy", choices=STRATEGIES, help="how fakes are ranked (default: the run's setting)")
    parser.add_argument(
        "--share", type=float, help="largest share of the training images to choose (default: the run's setting)"
    )
    parser.add_argument("--seed", type=int, help="seed of the strategy random (default: the run's)")
    parser.add_argument(
        "--after",
        metavar="QUEUE",
        help="queue of an earlier round: what is answered there is not chosen again, and its masks are copied",
    )
    parser.add_argument("--out", help="folder of the queue (default: RUN/queue)")
    parser.add_argument("--oracle", action="store_true", help="fill in the masks that the data has")
    parser.add_argument("--data_dir", default="", help="folder of prepared data sets (default: as in training)")
    return parser.parse_args(argv)


def _print_summary(queue: "Queue", missing: int, instructions: Path) -> None:
    selection, scores = queue.selection, [row.score for row in queue.rows]
    counts = Counter(row.forgery for row in queue.rows).most_common()
    by_forgery = ", ".join(f"{name} {count}" for name, count in counts)
    share = f"at most {selection.share:.3g} of the training images"
    print(f"{len(queue.rows)} fakes by {selection.strategy}, {share}: {by_forgery}")
    print(f"p(fake) {min(scores):.3f} to {max(scores):.3f}; {missing} still without a mask")
    print(f"queue: {queue.folder}", file=sys.stderr)
    if missing:
        print(f"next: dfdetect annotate --queue {queue.folder}, then resume training", file=sys.stderr)
        print(f"(or paint masks with another program, see {instructions})", file=sys.stderr)


if __name__ == "__main__":
    cli.run(main)

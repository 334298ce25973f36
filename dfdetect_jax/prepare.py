"""`python -m dfdetect_jax.prepare`: from a data set on disk to records that train and evaluate read.

Works in parallel; each clip is kept as soon as it is done, so that the same command goes on after an interruption. A
second call finds everything there and does nothing. Memory does not grow with the length of clips.
"""

import argparse
import dataclasses
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import rich.console
import rich.table

from dfdetect_jax import cli
from dfdetect_jax.config import ALIGNMENTS, DETECTORS, Crop
from dfdetect_jax.data import jobs, records
from dfdetect_jax.data.catalog import flags
from dfdetect_jax.data.preparation import prepare
from dfdetect_jax.data.report import clip_words, counts_table

SKIPPED_CLIPS = 1  # exit status: the records are there, but some clip could not be read


def summary(folder: Path) -> Iterable[rich.table.Table | str]:
    """What a folder of records holds, for the terminal: counts per split and method, then words about its clips."""
    manifest = records.read_manifest(folder)
    yield counts_table(f"{manifest.name}/{manifest.config}", manifest.counts)
    yield from clip_words(records.read_clips(folder))


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    crop = Crop()
    parser = argparse.ArgumentParser(prog="python -m dfdetect_jax.prepare", description=__doc__.partition("\n\n")[0])
    parser.add_argument("--dataset", required=True, choices=jobs.DATASETS)
    parser.add_argument("--root", default="", help="the data set's folder; forge: real photographs, or none")
    parser.add_argument("--out", default="", help="default: TFDS_DATA_DIR, or ~/tensorflow_datasets")
    parser.add_argument("--name", default="", help="of the result; default: the data set's, or the folder's")
    parser.add_argument("--size", type=int, default=crop.size, help="side of a crop, pixels (%(default)s)")
    parser.add_argument("--margin", type=float, default=crop.margin, help="crop over tight face (%(default)s)")
    parser.add_argument("--align", default=crop.align, choices=ALIGNMENTS)
    parser.add_argument("--detector", default=crop.detector, choices=DETECTORS)
    parser.add_argument("--frames", type=int, default=32, help="per video, evenly spread (%(default)s)")
    flags.add_flags(parser)
    parser.add_argument("--images", type=int, default=4000, help="training images of the embedded set (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the embedded set (%(default)s)")
    parser.add_argument("--processes", type=int, default=0, help="default: one per processor")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Prepares, then prints what there is; 0, or 1 if some clip could not be read."""
    given = _arguments(argv)
    cli.keep_compiled_programs()  # the face detector's, which each worker would compile anew
    folder = prepare(
        given.dataset,
        given.root,
        given.out,
        Crop(given.size, given.margin, given.align, given.detector),
        processes=given.processes,
        **{name: getattr(given, name) for name in ("frames", "images", "seed", "name")},
        **dataclasses.asdict(flags.given_options(given)),
    )
    console = rich.console.Console(width=None if sys.stdout.isatty() else 120)
    console.print(*summary(folder), sep="\n")
    print(folder)
    return SKIPPED_CLIPS if any(report["failed"] for report in records.read_clips(folder)) else 0


if __name__ == "__main__":
    cli.run(main)

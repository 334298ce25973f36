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
from dfdetect_jax.config import ALIGNMENTS, FACE_DETECTORS, Crop
from dfdetect_jax.data import records
from dfdetect_jax.data.catalog import flags
from dfdetect_jax.data.counts_table import clip_words, counts_table
from dfdetect_jax.data.deepfakebench_export import export_json
from dfdetect_jax.data.encoding import ENCODINGS
from dfdetect_jax.data.prepare.preparation import prepare
from dfdetect_jax.data.prepare.request import DATASETS, default_crop
from dfdetect_jax.shares import read_share

SKIPPED_CLIPS = 1  # exit status: the records are there, but some clip could not be read


def summary(folder: Path) -> Iterable[rich.table.Table | str]:
    """What a folder of records holds, for the terminal: counts per split and forgery, then words about its clips."""
    manifest = records.read_manifest(folder)
    yield counts_table(f"{manifest.name}/{manifest.config}", manifest.counts)
    yield from clip_words(records.read_clips(folder))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m dfdetect_jax.prepare",
        description=__doc__.partition("\n\n")[0],
        epilog="With --runner, flags that are not listed here are Apache Beam's.",
        allow_abbrev=False,
    )
    parser.add_argument("--dataset", required=True, choices=DATASETS)
    parser.add_argument("--root", default="", help="the data set's folder; forge: real photographs, or none")
    parser.add_argument("--out", default="", help="default: TFDS_DATA_DIR, or ~/tensorflow_datasets")
    parser.add_argument("--name", default="", help="of the result; default: the data set's, or the folder's")
    parser.add_argument("--images", type=int, default=4000, help="training images of the embedded set (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the embedded set (%(default)s)")
    flags.add_flags(parser)
    crops = parser.add_argument_group("what is cut")
    crops.add_argument("--frames", type=int, default=32, help="per video, evenly spread (%(default)s)")
    crops.add_argument(
        "--face_detector",
        "--detector",
        default="mtcnn",
        choices=FACE_DETECTORS,
        help='"none" takes pictures whole (%(default)s)',
    )
    crops.add_argument("--align", choices=ALIGNMENTS, help="default: landmarks with mtcnn, else box")
    crops.add_argument("--margin", type=float, help="crop over tight face (default: 1.3, and 1 for whole pictures)")
    crops.add_argument("--size", type=int, help="side of a crop, pixels (default: 299)")
    crops.add_argument(
        "--encoding",
        default="",
        choices=ENCODINGS,
        help="raw is fast and large, png small and slow, linked leaves pictures where they are (default: raw)",
    )
    work = parser.add_argument_group("who does it")
    work.add_argument("--processes", type=int, default=0, help="default: one per processor")
    work.add_argument("--shard", default="0/1", metavar="I/N", help="do share I (from 0) of N; the last to end merges")
    work.add_argument(
        "--runner", default="", help="of Apache Beam, such as DirectRunner, FlinkRunner or DataflowRunner"
    )
    parser.add_argument(
        "--export-json", default="", metavar="FILE", help="then write pictures and list for DeepfakeBench"
    )
    return parser


def _arguments(argv: Sequence[str] | None) -> tuple[argparse.Namespace, list[str]]:
    """The flags, and those for Apache Beam."""
    parser = _parser()
    given, rest = parser.parse_known_args(argv)
    if rest and not given.runner:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    return given, [f"--runner={given.runner}", *rest] if given.runner else []


def _crop(given: argparse.Namespace) -> Crop:
    """As given; the rest follows from the data set and the face_detector."""
    crop = default_crop(given.dataset, given.encoding)
    crop.face_detector = given.face_detector
    crop.align = given.align or ("landmarks" if given.face_detector == "mtcnn" else "box")
    crop.margin = given.margin or (1.0 if given.face_detector == "none" else crop.margin)
    crop.size = given.size or crop.size
    return crop


def main(argv: Sequence[str] | None = None) -> int:
    """Prepares, then prints what there is; 0, or 1 if some clip could not be read."""
    given, beam = _arguments(argv)
    cli.keep_compiled_programs()  # the face detector's, which each worker would compile anew
    folder = prepare(
        given.dataset,
        given.root,
        given.out,
        _crop(given),
        processes=given.processes,
        share=read_share(given.shard),
        beam=beam,
        **{name: getattr(given, name) for name in ("frames", "images", "seed", "name", "encoding")},
        **dataclasses.asdict(flags.given_options(given)),
    )
    if folder is None:
        return 0
    console = rich.console.Console(width=None if sys.stdout.isatty() else 120)
    console.print(*summary(folder), sep="\n")
    if given.export_json:
        export_json(folder, given.export_json)
    print(folder)
    return SKIPPED_CLIPS if any(report["failed"] for report in records.read_clips(folder)) else 0


if __name__ == "__main__":
    cli.run(main)

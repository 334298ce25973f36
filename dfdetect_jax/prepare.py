"""`dfdetect prepare`: from a data set on disk to the records that `train` and `evaluate` read.

Works in parallel and keeps each clip as soon as it is done, so the same command continues after an interruption; a
second call finds the records and does nothing. Memory does not grow with the length of clips.

Exit status: 0 every clip was read, though one without a face gives no record; 1 some clips could not be read or some
masks not used; 2 nothing was done.
"""

import argparse
import dataclasses
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import rich.console

from dfdetect_jax import cli
from dfdetect_jax.config import ALIGNMENTS, FACE_DETECTORS, Crop
from dfdetect_jax.data import record_folders, records, remote_records
from dfdetect_jax.data.catalog_options import add_flags, options_from
from dfdetect_jax.data.counts_table import counts_table, report_lines
from dfdetect_jax.data.deepfakebench_export import export_json
from dfdetect_jax.data.encoding import ENCODINGS
from dfdetect_jax.data.prepare.preparation import prepare_share
from dfdetect_jax.data.prepare.request import DATASETS, default_crop
from dfdetect_jax.media.decoding import isolated
from dfdetect_jax.shares import Share, read_share
from dfdetect_jax.stores.address import is_address, local

_PIPED_WIDTH = 120  # columns of a table that is not printed to a terminal


def summary(folder: Path) -> Iterable[rich.console.RenderableType]:
    """The contents of a folder of records, for the terminal: counts per split and forgery, then remarks about clips."""
    manifest = records.read_manifest(folder)
    yield counts_table(f"{manifest.name}/{manifest.config}", manifest.counts)
    yield from report_lines(records.read_clips(folder))


def _parser() -> cli.Parser:
    parser = cli.Parser(
        prog="dfdetect prepare",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="With --runner, flags that are not listed here are passed to Apache Beam.",
        allow_abbrev=False,
    )
    parser.add_argument("--dataset", required=True, choices=DATASETS, help="layout of the data set on disk")
    parser.add_argument(
        "--root", default="", help="folder of the data set; for forge a folder of real photographs, or none"
    )
    parser.add_argument(
        "--out",
        default="",
        help="folder of prepared data sets, also gs://BUCKET/FOLDER or s3://BUCKET/FOLDER (default: TFDS_DATA_DIR, or "
        "~/tensorflow_datasets)",
    )
    parser.add_argument(
        "--name", default="", help="name of the records (default: that of the data set, or of the folder)"
    )
    parser.add_argument(
        "--images", type=int, default=4000, help="for --dataset forge: number of training images (default: %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=0, help="for --dataset forge: seed (default: %(default)s)")
    parser.add_argument(
        "--export_json",
        "--export-json",
        default="",
        metavar="FILE",
        help="afterwards write pictures and their list for DeepfakeBench",
    )
    add_flags(parser)
    _add_cropping_flags(parser)
    _add_execution_flags(parser)
    cli.add_isolation(parser, default=False)
    return parser


def _add_cropping_flags(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("cropping")
    group.add_argument("--frames", type=int, default=32, help="frames per video, evenly spaced (default: %(default)s)")
    group.add_argument(
        "--face_detector",
        "--detector",
        default="mtcnn",
        choices=FACE_DETECTORS,
        help='"none" uses pictures as a whole (default: %(default)s)',
    )
    group.add_argument("--align", choices=ALIGNMENTS, help="(default: landmarks with mtcnn, else box)")
    group.add_argument(
        "--margin", type=float, help="side of the crop over that of the tight face (default: 1.3; 1 for whole pictures)"
    )
    group.add_argument("--size", type=int, help="side of a crop, pixels (default: 299)")
    group.add_argument(
        "--landmarks", action="store_true", help="keep each face's five landmarks, for self-blending in training"
    )
    group.add_argument(
        "--encoding",
        default="",
        choices=ENCODINGS,
        help="raw is fast and large, png small and slow, linked leaves pictures where they are (default: raw)",
    )


def _add_execution_flags(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("parallel execution")
    group.add_argument("--processes", type=int, default=0, help="worker processes (default: one per processor)")
    group.add_argument(
        "--shard",
        default="0/1",
        metavar="I/N",
        help="prepare shard I (from 0) of N; the last to finish merges them (default: %(default)s)",
    )
    group.add_argument(
        "--runner", default="", help="Apache Beam runner, such as DaskRunner, FlinkRunner or DataflowRunner"
    )


def parse(argv: Sequence[str] | None) -> tuple[argparse.Namespace, list[str]]:
    """The flags, and those for Apache Beam.

    Raises:
        SettingsError: they can't be used.
    """
    parser = _parser()
    args, rest = parser.parse_known_args(argv)
    if rest and not args.runner:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    return args, [f"--runner={args.runner}", *rest] if args.runner else []


def _crop(args: argparse.Namespace) -> Crop:
    """The crop by the flags; other values follow from the data set and the face detector."""
    crop = default_crop(args.dataset, args.encoding)
    return dataclasses.replace(
        crop,
        face_detector=args.face_detector,
        align=args.align or ("landmarks" if args.face_detector == "mtcnn" else "box"),
        margin=args.margin if args.margin is not None else 1.0 if args.face_detector == "none" else crop.margin,
        size=args.size if args.size is not None else crop.size,
    )


def _refuse_several(home: str, share: Share, beam: Sequence[str]) -> None:
    """Machines that share the work meet in a folder that all of them see.

    Raises:
        SettingsError: work is to be shared.
    """
    if share.count > 1 or beam:
        local(home, "--out", "with --shard or --runner give a folder that all machines see, and copy the records")


def main(argv: Sequence[str] | None = None) -> int:
    """Prepares records and prints their contents; returns the exit status."""
    args, beam = parse(argv)
    share, home = read_share(args.shard), record_folders.named_home(args.out)
    if is_address(home):
        _refuse_several(home, share, beam)
    local(args.root, "--root", "copy it here, or mount the bucket")
    cli.keep_compiled_programs()  # the face detector's, which each worker would compile anew
    with isolated(cli.isolation_of(args)):
        folder = prepare_share(
            share,
            args.dataset,
            args.root,
            remote_records.workplace(home) if is_address(home) else args.out,
            _crop(args),
            processes=args.processes,
            beam=beam,
            **{name: getattr(args, name) for name in ("frames", "images", "seed", "name", "encoding", "landmarks")},
            **dataclasses.asdict(options_from(args)),
        )
    if folder is None:
        return cli.ExitStatus.OK
    console = rich.console.Console(width=None if sys.stdout.isatty() else _PIPED_WIDTH, markup=False, emoji=False)
    console.print(*summary(folder), sep="\n")
    reports = records.read_clips(folder)
    address = remote_records.publish(folder, home) if is_address(home) else ""
    if args.export_json:
        export_json(remote_records.fetch(address) if address else folder, args.export_json)
    print(address or folder)
    failed = any(report["failed"] or report.get("mask_refused") for report in reports)
    return cli.ExitStatus.INCOMPLETE if failed else cli.ExitStatus.OK


if __name__ == "__main__":
    cli.run(main)

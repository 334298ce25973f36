"""Measures runs and models on prepared data sets: `dfdetect evaluate --run RUN... --data NAME...`.

    --run runs/cae --data forge                                          one run: the report is written to RUN/report
    --run runs/cae runs/cae-single_branch --data forge celebdf --out X   several, compared with the first
    --data celebdf:all dfdc                                              all splits of one, the test split of the other
    --run runs/cae --model exported/ peer.onnx --data celebdf --out X    models beside a run, made by dfdetect export
    --robustness                                                         also under every corruption, at five levels
    --attacks pgd                                                        also under a white-box attack
    --adapt                                                              also at thresholds chosen in other ways

Prints tables on standard output, and writes report.html, metrics.json and scores.csv, which replace an earlier report.
Intervals are 95%, from bootstrap resamples of identities. Of data with reals alone, or fakes alone, the share that is
called fake takes the place of the AUC.
"""

import argparse
import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence

from dfdetect_jax import cli
from dfdetect_jax.data.example import ALL_SPLITS, SPLITS
from dfdetect_jax.devices.host import keep_freed_memory
from dfdetect_jax.errors import SettingsError
from dfdetect_jax.evaluation.stress.protocol import (
    ATTACKS,
    CLIP,
    CORRUPTIONS,
    Stress,
    check_attacks,
    check_corruptions,
)
from dfdetect_jax.stores.output import written


def main(argv: Sequence[str] | None = None) -> int:
    """The command; returns its exit status.

    Raises:
        InputError: the command line, a run or the records can't be used, or the report can't be written.
    """
    arguments = parse(argv)
    stress = stress_of(arguments)
    keep_freed_memory()
    cli.keep_compiled_programs()
    # JAX, Matplotlib and the data libraries take seconds to import; a wrong command line is answered before that.
    from dfdetect_jax.evaluation.comparison import evaluate_runs
    from dfdetect_jax.evaluation.metrics.bootstrap import Resampling
    from dfdetect_jax.evaluation.report import report_files
    from dfdetect_jax.evaluation.report.terminal import print_evaluation
    from dfdetect_jax.evaluation.subjects import open_subjects
    from dfdetect_jax.exchange.opening import open_detector

    subjects = open_subjects(
        [*arguments.run, *arguments.model], arguments.data, arguments.split, arguments.data_dir, open_detector
    )
    for note in subjects.notes:
        print(f"note: {note}", file=sys.stderr)
    resampling = Resampling(resamples=arguments.resamples, by=arguments.by, seed=arguments.seed)
    with _progress() as progress:
        evaluation = evaluate_runs(*subjects, resampling, stress, progress, arguments.adapt)
    out = arguments.out or arguments.run[0].rstrip("/") + "/report"
    with written(out) as folder:
        report_files.write_report(folder, evaluation)
    print_evaluation(evaluation)
    names = f"{report_files.PAGE}, {report_files.METRICS} and {report_files.SCORES}"
    print(f"wrote {names} to {out}", file=sys.stderr)
    return cli.ExitStatus.OK


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line.

    Raises:
        SettingsError: an argument is unknown or missing, or its value is not allowed.
    """
    arguments = _parser().parse_args(argv)
    if not arguments.run and not arguments.model:
        raise SettingsError("--run, --model: expected one or more to measure, found none; name one")
    if (arguments.model or len(arguments.run) > 1) and not arguments.out:
        raise SettingsError("--out: expected a folder for the report of several runs or of a model, found none")
    for name, least in (("resamples", 0), ("max_frames", 1)):
        value = getattr(arguments, name)
        if value is not None and value < least:
            raise SettingsError(f"--{name}: expected at least {least}, found {value}")
    return arguments


def stress_of(arguments: argparse.Namespace) -> Stress:
    """The requested corruptions and attacks: none without the option, all that can be run here if it has no names.

    Raises:
        SettingsError: a name is unknown, or the codec of a named corruption is not installed.
    """
    attacks = ATTACKS if arguments.attacks == [] else tuple(arguments.attacks or ())
    check_attacks(attacks)
    corruptions = tuple(arguments.robustness or ())
    check_corruptions(corruptions)
    if arguments.robustness is not None:
        from dfdetect_jax.evaluation.stress.codecs import check_available  # OpenCV

        if corruptions:
            check_available(corruptions)
        else:
            corruptions = tuple(CORRUPTIONS)
            try:
                check_available(corruptions)
            except SettingsError as error:
                corruptions = tuple(name for name in corruptions if CORRUPTIONS[name].where != CLIP)
                print(f"note: without video compression: {error}", file=sys.stderr)
    return Stress(corruptions=corruptions, attacks=attacks, max_frames=arguments.max_frames)


def _parser() -> cli.Parser:
    parser = cli.Parser(
        prog="dfdetect evaluate",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--run",
        default=[],
        nargs="+",
        metavar="RUN",
        help="run folders, also on gs:// or s3://; several are compared with the first",
    )
    parser.add_argument(
        "--model",
        default=[],
        nargs="+",
        metavar="MODEL",
        help="folders made by dfdetect export, released, or peers' NAME.onnx",
    )
    parser.add_argument(
        "--data",
        required=True,
        nargs="+",
        metavar="NAME",
        help="prepared data sets, by name or folder; NAME:all measures all its splits, NAME:val one other than --split",
    )
    parser.add_argument("--split", default="test", choices=(*SPLITS, ALL_SPLITS), help="default: test")
    parser.add_argument("--out", metavar="FOLDER", help="folder of the report (default for one run: RUN/report)")
    parser.add_argument(
        "--data_dir", default="", metavar="FOLDER", help="folder of prepared data sets (default: as in training)"
    )
    parser.add_argument(
        "--adapt",
        action="store_true",
        help="also measure thresholds from self-blended validation and from the data's scores without labels, and "
        "conformal sets; needs the data that runs were trained on",
    )
    _add_intervals(parser)
    _add_robustness(parser)
    return parser


def _add_intervals(parser: cli.Parser) -> None:
    intervals = parser.add_argument_group("intervals")
    intervals.add_argument(
        "--resamples", type=int, default=1000, metavar="N", help="0 for no intervals (default: %(default)s)"
    )
    intervals.add_argument(
        "--by", default="identity", choices=("identity", "video"), help="what is resampled (default: %(default)s)"
    )
    intervals.add_argument(
        "--seed", type=int, default=0, metavar="N", help="seed of the resamples (default: %(default)s)"
    )


def _add_robustness(parser: cli.Parser) -> None:
    stress = parser.add_argument_group("robustness")
    stress.add_argument(
        "--robustness", nargs="*", metavar="NAME", help=f"corruptions: {', '.join(CORRUPTIONS)} (without names: all)"
    )
    stress.add_argument(
        "--attacks", nargs="*", metavar="NAME", help=f"white-box attacks: {', '.join(ATTACKS)} (without names: both)"
    )
    stress.add_argument(
        "--max_frames",
        type=int,
        metavar="N",
        help="frames per data set for --robustness and --attacks, evenly spaced (default: all)",
    )


@contextlib.contextmanager
def _progress() -> Iterator[Callable[[str, int], Callable[[int], None]]]:
    """Progress bars, one after the other."""
    with contextlib.ExitStack() as bars:

        def start(name: str, frames: int) -> Callable[[int], None]:
            bars.close()
            return bars.enter_context(cli.progress(name, frames))

        yield start


if __name__ == "__main__":
    cli.run(main)

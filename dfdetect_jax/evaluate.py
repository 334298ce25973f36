"""Measures runs on prepared data sets: `python -m dfdetect_jax.evaluate --run RUN... --data NAME...`.

    --run runs/cae --data forge                                          one run: the report goes to its folder
    --run runs/cae runs/cae-single_branch --data forge celebdf --out X   several, each against the first
    --robustness                                                         under every corruption, at five levels
    --attacks pgd                                                        by someone who has the weights

Prints tables on standard output, and writes report.html, metrics.json and scores.csv, which replace those of the call
before. Intervals are 95%, by resampling people.
"""

import argparse
import contextlib
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from dfdetect_jax import cli
from dfdetect_jax.config import one_of
from dfdetect_jax.data.example import SPLITS
from dfdetect_jax.data.records import Records, locate, read_manifest
from dfdetect_jax.devices.host import keep_freed_memory
from dfdetect_jax.errors import SettingsError
from dfdetect_jax.evaluation import comparison, measure
from dfdetect_jax.evaluation.report import report_files
from dfdetect_jax.evaluation.report.terminal import print_comparison, print_results
from dfdetect_jax.evaluation.stress.attacks import ATTACKS
from dfdetect_jax.evaluation.stress.corruptions import CLIP, CORRUPTIONS, check_names
from dfdetect_jax.run.folder import Run, open_run


def main(argv: Sequence[str] | None = None) -> int:
    """The command; returns its exit status.

    Raises:
        InputError: a run or the records can't be used, or the report can't be written.
    """
    keep_freed_memory()
    args = _arguments(argv)
    cli.keep_compiled_programs()
    opened = {name: open_run(folder) for name, folder in zip(comparison.names_of(args.run), args.run, strict=True)}
    first = next(iter(opened.values()))
    data = _data(args, first)
    for run in opened.values():
        for note in filter(None, (report_files.crop_difference(run, folder) for _, folder, _ in data)):
            print(f"note: {note}", file=sys.stderr)
    resampling = report_files.Resampling(args.resamples, args.by, args.seed)
    stress = _stress(args)
    results = {}
    for name, run in opened.items():
        with _progress(name) as progress:
            results[name] = measure.measure(run, data, resampling, stress, progress)
    title = " and ".join(opened) if len(opened) < 3 else f"{len(opened)} runs"
    evaluation = measure.compare(title, opened, results, resampling)
    out = Path(args.out) if args.out else first.folder / "report"
    measure.write(out, evaluation)
    for name, result in results.items():
        if len(results) > 1:
            print(f"\n{name}")
        print_results(result.metrics)
    print_comparison({name: result.metrics for name, result in results.items()}, evaluation.paired, evaluation.seeds)
    print(f"wrote {out / measure.PAGE}, {report_files.METRICS} and {report_files.SCORES} beside it", file=sys.stderr)
    return 0


def _data(args: argparse.Namespace, run: Run) -> list[measure.Measured]:
    """What is measured; looked at before hours are spent."""
    found = []
    for name in args.data:
        folder = locate(name, args.data_dir or run.settings.data.data_dir)
        Records(folder, args.split)
        found.append(measure.Measured(report_files.data_key(_short(name, folder), args.split), folder, args.split))
    for key in (measured.key for measured in found):
        if sum(measured.key == key for measured in found) > 1:
            raise SettingsError(f"--data: expected different data sets, found {key} twice")
    return found


def _short(name: str, folder: Path) -> str:
    """What a data set is called in tables: as given, and for a folder its name and variant."""
    if not Path(name).exists():
        return name
    manifest = read_manifest(folder)
    return f"{manifest.name}/{manifest.config}"


def _stress(args: argparse.Namespace) -> measure.Stress:
    """The corruptions and attacks asked for: none without the flag, all that can be done here where it has no names."""
    corruptions = tuple(args.robustness or ())
    if args.robustness == []:
        corruptions = tuple(CORRUPTIONS)
        try:
            check_names(corruptions)
        except SettingsError as error:
            corruptions = tuple(name for name in corruptions if CORRUPTIONS[name].where != CLIP)
            print(f"note: without video compression: {error}", file=sys.stderr)
    check_names(corruptions)
    attacks = ATTACKS if args.attacks == [] else tuple(args.attacks or ())
    for name in attacks:
        one_of("attack", name, ATTACKS)
    return measure.Stress(corruptions, attacks, args.max_frames)


@contextlib.contextmanager
def _progress(run: str) -> Iterator:
    """Bars, one after the other, for each thing that is measured."""
    with contextlib.ExitStack() as bars:

        def start(name: str, frames: int):
            bars.close()
            return bars.enter_context(cli.progress(f"{run}, {name}", frames))

        yield start


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m dfdetect_jax.evaluate",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--run", required=True, nargs="+", help="run folders, made by dfdetect_jax.train")
    parser.add_argument(
        "--data", required=True, nargs="+", metavar="NAME", help="prepared data sets: names, or folders of records"
    )
    parser.add_argument("--split", default="test", choices=SPLITS, help="default: test")
    parser.add_argument("--out", help="folder for the report; default, for one run: RUN/report")
    parser.add_argument("--data_dir", default="", help="where prepared data sets are; default: as in training")
    drawn = parser.add_argument_group("intervals")
    drawn.add_argument("--resamples", type=int, default=1000, help="0 for no intervals (%(default)s)")
    drawn.add_argument(
        "--by", default="identity", choices=("identity", "video"), help="what is resampled (%(default)s)"
    )
    drawn.add_argument("--seed", type=int, default=0, help="of the draws (%(default)s)")
    stress = parser.add_argument_group("under stress")
    stress.add_argument("--robustness", nargs="*", metavar="NAME", help=f"of {', '.join(CORRUPTIONS)}; alone: all")
    stress.add_argument("--attacks", nargs="*", metavar="NAME", help=f"of {', '.join(ATTACKS)}; alone: both")
    stress.add_argument("--max_frames", type=int, help="of each data set, evenly spread, for these two (all)")
    args = parser.parse_args(argv)
    if len(args.run) > 1 and not args.out:
        raise SettingsError("--out: expected a folder for the report of several runs, found none")
    for name, least in (("resamples", 0), ("max_frames", 1)):
        if getattr(args, name) is not None and getattr(args, name) < least:
            raise SettingsError(f"--{name}: expected at least {least}, found {getattr(args, name)}")
    return args


if __name__ == "__main__":
    cli.run(main)

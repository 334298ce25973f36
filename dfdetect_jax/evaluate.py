"""Measures a run on prepared data sets.

    python -m dfdetect_jax.evaluate --run runs/cae-default --data forge celebdf/299px

Prints the table on standard output and writes RUN/report/metrics.json and RUN/report/scores.csv, which replace those
of the call before. For a method with attention maps, a second table says how well they show where fakes were forged.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from dfdetect_jax import cli
from dfdetect_jax.data.example import SPLITS
from dfdetect_jax.data.records import Records, locate
from dfdetect_jax.evaluation import report
from dfdetect_jax.evaluation.frame_scores import concatenate
from dfdetect_jax.evaluation.tables import print_results
from dfdetect_jax.run import open_run


def main(argv: Sequence[str] | None = None) -> int:
    """The command; returns its exit status.

    Raises:
        InputError: the run or the records can't be used, or the report can't be written.
    """
    args = _arguments(argv)
    cli.keep_compiled_programs()
    run = open_run(args.run)
    folders = {name: locate(name, args.data_dir or run.settings.data.data_dir) for name in args.data}
    for folder in folders.values():  # before hours are spent
        Records(folder, args.split)
        if note := report.crop_difference(run, folder):
            print(f"note: {note}", file=sys.stderr)
    summaries, scores = {}, []
    for name, folder in folders.items():
        with cli.progress(name, len(Records(folder, args.split))) as advance:
            summary, frames = report.evaluate_run(run, str(folder), args.split, on_progress=advance)
        summaries[report.data_key(name, args.split)] = summary
        scores.append(frames)
    metrics = report.as_metrics(run.threshold, summaries, run.notes)
    out = Path(args.out) if args.out else run.folder / "report"
    report.write_report(out, metrics, concatenate(scores))
    print_results(metrics)
    print(f"wrote {out / report.METRICS} and {out / report.SCORES}", file=sys.stderr)
    return 0


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m dfdetect_jax.evaluate", description=__doc__.splitlines()[0])
    parser.add_argument("--run", required=True, help="run folder, made by dfdetect_jax.train")
    parser.add_argument(
        "--data", required=True, nargs="+", metavar="NAME", help="prepared data sets: names, or folders of records"
    )
    parser.add_argument("--split", default="test", choices=SPLITS, help="default: test")
    parser.add_argument("--out", help="folder for metrics.json and scores.csv; default: RUN/report")
    parser.add_argument("--data_dir", default="", help="where prepared data sets are; default: as in training")
    return parser.parse_args(argv)


if __name__ == "__main__":
    cli.run(main)

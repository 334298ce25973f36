"""Scores photographs and videos with a run, and draws pictures of the results.

    python -m dfdetect_jax.predict --run runs/cae photo.jpg clip.mp4 folder/
    find /archive -type f | python -m dfdetect_jax.predict --run runs/cae --paths_from - --scores out.jsonl --shard 0/8

Standard output carries one JSON object per file and line; messages go to standard error, pictures to RUN/predictions.
With `--scores FILE` the lines are appended to that file, and the same command resumes where it stopped. Exit status: 0
all files were scored (a picture without a face counts as scored), 1 some file could not be, 2 the run or the command
line can't be used.
"""

import argparse
import contextlib
import hashlib
import itertools
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dfdetect_jax import cli
from dfdetect_jax.devices.host import keep_freed_memory
from dfdetect_jax.errors import BadMediaError
from dfdetect_jax.media.detectors import load_face_detector
from dfdetect_jax.scoring.channel import Clock
from dfdetect_jax.scoring.decision import MAX_FPR, DecisionRule, Verdict, decision_rule
from dfdetect_jax.scoring.media_frames import FRAMES
from dfdetect_jax.scoring.paths import listed_paths, media_files
from dfdetect_jax.scoring.result import Result, as_json, error_as_json, in_words
from dfdetect_jax.scoring.scores_file import ScoresFile, fingerprint
from dfdetect_jax.scoring.stream import STAGES, score_files
from dfdetect_jax.shares import read_share

if TYPE_CHECKING:
    from dfdetect_jax.run.folder import Run

PICTURES = "pictures"  # a stage of the work, beside those of the stream
_VIEWS: dict[str, tuple[Verdict, ...]] = {
    "all": (Verdict.REAL, Verdict.UNCERTAIN, Verdict.FAKE),
    "fake": (Verdict.FAKE,),
    "none": (),
}
_REPORT_EVERY = 60.0  # seconds, where the lines go to a file


def main(argv: Sequence[str] | None = None) -> int:
    """The command; returns its exit status.

    Raises:
        InputError: the command line, the run or the file of scores can't be used, or pictures can't be written.
    """
    args = parse(argv)
    share = read_share(args.shard)
    keep_freed_memory()
    cli.keep_compiled_programs()
    from dfdetect_jax.run.folder import open_run  # brings JAX, which a wrong command line need not wait for

    run = open_run(args.run)
    rule = decision_rule(run, args.max_fpr)
    for note in rule.notes:
        print(note, file=sys.stderr)
    paths = media_files(itertools.chain(args.paths, listed_paths(args.paths_from) if args.paths_from else ()))
    paths = itertools.islice(paths, share.index, None, share.count)
    if not args.scores:
        return _predict(run, rule, paths, args, None)
    with contextlib.closing(ScoresFile(args.scores, fingerprint(run, rule, args.frames), args.retry_errors)) as scores:
        if len(scores.done):
            print(f"resuming: {len(scores.done)} files are in {args.scores} already", file=sys.stderr)
        return _predict(run, rule, (path for path in paths if path not in scores.done), args, scores)


def _predict(
    run: "Run", rule: DecisionRule, paths: Iterator[str], args: argparse.Namespace, scores: ScoresFile | None
) -> int:
    """Scores the files and writes their lines, to standard output or to `scores`."""
    clock, tally = Clock(), _Tally()
    face_detector, views = load_face_detector(run.crop.face_detector), _VIEWS[args.pictures]
    folder = Path(args.out) if args.out else run.folder / "predictions"
    results = score_files(run, face_detector, paths, args.frames, rule=rule, views=views, clock=clock)
    with contextlib.closing(results):
        for path, result in results:
            tally.add(result)
            if isinstance(result, BadMediaError):
                line, words = error_as_json(path, rule, result), str(result)
            else:
                with clock(PICTURES):
                    picture = _draw(result, folder)
                line, words = as_json(result, picture, result.views[0].heat_kind if picture else None), in_words(result)
            if scores:
                scores.append(line)
            else:
                print(json.dumps(line, allow_nan=False), flush=True)
            if not scores or isinstance(result, BadMediaError):
                print(words, file=sys.stderr)
            if scores and tally.seconds_since_report() > _REPORT_EVERY:
                print(tally.report(), file=sys.stderr)
    stages = ", ".join(f"{stage} {clock.seconds.get(stage, 0):.1f}" for stage in (*STAGES, PICTURES))
    print(f"{tally.report()}; seconds: {stages}", file=sys.stderr)
    return cli.ExitStatus.INCOMPLETE if tally.failed else cli.ExitStatus.OK


def _draw(result: Result, folder: Path) -> Path | None:
    """Writes the picture of a result with views; returns where, or None for a result without."""
    if not result.views:
        return None
    from dfdetect_jax.pictures.sheets import picture_of, write_png  # brings Matplotlib

    picture = folder / picture_name(result.path)
    write_png(picture, picture_of(result))
    return picture


class _Tally:
    """Counts of files and faces so far."""

    def __init__(self) -> None:
        self.files = self.failed = self.faces = 0
        self._start = self._reported = time.monotonic()

    def add(self, result: Result | BadMediaError) -> None:
        self.files += 1
        if isinstance(result, Result):
            self.faces += sum(len(face.sightings) for face in result.faces)
        else:
            self.failed += 1

    def seconds_since_report(self) -> float:
        return time.monotonic() - self._reported

    def report(self) -> str:
        """The counts and the rate in one line."""
        self._reported = time.monotonic()
        seconds = self._reported - self._start
        files = "1 file" if self.files == 1 else f"{self.files} files"
        rate = f"{self.files / max(seconds, 1e-9):.2f} files/s"
        return f"{files}, {self.failed} failed, {self.faces} faces scored in {seconds:.1f} s, {rate}"


def picture_name(path: str) -> str:
    """The picture's file name: the input's name and eight digits of a hash of its absolute path.

    So that `a/x.jpg` and `b/x.jpg`, or `x.jpg` and `x.mp4`, never overwrite each other, in one call or in several.
    """
    digest = hashlib.sha256(os.path.abspath(path).encode(errors="surrogateescape")).hexdigest()
    return f"{Path(path).name[:100]}.{digest[:8]}.png"


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line's arguments.

    Raises:
        SettingsError: they can't be used.
    """
    parser = cli.Parser(
        prog="python -m dfdetect_jax.predict",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    inputs = parser.add_argument_group("input")
    inputs.add_argument("--run", required=True, help="run folder, made by dfdetect_jax.train")
    inputs.add_argument("paths", nargs="*", metavar="PATH", help="photographs, videos, or folders of them")
    inputs.add_argument("--paths_from", metavar="FILE", help="file with more paths, one per line; - is standard input")
    inputs.add_argument(
        "--frames", type=_positive, default=FRAMES, help="frames per video, evenly spaced (default: %(default)s)"
    )
    inputs.add_argument(
        "--max_fpr",
        type=float,
        metavar="SHARE",
        help="share of reals that may be called fake, above 0 and at most 0.2: sets the thresholds of the verdicts "
        f"fake, uncertain and real from the scores of validation's reals (default: {MAX_FPR})",
    )
    output = parser.add_argument_group("output")
    output.add_argument(
        "--pictures", choices=tuple(_VIEWS), default="all", help="results to draw (default: %(default)s)"
    )
    output.add_argument("--out", metavar="DIR", help="folder for the pictures (default: RUN/predictions)")
    output.add_argument(
        "--scores", metavar="FILE", help="append the JSON lines to this file, and skip the files that are in it already"
    )
    output.add_argument("--retry_errors", action="store_true", help="with --scores: retry the files that failed before")
    parallel = parser.add_argument_group("parallel execution")
    parallel.add_argument(
        "--shard", default="0/1", metavar="I/N", help="score every N-th file, starting with the I-th (default: 0/1)"
    )
    args = parser.parse_args(argv)
    if not args.paths and not args.paths_from:
        parser.error("expected a PATH or --paths_from, found neither")
    return args


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, found {text!r}")
    return int(text)


if __name__ == "__main__":
    cli.run(main)

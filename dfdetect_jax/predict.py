"""Scores photographs and videos with a run, and draws what it saw.

    python -m dfdetect_jax.predict --run runs/cae photo.jpg clip.mp4 folder/
    find /archive -type f | python -m dfdetect_jax.predict --run runs/cae --paths_from - --scores out.jsonl --shard 0/8

Standard output carries one JSON object per file and line; words go to standard error, pictures to RUN/predictions.
With `--scores FILE` the lines are appended to that file, and the same command goes on where it was stopped.
Exit status: 0 all were scored (a picture without a face counts as scored), 1 some file could not be, 2 the run or the
command line is wrong.
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

from dfdetect_jax import cli
from dfdetect_jax.data.prepare.preparation import read_share
from dfdetect_jax.devices.host import keep_freed_memory
from dfdetect_jax.errors import BadMediaError
from dfdetect_jax.media.detectors import load_face_detector
from dfdetect_jax.pictures.sheets import VIDEO_VIEWS, photo_picture, video_picture, write_png
from dfdetect_jax.run.folder import Run, open_run
from dfdetect_jax.scoring.channel import Clock
from dfdetect_jax.scoring.paths import listed_paths, media_files
from dfdetect_jax.scoring.result import Result, Verdict, as_json, error_as_json, in_words
from dfdetect_jax.scoring.scores_file import ScoresFile, identity
from dfdetect_jax.scoring.steps import FRAMES
from dfdetect_jax.scoring.stream import STAGES, score_files
from dfdetect_jax.scoring.views import photo_views, video_views

SOME_FAILED = 1
ALL, NONE = "all", "none"
PICTURES = "pictures"  # a stage of the work, beside those of the stream
_SAY_EVERY = 60.0  # seconds, where lines go to a file


def main(argv: Sequence[str] | None = None) -> int:
    """The command; returns its exit status.

    Raises:
        InputError: the run or the file of scores can't be used, or pictures can't be written.
    """
    keep_freed_memory()
    args = _arguments(argv)
    share = read_share(args.shard)
    cli.keep_compiled_programs()
    run = open_run(args.run)
    paths = media_files(itertools.chain(args.paths, listed_paths(args.paths_from) if args.paths_from else ()))
    paths = itertools.islice(paths, share.index, None, share.count)
    if not args.scores:
        return _predict(run, paths, args, None)
    scores = ScoresFile(args.scores, identity(run, args.frames), args.retry_errors)
    try:
        if len(scores.done):
            print(f"{args.scores}: {len(scores.done)} files were done before; going on", file=sys.stderr)
        return _predict(run, (path for path in paths if path not in scores.done), args, scores)
    finally:
        scores.close()


def _predict(run: Run, paths: Iterator[str], args: argparse.Namespace, scores: ScoresFile | None) -> int:
    """Scores the files and says so, on standard output or in `scores`."""
    clock, tally = Clock(), _Tally()
    face_detector = load_face_detector(run.crop.face_detector)
    with contextlib.closing(score_files(run, face_detector, paths, args.frames, clock=clock)) as answers:
        for path, answer in answers:
            with clock(PICTURES):
                answer, picture, heat = _with_picture(run, answer, args)
            failed = isinstance(answer, BadMediaError)
            line = error_as_json(path, run.threshold, answer) if failed else as_json(answer, picture, heat)
            tally.add(answer)
            if scores:
                scores.append(line)
            else:
                print(json.dumps(line, allow_nan=False), flush=True)
            if failed or not scores:
                print(answer if failed else in_words(answer), file=sys.stderr)
            if scores and tally.quiet_for() > _SAY_EVERY:
                print(tally.in_words(), file=sys.stderr)
    stages = ", ".join(f"{stage} {clock.seconds.get(stage, 0):.1f}" for stage in (*STAGES, PICTURES))
    print(f"{tally.in_words()}; seconds: {stages}", file=sys.stderr)
    return SOME_FAILED if tally.failed else 0


def _with_picture(
    run: Run, answer: Result | BadMediaError, args: argparse.Namespace
) -> tuple[Result | BadMediaError, Path | None, str | None]:
    """The answer, and if its picture is wanted, where it was written and what its colours show."""
    if isinstance(answer, BadMediaError) or not answer.faces or args.pictures not in (ALL, answer.verdict):
        return answer, None, None
    try:
        return answer, *_draw(run, answer, Path(args.out) if args.out else run.folder / "predictions")
    except BadMediaError as error:  # it was there a moment ago
        return error, None, None


def _draw(run: Run, result: Result, folder: Path) -> tuple[Path, str]:
    """Writes a file's picture; returns where, and what its colours show."""
    if result.kind == "image":
        views, draw = photo_views(run, result), photo_picture
    else:
        views, draw = video_views(run, result, VIDEO_VIEWS), video_picture
    picture = folder / picture_name(result.path)
    write_png(picture, draw(result, views))
    return picture, views[0].shows


class _Tally:
    """What was done so far."""

    def __init__(self):
        self.files = self.failed = self.faces = 0
        self._start = self._said = time.monotonic()

    def add(self, answer: Result | BadMediaError) -> None:
        self.files += 1
        if isinstance(answer, Result):
            self.faces += sum(len(face.sightings) for face in answer.faces)
        else:
            self.failed += 1

    def quiet_for(self) -> float:
        """Seconds since `in_words`."""
        return time.monotonic() - self._said

    def in_words(self) -> str:
        self._said = time.monotonic()
        seconds = self._said - self._start
        files = "1 file" if self.files == 1 else f"{self.files} files"
        rate = f"{self.files / max(seconds, 1e-9):.2f} files/s"
        return f"{files}, {self.failed} failed, {self.faces} faces scored in {seconds:.1f} s, {rate}"


def picture_name(path: str) -> str:
    """The picture's file name: that of the input and eight digits of a hash of its whole path.

    So that `a/x.jpg` and `b/x.jpg`, or `x.jpg` and `x.mp4`, never write over each other, in one call or in several.
    """
    digest = hashlib.sha256(os.path.abspath(path).encode(errors="surrogateescape")).hexdigest()
    return f"{Path(path).name[:100]}.{digest[:8]}.png"


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m dfdetect_jax.predict", description=__doc__.splitlines()[0])
    parser.add_argument("--run", required=True, help="run folder, made by dfdetect_jax.train")
    parser.add_argument("paths", nargs="*", metavar="PATH", help="photographs, videos, or folders of them")
    parser.add_argument("--paths_from", metavar="FILE", help="more paths, one per line; - is standard input")
    parser.add_argument("--shard", default="0/1", metavar="I/N", help="of every N files the I-th, from 0; default: 0/1")
    parser.add_argument(
        "--scores", metavar="FILE", help="append the JSON lines to this file, and pass over what is in it already"
    )
    parser.add_argument("--retry_errors", action="store_true", help="with --scores: try again what failed before")
    parser.add_argument("--out", help="folder for the pictures; default: RUN/predictions")
    parser.add_argument(
        "--pictures", choices=[ALL, Verdict.FAKE, NONE], default=ALL, help=f"which files to draw; default: {ALL}"
    )
    parser.add_argument(
        "--frames", type=_positive, default=FRAMES, help=f"frames of a video, spread evenly; default: {FRAMES}"
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

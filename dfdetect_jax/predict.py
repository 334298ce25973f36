"""Scores photographs and videos with a detector, and draws pictures of the results.

    dfdetect predict photo.jpg clip.mp4 folder/         the detector that comes with the package
    dfdetect predict --run runs/cae photo.jpg           your own
    dfdetect predict --model exported/ photo.jpg        a folder of `export`, or a peer's NAME.onnx
    dfdetect predict --run runs/cae /archive --scores out.jsonl --shard 0/8 --pictures none
    find /archive -name '*.mov' -print0 | dfdetect predict --run runs/cae --paths_from - --null

In a folder, every file is scored that is a photograph or video by its name or its first bytes; one that can't be read
gets a line that says why. A last message counts what was left out: hidden files, pictures that this program drew, and
files that are neither. Links are followed; a file with several links to it is scored once, two hard links count twice.

Standard output carries one JSON object per file and line, with the path as it was given; messages go to standard error,
pictures to RUN/predictions, or without --run to ./predictions. With `--scores FILE` the lines are appended to it, with
absolute paths, and the same command resumes where it stopped. Exit status: 0 all files were scored (a picture
without a face counts as scored), 1 some file or folder could not be read, or some picture not be written, 2 the run,
the command line or the place for the output can't be used, or the disk is full, 143 ended by SIGTERM. Lines that were
written before stay.
"""

import argparse
import contextlib
import dataclasses
import itertools
import json
import sys
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dfdetect_jax import cli
from dfdetect_jax.devices.host import keep_freed_memory
from dfdetect_jax.errors import BadMediaError, RunError, one_line
from dfdetect_jax.media.decoding import isolated
from dfdetect_jax.media.detectors import load_face_detector
from dfdetect_jax.pictures.picture_files import check_folder, picture_name, write_png
from dfdetect_jax.scoring.channel import Clock
from dfdetect_jax.scoring.decision import MAX_FPR, DecisionRule, Verdict, decision_rule
from dfdetect_jax.scoring.folder_search import Why, counts_in_words
from dfdetect_jax.scoring.media_frames import FRAMES, Unreadable
from dfdetect_jax.scoring.path_list import listed_paths
from dfdetect_jax.scoring.path_set import PathSet
from dfdetect_jax.scoring.paths import media_files
from dfdetect_jax.scoring.result import Result, as_json, error_as_json, in_words
from dfdetect_jax.scoring.scores_file import ScoresFile, fingerprint
from dfdetect_jax.scoring.stream import STAGES, score_files
from dfdetect_jax.scoring.tally import Tally
from dfdetect_jax.shares import Share, read_share
from dfdetect_jax.stores.address import is_address, local

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
        InputError: the command line, the run or the file of scores can't be used, or there is no place for pictures.
        Terminated: by SIGTERM.
    """
    args = parse(argv)
    share, isolation = read_share(args.shard), cli.isolation_of(args)
    keep_freed_memory()
    cli.keep_compiled_programs()
    with cli.terminable(), isolated(isolation):
        return _scored(args, share)


def _scored(args: argparse.Namespace, share: Share) -> int:
    """Opens the run and the file of scores, and scores what is not done."""
    # They bring JAX, which a wrong command line need not wait for.
    from dfdetect_jax.exchange.opening import open_detector, open_released

    named, tally = args.run or args.model, Tally()
    run = open_detector(named, args.sha256) if named else open_released()
    if not named:
        _say("with the detector that comes with the package; its figures and limits: dfdetect card")
    rule = decision_rule(run, args.max_fpr)
    for note in rule.notes:
        _say(note)
    listed = listed_paths(args.paths_from, args.null, log=_say) if args.paths_from else ()
    paths = media_files(itertools.chain(args.paths, listed), share, tally.passed_over)
    if not args.scores:
        return _predict(run, rule, paths, args, None, tally)
    with contextlib.closing(ScoresFile(args.scores, fingerprint(run, rule, args.frames), args.retry_errors)) as scores:
        if len(scores.done):
            _say(f"resuming: {len(scores.done)} files are in {args.scores} already")
        if scores.relative:
            _say(
                f"{args.scores}: {scores.relative} lines have a path relative to an unknown folder, and don't count as "
                "scored"
            )
        return _predict(run, rule, _not_done(paths, scores.done, tally), args, scores, tally)


def _not_done(paths: Iterator[str | Unreadable], done: PathSet, tally: Tally) -> Iterator[str | Unreadable]:
    """What isn't done; a folder that can't be searched never is."""
    for path in paths:
        if isinstance(path, Unreadable) or path not in done:
            yield path
        else:
            tally.passed_over[Why.SCORED] += 1


def _predict(
    run: "Run",
    rule: DecisionRule,
    paths: Iterator[str | Unreadable],
    args: argparse.Namespace,
    scores: ScoresFile | None,
    tally: Tally,
) -> int:
    """Scores the files and writes their lines, to standard output or to `scores`."""
    clock, write = Clock(), scores.append if scores else _print_line
    face_detector, views = load_face_detector(run.crop.face_detector), _VIEWS[args.pictures]
    folder = Path(args.out or (run.folder if args.run and not is_address(args.run) else Path.cwd()) / "predictions")
    if views:
        check_folder(folder)
    results = score_files(run, face_detector, paths, args.frames, rule=rule, views=views, clock=clock)
    with contextlib.closing(results):
        for path, result in results:
            if isinstance(result, BadMediaError):
                line, words = error_as_json(path, rule, result), str(result)
            else:
                with clock(PICTURES):
                    result, picture = _draw(result, folder, views, tally)
                line, words = as_json(result, picture, result.views[0].heat_kind if picture else None), in_words(result)
            tally.add(result)
            write(line)
            if not scores or isinstance(result, BadMediaError):
                _say(words)
            if scores and tally.seconds_since_report() > _REPORT_EVERY:
                _say(tally.report())
    if tally.passed_over:
        _say(counts_in_words(tally.passed_over))
    stages = ", ".join(f"{stage} {clock.seconds.get(stage, 0):.1f}" for stage in (*STAGES, PICTURES))
    _say(f"{tally.report()}; seconds: {stages}" + (f"; pictures in {folder}" if tally.pictures else ""))
    return cli.ExitStatus.INCOMPLETE if tally.failed or tally.pictures_missing else cli.ExitStatus.OK


def _say(words: str) -> None:
    """Prints one line on standard error; of a path that is no plain text the rest is escaped."""
    print(one_line(words), file=sys.stderr)


def _print_line(line: dict[str, Any]) -> None:
    try:
        print(json.dumps(line, allow_nan=False), flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        cli.discard_output()
        raise RunError(f"standard output: {error.strerror or error}; make room, or give --scores") from error


def _draw(result: Result, folder: Path, wanted: Collection[Verdict], tally: Tally) -> tuple[Result, Path | None]:
    """Writes the picture of a result with views; counts one that was `wanted` and has none.

    Returns:
        The result, with a note where the picture can't be written, and where it is; None without views or on failure.
    """
    if not result.views:
        tally.pictures_missing += result.verdict in wanted
        return result, None
    from dfdetect_jax.pictures.verdict_picture import picture_of  # brings Matplotlib

    picture = folder / picture_name(result.path)
    try:
        write_png(picture, picture_of(result), drawing=True)
    except RunError as error:
        tally.pictures_missing += 1
        note = f"without its picture: {error}; give another --out, or --pictures none"
        return dataclasses.replace(result, notes=(*result.notes, note)), None
    tally.pictures += 1
    return result, picture


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line's arguments.

    Raises:
        SettingsError: they can't be used.
    """
    parser = cli.Parser(
        prog="dfdetect predict",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_input(parser)
    _add_output(parser)
    cli.add_isolation(parser, default=True)
    args = parser.parse_args(argv)
    for flag, place in (("--out", args.out), ("--scores", args.scores), *(("PATH", path) for path in args.paths)):
        local(place or "", flag, "copy it here or there with gcloud storage cp or aws s3 cp, or mount the bucket")
    if args.sha256 and not args.model:
        parser.error("--sha256: expected with --model alone, found it without")
    if not args.paths and not args.paths_from:
        parser.error("expected a PATH or --paths_from, found neither")
    return args


def _add_input(parser: argparse.ArgumentParser) -> None:
    inputs = parser.add_argument_group("input")
    detector = inputs.add_mutually_exclusive_group()
    detector.add_argument(
        "--run",
        help="run folder, made by dfdetect train, also on gs:// or s3:// (default: the detector that comes with the "
        "package)",
    )
    detector.add_argument(
        "--model",
        help="folder made by dfdetect export, released, OWNER/NAME@REVISION on the Hugging Face hub, or a peer's "
        "NAME.onnx with NAME.json beside it",
    )
    inputs.add_argument("--sha256", default="", metavar="HEX", help="digest that the model's SHA256SUMS must have")
    inputs.add_argument("paths", nargs="*", metavar="PATH", help="photographs, videos, or folders of them")
    inputs.add_argument(
        "--paths_from",
        metavar="FILE",
        help="list of more paths, one per line, with or without quotes, in UTF-8, or in UTF-16 with a byte order mark; "
        "relative ones count from the current folder; - is standard input",
    )
    inputs.add_argument(
        "-0",
        "--null",
        action="store_true",
        help="with --paths_from: paths are separated by NUL, as find -print0 writes them (recognised without this flag "
        "if the first name has no newline)",
    )
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


def _add_output(parser: argparse.ArgumentParser) -> None:
    output = parser.add_argument_group("output")
    output.add_argument(
        "--pictures", choices=tuple(_VIEWS), default="all", help="results to draw (default: %(default)s)"
    )
    output.add_argument(
        "--out", metavar="DIR", help="folder for the pictures (default: RUN/predictions, or predictions)"
    )
    output.add_argument(
        "--scores",
        metavar="FILE",
        help="append the JSON lines to this file, with absolute paths, and skip the files that are in it already",
    )
    output.add_argument("--retry_errors", action="store_true", help="with --scores: retry the files that failed before")
    parallel = parser.add_argument_group("parallel execution")
    parallel.add_argument(
        "--shard",
        default="0/1",
        metavar="I/N",
        help="score share I of N, I from 0, by a hash of the absolute path: a file stays in its share as an archive "
        "grows (default: 0/1)",
    )


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, found {text!r}")
    return int(text)


if __name__ == "__main__":
    cli.run(main)

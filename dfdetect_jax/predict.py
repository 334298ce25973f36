"""Scores photographs and videos with a run, and draws what it saw.

    python -m dfdetect_jax.predict --run runs/cae photo.jpg clip.mp4 folder/

Standard output carries one JSON object per file and line; words go to standard error, pictures to RUN/predictions.
Exit status: 0 all were scored (a picture without a face counts as scored), 1 some file could not be, 2 the run or the
command line is wrong.
"""

import argparse
import hashlib
import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from dfdetect_jax import cli
from dfdetect_jax.errors import BadMediaError
from dfdetect_jax.media.face import Detector, load_detector
from dfdetect_jax.media.image import media_kind
from dfdetect_jax.pictures import VIDEO_VIEWS, photo_picture, video_picture, write_png
from dfdetect_jax.results import Result, ScoredFace
from dfdetect_jax.run import Run, open_run
from dfdetect_jax.scoring import FRAMES, score_photo, score_video, video_views

SOME_FAILED = 1
_NAMED_MEDIA = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm"}


def main(argv: Sequence[str] | None = None) -> int:
    """The command; returns its exit status.

    Raises:
        InputError: the run can't be used, or pictures can't be written.
    """
    args = _arguments(argv)
    cli.keep_compiled_programs()
    run = open_run(args.run)
    detector = load_detector(run.crop.detector)
    pictures = Path(args.out) if args.out else run.folder / "predictions"
    failed = 0
    for path in media_files(args.paths):
        try:
            line, words = _predict(run, detector, path, args.frames, pictures)
        except BadMediaError as error:
            line, words, failed = _error_line(path, run.threshold, error), str(error), failed + 1
        print(json.dumps(line, allow_nan=False), flush=True)
        print(words, file=sys.stderr)
    return SOME_FAILED if failed else 0


def media_files(paths: Sequence[str]) -> Iterator[str]:
    """The files to score: those given, and in folders, searched to the bottom, all that are photographs or videos.

    Each comes once, folders in the order of their names. In folders, names with a leading dot are passed over, and
    so are files that are media neither by their name nor by their first bytes. A path that is missing, or a folder
    with nothing in it, is handed on for the reader to say so.
    """
    done = set()
    for given in paths:
        for path in _files_under(given) if os.path.isdir(given) else [given]:
            if (absolute := os.path.abspath(path)) not in done:
                done.add(absolute)
                yield path


def _files_under(folder: str) -> Iterator[str]:
    found = False
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for path in (os.path.join(parent, name) for name in sorted(files) if not name.startswith(".")):
            if Path(path).suffix.lower() in _NAMED_MEDIA or _is_media(path):
                found = True
                yield path
    if not found:
        yield folder


def _is_media(path: str) -> bool:
    try:
        return bool(media_kind(path))
    except BadMediaError:
        return False


def _predict(run: Run, detector: Detector, path: str, frames: int, pictures: Path) -> tuple[dict, str]:
    """The JSON object and the words for one file, with its picture written."""
    if os.path.isdir(path):
        raise BadMediaError(f"{path}: expected photographs or videos in this folder, found none")
    if media_kind(path) == "image":
        result, views = score_photo(run, detector, path)
        draw = photo_picture
    else:
        result = score_video(run, detector, path, frames)
        views = video_views(run, result, VIDEO_VIEWS)
        draw = video_picture
    picture = None
    if views:
        picture = pictures / picture_name(path)
        write_png(picture, draw(result, views))
    return as_json(result, picture, views[0].shows if views else None), in_words(result)


def picture_name(path: str) -> str:
    """The picture's file name: that of the input and eight digits of a hash of its whole path.

    So that `a/x.jpg` and `b/x.jpg`, or `x.jpg` and `x.mp4`, never write over each other, in one call or in several.
    """
    digest = hashlib.sha256(os.path.abspath(path).encode(errors="surrogateescape")).hexdigest()
    return f"{Path(path).name[:100]}.{digest[:8]}.png"


def as_json(result: Result, picture: Path | None, heat: str | None) -> dict:
    """One line of standard output: scores to 6 digits, boxes as x0, y0, x1, y1 in pixels.

    `heat` is what the picture's colours show: "attention" (where it looks forged) or "reconstruction error".
    """
    return {
        "path": result.path,
        "kind": result.kind,
        "score": None if result.score is None else round(result.score, 6),
        "verdict": result.verdict,
        "threshold": round(result.threshold, 6),
        "faces": [_face_as_json(face) for face in result.faces],
        "frames_used": result.frames_used,
        "frames_declared": result.frames_declared,
        "picture": None if picture is None else str(picture),
        "heat": heat,
        "notes": list(result.notes),
        "error": None,
    }


def _face_as_json(face: ScoredFace) -> dict:
    where = face.most_suspicious
    return {
        "box": [round(float(side), 1) for side in where.face.box],
        "frame": where.frame,
        "score": round(face.score, 6),
        "frames": len(face.sightings),
        "decides": face.decides,
    }


def _error_line(path: str, threshold: float, error: BadMediaError) -> dict:
    empty = {"kind": None, "score": None, "verdict": "error", "threshold": round(threshold, 6), "faces": []}
    rest = {"frames_used": 0, "frames_declared": 0, "picture": None, "heat": None, "notes": [], "error": str(error)}
    return {"path": path, **empty, **rest}


def in_words(result: Result) -> str:
    """One line for people."""
    score = "" if result.score is None else f", score {result.score:.3f} (fake from {result.threshold:.3f})"
    notes = f"; {'; '.join(result.notes)}" if result.notes else ""
    return f"{result.path}: {result.verdict}{score}{notes}"


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m dfdetect_jax.predict", description=__doc__.splitlines()[0])
    parser.add_argument("--run", required=True, help="run folder, made by dfdetect_jax.train")
    parser.add_argument("paths", nargs="+", metavar="PATH", help="photographs, videos, or folders of them")
    parser.add_argument("--out", help="folder for the pictures; default: RUN/predictions")
    parser.add_argument(
        "--frames", type=_positive, default=FRAMES, help=f"frames of a video, spread evenly; default: {FRAMES}"
    )
    return parser.parse_args(argv)


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, found {text!r}")
    return int(text)


if __name__ == "__main__":
    cli.run(main)

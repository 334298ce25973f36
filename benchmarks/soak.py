"""Memory, open files and threads while many small files are scored, some of them broken.

    python benchmarks/soak.py [--files 100000] [--broken 0.01] [--isolate] [--json FILE]

The files are hard links to a hundred pictures, and to broken ones: cut short, of no known format, with changed bytes.
They are scored as `predict` does, with Haar cascades and a network of random weights.
"""

import argparse
import contextlib
import dataclasses
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import measure
import numpy as np
import score_media
import workload

from dfdetect_jax.config import Crop
from dfdetect_jax.config.isolation import Isolation
from dfdetect_jax.errors import BadMediaError
from dfdetect_jax.media import decoding

_PICTURES, _BROKEN, _SAMPLES = 100, 20, 10


def made_files(folder: Path, count: int, broken: float) -> Iterator[str]:
    """Makes the files as they are asked for; removes them a while later."""
    generator = np.random.default_rng(0)
    sound = score_media.made_photos(folder, _PICTURES)
    spoilt = []
    for i in range(_BROKEN):
        content = bytearray(Path(sound[i]).read_bytes())
        if i % 3 == 0:
            del content[len(content) // 2 :]
        elif i % 3 == 1:
            content[:4] = b"none"
        else:
            content[200:400] = generator.bytes(200)
        spoilt.append(folder / f"spoilt{i}.jpg")
        spoilt[-1].write_bytes(content)
    for number in range(count):
        source = spoilt[number % _BROKEN] if generator.random() < broken else sound[number % _PICTURES]
        path = folder / f"file{number}.jpg"
        os.link(source, path)
        yield str(path)
        with contextlib.suppress(FileNotFoundError):
            (folder / f"file{number - 5000}.jpg").unlink()


def sample(done: int, seconds: float) -> measure.Row:
    """A row of the table."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return {
        "files": done,
        "s": seconds,
        "MB": int(status["VmRSS"].split()[0]) / 1e3,
        "open files": len(os.listdir("/proc/self/fd")),
        "threads": threading.active_count(),
        "tasks": int(status["Threads"]),
    }


def soak(args: argparse.Namespace, folder: Path) -> tuple[list[measure.Row], int]:
    """Rows, and how many files could not be read."""
    from dfdetect_jax.devices import host
    from dfdetect_jax.media.detectors import load_face_detector
    from dfdetect_jax.scoring.stream import score_files

    host.keep_freed_memory()
    crop = Crop(size=args.size, align="box", face_detector="haar")
    run, detector = dataclasses.replace(score_media.random_run(args), crop=crop), load_face_detector("haar")
    rows, refused, began = [], 0, time.perf_counter()
    every = max(1, args.files // _SAMPLES)
    results = score_files(run, detector, made_files(folder, args.files, args.broken))
    for done, (_, result) in enumerate(results, start=1):
        refused += isinstance(result, BadMediaError)
        if done % every == 0 or done == min(every, 1000):
            rows.append(sample(done, time.perf_counter() - began))
    return rows, refused


def main() -> None:
    parser = measure.command_line(__doc__.splitlines()[0])
    workload.add_arguments(parser)
    parser.set_defaults(size=64, width=0.125)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--broken", type=float, default=0.01, help="share of the files")
    parser.add_argument("--isolate", action="store_true", help="decode in processes of their own")
    args = parser.parse_args()
    isolation = Isolation() if args.isolate else None
    with tempfile.TemporaryDirectory() as name, decoding.isolated(isolation):
        rows, refused = soak(args, Path(name))
    notes = [f"{refused} of {args.files} files could not be read; {args.broken:.0%} were broken"]
    measure.report("Many small files", measure.environment("jax", "opencv-python-headless"), rows, notes, args.json)


if __name__ == "__main__":
    main()

"""What it costs to decode in processes of their own (`--isolate`): files per second with and without.

    python benchmarks/isolation.py [--photos 300] [--seconds 30] [--rounds 3] [--json FILE]

Each row is a fresh process. "decode" only decodes, in as many threads as `predict` has readers; "predict" scores the
same files with a network of random weights. "MB" is the memory of the process itself, without its decoders.
"""

import argparse
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import measure
import score_media
import workload

from dfdetect_jax.config.isolation import Isolation
from dfdetect_jax.devices.host import processors
from dfdetect_jax.media import decoding
from dfdetect_jax.scoring.media_frames import open_media

DECODE, PREDICT = "decode", "predict"
_WARM_UP = 4  # files, so that the decoders have started


def decoded(paths: list[str], rounds: int) -> measure.Row:
    """Seconds for all files, decoded as `predict` does."""

    def decode(path: str) -> int:
        return sum(len(chunk.frames) for chunk in open_media(path)[1])

    with ThreadPoolExecutor(min(max(processors(), 2), 8)) as threads:
        list(threads.map(decode, paths[:_WARM_UP] * 2))
        taken = []
        for _ in range(rounds):
            start = time.perf_counter()
            frames = sum(threads.map(decode, paths))
            taken.append(time.perf_counter() - start)
    seconds = sorted(taken)[len(taken) // 2]
    return {"s": seconds, "files/s": len(paths) / seconds, "frames": frames, "MB": score_media.resident()}


def measured(work: str, isolated: bool, paths: list[str], args: argparse.Namespace) -> measure.Row:
    """In a fresh process: a row of the table, but for its name."""
    with decoding.isolated(Isolation() if isolated else None):
        if work == DECODE:
            return decoded(paths, args.rounds)
        row = score_media.measured(score_media.STREAM, paths, args)
        return {"s": row["s"], "files/s": row["files/s"], "frames": row["faces"], "MB": row["MB"]}


def main() -> None:
    parser = measure.command_line(__doc__.splitlines()[0])
    workload.add_arguments(parser)
    parser.add_argument("--photos", type=int, default=300, help="how many photographs of 250 x 250 pixels")
    parser.add_argument("--clips", type=int, default=8, help="how many clips")
    parser.add_argument("--seconds", type=int, default=10, help="length of each clip")
    parser.add_argument("--height", type=int, default=720, help="of the clips, pixels")
    parser.add_argument("--rounds", type=int, default=3, help="timed passes over the files")
    args = parser.parse_args()

    rows, notes = [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        score_media.made_clip(folder / "clip.mp4", args.seconds, args.height)
        files = {
            f"{args.photos} photographs": score_media.made_photos(folder, args.photos),
            f"{args.clips} clips": [str(folder / "clip.mp4")] * args.clips,
        }
        for what, paths in files.items():
            for work in (DECODE, PREDICT):
                pair = [
                    score_media.in_a_fresh_process(measured, work, isolated, paths, args) for isolated in (False, True)
                ]
                for isolated, row in zip((False, True), pair, strict=True):
                    rows.append({"files": what, "work": work, "isolated": isolated, **row})
                notes.append(f"{what}, {work}: isolated at {pair[1]['files/s'] / pair[0]['files/s']:.2f} of the rate")
    where = measure.environment("jax", "av", "opencv-python-headless", "numpy")
    measure.report(f"Decoding in processes of their own, median of {args.rounds}", where, rows, notes, args.json)


if __name__ == "__main__":
    main()

"""Clips per minute and memory of `prepare`: by number of processes, by number of clips, and against OpenCV.

    python benchmarks/prepare.py [--clips 24] [--frames 32] [--processes 1 2] [--json FILE]

The clips are synthetic: rendered faces of the embedded set moving over a noisy background, 640 x 480, H.264 or another
codec that OpenCV can write, 150 frames, each person in several files. Every arm is a fresh process, whose time includes
the start (loading JAX, compiled programs from the cache); "without start" is the slope between `--clips` and ten times
as many. Memory is the maximum over time of the proportional set size summed over processes, sampled.

The reference is a minimal script: OpenCV reads the clip, the Haar cascade finds the face, the box is cropped and
written as PNG, one clip after another.
"""

import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import NamedTuple

import cv2
import measure
import numpy as np

from dfdetect_jax.config import Crop
from dfdetect_jax.data import forge

_WIDTH, _HEIGHT, _FRAMES, _FACE = 640, 480, 150, 260
_PEOPLE = 6
_REFERENCE = """
import sys, cv2, numpy as np
from pathlib import Path
cv2.setNumThreads(1)
cascade = cv2.CascadeClassifier(cv2.data.haarcascades + "haarcascade_frontalface_alt2.xml")
root, out, count = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
for path in sorted(root.glob("*/*.mp4")):
    capture = cv2.VideoCapture(str(path))
    wanted = set(np.linspace(0, capture.get(cv2.CAP_PROP_FRAME_COUNT) - 1, count).astype(int))
    for index in range(max(wanted) + 1):
        capture.grab()
        if index not in wanted:
            continue
        frame = capture.retrieve()[1]
        faces = cascade.detectMultiScale(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY), 1.1, 4, minSize=(40, 40))
        if len(faces):
            x, y, w, h = max(faces, key=lambda face: face[2] * face[3])
            top, left = max(0, y - h // 7), max(0, x - w // 7)
            crop = cv2.resize(frame[top : y + h + h // 7, left : x + w + w // 7], (299, 299))
            cv2.imwrite(str(out / f"{path.stem}_{index}.png"), crop)
"""


class Run(NamedTuple):
    """Wall-clock seconds and peak memory in MB of one command and all its processes."""

    seconds: float
    memory: float


def make_clips(folder: Path, count: int) -> None:
    """`count` clips in `folder`/real: `_PEOPLE` videos, each under many names (hard links: only time counts)."""
    first, rng = folder / "real", np.random.default_rng(0)
    first.mkdir(parents=True)
    units = forge.plan_units(images=2 * _PEOPLE)
    faces = [forge.render_unit(unit, Crop(size=_FACE, margin=2.0))[0].image for unit in units[:_PEOPLE]]
    for i in range(count):
        path = first / f"p{i:05d}.mp4"
        if i < len(faces):
            write_clip(path, faces[i], rng)
        else:
            os.link(first / f"p{i % len(faces):05d}.mp4", path)


def write_clip(path: Path, face: np.ndarray, rng: np.random.Generator) -> None:
    background = cv2.GaussianBlur(rng.integers(0, 256, (_HEIGHT, _WIDTH, 3), np.uint8), (0, 0), 7)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 25, (_WIDTH, _HEIGHT))
    for i in range(_FRAMES):
        frame = background.copy()
        x, y = round(190 + 150 * np.sin(i / 20)), round(110 + 90 * np.cos(i / 31))
        frame[y : y + _FACE, x : x + _FACE] = face[..., ::-1]
        writer.write(frame)
    writer.release()


def tree_memory(pid: int) -> float:
    """Proportional set size of a process and its descendants, MB."""
    total, waiting = 0.0, [pid]
    while waiting:
        process = waiting.pop()
        try:
            lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
            total += next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024
            for task in Path(f"/proc/{process}/task").iterdir():
                waiting += map(int, (task / "children").read_text().split())
        except (OSError, StopIteration):  # it has ended meanwhile
            continue
    return total


def timed(command: list[str], environment: dict[str, str]) -> Run:
    """Runs a command to its end and measures it."""
    begun, most = time.perf_counter(), [0.0]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def watch() -> None:
        while process.poll() is None:
            most[0] = max(most[0], tree_memory(process.pid))
            time.sleep(0.2)

    watcher = threading.Thread(target=watch)
    watcher.start()
    errors = process.communicate()[1]
    watcher.join()
    if process.returncode:
        raise SystemExit(f"{' '.join(command[:4])} failed: {errors.strip().splitlines()[-1]}")
    return Run(time.perf_counter() - begun, most[0])


def prepare(root: Path, out: Path, frames: int, processes: int) -> Run:
    command = [
        sys.executable,
        "-m",
        "dfdetect_jax.prepare",
        "--dataset",
        "folder",
        "--root",
        str(root),
        "--allow_one_class",
    ]
    command += ["--out", str(out), "--frames", str(frames), "--processes", str(processes)]
    return timed(command, {**os.environ, "XDG_CACHE_HOME": str(out.parent / "cache")})


def reference(root: Path, out: Path, frames: int) -> Run:
    out.mkdir()
    return timed([sys.executable, "-c", _REFERENCE, str(root), str(out), str(frames)], dict(os.environ))


def main() -> None:
    parser = measure.command_line(__doc__)
    parser.add_argument("--clips", type=int, default=24)
    parser.add_argument("--frames", type=int, default=32)
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2])
    given = parser.parse_args()
    where = measure.environment("opencv-python-headless", "jax", "array_record")
    counts = (given.clips, 10 * given.clips)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for count in counts:
            make_clips(folder / f"clips{count}", count)
        few, many = (folder / f"clips{count}" for count in counts)
        prepare(few, folder / "warm", given.frames, 1)  # fills the cache of programs
        theirs = reference(few, folder / "reference", given.frames)
        ours = {}
        for processes in given.processes:
            runs = [
                prepare(clips, folder / f"{processes}{clips.name}", given.frames, processes) for clips in (few, many)
            ]
            ours[processes] = runs
    rows = [row("OpenCV, Haar, PNG", 1, counts, theirs, None)]
    rows += [row("this library", processes, counts, *runs) for processes, runs in ours.items()]
    single = ours[given.processes[0]]
    notes = [efficiency(processes, single, ours[processes]) for processes in given.processes[1:]]
    notes.append(f"clips: {_FRAMES} frames of {_WIDTH} x {_HEIGHT}, {given.frames} of them read; each arm once")
    measure.report(f"prepare, {counts[0]} and {counts[1]} clips", where, rows, notes, given.json)


def row(name: str, processes: int, counts: tuple[int, int], few: Run, many: Run | None) -> measure.Row:
    most, clips = (many, counts[1]) if many else (few, counts[0])
    return {
        "arm": name,
        "processes": str(processes),
        f"s, {counts[0]} clips": few.seconds,
        f"s, {counts[1]} clips": many and many.seconds,
        "clips/min": 60 * clips / most.seconds,
        "without start": many and 60 * (counts[1] - counts[0]) / (many.seconds - few.seconds),
        f"MB, {counts[0]} clips": few.memory,
        f"MB, {counts[1]} clips": many and many.memory,
    }


def efficiency(processes: int, single: list[Run], several: list[Run]) -> str:
    whole = single[1].seconds / several[1].seconds / processes
    slope = (single[1].seconds - single[0].seconds) / (several[1].seconds - several[0].seconds) / processes
    return f"{processes} processes: {whole:.0%} of linear with the start, {slope:.0%} without"


if __name__ == "__main__":
    main()

"""Scoring clips and photographs from file to score: seconds by stage, files per second, memory.

    python benchmarks/score_media.py [--clip FILE] [--seconds 30] [--long 600] [--photos 300] [--rounds 3] [--json FILE]

Without `--clip`, a clip is made by panning and zooming over a photograph of an astronaut (needs av and scikit-image);
the long one, which measures memory, repeats the frames of the short one. Each row is a fresh process that warms up on
the same files, or on some of many photographs. "one at a time" calls `score_files` for each file, so that batches
aren't shared between files; "stream" calls it once for all, as `predict` does. Decoding, detection and network run in
threads, whose seconds may add up to more than the wall clock's.
"""

import argparse
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import measure
import numpy as np
import workload

if TYPE_CHECKING:
    from dfdetect_jax.media.detectors import FaceDetector
    from dfdetect_jax.run.folder import Run
    from dfdetect_jax.scoring.channel import Clock

ALONE, STREAM = "one at a time", "stream"
FPS = 30
SHORT = 10  # seconds; what the long clip's memory is compared with
_WARM_UP = 33  # files; one batch and the rest of one


def made_clip(path: Path, seconds: int, height: int) -> None:
    """H.264 of a moving view of a photograph with one face, 16:9, 30 frames/s."""
    import av
    import cv2
    import skimage.data

    width, photo = height * 16 // 9 // 2 * 2, skimage.data.astronaut()
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options={"crf": "23", "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for t in np.arange(seconds * FPS) / FPS:
            zoom = height / 300 * (1.15 + 0.15 * np.sin(t / 2))
            x, y = 230 + 25 * np.sin(t / 3), 150 + 8 * np.cos(t / 4)
            view = np.array([[zoom, 0, width / 2 - zoom * x], [0, zoom, height / 2 - zoom * y]])
            frame = cv2.warpAffine(photo, view, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())


def repeated_clip(source: Path, path: Path, times: int) -> None:
    """The packets of `source` over and over, so that a long clip costs no encoding."""
    import av

    with av.open(path, "w") as container:
        stream, shift = None, 0
        for _ in range(times):
            with av.open(source) as once:
                own = once.streams.video[0]
                stream = stream or container.add_stream_from_template(own)
                for packet in once.demux(own):
                    if packet.dts is None:  # the last one, which is empty
                        continue
                    packet.dts, packet.pts, packet.stream = packet.dts + shift, packet.pts + shift, stream
                    container.mux(packet)
                shift += int(Fraction(own.frames, FPS) / own.time_base)


def made_photos(folder: Path, count: int) -> list[str]:
    """JPEG files of 250 x 250 pixels around the face, each cut a little differently."""
    import cv2
    import skimage.data

    photo = cv2.cvtColor(skimage.data.astronaut(), cv2.COLOR_RGB2BGR)
    paths = []
    for i in range(count):
        x, y = 90 + i % 40, i // 40 % 20
        paths.append(str(folder / f"{i}.jpg"))
        cv2.imwrite(paths[-1], photo[y : y + 250, x : x + 250])
    return paths


def random_run(args: argparse.Namespace) -> "Run":
    """A run with random weights, with the crops of a trained one."""
    from dfdetect_jax import methods
    from dfdetect_jax.config import Crop
    from dfdetect_jax.run.folder import Run

    settings = workload.settings_from(args)
    state = jax.jit(methods.build(settings).init)(jax.random.key(0))
    info = {"checkpoint": {"stage": 2}}
    crop = Crop(size=args.size)
    return Run(
        folder=Path(), settings=settings, variables=state.variables, crop=crop, threshold=0.5, seen=(), info=info
    )


def one_at_a_time(run: "Run", face_detector: "FaceDetector", paths: list[str], clock: "Clock") -> int:
    """Scores each file by itself; returns the number of faces."""
    return sum(stream(run, face_detector, [path], clock) for path in paths)


def stream(run: "Run", face_detector: "FaceDetector", paths: list[str], clock: "Clock") -> int:
    """Scores as a stream; returns the number of faces."""
    from dfdetect_jax.scoring.stream import score_files

    faces = 0
    for _, result in score_files(run, face_detector, paths, clock=clock):
        if isinstance(result, Exception):
            raise result
        faces += sum(len(face.sightings) for face in result.faces)
    return faces


def measured(way: str, paths: list[str], args: argparse.Namespace) -> measure.Row:
    """In a fresh process: a row of the table, but for its name."""
    from dfdetect_jax import cli
    from dfdetect_jax.devices import host
    from dfdetect_jax.media.detectors import load_face_detector
    from dfdetect_jax.scoring.channel import Clock
    from dfdetect_jax.scoring.stream import STAGES

    host.keep_freed_memory()  # as `predict` does
    cli.keep_compiled_programs()
    run, score = random_run(args), {ALONE: one_at_a_time, STREAM: stream}[way]
    face_detector = load_face_detector(run.crop.face_detector)
    score(run, face_detector, paths[:_WARM_UP], Clock())
    taken, clocks = [], []
    for _ in range(args.rounds):
        clocks.append(Clock())
        start = time.perf_counter(), time.process_time()
        faces = score(run, face_detector, paths, clocks[-1])
        taken.append(measure.Seconds(time.perf_counter() - start[0], time.process_time() - start[1]))
    median = measure.medians(taken)
    stages = {stage: statistics.median(clock.seconds[stage] for clock in clocks) for stage in STAGES}
    rate = len(paths) / median.clock
    return {"s": median.clock, "CPU s": median.processor, "files/s": rate, "faces": faces, **stages, "MB": resident()}


def resident() -> float:
    """Peak memory of this process in MB, without what it inherited from its parent."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return measure.peak_memory()
    return next(int(line.split()[1]) / 1e3 for line in lines if line.startswith("VmHWM"))


def in_a_fresh_process(function: Callable[..., Any], *args: Any) -> Any:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, args)


def inputs(args: argparse.Namespace, folder: Path) -> dict[str, list[str]]:
    """Name -> files."""
    short, clip, long = (folder / f"{name}.mp4" for name in ("short", "clip", "long"))
    made_clip(short, SHORT, args.height)
    files = {f"{SHORT} s clip": [str(short)]}
    if args.clip:
        files[Path(args.clip).name] = [args.clip]
    else:
        made_clip(clip, args.seconds, args.height)
        files[f"{args.seconds} s clip"] = [str(clip)]
    if args.long:
        repeated_clip(short, long, args.long // SHORT)
        files[f"{args.long} s clip"] = [str(long)]
    if args.photos:
        files[f"{args.photos} photographs"] = made_photos(folder, args.photos)
    return files


def main() -> None:
    parser = measure.command_line(__doc__.splitlines()[0])
    workload.add_arguments(parser)
    parser.add_argument("--clip", help="a video to score instead of a synthetic one")
    parser.add_argument("--seconds", type=int, default=30, help="length of the synthetic clip")
    parser.add_argument("--height", type=int, default=720, help="of the made clips, pixels")
    parser.add_argument("--long", type=int, default=600, help="seconds of the clip for memory; 0 for none")
    parser.add_argument("--photos", type=int, default=300, help="how many photographs; 0 for none")
    parser.add_argument("--rounds", type=int, default=3, help="timed passes over the files")
    args = parser.parse_args()

    where = measure.environment("jax", "jaxlib", "opencv-python-headless", "numpy")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        files = inputs(args, Path(folder))
        for name, paths in files.items():
            for way in (ALONE, STREAM):
                row = in_a_fresh_process(measured, way, paths, args)
                rows.append({"files": name, "way": way, **row})
    memory = {row["files"]: row["MB"] for row in rows if row["way"] == STREAM}
    notes = [f"memory of the stream: {', '.join(f'{name} {mb:.0f} MB' for name, mb in memory.items())}"]
    title = f"{args.method.upper()} from file to score, {args.size} px, width {args.width:g}, {args.height} lines"
    measure.report(f"{title}, median of {args.rounds}", where, rows, notes, args.json)


if __name__ == "__main__":
    main()

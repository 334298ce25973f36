"""The decoders that `decode_video.py` compares, and the work of one of its processes.

python benchmarks/decode_video_worker.py CLIP DECODER memory|mutated
python benchmarks/decode_video_worker.py CLIP library everything|THREADS
"""

import contextlib
import hashlib
import json
import resource
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dfdetect_jax.errors import BadMediaError
from dfdetect_jax.media.video import evenly_spaced, probe, read_frames

FRAMES = 32

Pictures = Iterator[tuple[np.ndarray, bool]]
"""uint8 [H, W, 3] RGB each, and whether the decoder reports damage."""


def by_opencv(path: Path, frames: int) -> Pictures:
    """All frames, or `frames` evenly spaced of those that the header declares."""
    import cv2

    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    total = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    wanted = set(evenly_spaced(total, frames)) if frames else None
    index = 0
    while (not wanted or index <= max(wanted)) and capture.grab():
        if not wanted or index in wanted:
            yield cv2.cvtColor(capture.retrieve()[1], cv2.COLOR_BGR2RGB), False
        index += 1
    capture.release()


def by_pyav(path: Path, frames: int, threads: str = "") -> Pictures:
    """As `by_opencv`, of the frames that are displayed."""
    from dfdetect_jax.media.frame_pixels import FrameConverter
    from dfdetect_jax.media.video_stream import FrameDecoder, open_stream

    wanted = set(evenly_spaced(probe(path).frames, frames)) if frames else None
    with open_stream(path) as stream:
        if threads:
            stream.codec_context.thread_type, stream.codec_context.thread_count = threads, 0
        converter = FrameConverter(stream.sample_aspect_ratio)
        for index, (picture, _, damaged) in enumerate(FrameDecoder(stream)):
            if not wanted or index in wanted:
                yield converter.convert(picture), damaged
            if wanted and index == max(wanted):
                return


DECODERS: dict[str, Callable[[Path, int], Pictures]] = {
    "PyAV, 1 thread": by_pyav,
    "PyAV, threads in a frame": lambda path, frames: by_pyav(path, frames, "SLICE"),
    "PyAV, threads over frames": lambda path, frames: by_pyav(path, frames, "FRAME"),
    "OpenCV": by_opencv,
}


class Mutation(NamedTuple):
    """What three readings of a mutated clip gave."""

    same: bool
    damaged: bool
    refused: bool


class Reading(NamedTuple):
    """What reading `FRAMES` frames of a clip took, and what came."""

    seconds: float
    processor_seconds: float
    peak: float
    digest: str


def read_some(path: Path, mode: str) -> Reading:
    """Reads evenly spaced frames; `everything` decodes the rest, too, else `mode` is a number of threads."""
    clock, processor, digest = time.perf_counter(), time.process_time(), hashlib.sha256()
    for image in images_of(path, mode):
        digest.update(image.tobytes())
    taken = time.perf_counter() - clock, time.process_time() - processor
    return Reading(*taken, peak_memory(), digest.hexdigest())


def images_of(path: Path, mode: str) -> Iterator[np.ndarray]:
    """As `read_some`, uint8 [H, W, 3] RGB each."""
    if mode == "everything":
        yield from (image for image, _ in by_pyav(path, FRAMES))
        return
    total = probe(path).frames
    for frame in read_frames(path, evenly_spaced(total, FRAMES), total, threads=int(mode)):
        yield frame.image


def peak_memory() -> float:
    """MB that this process held at most; by `getrusage`, Linux counts what the process held that started it."""
    with contextlib.suppress(OSError):
        held = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
        return int(held[0].split()[1]) / 1e3
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


def read_and_report(path: Path, decoder: str, mode: str) -> None:
    """Reads a clip; writes the peak of memory in MB, a `Mutation` or a `Reading`, as JSON."""
    if decoder == "library":
        print(json.dumps(read_some(path, mode)))
        return
    if mode == "memory":
        for _ in DECODERS[decoder](path, 0):
            pass
        print(json.dumps(peak_memory()))
        return
    digests, damaged = [], False
    for _ in range(3):
        digest = hashlib.sha256()
        try:
            for picture, bad in DECODERS[decoder](path, 0):
                digest.update(picture.tobytes())
                damaged |= bad
        except BadMediaError:
            damaged = True
        digests.append(digest.digest())
    print(json.dumps(Mutation(len(set(digests)) == 1, damaged, digests[0] == hashlib.sha256().digest())))


if __name__ == "__main__":
    read_and_report(Path(sys.argv[1]), sys.argv[2], sys.argv[3])

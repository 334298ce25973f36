"""A process that decodes media for another one, under limits: `python -m dfdetect_jax.media.decoder_process S GB`.

Requests come on standard input, a JSON object a line; answers go to standard output, each as the length of a JSON
object in four bytes, the object, and `bytes` of pixels. Nothing is pickled, since who decodes is not trusted.

    {"read": "photograph", "path": P}                           one frame
    {"read": "probe", "path": P}                                {"answer": "info", ...}
    {"read": "frames", "path": P, "indices": I, "expected": E, "threads": T}
                                                                as many frames as there are, then {"answer": "end"}
    {"more": true}                                              to be sent for each frame before it comes; false: enough
"""

import contextlib
import json
import os
import queue
import resource
import signal
import sys
import threading
from collections.abc import Iterator
from typing import Any, BinaryIO

from dfdetect_jax import faults
from dfdetect_jax.errors import BadMediaError
from dfdetect_jax.media.frame import Frame
from dfdetect_jax.media.isolation import LENGTH
from dfdetect_jax.media.photograph import read_photograph
from dfdetect_jax.media.video import MiscountError, probe, read_frames

_LONGEST_MESSAGE = 2000  # characters of an error


def main() -> None:
    """Answers requests until standard input ends."""
    seconds, gigabytes = float(sys.argv[1]), float(sys.argv[2])
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # what a library prints is no answer
    requests: queue.Queue[dict[str, Any]] = queue.Queue()
    threading.Thread(target=_listen, args=(sys.stdin.buffer, requests), daemon=True).start()
    limit(gigabytes)
    while True:
        request = requests.get()
        if "read" not in request:  # left over from a video that ended
            continue
        try:
            _answer(request, requests, answers, seconds)
        except MiscountError as error:
            _send(answers, {"answer": "miscount", "frames": error.frames, "lost": error.lost})
        except Exception as error:
            _send(answers, _failure(request["path"], error))
        signal.alarm(0)


def _failure(path: str, error: Exception) -> dict[str, Any]:
    """The answer that reports an exception."""
    fault = faults.fault_of(error)
    if fault and fault.lack == faults.Lack.MEMORY:
        return {"answer": "memory"}
    if isinstance(error, BadMediaError):
        return {"answer": "refused", "words": str(error)[:_LONGEST_MESSAGE]}
    if isinstance(error, OSError):
        return {"answer": "refused", "words": f"{path}: {error.strerror or error}"}
    return {"answer": "failed", "words": f"{type(error).__name__}: {error}"[:_LONGEST_MESSAGE]}


def limit(gigabytes: float) -> None:
    """No file is written, no process started, and memory is bounded where the system keeps to it."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    if sys.platform == "linux":  # by address space alone, threads and mapped libraries would count
        size = int(gigabytes * 2**30)
        resource.setrlimit(resource.RLIMIT_DATA, (size, size))


def _listen(file: BinaryIO, requests: "queue.Queue[dict[str, Any]]") -> None:
    for line in file:
        requests.put(json.loads(line))
    os._exit(0)  # who asked has gone


def _answer(
    request: dict[str, Any], requests: "queue.Queue[dict[str, Any]]", answers: BinaryIO, seconds: float
) -> None:
    # Ends this process even if its parent was killed and a decoder hangs.
    alarm = int(seconds) + 5
    signal.alarm(alarm)
    path = request["path"]
    if request["read"] == "probe":
        _send(answers, {"answer": "info", **probe(path)._asdict()})
        return
    if request["read"] == "photograph":
        _send_frame(answers, read_photograph(path))
        return
    frames: Iterator[Frame] = iter(read_frames(path, request["indices"], request["expected"], request["threads"]))
    with contextlib.closing(frames):  # type: ignore[type-var]  # a generator
        for frame in frames:
            signal.alarm(0)  # who asked may take its time
            if not requests.get()["more"]:
                break
            signal.alarm(alarm)
            _send_frame(answers, frame)
    _send(answers, {"answer": "end"})


def _send_frame(answers: BinaryIO, frame: Frame) -> None:
    image = frame.image if frame.image.flags.c_contiguous else frame.image.copy()
    header = {"answer": "frame", "index": frame.index, "seconds": frame.seconds, "damaged": bool(frame.damaged)}
    _send(answers, {**header, "shape": image.shape, "bytes": image.nbytes}, image.data.cast("B"))


def _send(answers: BinaryIO, header: dict[str, Any], pixels: memoryview = memoryview(b"")) -> None:  # noqa: B008
    content = json.dumps(header).encode()
    for part in (memoryview(len(content).to_bytes(LENGTH, "big") + content), pixels):
        while part:
            part = part[answers.write(part) :]


if __name__ == "__main__":
    main()

"""Decoding in processes of its own: one that crashes, hangs or takes too much memory costs the file that it read.

Who decodes is not trusted: what comes back is JSON and pixels, of checked lengths.
"""

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from typing import Any

import numpy as np

from dfdetect_jax.config.isolation import Isolation, check_isolation
from dfdetect_jax.errors import BadMediaError
from dfdetect_jax.media.frame import Frame, VideoInfo
from dfdetect_jax.media.limits import MAX_PIXELS, MAX_SIDE
from dfdetect_jax.media.video import MiscountError

LENGTH = 4  # bytes before an answer
_MODULE = "dfdetect_jax.media.decoder_process"
_START = 60.0  # seconds in which a process has loaded its libraries
_AHEAD = 2  # frames that are decoded before they are asked for
_LONGEST_HEADER = 2**16  # bytes
_REQUESTS = 1000  # after which a process is replaced, whatever its libraries have piled up
_PIPE_BYTES, _SET_PIPE_SIZE = 2**20, 1031  # F_SETPIPE_SZ of Linux


class _LostError(Exception):
    """A process can't be used any more. Its text says why."""


class Decoders:
    """Processes that decode, started as they are needed: as many as files are read at a time.

    Args:
        isolation: limits of each.
        command: what is started, before the limits; another one for tests.
    """

    def __init__(self, isolation: Isolation, command: Sequence[str] = (sys.executable, "-m", _MODULE)):
        self.isolation = check_isolation(isolation)
        self._idle, self._lock, self._command = list[_Process](), threading.Lock(), command
        self._closed = False

    def read_photograph(self, path: str | os.PathLike[str]) -> Frame:
        """As `photograph.read_photograph`, whose errors it raises, and BadMediaError for a process that is lost."""
        with self._process(path) as process:
            process.ask({"read": "photograph", "path": os.fspath(path)})
            return _frame(path, *process.answer())

    def probe(self, path: str | os.PathLike[str]) -> VideoInfo:
        """As `video.probe`."""
        with self._process(path) as process:
            process.ask({"read": "probe", "path": os.fspath(path)})
            header, _ = process.answer()
            _check(path, None, header)
            return VideoInfo(**{name: kind(header[name]) for name, kind in VideoInfo.__annotations__.items()})

    def read_frames(
        self, path: str | os.PathLike[str], indices: Sequence[int] | None, expected: int | None, threads: int = 1
    ) -> Generator[Frame, None, None]:
        """As `video.read_frames`."""
        wanted = None if indices is None else [int(index) for index in indices]
        with self._process(path) as process:
            request = {"path": os.fspath(path), "indices": wanted, "expected": expected, "threads": threads}
            process.ask({"read": "frames", **request})
            for _ in range(_AHEAD):
                process.ask({"more": True})
            try:
                while (answer := process.answer())[0].get("answer") != "end":
                    yield _frame(path, *answer, expected=expected)
                    process.ask({"more": True})
            except GeneratorExit:
                process.end()  # it may be in the midst of a frame
                raise

    def close(self) -> None:
        """Ends the processes."""
        with self._lock:
            self._closed, idle = True, self._idle
            self._idle = []
        for process in idle:
            process.end()

    @contextlib.contextmanager
    def _process(self, path: str | os.PathLike[str]) -> Iterator["_Process"]:
        """One that is idle, or a new one; a lost one becomes the error of `path`."""
        with self._lock:
            process = self._idle.pop() if self._idle else None
        process = process or _Process(self.isolation, self._command)
        try:
            yield process
        except BadMediaError:
            raise
        except _LostError as error:
            process.end()
            raise BadMediaError(f"{path}: {error}") from None
        except BaseException:
            process.end()
            raise
        finally:
            self._keep(process)

    def _keep(self, process: "_Process") -> None:
        with self._lock:
            keep = process.usable and not self._closed
            if keep:
                self._idle.append(process)
        if not keep:
            process.end()


class _Process:
    """One process; used by one thread at a time."""

    def __init__(self, isolation: Isolation, command: Sequence[str]):
        self._isolation, self._requests, self._first = isolation, 0, True
        self._process = subprocess.Popen(
            [*command, str(isolation.seconds), str(isolation.memory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            start_new_session=True,  # Ctrl-C is not for it: it ends with its standard input
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._in, self._out = self._process.stdin, self._process.stdout.fileno()
        self._poll = select.poll()
        self._poll.register(self._out, select.POLLIN)
        if sys.platform == "linux":
            import fcntl

            with contextlib.suppress(OSError):  # beyond what the system allows a user
                fcntl.fcntl(self._out, _SET_PIPE_SIZE, _PIPE_BYTES)

    @property
    def usable(self) -> bool:
        return self._requests < _REQUESTS and self._process.poll() is None

    def ask(self, request: dict[str, Any]) -> None:
        self._requests += "read" in request
        try:
            self._in.write(json.dumps(request).encode() + b"\n")
        except OSError:
            raise _LostError(self._reason()) from None

    def answer(self) -> tuple[dict[str, Any], bytearray]:
        """The next answer, and its pixels."""
        deadline = time.monotonic() + self._isolation.seconds + (_START if self._first else 0.0)
        length = int.from_bytes(self._read(LENGTH, deadline), "big")
        self._first = False
        if length > _LONGEST_HEADER:
            raise _LostError("the decoder's answer makes no sense")
        try:
            header = json.loads(bytes(self._read(length, deadline)))
            size = header.get("bytes", 0)
        except (ValueError, AttributeError):
            raise _LostError("the decoder's answer makes no sense") from None
        if type(size) is not int or not 0 <= size <= 3 * MAX_PIXELS:
            raise _LostError("the decoder's answer makes no sense")
        return header, self._read(size, deadline)

    def end(self) -> None:
        """Ends it, whatever it is at."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        for file in (self._process.stdin, self._process.stdout):
            if file:
                file.close()

    def _read(self, count: int, deadline: float) -> bytearray:
        content = bytearray(count)
        place = 0
        while place < count:
            wait = max(0.0, deadline - time.monotonic())
            if not self._poll.poll(1000 * wait):
                self.end()
                raise _LostError(
                    f"the decoder gave nothing for {self._isolation.seconds:g} s; check the file, or allow it more "
                    "(--decode_seconds)"
                )
            read = os.readv(self._out, [memoryview(content)[place:]])
            if not read:
                raise _LostError(self._reason())
            place += read
        return content

    def _reason(self) -> str:
        """Why it has ended."""
        try:
            status = self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            return "the decoder stopped answering; check the file"
        how = signal.Signals(-status).name if status < 0 else f"status {status}"
        memory = f"it may take {self._isolation.memory:g} GB (--decode_memory)"
        return f"the decoder crashed ({how}); check the file; {memory}"


def _frame(
    path: str | os.PathLike[str], header: dict[str, Any], pixels: bytearray, expected: int | None = None
) -> Frame:
    _check(path, expected, header)
    shape: Any = header.get("shape")
    sides = isinstance(shape, list) and len(shape) == 3 and all(type(n) is int and 0 < n <= MAX_SIDE for n in shape)
    if not sides or shape[2] != 3 or int(np.prod(shape)) != len(pixels):
        raise _LostError("the decoder's answer makes no sense")
    image = np.frombuffer(pixels, np.uint8).reshape(shape)
    return Frame(int(header["index"]), float(header["seconds"]), image, bool(header["damaged"]))


def _check(path: str | os.PathLike[str], expected: int | None, header: dict[str, Any]) -> None:
    """Raises what an answer reports that is neither a frame nor an info."""
    match header.get("answer"):
        case "miscount":
            raise MiscountError(path, expected or 0, int(header["frames"]), int(header["lost"]))
        case "refused":
            raise BadMediaError(str(header["words"]))
        case "memory":
            raise BadMediaError(f"{path}: expected a file that is decoded in bounded memory; see --decode_memory")
        case "failed":
            raise BadMediaError(f"{path}: can't be decoded ({header['words']})")
        case "frame" | "info":
            return
        case _:
            raise _LostError("the decoder's answer makes no sense")

"""Runs a worker on mutated files for some time, starts it again where it crashes or hangs, and counts what came."""

import collections
import json
import select
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
CRASHED, HUNG = "crashed", "hung"
_START = 300.0  # seconds in which a worker has made its files
_WORDS = 1500  # characters of a defect that are kept, its end


def run(
    target: str, *, seconds: float = 60.0, count: int = 0, first: int = 0, slowest: float = 20.0, megabytes: int = 6000
) -> dict[str, Any]:
    """Reads mutated files.

    Args:
        target: one of `targets.TARGETS`.
        seconds: of the whole; files that are under way are finished.
        count: files at most; 0 for any number.
        first: number of the first file; a number gives the same file again.
        slowest: seconds after which a file counts as one on which the reader hangs.
        megabytes: that the reader may take.

    Returns:
        "files", "outcomes" by word, "defects" (number, seed, outcome, words), "peak MB", "before MB", "slowest s".
    """
    outcomes: collections.Counter[str] = collections.Counter()
    defects: dict[str, dict[str, Any]] = {}
    number, peak, before, longest = first, 0.0, 0.0, 0.0
    end = time.monotonic() + seconds
    while time.monotonic() < end and not (count and number >= first + count):
        with tempfile.TemporaryDirectory() as folder, _Worker(target, Path(folder), number, megabytes) as worker:
            before = worker.answer(_START)["MB"]
            while time.monotonic() < end and not (count and number >= first + count):
                answer = worker.next(slowest)
                outcomes[answer["outcome"]] += 1
                peak, longest = max(peak, answer.get("MB", 0.0)), max(longest, answer["seconds"])
                if answer["outcome"] not in ("read", "refused"):
                    words = answer["words"][-_WORDS:]
                    defects.setdefault(words.strip().rpartition("\n")[2], {**answer, "number": number, "words": words})
                number += 1
                if answer["outcome"] in (CRASHED, HUNG):
                    break
    return {
        "target": target,
        "files": number - first,
        "outcomes": dict(outcomes),
        "defects": list(defects.values()),
        "peak MB": round(peak),
        "before MB": round(before),
        "slowest s": round(longest, 2),
    }


class _Worker:
    """A process that reads files; ended with the block."""

    def __init__(self, target: str, folder: Path, first: int, megabytes: int):
        command = [sys.executable, "-m", "tests.fuzz.worker", target, str(folder), str(first), str(megabytes)]
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 (closed at the block's end)
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, bufsize=0
        )
        self._rest = b""

    def __enter__(self) -> "_Worker":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()
        self._log.close()

    def next(self, seconds: float) -> dict[str, Any]:
        """Has the next file read; what came of it."""
        start = time.monotonic()
        self._process.stdin.write(b"\n")
        try:
            return self.answer(seconds)
        except TimeoutError:
            return {"outcome": HUNG, "seconds": time.monotonic() - start, "words": f"no answer in {seconds:g} s"}
        except EOFError:
            words = f"ended with status {self._process.wait()}"
            return {"outcome": CRASHED, "seconds": time.monotonic() - start, "words": words}

    def answer(self, seconds: float) -> dict[str, Any]:
        """The next line of the worker."""
        end = time.monotonic() + seconds
        while b"\n" not in self._rest:
            if not select.select([self._process.stdout], [], [], max(0.0, end - time.monotonic()))[0]:
                raise TimeoutError
            if not (read := self._process.stdout.read(65536)):
                self._log.seek(0)
                raise EOFError(self._log.read()[-_WORDS:].decode(errors="replace"))
            self._rest += read
        line, _, self._rest = self._rest.partition(b"\n")
        return json.loads(line)

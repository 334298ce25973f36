"""Counts of what a call has scored and passed over."""

import collections
import time

from dfdetect_jax.errors import BadMediaError
from dfdetect_jax.scoring.folder_search import Why
from dfdetect_jax.scoring.result import Result


class Tally:
    """Counts of files and faces so far.

    Attributes:
        files: that have a line.
        failed: of them, those that could not be read.
        faces: that were scored, in all frames.
        pictures: of results, written.
        pictures_missing: pictures of results that could not be written.
        passed_over: what has no line, by the reason.
    """

    def __init__(self) -> None:
        self.files = self.failed = self.faces = self.pictures = self.pictures_missing = 0
        self.passed_over: collections.Counter[Why] = collections.Counter()
        self._start = self._reported = time.monotonic()

    def add(self, result: Result | BadMediaError) -> None:
        """Counts a file with its faces."""
        self.files += 1
        if isinstance(result, Result):
            self.faces += sum(len(face.sightings) for face in result.faces)
        else:
            self.failed += 1

    def seconds_since_report(self) -> float:
        """Since the last `report`, or the start."""
        return time.monotonic() - self._reported

    def report(self) -> str:
        """The counts and the rate in one line."""
        self._reported = time.monotonic()
        seconds = self._reported - self._start
        files = "1 file" if self.files == 1 else f"{self.files} files"
        faces = "1 face" if self.faces == 1 else f"{self.faces} faces"
        rate = f"{self.files / max(seconds, 1e-9):.2f} files/s"
        missing = f", {self.pictures_missing} without their picture" if self.pictures_missing else ""
        return f"{files}, {self.failed} failed{missing}, {faces} scored in {seconds:.1f} s, {rate}"

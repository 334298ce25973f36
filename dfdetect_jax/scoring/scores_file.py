"""Scores on disk as JSON lines that grow file by file, so that the same command goes on where it was stopped.

A line is what `results.as_json` gives, after "scored_by", which names the weights and settings. The last line of a path
counts: a file that failed has another one where it was tried again.
"""

import fcntl
import hashlib
import json
import os
from pathlib import Path

import jax
import numpy as np

from dfdetect_jax.errors import RunError
from dfdetect_jax.run.folder import Run
from dfdetect_jax.scoring.paths import PathSet

SCORED_BY = "scored_by"


def identity(run: Run, frames: int) -> str:
    """What scores depend on beside the file: 16 hex digits over weights, settings, crop, threshold and frames."""
    digest = hashlib.sha256()
    for path, array in jax.tree.leaves_with_path(run.variables):
        digest.update(f"{jax.tree_util.keystr(path)} {array.shape} {array.dtype}".encode())
        digest.update(np.ascontiguousarray(array))
    settings = {"model": run.info["settings"], "crop": run.info["data"]["crop"], "threshold": run.threshold}
    digest.update(json.dumps({**settings, "frames": frames}, sort_keys=True).encode())
    return digest.hexdigest()[:16]


class ScoresFile:
    """Opens a file of scores to go on with, or makes it; a last line that was cut off in writing is removed.

    Args:
        path: of the file; its folder is made if absent.
        scored_by: `identity` of what scores now.
        retry_errors: whether files that failed count as not done.

    Raises:
        RunError: it can't be written to, another process writes to it, or it holds anything else than scores by
            `scored_by`; nothing of it is changed then.
    """

    def __init__(self, path: str | os.PathLike, scored_by: str, retry_errors: bool = False):
        self.path, self._scored_by = Path(path), scored_by
        self.done = PathSet()
        self._start = json.dumps({SCORED_BY: scored_by})[:-1].encode()  # of every line
        if self.path.exists() and not self.path.is_file():  # a pipe or a device may block, or never end
            raise RunError(f"{path}: expected a place to write scores to; found something that is not a plain file")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = open(self.path, "a+b")  # noqa: SIM115 (closed by `close`)
        except OSError as error:
            raise RunError(f"{path}: expected a place to write scores to; {error.strerror or error}") from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._file.truncate(self._whole_lines(retry_errors))
        except BlockingIOError as error:
            self.close()
            raise RunError(f"{path}: another process is writing scores to it; give another --scores") from error
        except RunError:
            self.close()
            raise

    def append(self, line: dict) -> None:
        """Adds a line and hands it to the system, so that nothing is lost if this process is killed.

        Raises:
            RunError: it can't be written.
        """
        text = json.dumps({SCORED_BY: self._scored_by, **line}, allow_nan=False)
        try:
            self._file.write(text.encode() + b"\n")
            self._file.flush()
        except OSError as error:
            raise RunError(
                f"{self.path}: {error.strerror or error}; make room, then the same command goes on"
            ) from error

    def close(self) -> None:
        """Lets others write to it."""
        self._file.close()

    def _whole_lines(self, retry_errors: bool) -> int:
        """Enters what is done; returns the length of the file up to where a line was cut off."""
        length = 0
        self._file.seek(0)
        for number, line in enumerate(self._file, start=1):
            if not line.endswith(b"\n"):
                if not line.startswith(self._start[: len(line)]):
                    raise self._refused(number, line)
                break
            try:
                score = json.loads(line)
                if score[SCORED_BY] != self._scored_by:
                    raise self._refused(number, line)
                if score["error"] is None or not retry_errors:
                    self.done.add(score["path"])
            except (ValueError, KeyError, TypeError) as error:
                raise self._refused(number, line) from error
            length += len(line)
        return length

    def _refused(self, number: int, line: bytes) -> RunError:
        by = json.dumps(SCORED_BY).encode()
        found = "scores by another run or other settings" if line.startswith(b"{" + by) else "something else"
        return RunError(
            f"{self.path}, line {number}: expected scores by this run with these settings ({self._scored_by}), found "
            f"{found}; give another --scores"
        )

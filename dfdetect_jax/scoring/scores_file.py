"""Scores on disk as JSON lines, appended file by file, so that the same command resumes where it stopped.

A line is what `result.as_json` gives, with an absolute "path", after "scored_by", the fingerprint of weights and
settings. The last line of a path counts: a file that failed has a second one if it was tried again. A relative path, as
version 0.1.0 wrote, doesn't say of which folder it is: it counts where the file of scores lies in the current folder;
elsewhere its line stays, but its file is not done.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dfdetect_jax.errors import RunError
from dfdetect_jax.locks import Lock, LockedError, UnlockableError
from dfdetect_jax.scoring.decision import DecisionRule
from dfdetect_jax.scoring.path_set import PathSet

if TYPE_CHECKING:  # brings JAX, which a wrong command line need not wait for
    from dfdetect_jax.run.folder import Run

SCORED_BY = "scored_by"


def fingerprint(run: Run, rule: DecisionRule, frames: int) -> str:
    """A digest of everything but the file that scores depend on: weights, settings, crop, threshold and frames.

    Args:
        run: an opened run.
        rule: its thresholds.
        frames: per video.

    Returns:
        16 hexadecimal digits.
    """
    import jax  # a run is open here, so that it is loaded already

    digest = hashlib.sha256()
    for path, array in jax.tree.leaves_with_path(run.variables):
        digest.update(f"{jax.tree_util.keystr(path)} {array.shape} {array.dtype}".encode())
        digest.update(np.ascontiguousarray(array).data)
    settings = {"model": run.info["settings"], "crop": run.info["data"]["crop"]}
    verdicts = {"threshold": rule.fake_from}
    if rule.real_below < rule.fake_from:  # a run with one threshold has the fingerprint that version 0.1.0 gave it
        verdicts["real_below"] = rule.real_below
    digest.update(json.dumps({**settings, **verdicts, "frames": frames}, sort_keys=True).encode())
    return digest.hexdigest()[:16]


class ScoresFile:
    """Opens a file of scores to append to, or makes it; an incomplete last line is removed.

    A lock file beside it, `.NAME.lock`, keeps other processes from writing to it; it stays behind.

    Args:
        path: of the file; its folder is made if absent.
        scored_by: `fingerprint` of the run and frames that score now.
        retry_errors: whether files that failed count as not done.

    Attributes:
        done: the files that need not be scored again.
        relative: how many lines have a path relative to an unknown folder.

    Raises:
        RunError: it can't be written to, another process writes to it, or it holds anything other than scores by
            `scored_by`; it is not changed then.
    """

    def __init__(self, path: str | os.PathLike[str], scored_by: str, retry_errors: bool = False):
        self.path, self._scored_by = Path(path), scored_by
        self.done, self.relative = PathSet(), 0
        self._start = json.dumps({SCORED_BY: scored_by})[:-1].encode()  # of every line
        if self.path.exists() and not self.path.is_file():  # a pipe or a device may block, or never end
            raise RunError(f"{path}: expected a place to write scores to; found something that is not a plain file")
        self._lock = self._locked()
        try:
            # Without a buffer, which `close` would try to write once more when the disk is full.
            self._file = open(self.path, "ab", buffering=0)  # noqa: SIM115 (closed by `close`)
        except OSError as error:
            self._lock.release()
            raise RunError(f"{path}: expected a place to write scores to; {error.strerror or error}") from error
        try:
            self._length = self._whole_lines(retry_errors)
            self._file.truncate(self._length)
        except OSError as error:
            self.close()
            raise RunError(f"{path}: expected scores to resume from; {error.strerror or error}") from error
        except BaseException:
            self.close()
            raise

    def _locked(self) -> Lock:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            return Lock(self.path.with_name(f".{self.path.name}.lock"))
        except LockedError as error:
            raise RunError(f"{self.path}: {error} is writing scores to it; give another --scores") from error
        except UnlockableError as error:
            raise RunError(str(error)) from error
        except OSError as error:
            raise RunError(f"{self.path}: expected a place to write scores to; {error.strerror or error}") from error

    def append(self, line: dict[str, Any]) -> None:
        """Adds a line at once, so that nothing is lost if this process is killed.

        Args:
            line: of a file, as `result.as_json` gives it; its paths are made absolute.

        Raises:
            RunError: it can't be written; the file is left without a part of it.
        """
        absolute = {key: os.path.abspath(line[key]) for key in ("path", "picture") if line.get(key)}
        text = json.dumps({SCORED_BY: self._scored_by, **line, **absolute}, allow_nan=False).encode() + b"\n"
        try:
            written = 0
            while written < len(text):
                written += self._file.write(text[written:]) or 0
        except OSError as error:
            with contextlib.suppress(OSError):
                self._file.truncate(self._length)
            raise RunError(
                f"{self.path}: {error.strerror or error}; make room, then repeat the command: it resumes"
            ) from error
        self._length += len(text)

    def close(self) -> None:
        """Lets other processes write to it."""
        try:
            self._file.close()
        finally:
            self._lock.release()

    def _whole_lines(self, retry_errors: bool) -> int:
        """Enters the files that are done; returns the length of the file without an incomplete last line, bytes."""
        length = 0
        with open(self.path, "rb") as file:
            for number, line in enumerate(file, start=1):
                if not line.endswith(b"\n"):
                    if not line.startswith(self._start[: len(line)]):
                        raise self._refused(number, line)
                    break
                try:
                    self._enter(json.loads(line), retry_errors)
                except (ValueError, KeyError, TypeError) as error:
                    raise self._refused(number, line) from error
                length += len(line)
        return length

    def _enter(self, score: dict[str, Any], retry_errors: bool) -> None:
        if score[SCORED_BY] != self._scored_by:
            raise ValueError
        if not os.path.isabs(score["path"]) and not os.path.samefile(self.path.parent, os.curdir):
            self.relative += 1
        elif score["error"] is None or not retry_errors:
            self.done.add(score["path"])

    def _refused(self, number: int, line: bytes) -> RunError:
        by = json.dumps(SCORED_BY).encode()
        content = "scores by another run or other settings" if line.startswith(b"{" + by) else "something else"
        return RunError(
            f"{self.path}, line {number}: expected scores by this run with these settings ({self._scored_by}), found "
            f"{content}; give another --scores"
        )

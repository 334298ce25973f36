"""The local copy of a run at an address that is trained: sealed checkpoints are uploaded, the seal last.

The bucket is the truth: training begins with what it has, and drops what the local copy has beside that. Checkpoints
that have no seal there are copied too, and judged as those on disk; but not what an upload that was cut off has left.
"""

import logging
from pathlib import Path
from typing import NamedTuple

from dfdetect_jax.run import seal as seals
from dfdetect_jax.run.seal import CHECKPOINTS
from dfdetect_jax.run.stored_checkpoints import (
    drop_steps,
    files_in,
    files_of,
    is_loose,
    is_whole_copy,
    marked_there,
    marker_of,
    prefix,
    seal_of,
    sealed_there,
    step_of,
    steps_there,
)
from dfdetect_jax.stores.bucket import Bucket

log = logging.getLogger(__name__)


class Mirror:
    """The local copy of a run at an address, for the one who trains it.

    Args:
        address: of the run.
        folder: the local copy.
    """

    def __init__(self, address: str, folder: Path):
        self.address, self.folder, self._bucket = address, folder, Bucket(address)
        self._uploaded: dict[str, _State | None] = {}  # as the bucket has them
        self._there: set[str] = set()  # checkpoints in the bucket

    def fetch(self) -> None:
        """Makes the copy what the bucket has: checkpoints, and all other files.

        Raises:
            StoreError: the bucket can't be read.
        """
        keys = self._bucket.names()
        sealed = sealed_there(keys)
        self._there = steps_there(keys) - (marked_there(keys) - sealed)
        same = {step for step in sealed if is_whole_copy(self._bucket, self.folder, step)}
        for name in files_in(self.folder):
            if step_of(name) not in same:
                (self.folder / name).unlink()
        drop_steps(self.folder, same)
        loose = [key for key in keys if is_loose(key)]
        self._bucket.download([*loose, *files_of(keys, self._there - same)], self.folder)
        self._uploaded = self._states(files_in(self.folder))

    def remove_cut_off(self) -> None:
        """Removes from the bucket what a kill left of an upload, or of a checkpoint that was being deleted.

        Raises:
            StoreError: the bucket can't be written to.
        """
        keys = self._bucket.names()
        for step in marked_there(keys):
            if seal_of(step) not in keys:
                log.warning("%s/%s: its upload was cut off; removed", self.address, prefix(step))
                self._delete_files(step)
            self._bucket.delete(marker_of(step))

    def push(self) -> None:
        """Uploads what has changed: loose files first, which a checkpoint needs, then sealed checkpoints.

        Raises:
            StoreError: the bucket can't be written to.
        """
        sealed = map(str, sorted(seals.sealed_steps(self.folder / CHECKPOINTS)))
        new = [step for step in sealed if self._changed([seal_of(step)])]
        self._upload_changed([name for name in files_in(self.folder) if is_loose(name)])
        for step in new:
            self._push_step(step)

    def delete_gone(self) -> None:
        """Deletes from the bucket the checkpoints that have gone from the copy.

        Raises:
            StoreError: the bucket can't be written to.
        """
        here = {str(step) for step in seals.step_folders(self.folder / CHECKPOINTS)}
        for step in self._there - here:
            self._bucket.write(marker_of(step), b"")
            self._bucket.delete(seal_of(step))
            self._delete_files(step)
            self._bucket.delete(marker_of(step))
        self._there &= here

    def _push_step(self, step: str) -> None:
        """Training may delete the checkpoint meanwhile, by one rename: then its seal, read last, is gone too."""
        names = [name for name in files_in(self.folder) if step_of(name) == step and name != seal_of(step)]
        if self._changed(names):  # else it was there, and is sealed late
            self._bucket.write(marker_of(step), b"")
            self._delete_files(step)
            self._upload_changed(names)
        self._there.add(step)
        self._upload_changed([seal_of(step)])
        if (self.folder / seal_of(step)).exists():
            self._bucket.delete(marker_of(step))

    def _delete_files(self, step: str) -> None:
        """Of a checkpoint in the bucket, all but its marker."""
        self._bucket.delete_all(files_of(self._bucket.names(prefix(step)), [step]))

    def _upload_changed(self, names: list[str]) -> None:
        states = self._states(names)
        self._bucket.upload(self._changed(names), self.folder)
        self._uploaded |= states

    def _changed(self, names: list[str]) -> list[str]:
        """Those of some files that the bucket has not, or not as they are."""
        return [name for name, state in self._states(names).items() if state != self._uploaded.get(name)]

    def _states(self, names: list[str]) -> "dict[str, _State | None]":
        return {name: _state(self.folder / name) for name in names}


class _State(NamedTuple):
    """What tells a file from what it was before."""

    size: int  # bytes
    changed: int  # ns


def _state(path: Path) -> _State | None:
    """None where training has deleted it."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return _State(status.st_size, status.st_mtime_ns)

"""The local copy of a run at an address that is trained: sealed checkpoints are uploaded, the seal last.

A store renames nothing, so the seal is what completes a checkpoint there: one without is not looked at. The bucket is
the truth: training begins with what it has, and drops what the local copy has beside that.
"""

import logging
from pathlib import Path

from dfdetect_jax.run import seal as seals
from dfdetect_jax.run.seal import CHECKPOINTS
from dfdetect_jax.run.stored_checkpoints import (
    drop_steps,
    files_in,
    is_loose,
    is_whole_copy,
    prefix,
    seal_of,
    sealed_there,
    step_of,
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
        self.folder, self._bucket = folder, Bucket(address)
        self._uploaded: dict[str, tuple[int, int]] = {}  # size and time of change
        self._sealed: set[str] = set()  # checkpoints in the bucket

    def fetch(self) -> None:
        """Makes the copy what the bucket has: sealed checkpoints, and all other files.

        Raises:
            StoreError: the bucket can't be read.
        """
        keys = self._bucket.names()
        self._sealed = {*sealed_there(keys)}
        same = {step for step in self._sealed if is_whole_copy(self._bucket, self.folder, step)}
        kept = tuple(map(prefix, same))
        for name in files_in(self.folder):
            if not name.startswith(kept):
                (self.folder / name).unlink()
        drop_steps(self.folder, same)
        wanted = tuple(map(prefix, self._sealed - same))
        loose = [key for key in keys if is_loose(key)]
        self._bucket.download([*loose, *(key for key in keys if key.startswith(wanted))], self.folder)
        self._uploaded = {name: _state(self.folder / name) for name in loose}

    def clear(self) -> None:
        """Removes from the bucket what a kill left of an upload.

        Raises:
            StoreError: the bucket can't be written to.
        """
        keys = self._bucket.names()
        for step in {step for key in keys if (step := step_of(key))} - {*sealed_there(keys)}:
            log.warning("%s/%s: its upload was cut off; removed", self._bucket.address, prefix(step))
            self._bucket.delete_below(prefix(step))

    def push(self) -> None:
        """Uploads what has changed: checkpoints that are sealed, then other files; removes checkpoints that went.

        Raises:
            StoreError: the bucket can't be written to.
        """
        here = {str(step) for step in seals.sealed_steps(self.folder / CHECKPOINTS)}
        for step in sorted(here - self._sealed, key=int):
            self._push_step(step)
        self._push_loose()
        for step in self._sealed - here:
            self._bucket.delete(seal_of(step))  # first, so that a kill leaves no half of a checkpoint
            self._bucket.delete_below(prefix(step))
        self._sealed = here

    def _push_step(self, step: str) -> None:
        """Training may delete the checkpoint meanwhile, by one rename: then its seal, read last, is gone too."""
        names = [name for name in files_in(self.folder) if name.startswith(prefix(step))]
        self._bucket.delete_below(prefix(step))  # what a kill left of an upload
        self._bucket.upload([name for name in names if name != seal_of(step)], self.folder)
        self._bucket.upload([seal_of(step)], self.folder)

    def _push_loose(self) -> None:
        states = {name: _state(self.folder / name) for name in files_in(self.folder) if is_loose(name)}
        self._bucket.upload([name for name in states if states[name] != self._uploaded.get(name)], self.folder)
        self._uploaded = states


def _state(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns

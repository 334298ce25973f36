"""A run folder in an object store: trained in a local copy, whose sealed checkpoints are uploaded, the seal last.

A store renames nothing, so the seal is what completes a checkpoint there: one without is not looked at. The bucket is
the truth. Who trains holds a lease on it, begins with what it has, and drops what its local copy has beside that.
"""

import contextlib
import logging
import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import jax

from dfdetect_jax.devices import processes
from dfdetect_jax.errors import RunError
from dfdetect_jax.locks import Lock, LockedError
from dfdetect_jax.run import seal as seals
from dfdetect_jax.run.best import LOCK
from dfdetect_jax.run.seal import CHECKPOINTS, SEAL, DoubtError
from dfdetect_jax.stores.address import is_address, joined, kept_copy
from dfdetect_jax.stores.bucket import Bucket
from dfdetect_jax.stores.lease import BEAT, Lease

_UNFINISHED = "orbax-checkpoint-tmp"  # in the name of a checkpoint that is being written
_SUMS = "SHA256SUMS"  # in a model that was exported
_NEEDED = ("report/metrics.json", "report/scores.csv")  # below a run, by those who read it, for the card

log = logging.getLogger(__name__)


class Workplace(NamedTuple):
    """Where a run is trained.

    Attributes:
        folder: the run folder, or its local copy.
        name: the run as users know it: the folder, or the address.
        keep: to be called when a checkpoint is sealed: has it uploaded in the background. Waits for the upload before,
            and raises what became of it.
        shared: whether all processes of the job see the folder.
    """

    folder: Path
    name: str
    keep: Callable[[], None]
    shared: bool


@contextlib.contextmanager
def workplace(workdir: str | os.PathLike[str], *, beat: float = BEAT) -> Iterator[Workplace]:
    """A run folder to train in, local or at an address; at the end all that was written is where the user named it.

    Args:
        workdir: a local folder, or gs:// or s3://.
        beat: seconds between renewals of the lease at an address.

    Raises:
        RunError: another trains at the address; or took it, when this process could not reach the store for long.
        StoreError: the store can't be reached, read or written.
    """
    if not is_address(workdir):
        folder = Path(workdir).resolve()
        yield Workplace(folder, str(folder), _nothing, shared=True)
        return
    address = joined(os.fspath(workdir))
    mirror = Mirror(address, kept_copy(f"training-{jax.process_index()}", address))
    if not processes.is_first():  # reads what the first one has made sure of, and writes to its own copy alone
        processes.wait_for_all("the run is leased")
        mirror.fetch()
        processes.wait_for_all("the run is copied")
        yield Workplace(mirror.folder, address, _nothing, shared=False)
        return
    with _leased(address, beat) as lease:
        mirror.clear()
        mirror.fetch()
        processes.wait_for_all("the run is leased")
        processes.wait_for_all("the run is copied")
        with _Uploads(mirror, lease) as uploads:
            yield Workplace(mirror.folder, address, uploads.start, shared=False)


@contextlib.contextmanager
def _leased(address: str, beat: float) -> Iterator[Lease]:
    try:
        lease = Lease(Bucket(address), LOCK, beat)
    except LockedError as error:
        raise RunError(f"{address}: {error} is training this run; wait for it, or give another --workdir") from error
    try:
        yield lease
    except BaseException:
        with contextlib.suppress(Exception):  # what ended the training is what is reported
            lease.release()
        raise
    lease.release()


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
        self._sealed = {*_steps(keys)}
        same = {step for step in self._sealed if _is_same(self._bucket, self.folder, step)}
        kept = tuple(map(_prefix, same))
        for name in _names(self.folder):
            if not name.startswith(kept):
                (self.folder / name).unlink()
        _drop_steps(self.folder, same)
        wanted = tuple(map(_prefix, self._sealed - same))
        loose = [key for key in keys if not _is_of_a_step(key) and not _is_passing(key)]
        self._bucket.download([*loose, *(key for key in keys if key.startswith(wanted))], self.folder)
        self._uploaded = {name: _state(self.folder / name) for name in loose}

    def clear(self) -> None:
        """Removes from the bucket what a kill left of an upload.

        Raises:
            StoreError: the bucket can't be written to.
        """
        keys = self._bucket.names()
        for step in {key.split("/")[1] for key in keys if _is_of_a_step(key)} - {*_steps(keys)}:
            log.warning("%s/%s: its upload was cut off; removed", self._bucket.address, _prefix(step))
            self._bucket.delete_below(_prefix(step))

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
            self._bucket.delete(_prefix(step) + SEAL)  # first, so that a kill leaves no half of a checkpoint
            self._bucket.delete_below(_prefix(step))
        self._sealed = here

    def _push_step(self, step: str) -> None:
        """Training may delete the checkpoint meanwhile, by one rename: then its seal, read last, is gone too."""
        names = [name for name in _names(self.folder) if name.startswith(_prefix(step))]
        self._bucket.delete_below(_prefix(step))  # what a kill left of an upload
        self._bucket.upload([name for name in names if name != _prefix(step) + SEAL], self.folder)
        self._bucket.upload([_prefix(step) + SEAL], self.folder)

    def _push_loose(self) -> None:
        states = {name: _state(self.folder / name) for name in self._loose()}
        self._bucket.upload([name for name in states if states[name] != self._uploaded.get(name)], self.folder)
        self._uploaded = states

    def _loose(self) -> list[str]:
        """Files that are no part of a checkpoint, nor of one being written, nor of this machine alone."""
        return [name for name in _names(self.folder) if not _is_of_a_step(name) and not _is_passing(name)]


class _Uploads:
    """Uploads in the background, one at a time; the last one when the block has ended well."""

    def __init__(self, mirror: Mirror, lease: Lease):
        self._mirror, self._lease = mirror, lease
        self._thread = ThreadPoolExecutor(1, "uploads")
        self._last: Future[None] | None = None

    def __enter__(self) -> "_Uploads":
        return self

    def start(self) -> None:
        self._wait()
        self._last = self._thread.submit(self._push)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self.start()
                self._wait()
            else:
                with contextlib.suppress(Exception):
                    self._wait()
        finally:
            self._thread.shutdown()

    def _wait(self) -> None:
        last, self._last = self._last, None
        if last is not None:
            last.result()

    def _push(self) -> None:
        try:
            self._lease.check()
        except LockedError as error:
            raise RunError(f"{self._mirror.folder}: {error} has taken over this run; end one of the two") from error
        self._mirror.push()


def local_copy(source: str | os.PathLike[str]) -> str | os.PathLike[str]:
    """A run or a model to be read: as it was given, or of an address the local folder that it was copied to.

    Of a run that is its best sound checkpoint, and what describes it; nothing is written to the bucket.

    Raises:
        RunError: there is nothing at the address.
        StoreError: the store can't be reached or read.
    """
    if not is_address(source):
        return source
    address = joined(os.fspath(source))
    bucket, folder = Bucket(address), kept_copy("reading", address)
    keys = bucket.names()
    if not keys:
        raise RunError(f"{address}: expected a run or a model, found nothing; check the address")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.closing(_Released(Lock(folder.parent / "lock", seconds=None))):
        top = [key for key in keys if "/" not in key and key != LOCK]
        for path in folder.glob("*"):  # of what is no longer there
            if path.is_file() and path.name not in top:
                path.unlink()
        bucket.download([*top, *(key for key in keys if key in _NEEDED)], folder)
        if _SUMS not in top:
            _fetch_best(bucket, keys, folder)
    return folder


class _Released:
    def __init__(self, lock: Lock):
        self.close = lock.release


def _fetch_best(bucket: Bucket, keys: list[str], folder: Path) -> None:
    """Copies the best checkpoint, or the next best where its bytes are not those that were sealed; drops all others."""
    steps = _steps(keys)
    kept = {step for step in steps if _is_same(bucket, folder, step)}
    _drop_steps(folder, kept)
    bucket.download([_prefix(step) + SEAL for step in steps], folder)
    ranked = seals.sealed_steps(folder / CHECKPOINTS)
    for step in sorted(ranked, key=lambda step: (seals.quality(ranked[step]), step), reverse=True):
        if str(step) not in kept:
            bucket.download([key for key in keys if key.startswith(_prefix(str(step)))], folder)
        try:
            seals.verify(folder / CHECKPOINTS / str(step))
        except DoubtError as doubt:
            log.warning("checkpoint %s/%s is passed over: %s", bucket.address, _prefix(str(step)), doubt)
        else:
            return _drop_steps(folder, {str(step)})
    _drop_steps(folder, set())


def _drop_steps(folder: Path, kept: set[str]) -> None:
    for path in seals.step_folders(folder / CHECKPOINTS).values():
        if path.name not in kept:
            shutil.rmtree(path)


def _is_same(bucket: Bucket, folder: Path, step: str) -> bool:
    """Whether the copy has a checkpoint of the bucket, whole."""
    name = _prefix(step) + SEAL
    if not (folder / name).is_file() or (folder / name).read_bytes() != bucket.read(name):
        return False
    try:
        return bool(seals.verify(folder / CHECKPOINTS / step))
    except DoubtError:
        return False


def _steps(keys: list[str]) -> list[str]:
    """The checkpoints that have a seal."""
    return [name for key in keys if _is_of_a_step(key) and key == _prefix(name := key.split("/")[1]) + SEAL]


def _prefix(step: str) -> str:
    return f"{CHECKPOINTS}/{step}/"


def _is_of_a_step(name: str) -> bool:
    parts = name.split("/")
    return len(parts) > 2 and parts[0] == CHECKPOINTS and parts[1].isdecimal()


def _is_passing(name: str) -> bool:
    """Whether a file is a lock, or of something that is being written or deleted."""
    parts = name.split("/")
    return name == LOCK or any(part.startswith(".") or _UNFINISHED in part for part in parts)


def _names(folder: Path) -> list[str]:
    """All files, by their paths in the folder."""
    walked = os.walk(folder)  # which passes over what is deleted meanwhile
    return sorted((Path(place) / name).relative_to(folder).as_posix() for place, _, names in walked for name in names)


def _state(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def _nothing() -> None: ...

"""Where a run is trained: a local folder, or an address, whose run is trained in a local copy under a lease."""

import contextlib
import functools
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import jax

from dfdetect_jax.devices import processes
from dfdetect_jax.errors import RunError
from dfdetect_jax.locks import LockedError
from dfdetect_jax.run.best import LOCK
from dfdetect_jax.run.checkpoint import ON_DISK, Storage
from dfdetect_jax.run.mirror import Mirror
from dfdetect_jax.stores.address import is_address, joined, kept_copy
from dfdetect_jax.stores.bucket import Bucket
from dfdetect_jax.stores.lease import BEAT, Lease


class Workplace(NamedTuple):
    """Where a run is trained.

    Attributes:
        folder: the run folder, or its local copy.
        storage: how the folder is kept; at an address `on_sealed` uploads in the background, waits for the upload
            before, and raises what became of it; `on_closed` waits for the last one.
    """

    folder: Path
    storage: Storage = ON_DISK

    @property
    def name(self) -> str:
        """The run as users know it: the folder, or the address."""
        return self.storage.name(self.folder)


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
        yield Workplace(Path(workdir).resolve())
        return
    address = joined(os.fspath(workdir))
    mirror = Mirror(address, kept_copy(f"training-{jax.process_index()}", address))
    if not processes.is_first():  # reads what the first one has made sure of, and writes to its own copy alone
        copy = functools.partial(_copied_by_others, mirror.fetch)
        copy()
        yield Workplace(mirror.folder, Storage(shared=False, on_closed=copy, address=address))
        return
    with _leased(address, beat) as lease:
        mirror.remove_cut_off()
        mirror.fetch()
        _copied_by_others()
        with _Uploads(mirror, lease) as uploads:
            storage = Storage(uploads.start, shared=False, on_closed=uploads.share, address=address)
            yield Workplace(mirror.folder, storage)


def _copied_by_others(copy: Callable[[], None] = lambda: None) -> None:
    """Between two barriers, before which the first process has finished, the others copy; the first one only waits."""
    processes.wait_for_all("the run can be copied")
    copy()
    processes.wait_for_all("the run is copied")


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


class _Uploads:
    """Uploads in the background, one at a time; the last one at the end, after an error as far as the store allows."""

    def __init__(self, mirror: Mirror, lease: Lease):
        self._mirror, self._lease = mirror, lease
        self._thread = ThreadPoolExecutor(1, "uploads")
        self._last: Future[None] | None = None

    def __enter__(self) -> "_Uploads":
        return self

    def start(self) -> None:
        self._wait()
        self._last = self._thread.submit(self._push)

    def share(self) -> None:
        """Uploads what is new, and waits until the other processes of the job have copied it."""
        self.start()
        self._wait()
        _copied_by_others()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self.start()
                self._wait()
            else:
                with contextlib.suppress(Exception):  # what ended the training is what is reported
                    self._wait()
                    self._upload()
        finally:
            self._thread.shutdown()

    def _wait(self) -> None:
        last, self._last = self._last, None
        if last is not None:
            last.result()

    def _push(self) -> None:
        self._upload()
        self._mirror.delete_gone()

    def _upload(self) -> None:
        """Deletes nothing, so that what a failed training has lost here stays there."""
        try:
            self._lease.check()
        except LockedError as error:
            raise RunError(f"{self._mirror.address}: {error} has taken over this run; end one of the two") from error
        self._mirror.push()

"""Lock files that keep processes from doing the same work."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

from dfdetect_jax.errors import RecordsError
from dfdetect_jax.locks import Lock, LockedError, UnlockableError


@contextlib.contextmanager
def locked(path: Path, waiting: Callable[[str], None]) -> Iterator[None]:
    """Holds a lock file, waiting until no other process holds it; a process that dies releases its locks.

    Args:
        path: of the file; its folder is made if absent.
        waiting: called once, with the name of the holder, if another process holds the lock.

    Raises:
        RecordsError: the folder can't be made or written to, or its file system has no locks.
    """
    lock: Lock | None = None
    seconds: float | None = 0.0
    while lock is None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lock = Lock(path, seconds)
        except LockedError as error:
            waiting(str(error))
            seconds = None
        except FileNotFoundError:  # the holder has finished, and removed the folder meanwhile
            continue
        except UnlockableError as error:
            raise RecordsError(str(error)) from error
        except OSError as error:
            raise RecordsError(f"{path.parent}: can't be written to ({error.strerror}); give another --out") from error
    try:
        yield
    finally:
        lock.release()

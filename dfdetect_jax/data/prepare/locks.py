"""Lock files that keep processes from doing the same work."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

from dfdetect_jax.errors import RecordsError


@contextlib.contextmanager
def locked(path: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Holds a lock file, waiting until no other process holds it; a process that dies releases its locks.

    Args:
        path: of the file; its folder is made if absent.
        waiting: called once if another process holds the lock.

    Raises:
        RecordsError: the folder can't be made or written to.
    """
    from filelock import FileLock, Timeout  # loads asyncio

    lock, timeout = FileLock(path), 0.0
    while not lock.is_locked:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lock.acquire(timeout=timeout)
        except Timeout:
            waiting()
            timeout = -1.0  # without limit
        except FileNotFoundError:  # the holder has finished, and removed the folder meanwhile
            continue
        except OSError as error:
            raise RecordsError(f"{path.parent}: can't be written to ({error.strerror}); give another --out") from error
    try:
        yield
    finally:
        lock.release()

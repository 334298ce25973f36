"""Locks between processes: `flock` on a file that names its holder. The system frees it when its process dies."""

import contextlib
import errno
import os
import socket
import time
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: everything but locks works
    fcntl = None  # type: ignore[assignment]

_NO_LOCKS = {errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK}
ANOTHER_FOLDER = "name a folder on another disk"
"""What to do where the file system has no locks."""
_LONGEST_NAME = 200  # bytes read of what the holder says of itself


class LockedError(Exception):
    """Another process, or this one by another `Lock`, holds the lock. Its text names the holder."""


class UnlockableError(Exception):
    """The file system has no locks, so that nothing would keep two processes apart. Its text says so."""


class Lock:
    """Holds a lock file until `release`; the file stays behind.

    Args:
        path: of the file; its folder exists.
        seconds: to wait for it at most; None without limit.
        advice: what to do where the file system has no locks.

    Raises:
        LockedError: it is held by another.
        UnlockableError: the file system has no `flock`.
        OSError: the file can't be made.
    """

    def __init__(self, path: Path, seconds: float | None = 0.0, *, advice: str = ANOTHER_FOLDER):
        if fcntl is None:
            raise UnlockableError(f"{path.parent}: expected a system with flock, found one without; use Linux or macOS")
        deadline = None if seconds is None else time.monotonic() + seconds
        while True:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
            try:
                _lock(self._file, path, deadline, advice)
                if _is_same_file(self._file, path):  # else its folder was removed meanwhile, and the lock with it
                    break
            except BaseException:
                os.close(self._file)
                raise
            os.close(self._file)
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, f"process {os.getpid()} on {socket.gethostname()}\n".encode(), 0)

    def release(self) -> None:
        """Lets another take it."""
        os.close(self._file)


def holder(path: Path) -> str:
    """The process that holds a lock file, in words; "" where none does, or the file can't be asked."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (OSError, AttributeError):  # or on a system without such flags
        return ""
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _name(file)
    except OSError:
        return ""
    finally:
        os.close(file)
    return ""


def _lock(file: int, path: Path, deadline: float | None, advice: str) -> None:
    while True:
        try:
            return fcntl.flock(file, fcntl.LOCK_EX | (0 if deadline is None else fcntl.LOCK_NB))
        except BlockingIOError as error:
            if deadline is None or time.monotonic() >= deadline:
                raise LockedError(_name(file)) from error
            time.sleep(0.05)
        except OSError as error:
            if error.errno in _NO_LOCKS:
                raise UnlockableError(
                    f"{path.parent}: expected a file system with locks, found one without ({error.strerror}); {advice}"
                ) from error
            raise


def _name(file: int) -> str:
    text = os.pread(file, _LONGEST_NAME, 0).decode(errors="replace")
    return text.partition("\n")[0] or "a process that has not named itself"


def _is_same_file(file: int, path: Path) -> bool:
    with contextlib.suppress(OSError):
        return os.path.samestat(os.fstat(file), os.stat(path))
    return False

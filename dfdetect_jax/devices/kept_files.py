"""Files in the user's cache folder that are named by what they were made from; others' files are refused.

What is kept may be machine code, so a file is only read where nobody but this user could have written it, and where it
holds what it says. Else it is as if it weren't there.
"""

import contextlib
import hashlib
import os
import stat
from collections.abc import Callable
from pathlib import Path

from dfdetect_jax import files

FOLDER = "DFDETECT_JAX_PROGRAMS"
"""Variable of the environment: the folder where programs are kept; nothing is kept without it."""

_MOST = 400  # files; the oldest are removed when one more is written
_OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH


def read_kept(origin: str) -> bytes | None:
    """What was kept; None where there is nothing, or a file that isn't this user's, is writable by others or damaged.

    Args:
        origin: all that the content depends on, in words.
    """
    folder = _folder()
    if folder is None:
        return None
    with contextlib.suppress(OSError):
        if _is_private(os.stat(folder, follow_symlinks=False), stat.S_ISDIR):
            return _content(folder / _name(origin), origin)
    return None


def keep(origin: str, content: bytes) -> None:
    """Keeps content; where it can't be written, it isn't kept."""
    folder = _folder()
    if folder is None:
        return
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not _is_private(os.stat(folder, follow_symlinks=False), stat.S_ISDIR):
            return
        for oldest in sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime)[:-_MOST]:
            oldest.unlink()
        files.write_bytes(folder / _name(origin), _head(origin, content) + content)
        os.chmod(folder / _name(origin), 0o600)


def _folder() -> Path | None:
    given = os.environ.get(FOLDER)
    return Path(given) if given and hasattr(os, "getuid") else None


def _name(origin: str) -> str:
    return hashlib.sha256(origin.encode()).hexdigest()


def _head(origin: str, content: bytes) -> bytes:
    """The first bytes of a file: digests of the origin and the content."""
    return bytes.fromhex(_name(origin)) + hashlib.sha256(content).digest()


def _content(path: Path, origin: str) -> bytes | None:
    with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
        if not _is_private(os.fstat(file.fileno()), stat.S_ISREG):
            return None
        whole = file.read()
    content = whole[64:]
    return content if whole[:64] == _head(origin, content) else None


def _is_private(status: os.stat_result, is_kind: Callable[[int], bool]) -> bool:
    return is_kind(status.st_mode) and status.st_uid == os.getuid() and not status.st_mode & _OTHERS_MAY_WRITE

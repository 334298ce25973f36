"""Atomic writes, JSON of strangers, digests of files, and the user's cache."""

import contextlib
import hashlib
import json
import math
import os
import stat
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# A pipe would block; Windows has neither flag, and needs one for bytes.
_READ = os.O_RDONLY | sum(getattr(os, name, 0) for name in ("O_NONBLOCK", "O_CLOEXEC", "O_BINARY"))
LARGEST_JSON = 64 * 2**20  # bytes


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A name beside `path` to write to; what was written takes the place of `path` by one rename.

    Makes the folder. If the block fails, nothing stays of what it wrote, and `path` is as it was.

    Raises:
        OSError: the folder can't be made, or the rename failed.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{uuid.uuid4().hex}.partial")  # short: the name of `path` may be as long as is allowed
    try:
        yield partial
        os.replace(partial, path)
    except BaseException:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        raise


def write_bytes(path: str | os.PathLike[str], content: bytes) -> None:
    """Writes a file whole or not at all.

    Raises:
        OSError: it can't be written.
    """
    with replacing(path) as partial:
        partial.write_bytes(content)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Writes a file whole or not at all, as UTF-8; lone surrogates, from file names that are no text, become "?".

    Raises:
        OSError: it can't be written.
    """
    write_bytes(path, text.encode("utf-8", errors="replace"))


def write_json(path: str | os.PathLike[str], values: Any) -> None:
    """Writes JSON, indented, whole or not at all.

    Raises:
        OSError: it can't be written.
        ValueError: a number is not finite.
    """
    write_text(path, json.dumps(values, indent=2, allow_nan=False) + "\n")


def read_json(path: str | os.PathLike[str], largest: int = LARGEST_JSON) -> Any:
    """Reads JSON of strangers: a plain file of bounded size whose numbers are finite.

    Args:
        path: of the file; a link is followed.
        largest: its size, bytes.

    Raises:
        OSError: it can't be read.
        ValueError: it is not such a file; the message is one line that begins with what was found.
    """
    with open(os.open(path, _READ), "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise ValueError("something that is not a plain file")
        if status.st_size > largest:
            raise ValueError(f"{status.st_size / 1e6:.0f} MB, more than {largest / 1e6:.0f}")
        content = file.read(largest)
    try:
        return json.loads(content, parse_constant=_refuse_constant, parse_float=_finite)
    except RecursionError as error:
        raise ValueError("JSON that is nested too deeply") from error
    except ValueError as error:
        raise ValueError(f"no JSON: {error}") from error


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:20]} is too large a number")
    return value


def sha256_file(path: str | os.PathLike[str]) -> str:
    """Hex digest of a file's bytes, read in blocks."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def user_cache() -> Path:
    """The package's folder in the user's cache, absolute; nothing in it is lost when it is deleted."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache.expanduser().absolute() / "dfdetect_jax"

"""Addresses in object stores, and the local folders where copies of what they hold are kept."""

import contextlib
import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

from dfdetect_jax import files
from dfdetect_jax.errors import SettingsError, StoreError
from dfdetect_jax.locks import Lock, UnlockableError

SCHEMES = ("gs", "s3")
ANOTHER_CACHE = "set XDG_CACHE_HOME to a folder on another disk"
"""What to do where the disk of the copies has no locks."""
_ADDRESS = re.compile(r"([a-z][a-z0-9]*)://(.*)|(gs|s3):/(.*)", re.DOTALL)  # a `Path` drops a slash
_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]*[a-z0-9]")


def is_address(place: str | os.PathLike[str]) -> bool:
    """Whether a place is "SCHEME://...", and so no local path."""
    return _ADDRESS.match(os.fspath(place)) is not None


def split(address: str) -> tuple[str, str, str]:
    """ "gs://bucket/runs/cae/" as ("gs", "bucket", "runs/cae").

    Raises:
        SettingsError: the scheme is unknown, or there is no bucket's name.
    """
    match = _ADDRESS.match(address)
    scheme, below = (match[1] or match[3], match[2] or match[4] or "") if match else ("", "")
    if scheme not in SCHEMES:
        raise SettingsError(f"{address}: expected gs://BUCKET/FOLDER or s3://BUCKET/FOLDER; or a local folder")
    bucket, _, key = below.partition("/")
    parts = [part for part in key.split("/") if part]
    if not _BUCKET.fullmatch(bucket) or {".", ".."} & {*parts}:
        raise SettingsError(f"{address}: expected {scheme}://BUCKET/FOLDER, found no name of a bucket or of a folder")
    return scheme, bucket, "/".join(parts)


def joined(address: str, *names: str) -> str:
    """The address of something below another."""
    scheme, bucket, key = split(address)
    return "/".join(filter(None, (f"{scheme}://{bucket}", key, *names)))


def name_of(address: str) -> str:
    """The last part of an address, as a folder's name."""
    _, bucket, key = split(address)
    return key.rpartition("/")[2] or bucket


def kept_copy(kind: str, address: str) -> Path:
    """The local folder for a copy of an address; its last name is that of the address.

    Args:
        kind: keeps apart copies that are made for different uses.
        address: of the original.
    """
    return copies() / kind / hashlib.sha256(joined(address).encode()).hexdigest()[:16] / name_of(address)


@contextlib.contextmanager
def locked_copy(place: Path) -> Iterator[None]:
    """Waits until no other process changes a copy, and keeps all others from it.

    Args:
        place: the folder that the copy is in, made if absent.

    Raises:
        StoreError: its disk has no locks.
    """
    place.mkdir(parents=True, exist_ok=True)
    try:
        lock = Lock(place / "lock", seconds=None, advice=ANOTHER_CACHE)
    except UnlockableError as error:
        raise StoreError(str(error)) from error
    try:
        yield
    finally:
        lock.release()


def copies() -> Path:
    """The folder of all copies, in the user's cache."""
    return files.user_cache() / "stores"


def local(place: str | os.PathLike[str], flag: str, advice: str) -> str:
    """A place that has to be local, as it was given.

    Raises:
        SettingsError: it is an address.
    """
    if is_address(place):
        raise SettingsError(f"{flag}: expected a local path, found {os.fspath(place)}; {advice}")
    return os.fspath(place)

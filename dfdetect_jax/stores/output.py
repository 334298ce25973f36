"""Folders that a command writes, wherever the user wants them."""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from dfdetect_jax.errors import StoreError
from dfdetect_jax.stores.address import is_address, name_of
from dfdetect_jax.stores.bucket import Bucket


@contextlib.contextmanager
def written(place: str, *, new: bool = False, last: str = "") -> Iterator[Path]:
    """A local folder to write to; what is in it at the end is uploaded if `place` is an address.

    Args:
        place: where the files are wanted; a local folder is yielded as it is.
        new: refuse an address where there is something.
        last: the file that says that all others are there.

    Raises:
        StoreError: the store can't be reached or written to, or there is something.
    """
    if not is_address(place):
        yield Path(place)
        return
    bucket = Bucket(place)
    if new and bucket.names():
        raise StoreError(f"{bucket.address}: expected a new or empty folder, found one with content; name another")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / name_of(place)
        yield folder
        names = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
        bucket.upload([name for name in names if name != last], folder)
        bucket.upload([last] if last in names else [], folder)

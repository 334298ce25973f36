"""Objects below an address, read and written whole through TensorStore, whose credentials are those of each cloud.

gs://: application default credentials (gcloud auth application-default login, GOOGLE_APPLICATION_CREDENTIALS, the
machine's account). s3://: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, the machine's role; AWS_REGION, and
AWS_ENDPOINT_URL for other stores that speak S3.
"""

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from dfdetect_jax import files
from dfdetect_jax.errors import StoreError
from dfdetect_jax.stores.address import joined, split

RETRIES = {"max_retries": 6, "initial_delay": "500ms", "max_delay": "8s"}
"""Of each request: half a minute in all, as a user waits who has mistyped an address."""
_AT_A_TIME = 4  # files, each of which is in memory as a whole
_ADVICE = {
    "gs": "log in with gcloud auth application-default login, and ask for the role Storage Object User",
    "s3": "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, and ask for the right to read and write",
}


class Stamped(NamedTuple):
    """An object's content, None where there is none, and what tells this state of it from every other."""

    content: bytes | None
    generation: bytes


class Bucket:
    """The objects below an address; keys are relative to it.

    Args:
        address: of a folder in a bucket.

    Raises:
        SettingsError: it is no address.
    """

    def __init__(self, address: str):
        scheme, self._name, key = split(address)
        self.address, self._scheme = joined(address), scheme
        self._prefix = f"{key}/" if key else ""
        self._spec = _SPECS[scheme](self._name)
        self._store: Any = None

    def names(self, below: str = "") -> list[str]:
        """The keys that begin with `below`, sorted; without the empty objects that consoles make for folders.

        Raises:
            StoreError: the bucket can't be read.
        """
        with self._explained("listed"):
            listed = [key.decode() for key in self._opened().list(_range(self._prefix + below)).result()]
        here = (key for key in listed if key.startswith(self._prefix + below))  # an emulator lists all there is
        return sorted(key.removeprefix(self._prefix) for key in here if not key.endswith("/"))

    def read(self, key: str) -> bytes | None:
        """The content of an object; None where there is none.

        Raises:
            StoreError: it can't be read.
        """
        return self.stamped(key).content

    def stamped(self, key: str) -> Stamped:
        """As `read`, with what `replace` needs.

        Raises:
            StoreError: it can't be read.
        """
        with self._explained("read"):
            result = self._opened().read(self._prefix + key).result()
        return Stamped(result.value if result.state == "value" else None, result.stamp.generation)

    def write(self, key: str, content: bytes) -> None:
        """Writes an object, whole or not at all.

        Raises:
            StoreError: it can't be written.
        """
        with self._explained("written"):
            self._opened().write(self._prefix + key, content).result()

    def replace(self, key: str, content: bytes | None, generation: bytes) -> bytes | None:
        """Writes an object, or deletes it, only if it still is as it was read.

        Args:
            key: of the object.
            content: None to delete it.
            generation: as `stamped` or this method returned it.

        Returns:
            The new generation; None where another was faster, and nothing was done.

        Raises:
            StoreError: it can't be written.
        """
        with self._explained("written"):
            stamp = self._opened().write(self._prefix + key, content, if_equal=generation).result()
        return stamp.generation or None

    def delete(self, key: str) -> None:
        """Deletes an object, if there is one.

        Raises:
            StoreError: it can't be deleted.
        """
        with self._explained("deleted"):
            self._opened().write(self._prefix + key, None).result()

    def delete_all(self, keys: Iterable[str]) -> None:
        """Deletes objects, as far as they are there.

        Raises:
            StoreError: one can't be deleted.
        """
        _each(self.delete, keys)

    def download(self, keys: Iterable[str], folder: Path) -> None:
        """Copies objects to the files of their names in `folder`, each whole or not at all.

        Raises:
            StoreError: one can't be read, or its name leads out of the folder.
            OSError: a file can't be written.
        """
        _each(lambda key: self._download(key, folder), keys)

    def upload(self, names: Iterable[str], folder: Path) -> None:
        """Copies files of `folder` to the objects of their names, each whole or not at all; not those that went.

        Raises:
            StoreError: one can't be written.
            OSError: a file can't be read.
        """
        _each(lambda name: self._upload(name, folder), names)

    def _upload(self, name: str, folder: Path) -> None:
        with contextlib.suppress(FileNotFoundError):
            content = (folder / name).read_bytes()
            self.write(name, content)

    def _download(self, key: str, folder: Path) -> None:
        if not is_plain(key):
            raise StoreError(f"{self.address}: expected keys that name files, found {key!r}; delete that object")
        content = self.read(key)
        if content is None:
            raise StoreError(f"{self.address}/{key}: disappeared while it was copied; run the same command again")
        files.write_bytes(folder / key, content)

    def _opened(self) -> Any:
        if self._store is None:
            import tensorstore  # with the first address only

            self._store = tensorstore.KvStore.open(self._spec).result()
        return self._store

    @contextlib.contextmanager
    def _explained(self, done: str) -> Iterator[None]:
        """TensorStore's errors are `ValueError`s that begin with a status; its words follow."""
        try:
            yield
        except (ValueError, OSError, RuntimeError, KeyError) as error:
            raise StoreError(f"{self.address}: can't be {done}: {self._reason(str(error))}") from error

    def _reason(self, words: str) -> str:
        if words.startswith("NOT_FOUND"):
            return f"there is no bucket {self._name}; check the name, or make it"
        if words.startswith(("PERMISSION_DENIED", "UNAUTHENTICATED")):
            return f"no access to the bucket {self._name}; {_ADVICE[self._scheme]}"
        words = next(iter(words.splitlines()), "")
        return f"{words[:300]}; check the network and the bucket's name, then run the same command again"


def is_plain(key: str) -> bool:
    """Whether a key names a file below a folder, as a path in it."""
    return bool(key) and "\0" not in key and "\\" not in key and not {"", ".", ".."} & {*key.split("/")}


def _each(action: Callable[[str], None], names: Iterable[str]) -> None:
    with ThreadPoolExecutor(_AT_A_TIME) as threads:
        futures = [threads.submit(action, name) for name in names]
        try:
            for future in futures:
                future.result()
        except BaseException:
            threads.shutdown(cancel_futures=True)
            raise


def _range(below: str) -> Any:
    import tensorstore

    return tensorstore.KvStore.KeyRange(below, f"{below[:-1]}{chr(ord(below[-1]) + 1)}" if below else "")


def _of_google(bucket: str) -> dict[str, Any]:
    emulator = os.environ.get("STORAGE_EMULATOR_HOST")  # as Google's own libraries have it
    if emulator:
        os.environ.setdefault("TENSORSTORE_GCS_HTTP_URL", emulator)
    return {"driver": "gcs", "bucket": bucket, "gcs_request_retries": RETRIES}


def _of_amazon(bucket: str) -> dict[str, Any]:
    spec = {"driver": "s3", "bucket": bucket, "s3_request_retries": RETRIES}
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if endpoint:
        spec |= {"endpoint": endpoint}
    if region or endpoint:
        spec |= {"aws_region": region or "us-east-1"}
    if os.environ.get("AWS_ACCESS_KEY_ID"):  # else other places are looked at first, with words about each
        spec |= {"aws_credentials": {"type": "environment"}}
    return spec


_SPECS = {"gs": _of_google, "s3": _of_amazon}

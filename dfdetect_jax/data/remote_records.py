"""Prepared records in an object store: copied once to the user's cache and verified; uploaded with the manifest last.

ArrayRecord reads local files alone. A copy is named after its manifest's digest, and the manifest has the digest of
every other file, so a copy that is there is whole, and never out of date.
"""

import hashlib
import logging
import os
import shutil
from pathlib import Path, PurePosixPath

from dfdetect_jax import files
from dfdetect_jax.data.records import CLIPS, MANIFEST, VERSION, Manifest, read_manifest
from dfdetect_jax.errors import RecordsError
from dfdetect_jax.stores.address import copies, joined, kept_copy, locked_copy
from dfdetect_jax.stores.bucket import Bucket, is_plain

_DEEPEST = 4  # names of a manifest's path below a data set's name, the manifest's own among them

log = logging.getLogger(__name__)


def fetch(name: str, home: str = "") -> Path:
    """The local copy of records at an address.

    Args:
        name: an address of records; or the name of records, or name and config, below `home`.
        home: the address of a folder of prepared data sets; "" where `name` is an address.

    Raises:
        RecordsError: there are none, or several variants; or a file is not the one that the manifest names.
        StoreError: the store can't be reached or read, or the cache's disk has no locks.
    """
    base = joined(home, *PurePosixPath(name).parts) if home else joined(name)
    bucket = Bucket(base)
    manifests = [key for key in bucket.names() if PurePosixPath(key).name == MANIFEST and _is_shown(key)]
    if not manifests:
        raise RecordsError(f"{base}: expected prepared records, found none; check the address, or `prepare` them")
    if len(manifests) > 1:
        names = ", ".join(str(PurePosixPath(key).parent) for key in manifests)
        raise RecordsError(f"{base}: expected one variant, found {names}; name one of them")
    return _copy(Bucket(joined(base, *PurePosixPath(manifests[0]).parts[:-1])))


def _is_shown(key: str) -> bool:
    parts = PurePosixPath(key).parts
    return len(parts) <= _DEEPEST and not key.startswith(".")


def _copy(bucket: Bucket) -> Path:
    content = bucket.read(MANIFEST)
    if content is None:
        raise RecordsError(f"{bucket.address}: expected prepared records, found no {MANIFEST}; prepare them again")
    place = _place(content)
    with locked_copy(place):
        staging = place / "partial"
        files.write_bytes(staging / MANIFEST, content)
        manifest = read_manifest(staging)
        folder = _below(place, manifest)
        if not folder.is_dir():
            _download(bucket, manifest, staging)
            folder.parent.mkdir(parents=True, exist_ok=True)
            os.replace(staging, folder)
        shutil.rmtree(staging, ignore_errors=True)
    return folder


def _download(bucket: Bucket, manifest: Manifest, folder: Path) -> None:
    """Copies all files but the manifest; those that an earlier call has copied stay."""
    wanted = [name for name, digest in manifest.sha256.items() if not _is_whole(folder / name, digest)]
    log.warning("copying %d files of %s to %s", len(wanted), bucket.address, copies())
    bucket.download(wanted, folder)
    for name in wanted:
        if not _is_whole(folder / name, manifest.sha256[name]):
            raise RecordsError(
                f"{bucket.address}/{name}: expected the file that {MANIFEST} names, found another; prepare it again"
            )


def publish(folder: Path, home: str) -> str:
    """Uploads prepared records, the manifest last, then moves them to the user's cache, where they are looked for.

    Args:
        folder: of records, <name>/<config>/<version> below the folder that `workplace` gave.
        home: the address of a folder of prepared data sets.

    Returns:
        The address of the records.

    Raises:
        RecordsError: there are others.
        StoreError: the store can't be reached or written to.
    """
    bucket = Bucket(joined(home, *folder.parts[-3:]))
    content, there = (folder / MANIFEST).read_bytes(), bucket.read(MANIFEST)
    if there not in (None, content):
        raise RecordsError(
            f"{bucket.address}: expected no records, or those of this command, found others; give another --name or "
            "--out, or remove them"
        )
    names = [path.name for path in folder.iterdir() if path.name != MANIFEST]
    if there is None:
        bucket.upload(names, folder)
        bucket.upload([MANIFEST], folder)
    if not _is_stub(folder):
        copy = _below(_place(content), read_manifest(folder))
        shutil.rmtree(copy, ignore_errors=True)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(folder, copy)
    return bucket.address


def workplace(home: str) -> Path:
    """A local folder to prepare data sets in for an address; it knows which are there already, by their manifests.

    Args:
        home: the address of a folder of prepared data sets.

    Raises:
        StoreError: the store can't be reached or read.
    """
    place, bucket = kept_copy("preparing", home), Bucket(home)
    for manifest in place.glob(f"[!.]*/*/*/{MANIFEST}"):
        if _is_stub(manifest.parent):
            shutil.rmtree(manifest.parent)
    keys = [key for key in bucket.names() if _is_shown(key) and PurePosixPath(key).name in (MANIFEST, CLIPS)]
    bucket.download([key for key in keys if not (place / key).exists()], place)
    place.mkdir(parents=True, exist_ok=True)
    return place


def _is_stub(folder: Path) -> bool:
    """Whether a folder has no records, but what says which there are in the bucket."""
    return {path.name for path in folder.iterdir()} <= {MANIFEST, CLIPS}


def _is_whole(path: Path, digest: str) -> bool:
    return path.is_file() and files.sha256_file(path) == digest


def _place(manifest: bytes) -> Path:
    """The folder of a copy, by its manifest."""
    return copies() / "records" / hashlib.sha256(manifest).hexdigest()[:32]


def _below(place: Path, manifest: Manifest) -> Path:
    """The folder of records in a copy's; its last names are those that a run remembers.

    Raises:
        RecordsError: the manifest's names are none of a folder.
    """
    parts = (manifest.name, manifest.config, VERSION)
    if not all(is_plain(part) and "/" not in part for part in parts):
        raise RecordsError(f"{place}: expected names of folders in {MANIFEST}, found {parts[:2]}; prepare it again")
    return place.joinpath(*parts)

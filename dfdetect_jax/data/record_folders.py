"""Where prepared records lie: found by name, folder or address."""

from __future__ import annotations

import os
from pathlib import Path

from dfdetect_jax.data.records import MANIFEST
from dfdetect_jax.data.remote_records import fetch
from dfdetect_jax.errors import RecordsError
from dfdetect_jax.stores.address import is_address, kept_copy


def records_home(data_dir: str | Path = "") -> Path:
    """The folder of prepared data sets: `data_dir`, else `TFDS_DATA_DIR`, else `~/tensorflow_datasets`. Absolute.

    For an address it is a local folder, for what is made on first use; see `locate` for what was prepared there.
    """
    home = named_home(data_dir)
    return kept_copy("homes", home) if is_address(home) else Path(home).expanduser().absolute()


def named_home(data_dir: str | Path = "") -> str:
    """As `records_home`, as it was named: a folder, or an address."""
    return str(data_dir or os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets")


def locate(name_or_folder: str | Path, data_dir: str | Path = "") -> Path:
    """Finds prepared records by name ("forge"), name and config ("faceforensics/c23-299px"), folder, or address.

    Those on gs:// or s3:// are copied to the user's cache, where they are not yet.

    Raises:
        RecordsError: there are none, or several variants (they are listed).
        StoreError: an object store can't be reached or read.
    """
    if is_address(name_or_folder):
        return fetch(str(name_or_folder))
    home = records_home(data_dir)
    for base in (Path(name_or_folder).expanduser().absolute(), home / name_or_folder):
        for pattern in (MANIFEST, f"*/{MANIFEST}", f"*/*/{MANIFEST}", f"[!.]*/*/*/{MANIFEST}"):
            folders = sorted(path.parent for path in base.glob(pattern))
            if len(folders) == 1:
                return folders[0]
            if folders:
                names = ", ".join(str(path.relative_to(base)) for path in folders)
                raise RecordsError(f"{name_or_folder}: expected one variant, found {names}; name one of them")
    if is_address(named_home(data_dir)):
        return fetch(str(name_or_folder), named_home(data_dir))
    present = sorted({path.relative_to(home).parts[0] for path in home.glob(f"[!.]*/*/*/{MANIFEST}")})
    raise RecordsError(
        f"{name_or_folder}: no prepared records of that name in {home}, which has {', '.join(present) or 'none'}, "
        "nor a folder of records; make them with `prepare`, or give the folder"
    )

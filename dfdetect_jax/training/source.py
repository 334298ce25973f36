"""The records that a run trains on: found where they were prepared, joined, or made on first use."""

from pathlib import Path

from dfdetect_jax.config import BENCHMARK, EMBEDDED, Crop, Data
from dfdetect_jax.data import record_folders
from dfdetect_jax.data.prepare import joining, preparation


def find_records(data: Data) -> Path:
    """The folder of records that `data` names; several data sets are joined on first use.

    Raises:
        RecordsError: there are none of that name, in which case the message names the command that prepares them; or
            several can't be joined, see `joining.join`.
    """
    if data.name == BENCHMARK:  # links to the pictures, made in seconds
        return preparation.prepare(BENCHMARK, data.root, data.data_dir, json=data.json, compression=data.compression)
    if data.name != EMBEDDED:
        folders = [record_folders.locate(name, data.data_dir) for name in data.names]
        return folders[0] if len(folders) == 1 else joining.join(folders, data.data_dir)
    return preparation.prepare(EMBEDDED, None, data.data_dir, Crop(size=data.image_size), images=data.forge_images)

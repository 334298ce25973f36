"""A split of a prepared data set as it is measured: its name, its key in reports, and whether its crops fit a run."""

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path

from dfdetect_jax.config import one_of
from dfdetect_jax.data.example import ALL_SPLITS, SPLITS
from dfdetect_jax.data.record_folders import locate, records_home
from dfdetect_jax.data.records import Records, read_manifest
from dfdetect_jax.errors import SettingsError
from dfdetect_jax.run.folder import Run
from dfdetect_jax.stores.address import is_address


@dataclasses.dataclass(frozen=True, kw_only=True)
class PreparedSplit:
    """One split of a prepared data set.

    Attributes:
        key: in `metrics.json` and in tables, see `data_key`.
        folder: prepared records.
        split: "train", "val", "test", or "all".
    """

    key: str
    folder: Path
    split: str = "test"

    def frames(self, at_most: int | None = None) -> int:
        """How many frames are measured, of which `at_most` are requested; None for all."""
        frames = read_manifest(self.folder).examples(self.split)
        return frames if at_most is None else min(frames, at_most)


def find_splits(names: Sequence[str], split: str, data_dir: str = "") -> list[PreparedSplit]:
    """The splits of prepared data sets, opened once to find faults before hours of computation.

    Args:
        names: of prepared data sets, or folders of records; each may end in ":" and a split of its own.
        split: of the others: "train", "val", "test", or "all".
        data_dir: folder of prepared data sets, as `record_folders.locate` takes it.

    Raises:
        RecordsError: records are missing or damaged.
        SettingsError: a data set is given twice, or there is no such split.
    """
    splits: list[PreparedSplit] = []
    for name_and_split in names:
        name, its_split = apart(name_and_split, split, data_dir)
        folder = locate(name, data_dir)
        Records(folder, its_split)
        manifest = read_manifest(folder)
        shown = f"{manifest.name}/{manifest.config}" if is_address(name) or Path(name).exists() else name
        key = data_key(shown, its_split)
        if key in (each.key for each in splits):
            raise SettingsError(f"--data: expected different data sets, found {key} twice; give it once")
        splits.append(PreparedSplit(key=key, folder=folder, split=its_split))
    return splits


def apart(name: str, split: str, data_dir: str = "") -> tuple[str, str]:
    """The data set and the split that a name stands for: ("celebdf", "all") for "celebdf:all".

    Args:
        name: as `find_splits` takes it. What is there as it is written, colon and all, is a folder.
        split: of a name without one.
        data_dir: folder of prepared data sets.

    Raises:
        SettingsError: there is no such split.
    """
    start, _, end = name.rpartition(":")
    places = (Path(name).expanduser(), records_home(data_dir) / name)
    if start and end.isalpha() and not any(place.exists() for place in places):
        one_of(f"split of {start}", end, (*SPLITS, ALL_SPLITS))
        return start, end
    one_of("split", split, (*SPLITS, ALL_SPLITS))
    return name, split


def data_key(name: str, split: str) -> str:
    """The key of a data set: its name, followed by ":" and the split unless that is "test"."""
    return name if split == "test" else f"{name}:{split}"


def crop_difference(run: Run, folder: str | os.PathLike[str]) -> str | None:
    """One line where prepared crops differ from those that the run was trained on; None if they are alike.

    Their size is not compared: crops are resized to the network's input.
    """
    measured, trained = read_manifest(Path(folder)).crop, run.crop
    differing = [
        f"{name} {getattr(measured, name)} (trained on {getattr(trained, name)})"
        for name in ("margin", "align", "face_detector")
        if getattr(measured, name) != getattr(trained, name)
    ]
    if not differing:
        return None
    return f"{folder}: cropped with {', '.join(differing)}: results partly reflect this difference"

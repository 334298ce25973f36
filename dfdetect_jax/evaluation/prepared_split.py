"""A split of a prepared data set as it is measured: its key in reports, and whether its crops fit a run."""

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path

from dfdetect_jax.data.records import Records, locate, read_manifest
from dfdetect_jax.errors import SettingsError
from dfdetect_jax.run.folder import Run


@dataclasses.dataclass(frozen=True, kw_only=True)
class PreparedSplit:
    """One split of a prepared data set.

    Attributes:
        key: in `metrics.json` and in tables, see `data_key`.
        folder: prepared records.
        split: "train", "val" or "test".
    """

    key: str
    folder: Path
    split: str = "test"

    def frames(self, at_most: int | None = None) -> int:
        """How many frames are measured, of which `at_most` are requested; None for all."""
        frames = sum(count["examples"] for count in read_manifest(self.folder).counts[self.split].values())
        return frames if at_most is None else min(frames, at_most)


def find_splits(names: Sequence[str], split: str, data_dir: str = "") -> list[PreparedSplit]:
    """The splits of prepared data sets, opened once to find faults before hours of computation.

    Args:
        names: of prepared data sets, or folders of records.
        split: "train", "val" or "test".
        data_dir: folder of prepared data sets, as `records.locate` takes it.

    Raises:
        RecordsError: records are missing or damaged.
        SettingsError: a data set is given twice.
    """
    splits: list[PreparedSplit] = []
    for name in names:
        folder = locate(name, data_dir)
        Records(folder, split)
        manifest = read_manifest(folder)
        shown = f"{manifest.name}/{manifest.config}" if Path(name).exists() else name
        key = data_key(shown, split)
        if key in (each.key for each in splits):
            raise SettingsError(f"--data: expected different data sets, found {key} twice; give it once")
        splits.append(PreparedSplit(key=key, folder=folder, split=split))
    return splits


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

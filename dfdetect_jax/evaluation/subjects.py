"""What an evaluation is about: run folders opened, data sets found, and what is to be said of them before it starts."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from dfdetect_jax.evaluation.prepared_split import PreparedSplit, crop_difference, find_splits
from dfdetect_jax.evaluation.run_names import short_names
from dfdetect_jax.run.folder import Run, open_run


class Subjects(NamedTuple):
    """Runs, and the data sets that each of them is measured on.

    Attributes:
        runs: by short name, in the order given.
        data: splits of prepared data sets.
    """

    runs: Mapping[str, Run]
    data: Sequence[PreparedSplit]

    @property
    def notes(self) -> list[str]:
        """Where crops differ from those that a run was trained on, a line each, each once."""
        lines = (crop_difference(run, each.folder) for run in self.runs.values() for each in self.data)
        return list(dict.fromkeys(line for line in lines if line is not None))


def open_subjects(
    folders: Sequence[str | os.PathLike[str]],
    names: Sequence[str],
    split: str = "test",
    data_dir: str = "",
    open_one: Callable[[str | Path], Run] = open_run,
) -> Subjects:
    """Opens runs and finds data sets, so that a fault of any is known before the first is measured.

    Args:
        folders: of runs.
        names: of prepared data sets, as `find_splits` takes them.
        split: of data sets whose names have none.
        data_dir: folder of prepared data sets; "" for that of the first run's training.
        open_one: opens one of `folders`, which may then be of other kinds.

    Raises:
        RecordsError: records are missing or damaged.
        RunError: a folder is no run, has no intact checkpoint, or is given twice.
        SettingsError: a data set is given twice, there is no such split, or a run is of another version.
    """
    given = [folder if isinstance(folder, str) else Path(folder) for folder in folders]  # "released" is no ./released
    runs = {name: open_one(each) for name, each in zip(short_names(given), given, strict=True)}
    first = next(iter(runs.values()))
    return Subjects(runs, find_splits(names, split, data_dir or first.settings.data.data_dir))

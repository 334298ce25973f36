"""A whole training from settings and a place, local or an address: for `dfdetect train` and `dfdetect_jax.train`."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import jax

from dfdetect_jax import methods
from dfdetect_jax.config import Settings
from dfdetect_jax.run.workplace import workplace
from dfdetect_jax.stores import address
from dfdetect_jax.training import stages
from dfdetect_jax.training.first_weights import weights_of
from dfdetect_jax.training.source import find_records


class Training(NamedTuple):
    """A training that has ended.

    Attributes:
        folder: the run folder, or its local copy; what is written to it in the block is uploaded as well.
        name: the run as users know it: the folder, or the address.
        records: folder of the data trained on.
        finished: whether the last step was reached; else SIGTERM stopped it, or masks are to be painted.
    """

    folder: Path
    name: str
    records: Path
    finished: bool


@contextlib.contextmanager
def train_in_workdir(
    settings: Settings,
    workdir: str | os.PathLike[str],
    *,
    init_from: str | os.PathLike[str] | None = None,
    profile: range = range(0),
) -> Iterator[Training]:
    """Makes or finds the data, and trains through all stages, or resumes.

    Args:
        settings: checked settings; `data` names the records.
        workdir: the run folder, made if absent; or gs:// or s3://.
        init_from: run folder to take the initial weights from; where the networks differ, those of its encoder alone.
        profile: steps of which a trace is written to the run folder.

    Raises:
        InputError: a setting, the data or the run folder can't be used; see `stages.train` and `workplace`.
    """
    _check_masks(settings, workdir)
    methods.build(settings)  # refuses what only networks know, before data is prepared
    with workplace(workdir) as place:
        records = find_records(settings.data)
        initial = weights_of(init_from) if init_from else None
        finished = stages.train(
            settings, place.folder, records, initial=initial, profile=profile, storage=place.storage
        )
        yield Training(place.folder, place.name, records, finished)


def _check_masks(settings: Settings, workdir: str | os.PathLike[str]) -> None:
    """Refuses, before anything is made, masks that would not be where they are read: in a copy, which is made anew."""
    masks = settings.mask_learning
    if masks is None or masks.masks != "selected":
        return
    if masks.annotator == "people":
        address.local(workdir, "--workdir", "people paint into the run folder: train locally, then copy it there")
    if jax.process_count() > 1:
        address.local(workdir, "--workdir", "all processes read the selected masks: name a disk that all of them see")

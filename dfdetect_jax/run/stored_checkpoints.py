"""The files of a run at an address: which checkpoints are sealed there, and which of them a local copy has whole."""

import os
import shutil
from collections.abc import Container
from pathlib import Path

from dfdetect_jax.run import seal as seals
from dfdetect_jax.run.best import LOCK
from dfdetect_jax.run.seal import CHECKPOINTS, SEAL, DoubtError
from dfdetect_jax.stores.bucket import Bucket

_UNFINISHED = "orbax-checkpoint-tmp"  # in the name of a checkpoint that is being written


def prefix(step: str) -> str:
    """How the names of a checkpoint's files begin."""
    return f"{CHECKPOINTS}/{step}/"


def seal_of(step: str) -> str:
    """Name of the file that completes a checkpoint."""
    return prefix(step) + SEAL


def step_of(name: str) -> str | None:
    """The checkpoint that a file belongs to; None if to none."""
    parts = name.split("/")
    return parts[1] if len(parts) > 2 and parts[0] == CHECKPOINTS and parts[1].isdecimal() else None


def sealed_there(keys: list[str]) -> list[str]:
    """The checkpoints that have a seal."""
    return [step for key in keys if (step := step_of(key)) is not None and key == seal_of(step)]


def is_loose(name: str) -> bool:
    """Whether a file is no part of a checkpoint, no lock, and of nothing that is being written or deleted."""
    parts = name.split("/")
    passing = name == LOCK or any(part.startswith(".") or _UNFINISHED in part for part in parts)
    return step_of(name) is None and not passing


def is_whole_copy(bucket: Bucket, folder: Path, step: str) -> bool:
    """Whether the copy has a checkpoint of the bucket, whole."""
    name = seal_of(step)
    if not (folder / name).is_file() or (folder / name).read_bytes() != bucket.read(name):
        return False
    try:
        return bool(seals.verify(folder / CHECKPOINTS / step))
    except DoubtError:
        return False


def drop_steps(folder: Path, kept: Container[str]) -> None:
    """Removes all other checkpoints from a copy."""
    for path in seals.step_folders(folder / CHECKPOINTS).values():
        if path.name not in kept:
            shutil.rmtree(path)


def files_in(folder: Path) -> list[str]:
    """All files, by their paths in the folder."""
    walked = os.walk(folder)  # which passes over what is deleted meanwhile
    return sorted((Path(place) / name).relative_to(folder).as_posix() for place, _, names in walked for name in names)

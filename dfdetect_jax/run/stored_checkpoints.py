"""The files of a run at an address: which checkpoints are sealed there, and which of them a local copy has whole.

A store renames nothing, and so completes nothing at once: while a checkpoint is uploaded or deleted there, it has a
marker, written first and deleted last. Without a seal it is then a half of one, which this library left.
"""

import os
import shutil
from collections.abc import Container, Iterable
from pathlib import Path

from dfdetect_jax.run import seal as seals
from dfdetect_jax.run.best import LOCK
from dfdetect_jax.run.seal import CHECKPOINTS, SEAL, DoubtError
from dfdetect_jax.stores.bucket import Bucket

MARKER = "unfinished"  # in a checkpoint of a bucket, while it is uploaded or deleted
_TEMPORARY = "orbax-checkpoint-tmp"  # in the name of a checkpoint that is being written


def prefix(step: str) -> str:
    """How the names of a checkpoint's files begin."""
    return f"{CHECKPOINTS}/{step}/"


def seal_of(step: str) -> str:
    """Name of the file that completes a checkpoint."""
    return prefix(step) + SEAL


def marker_of(step: str) -> str:
    """Name of the object that says that a checkpoint is being uploaded or deleted."""
    return prefix(step) + MARKER


def step_of(name: str) -> str | None:
    """The checkpoint that a file belongs to; None if to none."""
    parts = name.split("/")
    return parts[1] if len(parts) > 2 and parts[0] == CHECKPOINTS and seals.is_step(parts[1]) else None


def steps_there(keys: list[str]) -> set[str]:
    """The checkpoints, whatever they have."""
    return {step for key in keys if (step := step_of(key)) is not None}


def sealed_there(keys: list[str]) -> set[str]:
    """The checkpoints that have a seal."""
    return {step for step in steps_there(keys) if seal_of(step) in keys}


def marked_there(keys: list[str]) -> set[str]:
    """The checkpoints that have a marker."""
    return {step for step in steps_there(keys) if marker_of(step) in keys}


def files_of(keys: list[str], steps: Iterable[str]) -> list[str]:
    """The files of some checkpoints, without markers."""
    wanted = {*steps}
    return [key for key in keys if (step := step_of(key)) in wanted and key != marker_of(str(step))]


def is_loose(name: str) -> bool:
    """Whether a file is no part of a checkpoint, no lock, and of nothing that is being written or deleted."""
    parts = name.split("/")
    passing = name == LOCK or any(part.startswith(".") or _TEMPORARY in part for part in parts)
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

"""A run or a model at an address, copied here to be read; nothing is written to the bucket."""

import logging
import os
from collections.abc import Container
from pathlib import Path

from dfdetect_jax.errors import RunError
from dfdetect_jax.run import seal as seals
from dfdetect_jax.run.best import LOCK
from dfdetect_jax.run.seal import CHECKPOINTS, DoubtError
from dfdetect_jax.run.stored_checkpoints import drop_steps, files_of, is_whole_copy, prefix, seal_of, sealed_there
from dfdetect_jax.stores.address import is_address, joined, kept_copy, locked_copy
from dfdetect_jax.stores.bucket import Bucket

_CONFIG = "config.json"  # in a run
_SUMS = "SHA256SUMS"  # in a model that was exported
_NEEDED = ("report/metrics.json", "report/scores.csv")  # below a run, by those who read it, for the card

log = logging.getLogger(__name__)


def local_copy(source: str | os.PathLike[str]) -> str | os.PathLike[str]:
    """A run or a model to be read: as it was given, or of an address the local folder that it was copied to.

    Of a run that is its best sound checkpoint, and what describes it; nothing is written to the bucket.

    Raises:
        RunError: there is neither a run nor a model at the address, or the run has no sound checkpoint.
        StoreError: the store can't be reached or read, or the cache's disk has no locks.
    """
    if not is_address(source):
        return source
    address = joined(os.fspath(source))
    bucket, folder = Bucket(address), kept_copy("reading", address)
    keys = bucket.names()
    if not {_CONFIG, _SUMS} & {*keys}:
        there = f"neither {_CONFIG} nor {_SUMS}" if keys else "nothing"
        raise RunError(f"{address}: expected a run or a model, found {there}; check the address")
    with locked_copy(folder.parent):
        top = [key for key in keys if "/" not in key and key != LOCK]
        for path in folder.glob("*"):  # of what is no longer there
            if path.is_file() and path.name not in top:
                path.unlink()
        bucket.download([*top, *(key for key in keys if key in _NEEDED)], folder)
        if _SUMS not in top:
            _fetch_best(bucket, keys, folder)
    return folder


def _fetch_best(bucket: Bucket, keys: list[str], folder: Path) -> None:
    """Copies the best checkpoint, or the next best where its bytes are not those that were sealed.

    The best until now stays, which another process may be about to read; all others are dropped.

    Raises:
        RunError: not one is sound.
    """
    steps = sealed_there(keys)
    whole = {step for step in steps if is_whole_copy(bucket, folder, step)}
    stay = whole | {*_ranked(folder)} - steps
    drop_steps(folder, stay)
    bucket.download([seal_of(step) for step in steps], folder)
    ranked = _ranked(folder)
    for i, step in enumerate(ranked):
        if step in steps and _is_fetched(bucket, keys, folder, step, whole):
            before = [worse for worse in ranked[i + 1 :] if worse in stay][:1]
            return drop_steps(folder, {step, *before})
    drop_steps(folder, set())
    raise RunError(
        f"{bucket.address}: no intact checkpoint found; train the run: the first one is uploaded after its first "
        "validation (train.eval_every)"
    )


def _is_fetched(bucket: Bucket, keys: list[str], folder: Path, step: str, whole: Container[str]) -> bool:
    """Copies a checkpoint that is not there yet; whether it is sound."""
    if step in whole:
        return True
    bucket.download(files_of(keys, [step]), folder)
    try:
        return bool(seals.verify(folder / CHECKPOINTS / step))
    except DoubtError as doubt:
        log.warning("checkpoint %s/%s is passed over: %s", bucket.address, prefix(step), doubt)
        return False


def _ranked(folder: Path) -> list[str]:
    """The checkpoints of a copy that have a seal, the best first."""
    sealed = seals.sealed_steps(folder / CHECKPOINTS)
    return [str(step) for step in sorted(sealed, key=lambda step: (seals.quality(sealed[step]), step), reverse=True)]

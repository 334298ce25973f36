"""From the first step to the last: one stage, or, for a method that learns from masks, two with a selection between."""

import hashlib
import sys
from pathlib import Path

from dfdetect_jax import files
from dfdetect_jax.active import queue as queues
from dfdetect_jax.active.choose import choose_for_masks
from dfdetect_jax.config import Active, Settings
from dfdetect_jax.data import pipeline
from dfdetect_jax.data.painted_masks import Masks
from dfdetect_jax.data.records import read_manifest
from dfdetect_jax.devices import processes
from dfdetect_jax.errors import RunError
from dfdetect_jax.methods import Variables
from dfdetect_jax.run.folder import open_run
from dfdetect_jax.training import loop

QUEUE = "queue"  # in the run folder
DIGEST = "masks.sha256"  # in the queue, from the start of stage 2 on: what it learns from must not change on the way


def train(
    settings: Settings, workdir: Path, records: Path, *, initial: Variables | None = None, profile: range = range(0)
) -> bool:
    """Trains through all stages, or goes on from where `workdir` stands.

    The LAE's first stage sees no masks. Then its candidates are chosen into `workdir`/queue, and its second stage
    learns from the masks that have been painted there, or from all that the data has if the settings say so.

    Args:
        settings: checked settings.
        workdir: the run folder, made if need be.
        records: folder of prepared records with the splits "train" and "val".
        initial: parameters and statistics to start from instead of random ones.
        profile: steps of which a trace is written to `workdir`/profile.

    Returns:
        True when the last step was reached; False when a SIGTERM ended training early, or masks are being waited for.

    Raises:
        RunError, SettingsError, WeightsError: as `loop.train`; RunError also if nothing was there to learn from.
        BadMediaError: a painted mask can't be used.
    """
    active = settings.mask_learning
    if active is None:
        return loop.train(settings, workdir, records, initial=initial, profile=profile)
    if not loop.train(settings, workdir, records, initial=initial, until=active.start, profile=profile):
        return False
    if active.masks == pipeline.ALL:
        return loop.train(settings, workdir, records, masks=pipeline.ALL, stage=2, profile=profile)
    masks = painted_masks(active, workdir, records)
    return masks is not None and loop.train(settings, workdir, records, masks=masks, stage=2, profile=profile)


def painted_masks(active: Active, workdir: Path, records: Path) -> Masks | None:
    """The masks of the images that were chosen after stage 1, which are chosen now if that has not been done.

    Returns:
        The masks; None, after a word on what to do, while people have not painted them all.

    Raises:
        RunError: the queue is damaged or of other data, there is no mask at all, or stage 2 began with other masks.
        BadMediaError: a painted mask can't be used.
    """
    folder = workdir / QUEUE
    if processes.is_first():
        _make_queue(active, workdir, records)
    processes.wait_for_all("the queue is written")
    queue = queues.read_queue(folder)
    total = len(queue.rows)
    if active.annotator == "people" and (waiting := queues.missing(queue)):
        _print(
            f"waiting for masks: {len(waiting)} of {total} are not painted yet; {folder / queues.README} says how. "
            "The same command goes on from there"
        )
        return None
    masks = queues.read_masks(queue, read_manifest(records).fingerprint)
    if not len(masks):
        raise RunError(f'{folder}: expected masks to learn from, found none; paint some, or set active.masks="none"')
    _check_unchanged(masks, folder / DIGEST)
    _print(f"stage 2 learns from {len(masks)} masks of {total} chosen images ({folder})")
    return masks


def _make_queue(active: Active, workdir: Path, records: Path) -> None:
    folder = workdir / QUEUE
    if not (folder / queues.QUEUE).exists():
        choose_for_masks(open_run(workdir), records, active, folder)
    if active.annotator == "oracle":
        queues.fill_from_records(queues.read_queue(folder), records)


def _check_unchanged(masks: Masks, path: Path) -> None:
    """Notes which masks stage 2 begins with, or compares: a resumed run must go on with the same."""
    digest = hashlib.sha256(masks.places.tobytes() + masks.masks.tobytes()).hexdigest()
    if path.exists():
        if path.read_text().strip() != digest:
            raise RunError(
                f"{path.parent}: expected the masks that stage 2 began with, found others; put them back, "
                "or train anew in another --workdir"
            )
    elif processes.is_first():
        files.write_text(path, digest + "\n")


def _print(line: str) -> None:
    if processes.is_first():
        print(line, file=sys.stderr)

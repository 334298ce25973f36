"""All stages of a training: one, or two with a selection of images between, for methods that learn from masks."""

import contextlib
import functools
import hashlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from dfdetect_jax import faults, files
from dfdetect_jax.active import queue as queues
from dfdetect_jax.active import queue_masks
from dfdetect_jax.active.choose import choose_for_masks
from dfdetect_jax.active.journal import Answer, read_journal, without_mask
from dfdetect_jax.config import Active, Settings
from dfdetect_jax.data import mixture, pipeline
from dfdetect_jax.data.example import Label
from dfdetect_jax.data.finding import name_list
from dfdetect_jax.data.painted_masks import Masks
from dfdetect_jax.data.records import Records, read_manifest
from dfdetect_jax.devices import processes
from dfdetect_jax.errors import RunError, SettingsError
from dfdetect_jax.faults import Lack
from dfdetect_jax.locks import ANOTHER_FOLDER, Lock, LockedError, UnlockableError
from dfdetect_jax.methods import Variables
from dfdetect_jax.run.best import LOCK
from dfdetect_jax.run.checkpoint import ON_DISK, Storage
from dfdetect_jax.run.folder import open_run
from dfdetect_jax.stores.address import ANOTHER_CACHE
from dfdetect_jax.training import loop

QUEUE = "queue"  # in the run folder
_LOCK_WAIT = 1.0  # seconds, in which one who only asks for the holder lets go
_ADVICE = {
    Lack.MEMORY: "give --config.train.accumulate=2 (or 4, 8), --config.train.remat=True or a smaller "
    "--config.train.batch_size; remat may change in the same --workdir",
    Lack.DISK: "make room, then run the same command again: it resumes from the last complete checkpoint",
    Lack.RIGHT: "name another --workdir, or allow writing to it",
}
DIGEST = queues.STARTED


def train(
    settings: Settings,
    workdir: Path,
    records: Path,
    *,
    initial: Variables | None = None,
    profile: range = range(0),
    storage: Storage = ON_DISK,
) -> bool:
    """Trains through all stages, or resumes in whichever `workdir` is.

    The first stage uses no masks. Then images are selected into `workdir`/queue, and the second stage learns from the
    masks painted there, or from all masks of the data if the settings select them.

    Args:
        settings: checked settings.
        workdir: the run folder, made if absent.
        records: folder of prepared records with the splits "train" and "val".
        initial: parameters and statistics to start from instead of random ones.
        profile: steps of which a trace is written to `workdir`/profile.
        storage: how `workdir` is kept.

    Returns:
        True when the last step was reached; False when a SIGTERM ended training early, or masks are to be painted.

    Raises:
        RunError, SettingsError, WeightsError: as `loop.train`; RunError also if the queue has no mask, if memory runs
            out or the disk is full, or if another process trains in `workdir`.
        BadMediaError: a painted mask can't be used.
    """
    with faults.explained(str(workdir), _ADVICE), _alone(workdir, storage):
        one_stage = functools.partial(loop.train, settings, workdir, records, profile=profile, storage=storage)
        return _all_stages(settings, workdir, records, initial, one_stage, storage.name(workdir))


@contextlib.contextmanager
def _alone(workdir: Path, storage: Storage) -> Iterator[None]:
    """Keeps another job from training in the same folder; process 0 holds the lock for all of its job.

    Raises:
        RunError: another does, or the disk has no locks.
    """
    if not processes.is_first():
        yield
        return
    workdir.mkdir(parents=True, exist_ok=True)
    try:
        advice = ANOTHER_CACHE if storage.address else ANOTHER_FOLDER
        lock = Lock(workdir / LOCK, seconds=_LOCK_WAIT, advice=advice)
    except LockedError as error:
        line = f"{storage.name(workdir)}: {error} is training this run; wait for it, or give another --workdir"
        raise RunError(line) from error
    except UnlockableError as error:
        raise RunError(str(error)) from error
    try:
        yield
    finally:
        if [path.name for path in workdir.iterdir()] == [LOCK]:  # refused before anything was written
            (workdir / LOCK).unlink()
            workdir.rmdir()
        lock.release()


def _all_stages(
    settings: Settings,
    workdir: Path,
    records: Path,
    initial: Variables | None,
    one_stage: Callable[..., bool],
    name: str,
) -> bool:
    active = settings.mask_learning
    if active is not None and active.masks == "selected":
        _check_fakes(settings, active, records)
    if active is None:
        return one_stage(initial=initial)
    first = functools.partial(one_stage, initial=initial)
    if active.start and not first(until=active.start):
        return False
    if active.masks == pipeline.ALL:
        return first(masks=pipeline.ALL, stage=2)
    masks = painted_masks(active, workdir, records, name)
    return masks is not None and one_stage(masks=masks, stage=2)


def _check_fakes(settings: Settings, active: Active, records: Path) -> None:
    """Raises SettingsError, before stage 1 rather than after it, without fakes to select from or masks of theirs.

    (RecordsError: there is no training split.)
    """
    split = Records(records, "train")
    rows = split.index[mixture.select(split, settings.data.train_forgeries)]
    fakes = rows[rows["label"] == Label.FAKE]
    if not len(fakes):
        raise SettingsError(
            f'active.masks: expected fakes in {records} to select from, found none; set active.masks="none", and '
            "augment.self_blend.share for fakes that have a mask"
        )
    if active.annotator == "oracle" and not fakes["has_mask"].any():
        raise SettingsError(
            f'active.annotator: expected masks of fakes in {records}, found none; set active.annotator="people" to '
            'paint some, or active.masks="none"'
        )


def painted_masks(active: Active, workdir: Path, records: Path, name: str = "") -> Masks | None:
    """The masks of the images selected after stage 1; selects the images if that has not been done.

    Args:
        active: how images are selected, and who paints.
        workdir: the run folder.
        records: what is trained on.
        name: the run as users know it, for what is said; "" for `workdir`.

    Returns:
        The masks; None, after printing what to do, while some are still to be painted by people.

    Raises:
        RunError: the queue is damaged or of other data, there is no mask at all, or stage 2 started with other masks.
        BadMediaError: a painted mask can't be used.
    """
    folder, name = workdir / QUEUE, f"{name or workdir}/{QUEUE}"
    if processes.is_first():
        _make_queue(active, workdir, records)
    processes.wait_for_all("the queue is written")
    queue = queues.read_queue(folder)
    total = len(queue.rows)
    if active.annotator == "people" and (waiting := queue_masks.missing(queue)):
        _print(
            f"waiting for masks: {len(waiting)} of {total} are not painted yet: {name_list(waiting)}; paint them as "
            f"described in {folder / queues.README}, such as by dfdetect annotate --queue {folder}, then run the same "
            "command again"
        )
        for name, file in queue_masks.in_the_way(queue, waiting).items():
            _print(f"{queues.MASKS}/{name}.png: missing, found {file}; if that is it, save it under that name, as PNG")
        return None
    masks = queue_masks.read_masks(queue, read_manifest(records).fingerprint)
    if not len(masks):
        raise RunError(f'{name}: expected masks to learn from, found none; paint some, or set active.masks="none"')
    _check_unchanged(masks, folder / DIGEST, name)
    _print(f"stage 2 learns from {len(masks)} masks of {total} selected images ({name})")
    for line in _without_mask(queue):
        _print(line)
    return masks


def _without_mask(queue: queues.Queue) -> Iterator[str]:
    """What annotators answered instead of a mask, a line for each kind of answer."""
    answered = without_mask(read_journal(queue.folder))
    words = {Answer.REAL: "are real after all: check the labels of", Answer.UNSURE: "could not be judged:"}
    for answer, said in words.items():
        clips = [row.video for row in queue.rows if answered.get(row.id) == answer]
        if clips:
            yield f"annotators: {len(clips)} images {said} {name_list(clips)}"


def _make_queue(active: Active, workdir: Path, records: Path) -> None:
    folder = workdir / QUEUE
    if not (folder / queues.QUEUE).exists():
        choose_for_masks(open_run(workdir), records, active, folder)
    if active.annotator == "oracle":
        queue_masks.fill_from_records(queues.read_queue(folder), records)


def _check_unchanged(masks: Masks, path: Path, queue: str) -> None:
    """Stores the digest of stage 2's masks, or compares with the stored one: a resumed run must use the same masks."""
    digest = hashlib.sha256(masks.places.tobytes() + masks.masks.tobytes()).hexdigest()
    if path.exists():
        if path.read_text().strip() != digest:
            raise RunError(
                f"{queue}: expected the masks that stage 2 started with, found others; restore them, "
                "or train anew in another --workdir"
            )
    elif processes.is_first():
        files.write_text(path, digest + "\n")


def _print(line: str) -> None:
    if processes.is_first():
        print(line, file=sys.stderr)

"""Checkpoints that are trusted only after their bytes were checked.

Orbax writes them; this module adds what it leaves open: a finished checkpoint is sealed (`run.seal`), a restore takes
the newest one whose seal holds, and says which it passed over. A checkpoint in doubt is never deleted: training sets it
aside. A checkpoint has three items: `state` (all of TrainState), `variables` (what prediction needs, restorable alone)
and `cursor` (where the data stream stood).
"""

import contextlib
import itertools
import logging
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
import orbax.checkpoint as ocp

from dfdetect_jax.devices import processes
from dfdetect_jax.errors import RunError
from dfdetect_jax.methods.contract import TrainState
from dfdetect_jax.run import seal as seals
from dfdetect_jax.run.best import on_one_device
from dfdetect_jax.run.seal import SEAL, DoubtError, Metrics, UnsealedError

SET_ASIDE = "set_aside"  # beside the checkpoints: those in doubt
_DELETED = ".deleted-"  # begins the name of a checkpoint while it is deleted

log = logging.getLogger(__name__)


class Storage(NamedTuple):
    """How a run folder is kept.

    Attributes:
        on_sealed: called by the first process when one more checkpoint is sealed, and those too many are gone.
        shared: whether all processes of the job see the folder; else the first one alone writes to its own, and each
            reads from its own.
        on_closed: called by all processes of such a job when its checkpoints are closed: the others' copies become what
            the first one's is.
        address: where users have the run, if the folder is a copy of it; else "".
    """

    on_sealed: Callable[[], None] = lambda: None
    shared: bool = True
    on_closed: Callable[[], None] = lambda: None
    address: str = ""

    def name(self, folder: Path) -> str:
        """The run kept in `folder`, as users know it."""
        return self.address or str(folder)


ON_DISK = Storage()
"""On a disk that all processes see."""


class Checkpoints:
    """The checkpoints of one run, in `folder`.

    The latest `keep` stay, and the best: of the last "stage" that was reached, the one with the highest "val_auc".

    Args:
        folder: made if absent.
        keep: see above.
        storage: how the run folder is kept.
    """

    def __init__(self, folder: str | Path, keep: int = 2, storage: Storage = ON_DISK):
        self.folder = Path(folder).resolve()  # Orbax reports a relative path only later, from a thread
        self._keep, self._storage = keep, storage
        self._name = f"{storage.name(self.folder.parent)}/{self.folder.name}"
        self._alone = not storage.shared and jax.process_count() > 1
        if processes.is_first():
            for path in self.folder.glob(f"{_DELETED}*"):  # a kill came between
                shutil.rmtree(path, ignore_errors=True)
        # Orbax deletes nothing: after a restart it has forgotten which checkpoint is the best.
        together, me = ocp.options.MultiprocessingOptions(), jax.process_index()
        if self._alone:
            together = ocp.options.MultiprocessingOptions(me, {me}, f"process-{me}")
            self.folder.mkdir(parents=True, exist_ok=True)
        options = ocp.CheckpointManagerOptions(
            cleanup_tmp_directories=not self._alone, create=not self._alone, multiprocessing_options=together
        )
        self._manager = ocp.CheckpointManager(self.folder, item_handlers=_handlers(together), options=options)
        self._unsealed: dict[int, Metrics] = {}
        self._failed = False  # whether an error was raised, of which threads of Orbax may speak again

    def __enter__(self) -> "Checkpoints":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Closes; after an error in one of several processes it waits for no other, which may be waiting in a step."""
        if kind is None or jax.process_count() == 1:
            self.close()
        else:
            self.seal(wait=True)

    def save(self, state: TrainState, cursor: dict[str, Any], metrics: Metrics) -> None:
        """Starts writing a checkpoint of step `state.step`; `seal` or `close` finishes it.

        Args:
            state: the whole training state.
            cursor: JSON-ready state of the data iterator, taken after the batch of this step.
            metrics: validation results; "stage" and "val_auc" choose the best checkpoint.
        """
        step = int(state.step)
        self.seal(wait=True)
        state_data = state.with_key_data()
        if self._alone:
            if not processes.is_first():
                return
            state_data = jax.tree.map(_copy_here, state_data)
        items = ocp.args.Composite(
            state=ocp.args.StandardSave(state_data),
            variables=ocp.args.StandardSave(state_data.variables),
            cursor=ocp.args.JsonSave(cursor),
        )
        with self._noting_failure():
            self._manager.save(step, args=items, custom_metadata={seals.RESULTS: metrics}, force=True)
        self._unsealed[step] = metrics

    def seal(self, *, wait: bool = False) -> None:
        """Seals the checkpoint being written once it is complete; cheap to call while it is not."""
        if not self._unsealed or (not wait and self._manager.is_saving_in_progress()):
            return
        unsealed, self._unsealed = self._unsealed, {}  # what can't be written is not to be sealed later
        with self._noting_failure():
            self._manager.wait_until_finished()
        if processes.is_first():
            for step, metrics in unsealed.items():
                seals.write(self.folder / str(step), metrics)
            self._delete_old()
            self._storage.on_sealed()

    def restore(self, target: TrainState) -> tuple[TrainState, dict[str, Any]] | None:
        """The newest sound checkpoint as (state, cursor), or None if there is none. Newer ones are set aside.

        One that is complete but was not sealed, because its run was killed at that moment, is sealed now.

        Args:
            target: a state with the shapes, dtypes and shardings wanted.

        Raises:
            RunError: a sound checkpoint belongs to another network or optimiser; or there are checkpoints, and not one
                is sound.
        """
        doubts: dict[int, DoubtError] = {}
        for step in sorted(seals.step_folders(self.folder), reverse=True):
            try:
                self._verify(step, target)
            except DoubtError as doubt:
                doubts[step] = doubt
                continue
            _check_same_arrays(self._manager.item_metadata(step)["state"], _stored(target), f"{self._name}/{step}")
            restored = self._load(step, target)
            self._set_aside(doubts)
            return restored
        self._refuse_to_begin_again(doubts)
        self._set_aside(doubts)
        return None

    def _verify(self, step: int, target: TrainState) -> None:
        try:
            seals.verify(self.folder / str(step))
        except UnsealedError:
            self._seal_late(step, target)

    def _seal_late(self, step: int, target: TrainState) -> None:
        """Orbax gives a folder its name only when the checkpoint is complete, so that it can be trusted if it loads."""
        path = self.folder / str(step)
        results = seals.saved_results(path)
        if results is None:
            raise UnsealedError(f"it has no {SEAL} and no results")
        try:
            state, _ = self._load(step, target)
        except Exception as error:
            raise UnsealedError(f"it has no {SEAL} and can't be restored") from error
        if int(state.step) != step:
            raise UnsealedError(f"it has no {SEAL} and is of step {state.step}")
        if processes.is_first():
            seals.write(path, results)
            line = "%s/%s: complete, but training was ended before it was sealed; sealed now"
            log.warning(line, self._name, step)
        processes.wait_for_all("a checkpoint is sealed late")

    def _load(self, step: int, target: TrainState) -> tuple[TrainState, dict[str, Any]]:
        wanted = target.with_key_data()
        here = jax.tree.map(on_one_device, wanted) if self._alone else wanted
        args = ocp.args.Composite(state=ocp.args.StandardRestore(here), cursor=ocp.args.JsonRestore())
        restored = self._manager.restore(step, args=args)
        state = jax.tree.map(_placed_as, restored["state"], wanted) if self._alone else restored["state"]
        return state.with_typed_key(), restored["cursor"]

    def _refuse_to_begin_again(self, doubts: dict[int, DoubtError]) -> None:
        ours = {step: doubt for step, doubt in doubts.items() if seals.looks_like_a_checkpoint(self.folder / str(step))}
        if ours:
            newest = max(ours)
            raise RunError(
                f"{self._name}: expected a sound checkpoint to resume from, found {len(ours)} in doubt (the newest, "
                f"{newest}: {ours[newest]}); restore what is missing, or move that folder away to train from the start"
            )

    def _set_aside(self, doubts: dict[int, DoubtError]) -> None:
        """Moves checkpoints away from where training will write them anew."""
        if not doubts:
            return
        for step, doubt in doubts.items():
            if processes.is_first() or self._alone:
                place = _free_place(self.folder / SET_ASIDE, str(step))
                there = f"{self._name}/{place.relative_to(self.folder)}"
                log.warning("checkpoint %s/%s is not used and moved to %s: %s", self._name, step, there, doubt)
                (self.folder / str(step)).rename(place)
        processes.wait_for_all("checkpoints are set aside")
        self._manager.reload()

    def _delete_old(self) -> None:
        """All sealed ones but the latest `keep` and the best."""
        sealed = seals.sealed_steps(self.folder)
        kept = {*sorted(sealed)[-self._keep :], max(sealed, key=lambda step: (seals.quality(sealed[step]), step))}
        for step in sealed.keys() - kept:
            doomed = self.folder / f"{_DELETED}{step}"
            (self.folder / str(step)).rename(doomed)  # at once, so that a kill leaves no half of one
            shutil.rmtree(doomed, ignore_errors=True)

    def preempted(self, step: int) -> bool:
        """Whether a job of several processes is to be saved after `step` because one of its hosts will be taken away.

        All processes ask after every step, and all hear the same.
        """
        return self._manager.reached_preemption(step)

    def close(self) -> None:
        """Waits for the last checkpoint and seals it; in all processes, since none may look for it before.

        What was raised before, such as for a full disk, is not raised again.
        """
        self.seal(wait=True)
        with contextlib.suppress(Exception) if self._failed else contextlib.nullcontext():
            self._manager.close()
        processes.wait_for_all("the checkpoints are sealed")
        if self._alone:
            self._storage.on_closed()

    @contextlib.contextmanager
    def _noting_failure(self) -> Iterator[None]:
        try:
            yield
        except Exception:
            self._failed = True
            raise


def _handlers(together: ocp.options.MultiprocessingOptions) -> dict[str, ocp.CheckpointHandler]:
    """Named, so that Orbax keeps apart a step that it can't read and the others."""
    return {
        "state": ocp.StandardCheckpointHandler(multiprocessing_options=together),
        "variables": ocp.StandardCheckpointHandler(multiprocessing_options=together),
        "cursor": ocp.JsonCheckpointHandler(multiprocessing_options=together),
    }


def _copy_here(array: jax.Array) -> np.ndarray:
    """This process's copy of a replicated array."""
    return np.asarray(array.addressable_data(0))


def _placed_as(array: jax.Array, like: jax.Array) -> jax.Array:
    """An array that this process has whole, on all the devices of another that every process has."""
    whole = np.asarray(array)
    return jax.make_array_from_callback(whole.shape, like.sharding, lambda index: whole[index])


def _stored(target: TrainState) -> TrainState:
    """Shapes and dtypes of a state as a checkpoint has it."""
    return jax.eval_shape(TrainState.with_key_data, target)


def _free_place(folder: Path, name: str) -> Path:
    """A path in `folder`, which is made, where nothing is: NAME, NAME.1, NAME.2, ..."""
    folder.mkdir(exist_ok=True)
    places = (folder / (f"{name}.{i}" if i else name) for i in itertools.count())
    return next(place for place in places if not place.exists())


def _check_same_arrays(saved: Any, target: TrainState, where: str) -> None:
    """Orbax casts dtypes without a word, so shapes and dtypes are compared first."""
    found = sorted((a.shape, str(a.dtype)) for a in jax.tree.leaves(saved.tree) if hasattr(a, "shape"))
    wanted = sorted((a.shape, str(a.dtype)) for a in jax.tree.leaves(target))
    if found != wanted:
        raise RunError(
            f"{where}: expected a state of {len(wanted)} arrays by these settings, found {len(found)} of other "
            "shapes or types; use the settings it was saved with, or another --workdir"
        )

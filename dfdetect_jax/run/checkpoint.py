"""Checkpoints that are trusted only after their bytes were checked.

Orbax writes them; this module adds what it leaves open: a finished checkpoint is *sealed* with the SHA-256 of each of
its files, a restore takes the newest one whose seal holds, and logs a warning for those passed over. A checkpoint has
three items: `state` (all of TrainState), `variables` (what prediction needs, restorable alone) and `cursor` (where the
data stream stood).
"""

import contextlib
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import orbax.checkpoint as ocp
from orbax.checkpoint import checkpoint_managers

from dfdetect_jax import files
from dfdetect_jax.devices import processes
from dfdetect_jax.errors import RunError
from dfdetect_jax.methods.contract import TrainState, Variables

SEAL = "seal.json"
Metrics = dict[str, float | None]


log = logging.getLogger(__name__)


class Checkpoints:
    """The checkpoints of one run, in `folder`.

    The latest `keep` stay, and the best: of the last "stage" that was reached, the one with the highest "val_auc".
    """

    def __init__(self, folder: str | Path, keep: int = 2):
        self.folder = Path(folder).resolve()  # Orbax reports a relative path only later, from a thread
        best = checkpoint_managers.BestN(get_metric_fn=_quality, n=1, keep_checkpoints_without_metrics=False)
        kept = checkpoint_managers.AnyPreservationPolicy([checkpoint_managers.LatestN(keep), best])
        self._manager = ocp.CheckpointManager(
            self.folder,
            item_handlers=_handlers(),
            options=ocp.CheckpointManagerOptions(preservation_policy=kept, cleanup_tmp_directories=True),
        )
        self._unsealed: dict[int, Metrics] = {}
        self._failed = False  # whether an error was raised, of which threads of Orbax may speak again

    def save(self, state: TrainState, cursor: dict[str, Any], metrics: Metrics) -> None:
        """Starts writing a checkpoint of step `state.step`; `seal` or `close` finishes it.

        Args:
            state: the whole training state.
            cursor: JSON-ready state of the data iterator, taken after the batch of this step.
            metrics: validation results; "stage" and "val_auc" choose the best checkpoint.
        """
        step = int(state.step)
        self.seal(wait=True)
        items = ocp.args.Composite(
            state=ocp.args.StandardSave(state.with_key_data()),
            variables=ocp.args.StandardSave(state.variables),
            cursor=ocp.args.JsonSave(cursor),
        )
        with self._noting_failure():
            self._manager.save(step, metrics=metrics, args=items)
        self._unsealed[step] = metrics

    def seal(self, *, wait: bool = False) -> None:
        """Seals the checkpoint being written once it is complete; cheap to call while it is not."""
        if not self._unsealed or (not wait and self._manager.is_saving_in_progress()):
            return
        unsealed, self._unsealed = self._unsealed, {}  # what can't be written is not to be sealed later
        with self._noting_failure():
            self._manager.wait_until_finished()
        for step, metrics in unsealed.items():
            if processes.is_first():
                _write_seal(self.folder / str(step), metrics)

    def restore(self, target: TrainState) -> tuple[TrainState, dict[str, Any]] | None:
        """The newest intact checkpoint as (state, cursor), or None if there is none.

        Args:
            target: a state with the shapes, dtypes and shardings wanted.

        Raises:
            RunError: an intact checkpoint belongs to another network or optimiser.
        """
        for step in sorted(sealed_steps(self.folder), reverse=True):
            if not _intact(self.folder / str(step)):
                continue
            stored = jax.eval_shape(TrainState.with_key_data, target)
            _check_same_arrays(self._manager.item_metadata(step)["state"], stored, self.folder / str(step))
            args = ocp.args.Composite(
                state=ocp.args.StandardRestore(target.with_key_data()), cursor=ocp.args.JsonRestore()
            )
            restored = self._manager.restore(step, args=args)
            self._forget_after(step)
            return restored["state"].with_typed_key(), restored["cursor"]
        self._forget_after(-1)
        return None

    def _forget_after(self, step: int) -> None:
        """Deletes what is newer than `step`: it was found damaged or unfinished, and training will write it anew."""
        for later in self._manager.all_steps():
            if later > step:
                self._manager.delete(later)

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

    @contextlib.contextmanager
    def _noting_failure(self) -> Iterator[None]:
        try:
            yield
        except Exception:
            self._failed = True
            raise


def restore_variables(folder: str | Path, target: Variables) -> tuple[Variables, dict[str, Any]]:
    """The best intact checkpoint of a run as (variables, the metrics it was saved with), for this process alone.

    The best is of the last "stage" and has the highest "val_auc"; among equals, and where validation had none, the
    newest.

    Args:
        folder: of the checkpoints.
        target: the shapes and dtypes expected, as `jax.eval_shape` gives them.

    Raises:
        RunError: there is no intact checkpoint.
    """
    folder = Path(folder).resolve()
    me = jax.process_index()
    alone = {"multiprocessing_options": ocp.options.MultiprocessingOptions(me, {me}, f"process-{me}")}
    ranked = sorted(sealed_steps(folder).items(), key=lambda item: (_quality(item[1]), item[0]), reverse=True)
    for step, metrics in ranked:
        if not _intact(folder / str(step)):
            continue
        with ocp.Checkpointer(ocp.StandardCheckpointHandler(**alone), **alone) as checkpointer:
            item = folder / str(step) / "variables"
            args = ocp.args.StandardRestore(jax.tree.map(_on_one_device, target))
            return checkpointer.restore(item, args=args), {"step": step, **metrics}
    raise RunError(
        f"{folder}: no intact checkpoint found; train the run: the first checkpoint is written at its first validation "
        "(train.eval_every)"
    )


def sealed_steps(folder: Path) -> dict[int, Metrics]:
    """The steps that carry a seal, with the metrics in it; anything else in `folder` is passed over."""
    sealed: dict[int, Metrics] = {}
    for path in folder.glob(f"*/{SEAL}"):
        if path.parent.name.isdigit():
            try:
                sealed[int(path.parent.name)] = json.loads(path.read_text())["metrics"]
            except (ValueError, KeyError):
                log.warning("passing over checkpoint %s: its seal can't be read", path.parent)
    return sealed


def _on_one_device(array: Any) -> jax.ShapeDtypeStruct:
    here = jax.sharding.SingleDeviceSharding(jax.local_devices()[0])
    return jax.ShapeDtypeStruct(array.shape, array.dtype, sharding=here)


def _handlers() -> dict[str, ocp.CheckpointHandler]:
    """Named, so that Orbax keeps apart a step that it can't read and the others."""
    return {
        "state": ocp.StandardCheckpointHandler(),
        "variables": ocp.StandardCheckpointHandler(),
        "cursor": ocp.JsonCheckpointHandler(),
    }


def _quality(metrics: Metrics | None) -> float:
    """Rises with "val_auc", and more from one stage to the next, which has learnt what the one before had not."""
    metrics = metrics or {}
    auc = metrics.get("val_auc")
    return 2.0 * (metrics.get("stage") or 1) + (-1.0 if auc is None else auc)


def _digests(step_folder: Path) -> dict[str, str]:
    paths = sorted(p for p in step_folder.rglob("*") if p.is_file() and p.name != SEAL)
    return {str(path.relative_to(step_folder)): files.sha256_file(path) for path in paths}


def _write_seal(step_folder: Path, metrics: Metrics) -> None:
    files.write_json(step_folder / SEAL, {"metrics": metrics, "sha256": _digests(step_folder)})


def _intact(step_folder: Path) -> bool:
    expected = json.loads((step_folder / SEAL).read_text()).get("sha256")
    if expected == _digests(step_folder):
        return True
    log.warning("passing over checkpoint %s: its files differ from what was saved", step_folder)
    return False


def _check_same_arrays(saved: Any, target: TrainState, where: Path) -> None:
    """Orbax casts dtypes without a word, so shapes and dtypes are compared first."""
    found = sorted((a.shape, str(a.dtype)) for a in jax.tree.leaves(saved.tree) if hasattr(a, "shape"))
    wanted = sorted((a.shape, str(a.dtype)) for a in jax.tree.leaves(target))
    if found != wanted:
        raise RunError(
            f"{where}: expected a state of {len(wanted)} arrays by these settings, found {len(found)} of other "
            "shapes or types; use the settings it was saved with, or another --workdir"
        )

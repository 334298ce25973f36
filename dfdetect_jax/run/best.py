"""The best checkpoint of a run, for prediction: nothing is written, set aside or sealed."""

import logging
from pathlib import Path
from typing import Any

import jax
import orbax.checkpoint as ocp

from dfdetect_jax import locks
from dfdetect_jax.errors import RunError
from dfdetect_jax.methods.contract import Variables
from dfdetect_jax.run import seal as seals
from dfdetect_jax.run.seal import SEAL, DoubtError, Metrics, UnsealedError

LOCK = "train.lock"  # in the run folder, held while the run is trained

log = logging.getLogger(__name__)


def restore_variables(folder: str | Path, target: Variables) -> tuple[Variables, dict[str, Any]]:
    """The best intact checkpoint of a run as (variables, the metrics it was saved with), for this process alone.

    The best is of the last "stage" and has the highest "val_auc"; among equals, and where validation had none, the
    newest.

    Args:
        folder: of the checkpoints.
        target: the shapes and dtypes expected, as `jax.eval_shape` gives them.

    Raises:
        RunError: there is no intact checkpoint; or the best has no seal.
    """
    folder = Path(folder).resolve()
    me = jax.process_index()
    alone = {"multiprocessing_options": ocp.options.MultiprocessingOptions(me, {me}, f"process-{me}")}
    step, metrics = _best(folder)
    with ocp.Checkpointer(ocp.StandardCheckpointHandler(**alone), **alone) as checkpointer:
        args = ocp.args.StandardRestore(jax.tree.map(on_one_device, target))
        variables = checkpointer.restore(folder / str(step) / "variables", args=args)
    return variables, {"step": step, **metrics}


def _best(folder: Path) -> tuple[int, Metrics]:
    """The step and the results of the best sound checkpoint."""
    ranked = sorted(seals.step_folders(folder).items(), key=lambda item: (_assumed_quality(item[1]), item[0]))
    unsealed: Path | None = None
    for step, path in reversed(ranked):
        try:
            metrics = seals.verify(path).metrics
        except UnsealedError as doubt:
            if seals.looks_like_a_checkpoint(path):
                log.warning("checkpoint %s is passed over: %s", path, doubt)
                unsealed = unsealed or path
        except DoubtError as doubt:
            log.warning("checkpoint %s is passed over: %s", path, doubt)
        else:
            _refuse_unsealed(unsealed, step)
            return step, metrics
    raise RunError(
        f"{folder}: no intact checkpoint found; train the run: the first checkpoint is written at its first validation "
        "(train.eval_every)"
    )


def _refuse_unsealed(unsealed: Path | None, sound: int) -> None:
    """Raises where the best checkpoint may be one without a seal, unless it is about to get one."""
    if unsealed is not None and not locks.holder(unsealed.parents[1] / LOCK):
        raise RunError(
            f"{unsealed}: expected a {SEAL} in what is or may be the best checkpoint, found none; repeat the "
            f"training's command, which seals it if it is whole, or move it elsewhere to use checkpoint {sound}"
        )


def _assumed_quality(step_folder: Path) -> float:
    """`_quality`, the highest where a checkpoint has no seal and doesn't say."""
    try:
        return seals.quality(seals.read(step_folder).metrics)
    except DoubtError:
        results = seals.saved_results(step_folder)
        return float("inf") if results is None else seals.quality(results)


def on_one_device(array: Any) -> jax.ShapeDtypeStruct:
    """An array's shape and dtype, to be restored to a device of this process."""
    here = jax.sharding.SingleDeviceSharding(jax.local_devices()[0])
    return jax.ShapeDtypeStruct(array.shape, array.dtype, sharding=here)

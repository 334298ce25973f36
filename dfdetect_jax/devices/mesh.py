"""One axis of devices, "data": state is replicated over it, batches are split along it.

The same calls serve one CPU and many hosts: each process gives the part of the batch that it read.
"""

import re
from typing import Any

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from dfdetect_jax.errors import SettingsError
from dfdetect_jax.methods import TrainState

AXIS = "data"
_WORTH_CUTTING = 4096  # elements


def all_devices() -> list[jax.Device]:
    """The devices of every process, as `jax.devices`.

    Raises:
        SettingsError: JAX can't use the kind of device that it was told to use.
    """
    try:
        return jax.devices()
    except (RuntimeError, AssertionError) as error:  # which one depends on the kind, and on what is installed
        words = re.sub(r"Unable to initialize backend '\w*': | \(set JAX_PLATFORMS.*", "", str(error))
        asked, reason = getattr(jax.config, "jax_platforms", ""), next(iter(words.splitlines()), "none is there")
        raise SettingsError(
            f"JAX_PLATFORMS={asked or ''}: expected such a device, found none that JAX can use ({reason}); "
            "unset it, set it to cpu, or install the driver and JAX for that kind"
        ) from error


def data_mesh(devices: list[jax.Device] | None = None) -> Mesh:
    """A mesh over `devices`, all of every process by default."""
    devices = all_devices() if devices is None else devices
    return jax.make_mesh((len(devices),), (AXIS,), axis_types=(AxisType.Auto,), devices=devices)


def replicated(mesh: Mesh) -> NamedSharding:
    """The whole array on every device."""
    return NamedSharding(mesh, PartitionSpec())


def split(mesh: Mesh) -> NamedSharding:
    """The first axis cut evenly over the devices."""
    return NamedSharding(mesh, PartitionSpec(AXIS))


def replicate(tree: Any, mesh: Mesh) -> Any:
    """Puts a tree of arrays, equal in every process, on all devices."""
    return jax.device_put(tree, replicated(mesh))


def shard_batch(batch: dict[str, np.ndarray], mesh: Mesh) -> dict[str, jax.Array]:
    """Puts this process's part of a batch on its devices, as a part of the global batch."""
    sharding = split(mesh)
    return {name: jax.make_array_from_process_local_data(sharding, value) for name, value in batch.items()}


def sharded_optimizer(state: TrainState, mesh: Mesh) -> TrainState:
    """Where each array of a state lies if optimiser state is spread over the devices, and the rest is on all of them.

    What has an axis that the devices divide is cut along the longest such one (ZeRO, Rajbhandari et al., SC 2020,
    stage 1); counts and what is small are everywhere.

    Args:
        state: of arrays or their shapes.
        mesh: of the devices.

    Returns:
        `state` with a sharding in the place of each array.
    """

    def cut(array: Any) -> NamedSharding:
        fitting = [axis for axis, length in enumerate(array.shape) if length % mesh.size == 0]
        if array.size < _WORTH_CUTTING or not fitting:
            return replicated(mesh)
        longest = max(fitting, key=lambda axis: array.shape[axis])
        return NamedSharding(mesh, PartitionSpec(*[None] * longest, AXIS))

    shardings = jax.tree.map(lambda _: replicated(mesh), state)
    opponent = state.adversary and shardings.adversary.replace(opt_state=jax.tree.map(cut, state.adversary.opt_state))
    return shardings.replace(opt_state=jax.tree.map(cut, state.opt_state), adversary=opponent)


def check_batch_size(batch_size: int, devices: int, parts: int = 1) -> None:
    """Refuses a batch that the devices can't share evenly, in each of the parts that it is cut into.

    Raises:
        SettingsError: naming the next size that can be shared.
    """
    shares = devices * parts
    if batch_size % shares:
        fitting = -(-batch_size // shares) * shares
        of_parts = f" times {parts} parts (train.accumulate)" if parts > 1 else ""
        raise SettingsError(
            f"train.batch_size: expected a multiple of the {devices} devices{of_parts}, found {batch_size}; "
            f"try {fitting}"
        )

"""One axis of devices, "data": state is replicated over it, batches are split along it.

The same calls serve one CPU and many hosts: each process gives the part of the batch that it read.
"""

from typing import Any

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from dfdetect_jax.errors import SettingsError

AXIS = "data"


def data_mesh(devices: list[jax.Device] | None = None) -> Mesh:
    """A mesh over `devices`, all of every process by default."""
    devices = jax.devices() if devices is None else devices
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


def check_batch_size(batch_size: int, mesh: Mesh) -> None:
    """Refuses a batch that the devices can't share evenly.

    Raises:
        SettingsError: naming the next size that can be shared.
    """
    devices = mesh.size
    if batch_size % devices:
        fitting = -(-batch_size // devices) * devices
        raise SettingsError(
            f"train.batch_size: expected a multiple of the {devices} devices, found {batch_size}; try {fitting}"
        )

"""One process of a job that trains a stage at an address, or goes on: ADDRESS save|restore COORDINATOR COUNT ID.

It prints what the stage after that starts from: "STEP CURSOR WEIGHT".
Each process has a cache, and so a copy of the run, of its own, as on machines without a disk in common.
"""

import sys

import jax
import numpy as np
import optax
from jax.sharding import NamedSharding, PartitionSpec

from dfdetect_jax.devices import processes
from dfdetect_jax.methods import TrainState
from dfdetect_jax.run.checkpoint import Checkpoints
from dfdetect_jax.run.seal import CHECKPOINTS
from dfdetect_jax.run.workplace import Workplace, workplace


def replicated(value) -> jax.Array:
    """An array that every device of the job has whole, so large that Orbax could share out its writing."""
    sharding = NamedSharding(jax.make_mesh((jax.device_count(),), ("data",)), PartitionSpec())
    return jax.make_array_from_callback(np.shape(value), sharding, lambda index: np.asarray(value)[index])


def state_at(step: int) -> TrainState:
    params = {"kernel": replicated(np.arange(64.0, dtype=np.float32).reshape(8, 8) + step)}
    key = jax.random.wrap_key_data(replicated(np.asarray(jax.random.key_data(jax.random.key(7)))))
    return TrainState(
        step=replicated(np.int32(step)),
        key=key,
        params=params,
        batch_stats={"mean": replicated(np.zeros(4, np.float32))},
        opt_state=optax.identity().init(params),
    )


def main(address: str, action: str, coordinator: str, count: str, number: str) -> None:
    job = {"coordinator": coordinator, "process_count": int(count), "process_id": int(number)}
    with processes.joined(**job), workplace(address, beat=0.2) as place:
        if action == "save":
            with checkpoints_of(place) as checkpoints:
                for step in (1, 2):
                    checkpoints.save(state_at(step), {"next": step}, {"val_auc": 0.5, "threshold": 0.5})
        with checkpoints_of(place) as checkpoints:
            state, cursor = checkpoints.restore(state_at(0))
        kernel = np.asarray(state.params["kernel"].addressable_data(0))
        print(int(state.step), cursor["next"], float(kernel[-1, -1]))


def checkpoints_of(place: Workplace) -> Checkpoints:
    return Checkpoints(place.folder / CHECKPOINTS, 1, place.storage)


if __name__ == "__main__":
    main(*sys.argv[1:])

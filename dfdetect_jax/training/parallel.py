"""One pure step over many devices: by `jax.jit` on a mesh of them, or by `jax.pmap` on those of one process.

Both hold the state between steps in a form of their own ("placed") and give it as a checkpoint has it ("whole").
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

from dfdetect_jax.config import Settings
from dfdetect_jax.devices import mesh as meshes
from dfdetect_jax.devices.compiler_options import compiler_options
from dfdetect_jax.errors import SettingsError
from dfdetect_jax.methods import Method, TrainState

Step = jax.stages.Compiled
"""(placed state, sharded batch) -> (placed state, metrics), for the shapes that it was compiled for."""


class Parallel(NamedTuple):
    """How a method's functions reach the devices.

    Attributes:
        init: key -> a fresh state, whole.
        place: a whole state -> the same, placed; the whole one is not to be used any more.
        whole: a placed state -> the same, whole; it may share its memory.
        shard: this process's part of a batch, NumPy arrays [n, ...] -> arrays on its devices.
        compile: (a placed state, a sharded batch) -> the step for these shapes, (state, batch) -> (state, metrics). It
            takes the state's memory. Compiled ahead of time, so that a batch of another shape is an error
            (`TypeError`) rather than a second compilation.
        scalars: a step's metrics -> numbers by name; waits for the step.
    """

    init: Callable[[jax.Array], TrainState]
    place: Callable[[TrainState], TrainState]
    whole: Callable[[TrainState], TrainState]
    shard: Callable[[dict[str, np.ndarray]], dict[str, jax.Array]]
    compile: Callable[[TrainState, dict[str, jax.Array]], Step]
    scalars: Callable[[dict[str, jax.Array]], dict[str, float]]


def build(method: Method, settings: Settings) -> Parallel:
    """What `settings.parallel` names, over all devices.

    Raises:
        SettingsError: the devices can't share the batch, or "pmap" is asked for in a job of several processes.
    """
    devices = meshes.all_devices()
    if settings.parallel == "pmap" and jax.process_count() > 1:
        raise SettingsError(f'parallel: expected "mesh" with {jax.process_count()} processes, found "pmap"')
    meshes.check_batch_size(settings.train.batch_size, len(devices), settings.train.accumulate)
    if settings.parallel == "pmap":
        return pmapped(method, devices)
    return on_mesh(method, devices, settings.train.shard_optimizer)


def on_mesh(method: Method, devices: list[jax.Device], shard_optimizer: bool = False) -> Parallel:
    """`jax.jit`, whose compiler cuts the program along the batch: over the devices of any number of processes."""
    mesh = meshes.data_mesh(devices)
    everywhere = meshes.replicated(mesh)
    shardings: Any = everywhere
    if shard_optimizer:
        shardings = meshes.sharded_optimizer(jax.eval_shape(method.init, jax.random.key(0)), mesh)

    def compiled(state: TrainState, batch: dict[str, jax.Array]) -> Step:
        step = jax.jit(method.train_step, donate_argnums=0, out_shardings=(shardings, everywhere))
        return step.lower(state, batch).compile(compiler_options())

    return Parallel(
        init=jax.jit(method.init, out_shardings=shardings),
        place=lambda state: state,
        whole=lambda state: state,
        shard=lambda batch: meshes.shard_batch(batch, mesh),
        compile=compiled,
        scalars=lambda metrics: {name: float(value) for name, value in jax.device_get(metrics).items()},
    )


def pmapped(method: Method, devices: list[jax.Device]) -> Parallel:
    """`jax.pmap`: each device of this process runs the step on its part of the batch, with `axis_name` "data"."""
    mesh = meshes.data_mesh(devices)

    def put(tree: Any) -> Any:
        """Arrays whose first axis counts the devices, one row on each."""
        return jax.device_put(tree, meshes.split(mesh))

    def compiled(state: TrainState, batch: dict[str, jax.Array]) -> Step:
        def step(state: TrainState, batch: dict[str, jax.Array]) -> tuple[TrainState, dict[str, jax.Array]]:
            new_state, metrics = method.train_step(state.with_typed_key(), batch, axis_name=meshes.AXIS)
            return new_state.with_key_data(), metrics

        mapped = jax.pmap(step, meshes.AXIS, devices=devices, donate_argnums=0)
        return mapped.lower(state, batch).compile(compiler_options())

    return Parallel(
        init=jax.jit(method.init),
        place=lambda state: put(
            jax.tree.map(lambda a: np.stack([np.asarray(a)] * len(devices)), state.with_key_data())
        ),
        whole=lambda state: jax.tree.map(
            lambda a: jax.device_put(a.addressable_data(0)[0], devices[0]), state
        ).with_typed_key(),
        shard=lambda batch: put(jax.tree.map(lambda a: a.reshape(len(devices), -1, *a.shape[1:]), batch)),
        compile=compiled,
        scalars=lambda metrics: {name: float(value[0]) for name, value in jax.device_get(metrics).items()},
    )

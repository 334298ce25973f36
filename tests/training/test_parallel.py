"""One step on a mesh, under `jax.pmap` and with sharded optimiser state: the same numbers, compiled once."""

import functools
import logging

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from dfdetect_jax.config import check
from dfdetect_jax.errors import SettingsError
from dfdetect_jax.methods import Method, Prediction, TrainState
from dfdetect_jax.training import parallel
from tests.conftest import tiny_settings

RNG = np.random.default_rng(0)
BATCH = {"x": RNG.normal(size=(8, 64)).astype(np.float32), "label": (np.arange(8) % 2).astype(np.float32)}
SGD = optax.sgd(0.1, momentum=0.9)  # Adam divides by the size of what is compared


def init(key):
    params = {"w": 0.1 * jax.random.normal(key, (64, 128)), "v": jnp.ones(128) / 128}
    return TrainState(step=jnp.zeros((), jnp.int32), key=key, params=params, batch_stats={}, opt_state=SGD.init(params))


def train_step(state, batch, *, axis_name=None):
    """A two-layer regression: small enough to compile in no time, and a method all the same."""

    def loss(params):
        return jnp.mean(jnp.square(jnp.tanh(batch["x"] @ params["w"]) @ params["v"] - batch["label"]))

    value, gradients = jax.value_and_grad(loss)(state.params)
    if axis_name is not None:
        value, gradients = jax.lax.pmean((value, gradients), axis_name)
    updates, opt_state = SGD.update(gradients, state.opt_state)
    params = optax.apply_updates(state.params, updates)
    return state.replace(step=state.step + 1, params=params, opt_state=opt_state), {"loss": value}


REGRESSION = Method(init, train_step, lambda variables, images: Prediction(None, None, None))
KINDS = {
    "mesh": lambda: parallel.on_mesh(REGRESSION, jax.devices()),
    "sharded": lambda: parallel.on_mesh(REGRESSION, jax.devices(), shard_optimizer=True),
    "pmap": lambda: parallel.pmapped(REGRESSION, jax.devices()),
}


@functools.cache
def three_steps(kind):
    """(states whole before and after, metrics of each step), by the functions that the training loop calls."""
    ways = KINDS[kind]()
    state = ways.place(ways.init(jax.random.key(0)))
    first, step, metrics = jax.tree.map(np.array, ways.whole(state).with_key_data()), None, []
    for _ in range(3):
        batch = ways.shard(BATCH)
        step = step or ways.compile(state, batch)
        state, measured = step(state, batch)
        metrics.append(ways.scalars(measured))
    return first, jax.tree.map(np.array, ways.whole(state).with_key_data()), metrics


def by_hand():
    state, metrics = init(jax.random.key(0)), []
    for _ in range(3):
        state, measured = train_step(state, BATCH)
        metrics.append(float(measured["loss"]))
    return state, metrics


@pytest.mark.parametrize("kind", KINDS)
def test_two_devices_take_the_steps_of_one(kind):
    assert jax.device_count() == 2  # conftest.py asks for two
    first, last, metrics = three_steps(kind)
    expected, losses = by_hand()
    assert [measured["loss"] for measured in metrics] == pytest.approx(losses, rel=1e-5)
    assert (first.step, last.step) == (0, 3)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6), last.params, expected.params)


def test_sharded_optimizer_state_is_half_on_each_device_and_parameters_whole():
    ways = KINDS["sharded"]()
    state = ways.init(jax.random.key(0))
    state, _ = ways.compile(state, ways.shard(BATCH))(state, ways.shard(BATCH))
    trace = state.opt_state[0].trace
    assert {shard.data.shape for shard in trace["w"].addressable_shards} == {(64, 64)}
    assert {shard.data.shape for shard in trace["v"].addressable_shards} == {(128,)}  # too small to be worth cutting
    assert {shard.data.shape for shard in state.params["w"].addressable_shards} == {(64, 128)}


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_takes_the_memory_of_the_state_before(kind):
    ways = KINDS[kind]()
    state = ways.place(ways.init(jax.random.key(0)))
    batch = ways.shard(BATCH)
    ways.compile(state, batch)(state, batch)
    assert state.params["w"].is_deleted()


@pytest.mark.parametrize("kind", ["mesh", "pmap"])
def test_a_compiled_step_compiles_nothing_more_and_refuses_another_shape(kind, caplog):
    ways = KINDS[kind]()
    state = ways.place(ways.init(jax.random.key(0)))
    step = ways.compile(state, ways.shard(BATCH))
    with jax.log_compiles(), caplog.at_level(logging.WARNING):
        for _ in range(3):
            state, metrics = step(state, ways.shard(BATCH))
            ways.scalars(metrics)
    assert not caplog.messages
    with pytest.raises(TypeError):
        step(state, ways.shard(jax.tree.map(lambda a: a[:4], BATCH)))


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_moves_nothing_between_host_and_devices(kind):
    ways = KINDS[kind]()
    state, batch = ways.place(ways.init(jax.random.key(0))), ways.shard(BATCH)
    step = ways.compile(state, batch)
    with jax.transfer_guard("disallow"):
        step(state, batch)


def test_a_whole_state_can_be_placed_again(tmp_path):
    first, _, _ = three_steps("pmap")
    ways = KINDS["pmap"]()
    again = ways.whole(ways.place(jax.tree.map(jnp.asarray, first).with_typed_key()))
    jax.tree.map(np.testing.assert_array_equal, again.with_key_data(), first)


@pytest.mark.parametrize(("kind", "devices"), [("mesh", 2), ("pmap", 1)])
def test_the_settings_choose_and_the_batch_must_fit(kind, devices):
    uneven = check(tiny_settings(parallel=kind, train__batch_size=9, train__accumulate=3))
    with pytest.raises(SettingsError, match="2 devices times 3 parts"):
        parallel.build(REGRESSION, uneven)
    state = parallel.build(REGRESSION, check(tiny_settings(parallel=kind))).init(jax.random.key(0))
    assert len(state.params["w"].sharding.device_set) == devices

"""A step whose loss or gradient is not finite teaches nothing, and the next one is as if it had not been."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dfdetect_jax.config import Augment, Optimizer, Settings, Train
from dfdetect_jax.devices import mesh
from dfdetect_jax.methods import step
from dfdetect_jax.methods.accumulation import Learnt
from dfdetect_jax.methods.contract import Adversary, Method, TrainState
from dfdetect_jax.training import parallel

SETTINGS = Settings(
    method="tiny",
    train=Train(batch_size=4, steps=9),
    optimizer=Optimizer(ema_decay=0.9, warmup_steps=0),
    augment=Augment(flip=False),
)


def learn(state, batch, key, *, settings, axis_name=None):
    """The mean square of the labels as a gradient: a label of 1e38 makes it infinite, one of -1 the loss NaN."""
    value = jnp.mean(batch["label"].astype(jnp.float32) ** 2)
    loss = jnp.where(jnp.any(batch["label"] < 0), jnp.nan, 1.0)
    return Learnt({"w": jnp.full(3, value)}, ({"mean": state.batch_stats["mean"] + 1.0}, None), {"loss": loss})


def init(key=None) -> TrainState:
    params = {"w": jnp.ones(3)}
    optimizer = step.optimizer.build(SETTINGS.optimizer, SETTINGS.train.steps)
    return TrainState(
        step=jnp.zeros((), jnp.int32),
        key=jax.random.key(0),
        params=params,
        batch_stats={"mean": jnp.zeros(())},
        opt_state=optimizer.init(params),
        ema=jax.tree.map(jnp.copy, params),
    )


def train_step(state, batch, axis_name=None):
    return step.train_step(state, batch, settings=SETTINGS, learn=learn, axis_name=axis_name)


def batch_of(label: float) -> dict[str, np.ndarray]:
    return {"image": np.zeros((4, 8, 8, 3), np.uint8), "label": np.array([0, 0, 0, label], np.float32)}


GOOD, NAN_LOSS, INFINITE_GRADIENT = batch_of(1), batch_of(-1), batch_of(1e38)


def learnt(state: TrainState):
    whole = state.with_key_data()
    return jax.tree.map(np.asarray, whole.replace(step=None))


@pytest.mark.parametrize("build", [parallel.on_mesh, parallel.pmapped])
@pytest.mark.parametrize("bad", [NAN_LOSS, INFINITE_GRADIENT], ids=["loss", "gradient"])
def test_a_bad_step_is_counted_and_changes_nothing_that_is_learnt(build, bad):
    over = build(Method(init, train_step, None), mesh.all_devices())
    state = over.place(over.init(jax.random.key(0)))
    take = over.compile(state, over.shard(GOOD))
    state, first = take(state, over.shard(GOOD))
    before = learnt(over.whole(state))
    state, skipped = take(state, over.shard(bad))
    whole = over.whole(state)
    jax.tree.map(np.testing.assert_array_equal, learnt(whole), before)
    assert [over.scalars(metrics)["skipped"] for metrics in (first, skipped)] == [0.0, 1.0]
    assert int(whole.step) == 2


def test_a_good_step_equals_one_without_the_guard():
    state, _ = jax.jit(train_step)(init(), GOOD)
    updates, _ = step.optimizer.build(SETTINGS.optimizer, 9).update(
        {"w": jnp.full(3, 0.25)}, init().opt_state, init().params
    )
    np.testing.assert_allclose(state.params["w"], 1.0 + updates["w"], rtol=1e-6)
    assert float(state.batch_stats["mean"]) == 1.0


def test_an_adversary_whose_gradient_is_not_finite_holds_the_whole_step():
    def with_adversary(state, batch, key, *, settings, axis_name=None):
        given = learn(state, batch, key, settings=settings)
        return given._replace(
            statistics=(given.statistics[0], state.adversary.batch_stats),
            adversary_gradients={"v": jnp.array([jnp.inf])},
        )

    adversary = Adversary(params={"v": jnp.ones(1)}, batch_stats={}, opt_state=())
    state, metrics = step.train_step(init().replace(adversary=adversary), GOOD, settings=SETTINGS, learn=with_adversary)
    np.testing.assert_array_equal(state.params["w"], np.ones(3))
    assert float(metrics["skipped"]) == 1.0

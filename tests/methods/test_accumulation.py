"""Accumulated gradients against those of the parts, added by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dfdetect_jax.methods import TrainState
from dfdetect_jax.methods.accumulation import Learnt, accumulate

X = np.random.default_rng(0).normal(size=(12, 3)).astype(np.float32)


def learn(state, batch, key):
    """Squared error of a line, with a running mean of what was seen and a random number as a metric."""

    def loss(w):
        return jnp.mean(jnp.square(batch["x"] @ w - 1.0))

    value, gradient = jax.value_and_grad(loss)(state.params)
    seen = 0.9 * state.batch_stats + 0.1 * jnp.mean(batch["x"], 0)
    return Learnt(gradient, (seen, None), {"loss": value, "drawn": jax.random.uniform(key)})


def state():
    w = jnp.array([0.5, -1.0, 2.0])
    return TrainState(
        step=jnp.zeros((), jnp.int32), key=jax.random.key(0), params=w, batch_stats=jnp.zeros(3), opt_state=()
    )


def rows_of_part(part, parts):
    """Of each `parts` neighbours one, one further back in each next run: worked out by hand for 12 rows."""
    return [run * parts + (part - run) % parts for run in range(12 // parts)]


@pytest.mark.parametrize("parts", [2, 3, 6])
def test_gradients_and_metrics_are_means_over_parts_and_statistics_pass_through_them(parts):
    key = jax.random.key(7)
    learnt = jax.jit(accumulate, static_argnums=(0, 4))(learn, state(), {"x": X}, key, parts)
    given, gradients, losses, drawn = state(), [], [], []
    for part in range(parts):
        piece = {"x": X[rows_of_part(part, parts)]}
        one = learn(given, piece, jax.random.fold_in(key, part))
        given = given.with_statistics(one.statistics)
        gradients.append(one.gradients)
        losses.append(one.metrics["loss"])
        drawn.append(float(one.metrics["drawn"]))
    np.testing.assert_allclose(learnt.gradients, np.mean(gradients, 0), rtol=1e-5)
    np.testing.assert_allclose(learnt.metrics["loss"], np.mean(losses), rtol=1e-5)
    np.testing.assert_allclose(learnt.statistics[0], given.batch_stats, rtol=1e-5)
    assert len(set(drawn)) == parts
    np.testing.assert_allclose(learnt.metrics["drawn"], np.mean(drawn), rtol=1e-5)


def test_without_statistics_of_the_batch_parts_give_the_gradient_of_the_whole():
    whole = accumulate(learn, state(), {"x": X}, jax.random.key(7), 1)
    parts = accumulate(learn, state(), {"x": X}, jax.random.key(7), 4)
    np.testing.assert_allclose(parts.gradients, whole.gradients, rtol=1e-5)


def test_one_part_is_the_batch_with_the_steps_own_key():
    key = jax.random.key(7)
    learnt = accumulate(learn, state(), {"x": X}, key, 1)
    jax.tree.map(np.testing.assert_array_equal, learnt, learn(state(), {"x": X}, key))


@pytest.mark.parametrize("parts", [2, 4])
def test_a_batch_in_which_reals_and_fakes_alternate_gives_parts_that_have_both(parts):
    shares = []

    def note(state, batch, key):
        jax.debug.callback(lambda labels: shares.append(labels.mean()), batch["label"])
        return learn(state, batch, key)

    accumulate(note, state(), {"x": X[:8], "label": np.arange(8) % 2}, jax.random.key(0), parts)
    jax.effects_barrier()
    assert shares == [0.5] * parts

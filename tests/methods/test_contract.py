"""Every method of the package keeps to the contract, by shapes alone: nothing is compiled."""

import functools

import jax
import numpy as np
import pytest

from dfdetect_jax import methods
from dfdetect_jax.config import check, override
from dfdetect_jax.models.operations import plain_lowering
from tests.tiny_methods import TINY

N = 4
NAMES = tuple(TINY)


def batch(size):
    return {
        "image": np.zeros((N, size, size, 3), np.uint8),
        "mask": np.zeros((N, size, size), np.uint8),
        "has_mask": np.ones(N, bool),
        "label": np.arange(N, dtype=np.int32) % 2,
    }


@functools.cache
def shapes(name):
    """The state before and after a step in bfloat16, its metrics and a prediction."""
    settings = override(TINY[name], {"train.dtype": "bfloat16"})
    method, examples = methods.build(check(settings)), batch(settings.data.image_size)
    with plain_lowering(True):  # traced in a third of the time
        state = jax.eval_shape(method.init, jax.random.key(0))
        after, metrics = jax.eval_shape(method.train_step, state, examples)
        prediction = jax.eval_shape(method.predict, state.variables, examples["image"])
    return state, after, metrics, prediction


def test_all_methods_are_held_to_it():
    assert set(TINY) == {name for name in methods.names() if name != "two_conv"}


@pytest.mark.parametrize("name", NAMES)
def test_a_step_in_bfloat16_gives_a_state_of_the_same_dtypes_and_float32_metrics_with_the_loss(name):
    state, after, metrics, _ = shapes(name)
    jax.tree.map(lambda a, b: np.testing.assert_equal((a.shape, a.dtype), (b.shape, b.dtype)), state, after)
    assert {(leaf.shape, leaf.dtype.name) for leaf in metrics.values()} == {((), "float32")}
    assert {"loss", "gradient_norm"} <= set(metrics)


@pytest.mark.parametrize("name", NAMES)
def test_a_prediction_has_scores_and_logits_and_maps_of_the_images_size(name):
    *_, prediction = shapes(name)
    size = TINY[name].data.image_size
    assert prediction.score.shape == prediction.logit.shape == (N,)
    assert prediction.attention is not None or prediction.class_activation is not None
    for each in (prediction.attention, prediction.class_activation):
        assert each is None or (each.shape, each.dtype.name) == ((N, size, size), "float32")
    if prediction.reconstruction is not None:
        assert prediction.reconstruction.shape == (N, size, size, 3)


@pytest.mark.parametrize("name", [name for name in NAMES if TINY[name].has_latent_halves])
def test_a_latent_with_halves_is_exposed_and_has_an_even_number_of_channels(name):
    state, *_ = shapes(name)
    method, images = methods.build(TINY[name]), batch(TINY[name].data.image_size)["image"]
    with plain_lowering(True):
        latent = jax.eval_shape(method.encode, state.variables, images)
    assert (latent.shape[0], latent.shape[3] % 2, latent.dtype.name) == (N, 0, "float32")


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("cae", "lae")])
def test_the_loss_falls_on_a_batch_seen_again_and_again(name):
    method, rng = methods.build(TINY[name]), np.random.default_rng(0)
    size = TINY[name].data.image_size
    examples = batch(size) | {"image": rng.integers(0, 256, (N, size, size, 3), np.uint8)}
    examples["mask"] = np.where(examples["label"][:, None, None], examples["image"][..., 0] // 128 * 255, 0)
    examples["mask"] = examples["mask"].astype(np.uint8)
    state, step, losses = jax.jit(method.init)(jax.random.key(0)), jax.jit(method.train_step), []
    for _ in range(20):
        state, metrics = step(state, examples)
        losses.append(float(metrics["loss"]))
    assert np.mean(losses[-3:]) < 0.8 * losses[0]

"""The optimiser's chain against formulas worked out in NumPy."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from dfdetect_jax import optimizer
from dfdetect_jax.config import Optimizer


def test_warm_up_is_linear_and_cosine_ends_at_zero():
    rate = optimizer.learning_rate(Optimizer(learning_rate=0.1, warmup_steps=10, schedule="cosine"), steps=110)
    assert rate(5) == pytest.approx(0.05)
    assert rate(10) == pytest.approx(0.1)
    assert rate(60) == pytest.approx(0.05)
    assert rate(110) == pytest.approx(0.0, abs=1e-9)


def test_a_constant_rate_stays():
    rate = optimizer.learning_rate(Optimizer(learning_rate=0.1), steps=100)
    assert rate(0) == rate(99) == pytest.approx(0.1)


def test_the_rate_drops_to_a_tenth_once_whatever_the_warm_up():
    settings = Optimizer(learning_rate=0.1, warmup_steps=10, schedule="drop", drop_step=50)
    rate = optimizer.learning_rate(settings, steps=100)
    assert rate(5) == pytest.approx(0.05)
    assert rate(49) == pytest.approx(0.1)
    assert rate(51) == rate(99) == pytest.approx(0.01)


def test_beta1_is_how_much_of_the_last_direction_is_kept():
    settings, params = Optimizer(learning_rate=0.1, weight_decay=0.0, beta1=0.5), {"w": jnp.zeros(())}
    transform = optimizer.build(settings, steps=10)
    state = transform.init(params)
    for gradient in (1.0, -1.0):
        params, state = optimizer.update(settings, 10, {"w": jnp.array(gradient)}, params, state)
    # Second step: m = 0.5 * 0.5 - 0.5 = -0.25, corrected by 1 - 0.5^2 to -1/3; the corrected second moment is 1.
    np.testing.assert_allclose(params["w"], -0.1 + 0.1 / 3, rtol=1e-5)


def first_update(settings: Optimizer, params, gradients):
    transform = optimizer.build(settings, steps=10)
    updates, _ = transform.update(gradients, transform.init(params), params)
    return optax.apply_updates(params, updates)


def test_the_first_step_is_adams_sign_step_and_only_kernels_decay():
    params = {"kernel": jnp.full((2, 2), 3.0), "bias": jnp.full((2,), 3.0)}
    gradients = {"kernel": jnp.full((2, 2), -7.0), "bias": jnp.full((2,), 7.0)}
    after = first_update(Optimizer(learning_rate=0.1, weight_decay=0.5), params, gradients)
    # Adam's bias-corrected first step is g / (|g| + eps) = sign(g); AdamW adds weight_decay * w.
    np.testing.assert_allclose(after["kernel"], 3.0 - 0.1 * (-1.0 + 0.5 * 3.0), rtol=1e-5)
    np.testing.assert_allclose(after["bias"], 3.0 - 0.1, rtol=1e-5)


def test_clipping_bounds_the_norm_that_adam_sees():
    params = {"kernel": jnp.zeros((1, 2))}
    gradients = {"kernel": jnp.array([[3e-7, 4e-7]])}  # of the order of Adam's epsilon, so that its scale shows
    plain = first_update(Optimizer(learning_rate=1.0), params, gradients)
    clipped = first_update(Optimizer(learning_rate=1.0, clip_norm=1e-8), params, gradients)
    np.testing.assert_allclose(plain["kernel"], [[-3 / 3.1, -4 / 4.1]], rtol=1e-4)
    np.testing.assert_allclose(clipped["kernel"], [[-0.6 / 1.6, -0.8 / 1.8]], rtol=1e-4)


def test_the_average_moves_by_one_minus_decay_and_stays_off_when_off():
    averaged = optimizer.average({"w": jnp.array(1.0)}, {"w": jnp.array(2.0)}, decay=0.9)
    assert averaged["w"] == pytest.approx(1.1)
    assert optimizer.average(None, {"w": jnp.array(2.0)}, decay=0.9) is None


def test_sgd_keeps_a_share_of_the_last_step_and_decays_kernels_apart_from_it():
    settings = Optimizer(name="sgd", learning_rate=0.1, weight_decay=0.5, beta1=0.9)
    params = {"kernel": jnp.full((1, 1), 2.0), "bias": jnp.full((1,), 2.0)}
    state = optimizer.build(settings, steps=10).init(params)
    for gradient in (1.0, 3.0):
        gradients = {"kernel": jnp.full((1, 1), gradient), "bias": jnp.full((1,), gradient)}
        params, state = optimizer.update(settings, 10, gradients, params, state)
    # bias: 2 - 0.1 * 1 - 0.1 * (0.9 * 1 + 3); kernel: each step takes 0.1 * 0.5 of itself besides.
    np.testing.assert_allclose(params["bias"], 2.0 - 0.1 - 0.39, rtol=1e-6)
    np.testing.assert_allclose(params["kernel"], (2.0 - 0.1 - 0.1) - 0.39 - 0.05 * 1.8, rtol=1e-6)


@pytest.mark.parametrize("name", ["adamw", "sgd"])
def test_the_encoder_has_its_own_rate_and_rests_at_first(name):
    settings = Optimizer(name=name, learning_rate=0.1, weight_decay=0.5, encoder_rate=0.25, encoder_start=2)
    plain = dataclasses.replace(settings, encoder_rate=1.0, encoder_start=0)
    params = {part: {"kernel": jnp.full((1, 1), 3.0)} for part in ("encoder", "decoder")}
    gradients = {part: {"kernel": jnp.full((1, 1), 7.0)} for part in params}
    state, reference = (optimizer.build(each, 10).init(params) for each in (settings, plain))
    given, moved = params, params
    for step in range(3):
        before = given["encoder"]["kernel"], moved["encoder"]["kernel"]
        given, state = optimizer.update(settings, 10, gradients, given, state)
        moved, reference = optimizer.update(plain, 10, gradients, moved, reference)
        np.testing.assert_allclose(given["decoder"]["kernel"], moved["decoder"]["kernel"], rtol=1e-6)
        change = given["encoder"]["kernel"] - before[0]
        if step < 2:
            assert change == 0
    # Adam's step has the size of the rate, SGD's that of 1 + 0.9 + 0.81 gradients; decay takes 0.5 of the weight.
    direction = 1.0 if name == "adamw" else 7.0 * 2.71
    np.testing.assert_allclose(change, -0.1 * 0.25 * (direction + 0.5 * 3.0), rtol=1e-5)


def test_without_a_rate_of_its_own_for_the_encoder_the_state_is_as_it_was():
    params = {"encoder": {"kernel": jnp.zeros((1, 1))}}
    usual, own = (
        jax.tree.structure(optimizer.build(Optimizer(encoder_start=start), 10).init(params)) for start in (0, 1)
    )
    assert usual == jax.tree.structure(optax.adamw(lambda _: 0.0, mask=optimizer.is_kernel).init(params))
    assert usual != own

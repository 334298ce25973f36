"""Optimiser from settings: optax chain, learning-rate schedule and parameter average.

Trees of parameters and gradients have float32 leaves of any shape.
"""

from typing import Any

import jax
import jax.numpy as jnp
import optax

from dfdetect_jax.config import Optimizer


def learning_rate(settings: Optimizer, steps: int) -> optax.Schedule:
    """The schedule: linear warm-up from 0, then constant, cosine decay to 0 at step `steps`, or one drop to a tenth.

    Args:
        settings: rate, warm-up and kind of schedule.
        steps: optimiser steps of the whole training.

    Returns:
        int32 scalar, the steps taken so far -> float32 scalar, the rate of the next step.
    """
    warmup = min(settings.warmup_steps, steps)
    if settings.schedule == "cosine":
        main = optax.cosine_decay_schedule(settings.learning_rate, max(1, steps - warmup))
    elif settings.schedule == "drop":
        main = optax.piecewise_constant_schedule(settings.learning_rate, {max(0, settings.drop_step - warmup): 0.1})
    else:
        main = optax.constant_schedule(settings.learning_rate)
    if not warmup:
        return main
    return optax.join_schedules([optax.linear_schedule(0.0, settings.learning_rate, warmup), main], [warmup])


def is_kernel(params: Any) -> Any:
    """The mask of weight decay: a tree of bools as `params`, True for kernels (two or more dimensions)."""
    return jax.tree.map(lambda p: p.ndim > 1, params)


def is_encoder(params: Any) -> Any:
    """The mask of the encoder's own rate: a tree of bools as `params`, True below "encoder" at its top."""
    return jax.tree_util.tree_map_with_path(lambda path, _: getattr(path[0], "key", None) == "encoder", params)


def encoder_updates(settings: Optimizer) -> optax.GradientTransformation:
    """Multiplies the encoder's updates by its rate, and by 0 for its first `encoder_start` steps.

    It follows the optimiser, so that while the encoder rests, Adam's moments get to know its gradients and weight decay
    rests as well.
    """

    def factor(taken: jax.Array) -> jax.Array:
        return jnp.where(taken < settings.encoder_start, 0.0, settings.encoder_rate)

    return optax.masked(optax.scale_by_schedule(factor), is_encoder)


def build(settings: Optimizer, steps: int) -> optax.GradientTransformation:
    """The optimiser with its schedule, preceded by clipping to a global norm if `clip_norm` is above 0.

    The encoder may have a rate of its own, and rest at first (`encoder_updates`).

    AdamW (Loshchilov and Hutter 2019), or SGD with momentum and the same decoupled decay: w -= rate (m + decay w).

    Args:
        settings: of the optimiser.
        steps: optimiser steps of the whole training.
    """
    schedule = learning_rate(settings, steps)
    if settings.name == "adamw":
        main = optax.adamw(schedule, b1=settings.beta1, weight_decay=settings.weight_decay, mask=is_kernel)
    else:
        decay = optax.add_decayed_weights(settings.weight_decay, mask=is_kernel)
        main = optax.chain(optax.trace(settings.beta1), decay, optax.scale_by_learning_rate(schedule))
    if (settings.encoder_rate, settings.encoder_start) != (1.0, 0):
        main = optax.chain(main, encoder_updates(settings))
    if settings.clip_norm > 0:
        return optax.chain(optax.clip_by_global_norm(settings.clip_norm), main)
    return main


def update(
    settings: Optimizer, steps: int, gradients: Any, params: Any, opt_state: optax.OptState
) -> tuple[Any, optax.OptState]:
    """One step of the optimiser that `build` returns.

    Args:
        settings: of the optimiser.
        steps: optimiser steps of the whole training.
        gradients: tree of float32 arrays.
        params: tree of the same structure and shapes.
        opt_state: optax state before the step.

    Returns:
        The parameters and the optimiser state after the step, as `params` and `opt_state`.
    """
    updates, opt_state = build(settings, steps).update(gradients, opt_state, params)
    return optax.apply_updates(params, updates), opt_state


def average(ema: Any, params: Any, decay: float) -> Any:
    """decay * ema + (1 - decay) * params, leaf by leaf.

    Args:
        ema: tree of float32 arrays, or None if averaging is off.
        params: tree of the same structure and shapes.
        decay: in [0, 1).

    Returns:
        The new average as `ema`; None if that is None.
    """
    if ema is None:
        return None
    return jax.tree.map(lambda e, p: decay * e + (1.0 - decay) * p, ema, params)

"""Gradients of a batch, computed at once or averaged over parts of it."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from dfdetect_jax.methods.contract import Batch, Metrics, TrainState


class Learnt(NamedTuple):
    """Gradients and statistics of a batch, the input of the optimisers.

    Attributes:
        gradients: of the detector's parameters.
        statistics: the new `TrainState.statistics`.
        metrics: float32 scalars.
        adversary_gradients: of the adversary's parameters, or None without one.
    """

    gradients: Any
    statistics: Any
    metrics: Metrics
    adversary_gradients: Any = None


Learn = Callable[[TrainState, Batch, jax.Array], Learnt]
"""(state, batch, key) -> Learnt; a pure function."""


def accumulate(learn: Learn, state: TrainState, batch: Batch, key: jax.Array, parts: int) -> Learnt:
    """`learn` on the whole batch, or on its `parts` one after the other, with gradients and metrics averaged.

    Running statistics are passed from part to part, and each part has its own PRNG key. Activations of one part are in
    memory at a time.

    Args:
        learn: applied to the batch or to a part of it.
        state: before the step; each part starts from the running statistics of the part before.
        batch: arrays [N, ...]; N is a multiple of `parts`. Examples are dealt round-robin, with the starting part
            rotated each round: a batch that is spread over devices is so in every part, and one in which reals and
            fakes alternate doesn't fall into one part of each.
        key: PRNG key of the step.
        parts: 1 or more.
    """
    if parts == 1:
        return learn(state, batch, key)
    pieces = jax.tree.map(functools.partial(_deal, parts=parts), batch)

    def add(total: Learnt, index_and_piece: tuple[jax.Array, Batch]) -> tuple[Learnt, None]:
        index, piece = index_and_piece
        learnt = learn(state.with_statistics(total.statistics), piece, jax.random.fold_in(key, index))
        return jax.tree.map(jnp.add, total, learnt)._replace(statistics=learnt.statistics), None

    shapes = jax.eval_shape(learn, state, jax.tree.map(lambda a: a[0], pieces), key)
    zeros = jax.tree.map(lambda a: jnp.zeros(a.shape, a.dtype), shapes)
    total, _ = jax.lax.scan(add, zeros._replace(statistics=state.statistics), (jnp.arange(parts), pieces))
    return jax.tree.map(lambda a: a / parts, total)._replace(statistics=total.statistics)


def _deal(array: jax.Array, parts: int) -> jax.Array:
    """[N, ...] to [parts, N / parts, ...]: element j of part p is example j * parts + (p - j) % parts."""
    rows = array.reshape(-1, parts, *array.shape[1:])
    order = (jnp.arange(parts) - jnp.arange(len(rows))[:, None]) % parts
    order = order.reshape(*order.shape, *[1] * (array.ndim - 1))
    return jnp.take_along_axis(rows, order, axis=1).swapaxes(0, 1)

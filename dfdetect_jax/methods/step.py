"""The state and the training step common to all methods; the file of a method holds only its paper.

A method supplies its network, `learn` (the gradient of its objective on a batch) and `predict`; `build` makes a
`Method` of them. A step augments the batch, computes gradients, over parts of the batch if `train.accumulate` is above
1, averages them over devices, and updates each optimiser.
"""

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax

from dfdetect_jax import optimizer
from dfdetect_jax.augmentation.batches import augment_batch, example_keys
from dfdetect_jax.config import Optimizer, Settings
from dfdetect_jax.methods.accumulation import Learn, Learnt, accumulate
from dfdetect_jax.methods.contract import Adversary, Batch, Method, Metrics, Prediction, TrainState, Variables
from dfdetect_jax.methods.transfer import transfer_encoder

_AUGMENTATION = 2**31  # folded into the step's key, beyond any device and any part of a batch
S = TypeVar("S", bound=Settings)
Predict = Callable[[Variables, jax.Array], Prediction]


def build(
    settings: S,
    *,
    network: nn.Module,
    learn: Callable[..., Any],
    predict: Callable[..., Prediction],
    encode: Callable[..., jax.Array] | None = None,
    init_adversary: Callable[[jax.Array, S], Adversary] | None = None,
    pretrained: Variables | None = None,
    frozen: Any = None,
) -> Method:
    """The functions of a method, with `settings` bound.

    Args:
        settings: checked settings.
        network: called as `network(images, train=False)` with float32 [1, S, S, 3] to initialise its parameters.
        learn: (state, batch, key, *, settings, axis_name) -> `accumulation.Learnt`, of an augmented batch.
        predict: (variables, images, *, settings) -> Prediction.
        encode: (variables, images, *, settings) -> latent, see `Method.encode`.
        init_adversary: (key, settings) -> a newly initialised adversary, for a method that has one.
        pretrained: published parameters and statistics of the encoder, which training starts from; None for random.
        frozen: weights that training reads and doesn't change, or None.
    """
    start = functools.partial(init, settings=settings, network=network, init_adversary=init_adversary)
    return Method(
        init=functools.partial(start, pretrained=pretrained, frozen=frozen),
        train_step=functools.partial(train_step, settings=settings, learn=learn),
        predict=functools.partial(predict, settings=settings),
        encode=functools.partial(encode, settings=settings) if encode else None,
    )


def init(
    key: jax.Array,
    *,
    settings: S,
    network: nn.Module,
    init_adversary: Callable[[jax.Array, S], Adversary] | None = None,
    pretrained: Variables | None = None,
    frozen: Any = None,
) -> TrainState:
    """The initial state: parameters, and separate keys for training and for the adversary; see `build`."""
    init_key, train_key, adversary_key = jax.random.split(key, 3)
    size = settings.data.image_size
    variables: Any = network.init(init_key, jnp.zeros((1, size, size, 3)), train=False)
    if pretrained is not None:
        variables = transfer_encoder(variables, pretrained).variables
    params = variables["params"]
    return TrainState(
        step=jnp.zeros((), jnp.int32),
        key=train_key,
        params=params,
        batch_stats=variables.get("batch_stats", {}),
        opt_state=optimizer.build(settings.optimizer, settings.train.steps).init(params),
        ema=jax.tree.map(jnp.copy, params) if settings.optimizer.ema_decay > 0 else None,
        adversary=init_adversary(adversary_key, settings) if init_adversary else None,
        frozen=frozen,
    )


def train_step(
    state: TrainState, batch: Batch, *, settings: Settings, learn: Callable[..., Any], axis_name: str | None = None
) -> tuple[TrainState, Metrics]:
    """One step of every optimiser, from the weights before the step; see `Method.train_step` for shapes.

    Where the loss or a gradient is NaN or infinite, nothing is learnt and only the step is counted: "skipped" is 1.
    """
    learn_batch: Learn = functools.partial(learn, settings=settings, axis_name=axis_name)
    key = step_key(state, axis_name)
    batch = augmented(state, batch, settings, axis_name)
    by_params, statistics, metrics, against = accumulate(learn_batch, state, batch, key, settings.train.accumulate)
    if axis_name is not None:
        by_params, metrics, against = jax.lax.pmean((by_params, metrics, against), axis_name)
    norms = optax.global_norm(by_params), optax.global_norm(against)
    finite = jnp.isfinite(jnp.stack([metrics["loss"], *norms])).all()
    before, state = state, state.with_statistics(statistics)
    steps = settings.train.steps
    params, opt_state = optimizer.update(settings.optimizer, steps, by_params, state.params, state.opt_state)
    new_state = state.replace(
        step=state.step + 1,
        params=params,
        opt_state=opt_state,
        ema=optimizer.average(state.ema, params, settings.optimizer.ema_decay),
        adversary=update_adversary(state.adversary, against, settings.adversary_optimizer, steps),
    )
    skipped = 1.0 - finite.astype(jnp.float32)
    return learnt_where(finite, new_state, before), metrics | {"gradient_norm": norms[0], "skipped": skipped}


def learnt_where(finite: jax.Array, new: TrainState, old: TrainState) -> TrainState:
    """A state that counts the step of `new`, with what was learnt of `new` where `finite`, a scalar, else of `old`."""
    learnt = ("params", "batch_stats", "opt_state", "ema", "adversary")
    chosen = jax.tree.map(
        functools.partial(jnp.where, finite), *({name: getattr(state, name) for name in learnt} for state in (new, old))
    )
    return new.replace(**chosen)


def gradients(
    state: TrainState,
    network: nn.Module,
    images: jax.Array,
    objective: Callable[[Any], tuple[jax.Array, Metrics]],
    key: jax.Array | None = None,
    **arguments: Any,
) -> Learnt:
    """The gradient of an objective by the network's parameters: the whole `learn` of a method without an adversary.

    Args:
        state: before the step.
        network: as in `forward`.
        images: float [N, H, W, 3] in [-1, 1]; the layers compute in their dtype.
        objective: outputs of the network -> (loss, metrics), float32 scalars.
        key: PRNG key for a network with dropout.
        **arguments: of the network.
    """

    def loss_fn(params: Any) -> tuple[jax.Array, tuple[Metrics, Any]]:
        outputs, batch_stats = forward(network, params, state.batch_stats, images, key=key, **arguments)
        loss, metrics = objective(outputs)
        return loss, (metrics, batch_stats)

    by_params, (metrics, batch_stats) = jax.grad(loss_fn, has_aux=True)(state.params)
    return Learnt(by_params, (batch_stats, None), metrics)


def forward(
    network: nn.Module,
    params: Any,
    batch_stats: Any,
    images: jax.Array,
    *,
    train: bool = True,
    key: jax.Array | None = None,
    **arguments: Any,
) -> tuple[Any, Any]:
    """Runs a network in training: (its outputs, its running statistics after the batch).

    Args:
        network: called as `network(images, train=train, **arguments)`.
        params: parameters of the network, apart from a state to differentiate by them.
        batch_stats: running statistics before the batch; those of modules that don't run are kept.
        images: float [N, H, W, 3] in [-1, 1]; the layers compute in their dtype.
        train: whether to normalise by the batch's statistics.
        key: PRNG key for a network with dropout.
        **arguments: of the network.
    """
    variables, rngs = {"params": params, "batch_stats": batch_stats}, None if key is None else {"dropout": key}
    outputs, updated = network.apply(variables, images, train=train, mutable=["batch_stats"], rngs=rngs, **arguments)
    return outputs, {**batch_stats, **updated.get("batch_stats", {})}


def augmented(state: TrainState, batch: Batch, settings: Settings, axis_name: str | None = None) -> Batch:
    """The batch as `settings.augment` changes it in this step; the same on any number of devices."""
    key = jax.random.fold_in(jax.random.fold_in(state.key, state.step), _AUGMENTATION)
    keys = example_keys(key, len(batch["label"]), axis_name)
    return augment_batch(keys, batch, settings.augment, with_masks=settings.learns_self_blended_masks)


def step_key(state: TrainState, axis_name: str | None) -> jax.Array:
    """The PRNG key of this step and, on a mapped axis, of this device."""
    key = jax.random.fold_in(state.key, state.step)
    return key if axis_name is None else jax.random.fold_in(key, jax.lax.axis_index(axis_name))


def update_adversary(
    adversary: Adversary | None, gradients: Any, settings: Optimizer | None, steps: int
) -> Adversary | None:
    """One step of the adversary's optimiser; its running statistics are unchanged. Returns None for None.

    Args:
        adversary: before the step.
        gradients: of its parameters.
        settings: of its optimiser.
        steps: optimiser steps of the whole training, which the schedule needs.
    """
    if adversary is None or settings is None:
        return adversary
    params, opt_state = optimizer.update(settings, steps, gradients, adversary.params, adversary.opt_state)
    return adversary.replace(params=params, opt_state=opt_state)

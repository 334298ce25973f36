"""The interface of a method: pure functions, built once from settings."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import optax
from flax import struct

Array = Any
"""A `jax.Array`; a NumPy array where `run.predictor` returns it."""
Batch = dict[str, jax.Array]
Metrics = dict[str, jax.Array]
Variables = dict[str, Any]


class Adversary(struct.PyTreeNode):
    """A network trained against the detector; not used in prediction.

    Attributes:
        params: float32 tree, trained.
        batch_stats: float32 tree, running statistics of BatchNorm.
        opt_state: optax state.
    """

    params: Any
    batch_stats: Any
    opt_state: optax.OptState


class TrainState(struct.PyTreeNode):
    """The complete state of training; a checkpoint of it resumes training exactly.

    Attributes:
        step: int32 scalar, steps taken; those that were skipped count.
        key: the run's PRNG key, a scalar of `jax.random.key`; a step uses `fold_in(key, step)`, so it never changes.
        params: float32 tree, trained.
        batch_stats: float32 tree, running statistics of BatchNorm.
        opt_state: optax state.
        ema: moving average of `params`, or None when switched off.
        adversary: a network trained against the detector, with its own optimiser, or None.
        frozen: weights that training reads and doesn't change (a VGG16 for a perceptual loss), or None.
    """

    step: jax.Array
    key: jax.Array
    params: Any
    batch_stats: Any
    opt_state: optax.OptState
    ema: Any = None
    adversary: Adversary | None = None
    frozen: Any = None

    @property
    def variables(self) -> Variables:
        """The input of `predict`: averaged parameters if averaging is on, else `params`; and the running statistics."""
        return {"params": self.params if self.ema is None else self.ema, "batch_stats": self.batch_stats}

    def with_key_data(self) -> "TrainState":
        """This state with its key as uint32 [2], the form for files and `jax.pmap`."""
        return self.replace(key=jax.random.key_data(self.key))

    def with_typed_key(self) -> "TrainState":
        """The inverse of `with_key_data`."""
        return self.replace(key=jax.random.wrap_key_data(self.key))

    @property
    def statistics(self) -> tuple[Any, Any]:
        """Running statistics of the detector and of its adversary (None without one)."""
        return self.batch_stats, None if self.adversary is None else self.adversary.batch_stats

    def with_statistics(self, statistics: tuple[Any, Any]) -> "TrainState":
        """This state with other running statistics."""
        batch_stats, of_adversary = statistics
        opponent = self.adversary and self.adversary.replace(batch_stats=of_adversary)
        return self.replace(batch_stats=batch_stats, adversary=opponent)


class Prediction(NamedTuple):
    """A method's output for a batch of crops.

    Attributes:
        score: float32 [N] in [0, 1], higher is more likely fake.
        attention: float32 [N, H, W] in [0, 1], higher is more likely forged, or None for a method without localisation.
        reconstruction: float32 [N, H, W, 3] in [-1, 1], or None.
        logit: float32 [N], the score is its sigmoid; it has a gradient even where the score has rounded to 0 or 1. None
            from a method that returns scores only.
        class_activation: float32 [N, H, W], at least 0, higher where the features raise the logit more, see
            `methods.class_activation`; or None. Neither learnt from masks nor a probability.
    """

    score: Array
    attention: Array | None
    reconstruction: Array | None
    logit: Array | None = None
    class_activation: Array | None = None


class Method(NamedTuple):
    """A method as pure functions of arrays that `jax.jit` can compile.

    Attributes:
        init: key -> TrainState.
        train_step: (state, batch, *, axis_name=None) -> (state, metrics). `batch["image"]` is uint8
            [N, H, W, 3], `batch["label"]` int32 [N]; the LAE also reads `batch["mask"]` uint8 [N, H, W] in {0, 255}
            where `batch["has_mask"]` bool [N]. `batch["self_blend"]` bool [N], if present, marks the faces to make
            fakes of, beside `batch["landmarks"]` float32 [N, 5, 2] in pixels. Metrics are float32 scalars, among
            them "skipped", 1 where nothing was learnt because a number was not finite. With
            `axis_name`, gradients and statistics are averaged over that mapped axis, and each device passes its shard
            of the batch.
        predict: (variables, images) -> Prediction, with `images` uint8 [N, H, W, 3], or float32 in [0, 255], by
            which the prediction can be differentiated.
        encode: (variables, images) -> latent float32 [N, h, w, C], with `images` uint8 [N, H, W, 3]; None for a method
            that does not expose its latent.
    """

    init: Callable[[jax.Array], TrainState]
    train_step: Callable[..., tuple[TrainState, Metrics]]
    predict: Callable[[Variables, jax.Array], Prediction]
    encode: Callable[[Variables, jax.Array], jax.Array] | None = None

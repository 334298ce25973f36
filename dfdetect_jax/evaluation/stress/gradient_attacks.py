"""FGSM and PGD: pure functions that change pixels along the sign of the gradient of a detector's loss.

Both use only the sign of the gradient. With one logit z and label y, cross-entropy -log p(y) decreases with (2y - 1) z,
so its gradient has the direction of that of (1 - 2y) z; the latter does not vanish where the score saturates, which
would make the detector look robust (Carlini, Wagner, "Towards Evaluating the Robustness of Neural Networks", IEEE S&P
2017, arXiv 1608.04644).
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from dfdetect_jax.methods import Prediction, Variables

Predict = Callable[[Variables, jax.Array], Prediction]


def ascent(predict: Predict, variables: Variables, images: jax.Array, labels: jax.Array) -> jax.Array:
    """The sign of the gradient of the detector's cross-entropy with respect to the pixels.

    Args:
        predict: a method's (`Method.predict`); images may be float.
        variables: of the method.
        images: float32 [N, S, S, 3] in [0, 255].
        labels: int32 [N], 0 real, 1 fake: the truth.

    Returns:
        float32 [N, S, S, 3] of -1, 0 and 1.
    """

    def wrongness(pixels: jax.Array) -> jax.Array:
        logit = predict(variables, pixels).logit
        assert logit is not None, "every method of this package has logits"
        return jnp.sum((1 - 2 * labels) * logit)

    return jnp.sign(jax.grad(wrongness)(images))


def fgsm(
    predict: Predict, variables: Variables, images: jax.Array, labels: jax.Array, epsilon: jax.Array | float
) -> jax.Array:
    """One step along the gradient's sign: clip(x + epsilon sign(grad L), 0, 255).

    Goodfellow, Shlens, Szegedy: "Explaining and Harnessing Adversarial Examples", ICLR 2015, arXiv 1412.6572.

    Args:
        predict, variables, images, labels: as in `ascent`.
        epsilon: the largest change of a value, grey levels; float scalar, at least 0.

    Returns:
        float32 [N, S, S, 3] in [0, 255].
    """
    return jnp.clip(images + epsilon * ascent(predict, variables, images, labels), 0.0, 255.0)


def pgd(
    predict: Predict,
    variables: Variables,
    images: jax.Array,
    labels: jax.Array,
    epsilon: jax.Array | float,
    *,
    start: jax.Array,
    step: jax.Array | float,
    steps: int,
) -> jax.Array:
    """Steps along the gradient's sign from a random start, each projected: x <- clip(x + step sign(grad L)).

    Madry, Makelov, Schmidt, Tsipras, Vladu: "Towards Deep Learning Models Resistant to Adversarial Attacks", ICLR 2018,
    arXiv 1706.06083.

    Args:
        predict, variables, images, labels, epsilon: as in `fgsm`.
        start: float32 [N, S, S, 3] in [-1, 1], in units of epsilon: the start within the ball.
        step: grey levels.
        steps: how many.

    Returns:
        float32 [N, S, S, 3] in [0, 255], at most epsilon from `images` everywhere.
    """
    low, high = jnp.maximum(images - epsilon, 0.0), jnp.minimum(images + epsilon, 255.0)

    def climb(_: int, moved: jax.Array) -> jax.Array:
        return jnp.clip(moved + step * ascent(predict, variables, moved, labels), low, high)

    return jax.lax.fori_loop(0, steps, climb, jnp.clip(images + epsilon * start, low, high))

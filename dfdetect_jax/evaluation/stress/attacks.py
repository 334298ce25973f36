"""Pictures changed by someone who has the detector: FGSM and PGD within a few grey levels of every pixel.

White box: the attacker knows weights and threshold, and changes the crop that the network gets. Whoever forges a video
changes it before it is cropped, resized and compressed, which undoes some of this; who doesn't have the weights has
less of a hold still. No defence is evaluated. So the figures tell how close to its decision a detector sits, not how
many forgers get past it.

Both methods need no more of the gradient than its sign. With one logit z and label y, cross-entropy -log p(y) falls
with (2y - 1) z, so its gradient points where that of (1 - 2y) z points; the latter doesn't vanish where the detector is
sure of itself, which would make it look robust (Carlini, Wagner, "Towards Evaluating the Robustness of Neural
Networks", IEEE S&P 2017, arXiv 1608.04644).
"""

import functools
from collections.abc import Callable, Sequence
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from dfdetect_jax.config.rules import at_least, one_of
from dfdetect_jax.data.example import Label
from dfdetect_jax.data.records import Records
from dfdetect_jax.evaluation.metrics.frame_scores import FrameScores, concatenate, from_batch
from dfdetect_jax.evaluation.metrics.summary import summarize
from dfdetect_jax.evaluation.stress.clip_batches import clip_batches
from dfdetect_jax.methods import Method, Variables

ATTACKS = ("fgsm", "pgd")
EPSILONS = (1, 2, 4, 8)  # grey levels of 255
STEPS = 10
NOTE = "white box, crops, no defence evaluated"
_BATCH = 32


def ascent(predict: Callable, variables: Variables, images: jax.Array, labels: jax.Array) -> jax.Array:
    """The sign of the gradient of the detector's cross-entropy with respect to the pixels.

    Args:
        predict: a method's (`Method.predict`); images may be float.
        variables: of the method.
        images: float32 [N, S, S, 3] in [0, 255].
        labels: int32 [N], 0 real, 1 fake: the truth.

    Returns:
        float32 [N, S, S, 3] of -1, 0 and 1.
    """

    def wrongness(pixels):
        return jnp.sum((1 - 2 * labels) * predict(variables, pixels).logit)

    return jnp.sign(jax.grad(wrongness)(images))


def fgsm(
    predict: Callable, variables: Variables, images: jax.Array, labels: jax.Array, epsilon: jax.Array | float
) -> jax.Array:
    """One step uphill: clip(x + epsilon sign(grad L), 0, 255).

    Goodfellow, Shlens, Szegedy: "Explaining and Harnessing Adversarial Examples", ICLR 2015, arXiv 1412.6572.

    Args:
        predict, variables, images, labels: as in `ascent`.
        epsilon: the most that a value changes, grey levels; float scalar, at least 0.

    Returns:
        float32 [N, S, S, 3] in [0, 255].
    """
    return jnp.clip(images + epsilon * ascent(predict, variables, images, labels), 0.0, 255.0)


def pgd(
    predict: Callable,
    variables: Variables,
    images: jax.Array,
    labels: jax.Array,
    epsilon: jax.Array | float,
    *,
    start: jax.Array,
    step: jax.Array | float,
    steps: int,
) -> jax.Array:
    """Steps uphill from a random start, each brought back into the ball: x <- clip(x + step sign(grad L)).

    Madry, Makelov, Schmidt, Tsipras, Vladu: "Towards Deep Learning Models Resistant to Adversarial Attacks", ICLR 2018,
    arXiv 1706.06083.

    Args:
        predict, variables, images, labels, epsilon: as in `fgsm`.
        start: float32 [N, S, S, 3] in [-1, 1], in units of epsilon: where in the ball to begin.
        step: grey levels.
        steps: how many.

    Returns:
        float32 [N, S, S, 3] in [0, 255], at most epsilon from `images` everywhere.
    """
    low, high = jnp.maximum(images - epsilon, 0.0), jnp.minimum(images + epsilon, 255.0)

    def climb(_, moved):
        return jnp.clip(moved + step * ascent(predict, variables, moved, labels), low, high)

    return jax.lax.fori_loop(0, steps, climb, jnp.clip(images + epsilon * start, low, high))


def measure(
    method: Method,
    variables: Variables,
    score: Callable[[np.ndarray], np.ndarray],
    folder: str | Path,
    split: str,
    *,
    attack: str,
    image_size: int,
    threshold: float,
    epsilons: Sequence[int] = EPSILONS,
    steps: int = STEPS,
    max_frames: int | None = None,
    seed: int = 0,
    figures: Callable[[FrameScores], dict] | None = None,
    on_progress: Callable[[int], None] = lambda frames: None,
) -> tuple[dict, dict[int, FrameScores]]:
    """Scores a split clean and attacked, as the files that an attacker would give away: rounded to whole grey levels.

    Args:
        method: as built from the run's settings.
        variables: the run's.
        score: uint8 [N, S, S, 3] -> float [N] in [0, 1]; `Run.score`.
        folder: prepared records.
        split: "train", "val" or "test".
        attack: of `ATTACKS`; "pgd" starts at random and takes steps of 2.5 epsilon / steps.
        image_size: side S of the detector's input, pixels.
        threshold: chosen on validation, clean.
        epsilons: whole grey levels, at least 1.
        steps: of PGD.
        max_frames: at most so many, evenly over the split; None for all.
        seed: of PGD's starts, which are a function of it and of a frame's position in the split.
        figures: as in `robustness.measure`; the figures of frames have "tpr".
        on_progress: called with the number of frames of each batch and epsilon (0 too), once it is scored.

    Returns:
        What stands in `metrics.json`, and the scores behind it by epsilon, every frame attacked; clean ones under 0.
        The first is {"attack", "steps", "seed", "n", "of", "note", "clean": L, "epsilons": [L, ...]}. An L has
        "epsilon" and "step_size" (grey levels of 255), "fakes_called_real" (a share), the figures of fakes that were
        attacked against reals as they are, those of videos under "video", and under "both" the figures of frames where
        reals were attacked, too (towards "fake").

    Raises:
        RecordsError: the split is empty, or a record is damaged.
        RunError: a score is not a finite number.
        SettingsError: there is no such attack, or a number is too small.
    """
    one_of("attack", attack, ATTACKS)
    at_least("attack steps", steps, 1)
    for epsilon in epsilons:
        at_least("attack epsilon", epsilon, 1)
    steps = 1 if attack == "fgsm" else steps
    attacked = _Attacked(method, variables, attack, steps, seed)
    parts = {epsilon: [] for epsilon in (0, *epsilons)}
    for batch in clip_batches(folder, split, image_size=image_size, max_frames=max_frames):
        for epsilon, scored in parts.items():
            images = attacked(batch, epsilon) if epsilon else batch["image"]
            scored.append(from_batch(batch, score(images)))
            on_progress(len(images))
    scores = {epsilon: concatenate(scored) for epsilon, scored in parts.items()}
    tell = figures or functools.partial(summarize, threshold=threshold, seen=())
    clean, *levels = (_level(attack, steps, scores[0], epsilon, scores[epsilon], tell) for epsilon in scores)
    about = {"attack": attack, "steps": steps, "seed": seed, "n": len(scores[0]), "of": len(Records(folder, split))}
    return {**about, "note": NOTE, "clean": clean, "epsilons": levels}, scores


class _Attacked:
    """Attacks batches in one shape, so that one program is compiled for all epsilons."""

    def __init__(self, method: Method, variables: Variables, attack: str, steps: int, seed: int):
        self._variables, self._seed = jax.device_put(variables), np.uint32(seed)
        self._attack, self._steps = attack, steps
        self._run = jax.jit(functools.partial(_run, method.predict, attack, steps))

    def __call__(self, batch: dict, epsilon: int) -> np.ndarray:
        """uint8 [N, S, S, 3], at most epsilon from `batch["image"]` everywhere."""
        parts = []
        for start in range(0, len(batch["image"]), _BATCH):
            names = ("image", "label", "position")
            given = {name: batch[name][start : start + _BATCH] for name in names}
            count = len(given["label"])
            filled = {name: np.resize(values, (_BATCH, *values.shape[1:])) for name, values in given.items()}
            moved = self._run(
                self._variables,
                filled["image"],
                filled["label"].astype(np.int32),
                filled["position"].astype(np.uint32),
                self._seed,
                np.float32(epsilon),
                np.float32(_step_size(self._attack, self._steps, epsilon)),
            )
            parts.append(np.asarray(moved)[:count])
        return np.concatenate(parts)


def _run(predict, attack, steps, variables, images, labels, positions, seed, epsilon, step):
    pixels = images.astype(jnp.float32)
    if attack == "fgsm":
        moved = fgsm(predict, variables, pixels, labels, epsilon)
    else:
        keys = jax.vmap(lambda position: jax.random.fold_in(jax.random.key(seed), position))(positions)
        start = jax.vmap(lambda key: jax.random.uniform(key, pixels.shape[1:], minval=-1.0, maxval=1.0))(keys)
        moved = pgd(predict, variables, pixels, labels, epsilon, start=start, step=step, steps=steps)
    return jnp.round(moved).astype(jnp.uint8)


def _step_size(attack: str, steps: int, epsilon: int) -> float:
    """In the ball from any start with some to spare, grey levels; FGSM's one step is all of epsilon."""
    return float(epsilon) if attack == "fgsm" else 2.5 * epsilon / steps


def _level(attack: str, steps: int, clean: FrameScores, epsilon: int, attacked: FrameScores, tell: Callable) -> dict:
    fakes_only = attacked.replace(score=np.where(clean.label == Label.FAKE, attacked.score, clean.score))
    told = tell(fakes_only)
    missed = told["frame"]["tpr"]
    return {
        "epsilon": epsilon,
        "step_size": _step_size(attack, steps, epsilon),
        "fakes_called_real": None if missed is None else 1 - missed,
        **told["frame"],
        "video": told["video"],
        "both": tell(attacked)["frame"],
    }

"""Detection metrics under white-box attacks, FGSM and PGD: how far a few grey levels per pixel move the scores.

The attacker knows weights and threshold, and changes the crop that is the network's input. A forger can only change the
video before it is cropped, resized and compressed, which undoes part of an attack, and without the weights attacks are
weaker still. No defence is evaluated. So the results show how close inputs are to the decision boundary, not how many
forgeries would pass.
"""

import dataclasses
import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from dfdetect_jax.batching import PREDICT_BATCH
from dfdetect_jax.config.rules import at_least
from dfdetect_jax.data.example import Label
from dfdetect_jax.data.records import Records
from dfdetect_jax.devices.compiler_options import compiler_options
from dfdetect_jax.evaluation.metrics.detection_metrics import DetectionMetrics, VideoMetrics
from dfdetect_jax.evaluation.metrics.frame_scores import FrameScores, concatenate, from_batch
from dfdetect_jax.evaluation.metrics.summary import GroupMetrics
from dfdetect_jax.evaluation.stress.clip_batches import clip_batches
from dfdetect_jax.evaluation.stress.gradient_attacks import Predict, fgsm, pgd
from dfdetect_jax.evaluation.stress.protocol import EPSILONS, PGD_STEPS, check_attacks
from dfdetect_jax.methods import Method, Variables
from dfdetect_jax.run.predictor import map_in_batches

NOTE = "white box, crops, no defence evaluated"


@dataclasses.dataclass(frozen=True, kw_only=True)
class AttackLevel:
    """Metrics at one strength of one attack.

    Attributes:
        epsilon: the largest change of a value, grey levels of 255; 0 is clean.
        step_size: grey levels.
        frame, video: of attacked fakes against unchanged reals.
        both: of frames where reals are attacked too (towards "fake").
    """

    epsilon: int
    step_size: float
    frame: DetectionMetrics
    video: VideoMetrics
    both: DetectionMetrics

    @property
    def fakes_called_real(self) -> float | None:
        """Share of attacked fakes below the threshold; None without fakes."""
        return self.frame.fnr

    def as_json(self) -> dict[str, Any]:
        """{"epsilon", "step_size", "fakes_called_real"}, the metrics of frames, "video" and "both"."""
        values = {"epsilon": self.epsilon, "step_size": self.step_size, "fakes_called_real": self.fakes_called_real}
        return {**values, **self.frame.as_json(), "video": self.video.as_json(), "both": self.both.as_json()}


@dataclasses.dataclass(frozen=True, kw_only=True)
class AttackResult:
    """Metrics of one data set under one attack.

    Attributes:
        attack: of `ATTACKS`.
        steps: of PGD; 1 for FGSM.
        seed: of PGD's starts.
        n, of: frames measured, of the split's.
        note: how to read the results.
        clean: without an attack, on the same frames.
        epsilons: in the order of strength that was requested.
    """

    attack: str
    steps: int
    seed: int
    n: int
    of: int
    note: str
    clean: AttackLevel
    epsilons: Sequence[AttackLevel]

    def as_json(self) -> dict[str, Any]:
        """Every field under its name."""
        values = {name: getattr(self, name) for name in ("attack", "steps", "seed", "n", "of", "note")}
        levels = [level.as_json() for level in self.epsilons]
        return {**values, "clean": self.clean.as_json(), "epsilons": levels}


def measure_attack(
    method: Method,
    variables: Variables,
    score: Callable[[np.ndarray], np.ndarray],
    folder: str | Path,
    split: str,
    *,
    attack: str,
    image_size: int,
    measure: Callable[[FrameScores], GroupMetrics],
    epsilons: Sequence[int] = EPSILONS,
    steps: int = PGD_STEPS,
    max_frames: int | None = None,
    seed: int = 0,
    on_progress: Callable[[int], None] = lambda frames: None,
) -> tuple[AttackResult, dict[int, FrameScores]]:
    """Scores a split clean and attacked; attacked crops are rounded to whole grey levels, as a file stores them.

    Args:
        method: as built from the run's settings.
        variables: the run's.
        score: uint8 [N, S, S, 3] -> float [N] in [0, 1]; `Run.score`.
        folder: prepared records.
        split: "train", "val", "test", or "all".
        attack: of `ATTACKS`; "pgd" starts at random and takes steps of 2.5 epsilon / steps.
        image_size: side S of the detector's input, pixels.
        measure: the metrics of the scores of one level, such as `summary.measure_group` at a threshold.
        epsilons: whole grey levels, at least 1.
        steps: of PGD.
        max_frames: at most so many, evenly over the split; None for all.
        seed: of PGD's starts, which depend on it and on a frame's position in the split.
        on_progress: called with the number of frames of each batch and epsilon (0 too), once it is scored.

    Returns:
        The metrics, and the scores behind them by epsilon, every frame attacked; clean ones under 0.

    Raises:
        RecordsError: the split is empty, or a record is damaged.
        RunError: a score is not a finite number.
        SettingsError: there is no such attack, or a number is too small.
    """
    check_attacks([attack])
    at_least("attack steps", steps, 1)
    for epsilon in epsilons:
        at_least("attack epsilon", epsilon, 1)
    attacker = _Attacker(method, variables, attack, steps, seed)
    batches = clip_batches(folder, split, image_size=image_size, max_frames=max_frames)
    scores = _score_attacked(attacker, score, batches, epsilons, on_progress)
    clean, *levels = (
        _level(epsilon, attacker.step_size(epsilon), scores[0], scores[epsilon], measure) for epsilon in scores
    )
    result = AttackResult(
        attack=attack,
        steps=attacker.steps,
        seed=seed,
        n=len(scores[0]),
        of=len(Records(folder, split)),
        note=NOTE,
        clean=clean,
        epsilons=levels,
    )
    return result, scores


def _score_attacked(
    attacker: "_Attacker",
    score: Callable[[np.ndarray], np.ndarray],
    batches: Iterable[Mapping[str, np.ndarray]],
    epsilons: Sequence[int],
    on_progress: Callable[[int], None],
) -> dict[int, FrameScores]:
    """Scores by epsilon, clean ones first, under 0; pictures are decoded once for all of them."""
    parts: dict[int, list[FrameScores]] = {epsilon: [] for epsilon in (0, *epsilons)}
    for batch in batches:
        for epsilon, scores in parts.items():
            images = attacker(batch, epsilon) if epsilon else batch["image"]
            scores.append(from_batch(batch, score(images)))
            on_progress(len(images))
    return {epsilon: concatenate(scores) for epsilon, scores in parts.items()}


class _Attacker:
    """Attacks batches in one shape, so that one program is compiled for all epsilons."""

    def __init__(self, method: Method, variables: Variables, attack: str, steps: int, seed: int):
        self._variables, self._seed, self._attack = jax.device_put(variables), np.uint32(seed), attack
        self.steps = 1 if attack == "fgsm" else steps
        perturb = functools.partial(_perturb, method.predict, attack, self.steps)
        self._perturb = jax.jit(perturb, compiler_options=compiler_options())

    def __call__(self, batch: Mapping[str, np.ndarray], epsilon: int) -> np.ndarray:
        """uint8 [N, S, S, 3], at most epsilon from `batch["image"]` everywhere."""
        strength = np.float32(epsilon), np.float32(self.step_size(epsilon))

        def perturb(images: np.ndarray, labels: np.ndarray, positions: np.ndarray) -> jax.Array:
            return self._perturb(self._variables, images, labels, positions, self._seed, *strength)

        arrays = batch["image"], batch["label"].astype(np.int32), batch["position"].astype(np.uint32)
        return np.concatenate(list(map_in_batches(perturb, arrays, PREDICT_BATCH)))

    def step_size(self, epsilon: int) -> float:
        """Grey levels; PGD can cross the ball from any start, with some to spare, FGSM's one step is all of epsilon."""
        return float(epsilon) if self._attack == "fgsm" else 2.5 * epsilon / self.steps


def _perturb(
    predict: Predict,
    attack: str,
    steps: int,
    variables: Variables,
    images: jax.Array,
    labels: jax.Array,
    positions: jax.Array,
    seed: jax.Array,
    epsilon: jax.Array,
    step: jax.Array,
) -> jax.Array:
    pixels = images.astype(jnp.float32)
    if attack == "fgsm":
        moved = fgsm(predict, variables, pixels, labels, epsilon)
    else:
        keys = jax.vmap(lambda position: jax.random.fold_in(jax.random.key(seed), position))(positions)
        start = jax.vmap(lambda key: jax.random.uniform(key, pixels.shape[1:], minval=-1.0, maxval=1.0))(keys)
        moved = pgd(predict, variables, pixels, labels, epsilon, start=start, step=step, steps=steps)
    return jnp.round(moved).astype(jnp.uint8)


def _level(
    epsilon: int,
    step_size: float,
    clean: FrameScores,
    attacked: FrameScores,
    measure: Callable[[FrameScores], GroupMetrics],
) -> AttackLevel:
    fakes_only = attacked.replace(score=np.where(clean.label == Label.FAKE, attacked.score, clean.score))
    metrics = measure(fakes_only)
    return AttackLevel(
        epsilon=epsilon,
        step_size=step_size,
        frame=metrics.frame,
        video=metrics.video,
        both=measure(attacked).frame,
    )

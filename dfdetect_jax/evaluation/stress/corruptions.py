"""Applies the corruptions of `protocol` to batches of crops.

Random numbers depend on the seed and the picture's position in its split alone; all levels share them.
"""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from dfdetect_jax.batching import PREDICT_BATCH
from dfdetect_jax.devices.host import processors
from dfdetect_jax.errors import SettingsError
from dfdetect_jax.evaluation.stress import codecs, distortions
from dfdetect_jax.evaluation.stress.protocol import CORRUPTIONS, DEVICE, HOST, LEVELS, check_corruptions
from dfdetect_jax.run.predictor import map_in_batches

Operand = np.ndarray | np.float32
DeviceOperation = Callable[[jax.Array, jax.Array, Any], jax.Array]
HostOperation = Callable[[np.ndarray, Any], np.ndarray]


def _as_float32(value: float, size: int) -> Operand:
    return np.float32(value)


@dataclasses.dataclass(frozen=True, kw_only=True)
class _OnDevice:
    """A corruption for `jax.jit`.

    Attributes:
        apply: (float32 [N, S, S, 3] in [0, 255], keys [N], operand) -> the same, not yet clipped or rounded.
        operand: (a value of the corruption, S) -> what `apply` needs of it.
    """

    apply: DeviceOperation
    operand: Callable[[Any, int], Operand] = _as_float32


_ON_DEVICE = {
    "saturation": _OnDevice(apply=distortions.saturation),
    "contrast": _OnDevice(apply=distortions.contrast),
    "blocks": _OnDevice(apply=distortions.blocks),
    "noise": _OnDevice(apply=distortions.noise),
    "blur": _OnDevice(apply=distortions.separable, operand=distortions.blur_matrix),
    "resize": _OnDevice(apply=distortions.separable, operand=distortions.resize_matrix),
}
# uint8 [S, S, 3], or [T, S, S, 3] for "video", and a value of the corruption -> the same.
_ON_HOST: dict[str, HostOperation] = {
    "jpeg": codecs.jpeg,
    "recompress": lambda image, value: codecs.share_twice(image, *value),
    "video": codecs.h264,
}


def corrupt(
    images: np.ndarray,
    name: str,
    level: int,
    seed: int = 0,
    *,
    positions: np.ndarray | None = None,
    clips: np.ndarray | None = None,
) -> np.ndarray:
    """Distorted copies.

    Args:
        images: uint8 [N, S, S, 3], RGB, S at least 32.
        name: of `CORRUPTIONS`.
        level: 1 (mildest) to 5.
        seed: at least 0; with the position it determines all random numbers.
        positions: int [N], of each picture in its split, at least 0; None for 0 to N - 1.
        clips: int [N], equal for frames of one clip, which are in order; None where all are of one clip. For "video".

    Returns:
        uint8 [N, S, S, 3].

    Raises:
        SettingsError: there is no such corruption or level, or its codec is not installed.
    """
    check_corruptions([name])
    if level not in range(1, LEVELS + 1):
        raise SettingsError(f"corruption level: expected 1 to {LEVELS}, found {level}")
    corruption = CORRUPTIONS[name]
    value = corruption.values[level - 1]
    if not len(images):
        return images.copy()
    if corruption.where == DEVICE:
        positions = np.arange(len(images)) if positions is None else positions
        return _on_device(images, _ON_DEVICE[name], value, seed, np.asarray(positions, np.uint32))
    if corruption.where == HOST:
        return np.stack(_in_threads(_ON_HOST[name], list(images), value))
    return _by_clip(images, _ON_HOST[name], value, np.zeros(len(images), int) if clips is None else clips)


def psnr(images: np.ndarray, corrupted: np.ndarray) -> np.ndarray:
    """Peak signal-to-noise ratio of each picture, 10 log10(255^2 / MSE), dB: uint8 [N, H, W, 3] twice -> float [N].

    Infinite where nothing changed.
    """
    errors = np.square(images.astype(np.float32) - corrupted.astype(np.float32)).mean(axis=(1, 2, 3))
    with np.errstate(divide="ignore"):
        return 10 * np.log10(255.0**2 / errors)


def _by_clip(images: np.ndarray, apply: HostOperation, value: Any, clips: np.ndarray) -> np.ndarray:
    rows = [np.flatnonzero(clips == clip) for clip in np.unique(clips)]
    corrupted = np.empty_like(images)
    for of_clip, frames in zip(rows, _in_threads(apply, [images[r] for r in rows], value), strict=True):
        corrupted[of_clip] = frames
    return corrupted


def _in_threads(apply: HostOperation, items: Sequence[np.ndarray], value: Any) -> list[np.ndarray]:
    with ThreadPoolExecutor(processors()) as threads:  # OpenCV and libx264 release the interpreter's lock
        return list(threads.map(lambda item: apply(item, value), items))


def _on_device(images: np.ndarray, operation: _OnDevice, value: Any, seed: int, positions: np.ndarray) -> np.ndarray:
    operand = operation.operand(value, images.shape[1])

    def apply(images: np.ndarray, positions: np.ndarray) -> jax.Array:
        return _rounded(operation.apply, images, np.uint32(seed), positions, operand)

    return np.concatenate(list(map_in_batches(apply, (images, positions), PREDICT_BATCH)))


@functools.partial(jax.jit, static_argnums=0)
def _rounded(
    apply: DeviceOperation, images: jax.Array, seed: jax.Array, positions: jax.Array, operand: jax.Array
) -> jax.Array:
    keys = jax.vmap(lambda position: jax.random.fold_in(jax.random.key(seed), position))(positions)
    distorted = apply(images.astype(jnp.float32), keys, operand)
    return jnp.round(jnp.clip(distorted, 0.0, 255.0)).astype(jnp.uint8)

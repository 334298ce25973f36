"""What happens to pictures on their way to a detector, at five levels: the DeeperForensics protocol and more.

Jiang, Li, Wu, Qian, Loy: "DeeperForensics-1.0: A Large-Scale Dataset for Real-World Face Forgery Detection", CVPR 2020,
arXiv 2001.03024. The seven distortions and their parameters are those of the authors' published code (EndlessSora/
DeeperForensics-1.0, `perturbation/distortions.py`; parameters in `add_distortion_to_video.py`), from which ours differ:

- Theirs distort whole videos, mostly of 1080 lines, before faces are cropped; ours distort crops. A blur of 21 px or a
  factor of 6 so takes more of the face, and noise and blocks aren't softened by resizing, nor stored as video again:
  levels are harsher than theirs, the more so the smaller the crop. Figures compare between detectors measured here,
  not with published ones. How harsh a level was on these crops is told by its PSNR.
- What theirs calls JPEG compression makes the picture smaller and larger again without any JPEG. Here that is "resize",
  and "jpeg" is JPEG at five qualities of our own. "recompress" is ours, too: smaller, JPEG, larger, JPEG.
- Blocks are 16 to 80 per whole 256 px of the shorter side, which are none below 256 px; there ours come in proportion.
- Values are rounded to the nearest grey level; theirs are cut off, half a level darker.

Draws are a function of the seed and of the picture's position in its split alone; a worse level has the same draws.
"""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import jax
import jax.numpy as jnp
import numpy as np

from dfdetect_jax.config.rules import one_of
from dfdetect_jax.devices.host import processors
from dfdetect_jax.errors import SettingsError
from dfdetect_jax.evaluation.stress import codecs, distortions

LEVELS = 5
_BATCH = 32  # what the device gets at once; fewer are filled up, so that one shape is compiled
DEVICE, HOST, CLIP = "device", "host", "clip"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Corruption:
    """One way to distort pictures.

    Attributes:
        parameter: what the values are, in words.
        values: one per level, mildest first.
        where: DEVICE, HOST (a picture at a time), or CLIP (all frames of one clip in their order, on the host).
        apply: what does it. DEVICE: (float32 [32, S, S, 3] in [0, 255], keys [32], value) -> the same; HOST: (uint8
            [S, S, 3], value) -> the same; CLIP: (uint8 [T, S, S, 3], value) -> the same.
        operand: of DEVICE, (value, S) -> what `apply` gets in its place.
    """

    parameter: str
    values: tuple
    where: str
    apply: Callable
    operand: Callable = lambda value, size: np.float32(value)


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
        seed: at least 0; with the position it decides all draws.
        positions: int [N], of each picture in its split, at least 0; None for 0 to N - 1.
        clips: int [N], equal for frames of one clip, which stand in their order; None where all are of one clip. Only
            "video" looks at it.

    Returns:
        uint8 [N, S, S, 3].

    Raises:
        SettingsError: there is no such corruption or level, or the codec that it needs is not installed.
    """
    one_of("corruption", name, tuple(CORRUPTIONS))
    if level not in range(1, LEVELS + 1):
        raise SettingsError(f"corruption level: expected 1 to {LEVELS}, found {level}")
    corruption = CORRUPTIONS[name]
    value = corruption.values[level - 1]
    if not len(images):
        return images.copy()
    if corruption.where == DEVICE:
        positions = np.arange(len(images)) if positions is None else positions
        return _on_device(images, corruption, value, seed, np.asarray(positions, np.uint32))
    if corruption.where == HOST:
        return np.stack(_in_threads(corruption.apply, images, value))
    clips = np.zeros(len(images), int) if clips is None else clips
    rows = [np.flatnonzero(clips == clip) for clip in np.unique(clips)]
    corrupted = np.empty_like(images)
    for of_clip, frames in zip(rows, _in_threads(corruption.apply, [images[r] for r in rows], value), strict=True):
        corrupted[of_clip] = frames
    return corrupted


def check_names(names: Sequence[str]) -> None:
    """Refuses what can't be done here, before hours are spent.

    Raises:
        SettingsError: there is no corruption of some name, or the codec that it needs is not installed.
    """
    for name in names:
        one_of("corruption", name, tuple(CORRUPTIONS))
        if CORRUPTIONS[name].where == CLIP:
            codecs.require_av()


def psnr(images: np.ndarray, corrupted: np.ndarray) -> np.ndarray:
    """Peak signal-to-noise ratio of each picture, 10 log10(255^2 / MSE), dB: uint8 [N, H, W, 3] twice -> float [N].

    Infinite where nothing changed.
    """
    errors = np.square(images.astype(np.float32) - corrupted.astype(np.float32)).mean(axis=(1, 2, 3))
    with np.errstate(divide="ignore"):
        return 10 * np.log10(255.0**2 / errors)


def _in_threads(apply: Callable, items: Sequence, value) -> list:
    with ThreadPoolExecutor(processors()) as threads:  # OpenCV and libx264 let go of the interpreter's lock
        return list(threads.map(lambda item: apply(item, value), items))


def _on_device(images: np.ndarray, corruption: Corruption, value, seed: int, positions: np.ndarray) -> np.ndarray:
    operand = corruption.operand(value, images.shape[1])
    parts = []
    for start in range(0, len(images), _BATCH):
        part, places = images[start : start + _BATCH], positions[start : start + _BATCH]
        filling = _BATCH - len(part)
        part = np.pad(part, ((0, filling), (0, 0), (0, 0), (0, 0)))
        result = _rounded(corruption.apply, part, np.uint32(seed), np.pad(places, (0, filling)), operand)
        parts.append(np.asarray(result)[: _BATCH - filling])
    return np.concatenate(parts)


@functools.partial(jax.jit, static_argnums=0)
def _rounded(apply: Callable, images: jax.Array, seed: jax.Array, positions: jax.Array, operand) -> jax.Array:
    keys = jax.vmap(lambda position: jax.random.fold_in(jax.random.key(seed), position))(positions)
    distorted = apply(images.astype(jnp.float32), keys, operand)
    return jnp.round(jnp.clip(distorted, 0.0, 255.0)).astype(jnp.uint8)


CORRUPTIONS: dict[str, Corruption] = {
    "saturation": Corruption(
        parameter="factor on chroma", values=(0.4, 0.3, 0.2, 0.1, 0.0), where=DEVICE, apply=distortions.saturation
    ),
    "contrast": Corruption(
        parameter="factor on all values",
        values=(0.85, 0.725, 0.6, 0.475, 0.35),
        where=DEVICE,
        apply=distortions.contrast,
    ),
    "blocks": Corruption(
        parameter="grey blocks of 8 px per 256 px of the side",
        values=(16, 32, 48, 64, distortions.MOST_BLOCKS),
        where=DEVICE,
        apply=distortions.blocks,
    ),
    "noise": Corruption(
        parameter="variance in Y, Cb, Cr",
        values=(0.001, 0.002, 0.005, 0.01, 0.05),
        where=DEVICE,
        apply=distortions.noise,
    ),
    "blur": Corruption(
        parameter="Gaussian kernel, px",
        values=(7, 9, 13, 17, 21),
        where=DEVICE,
        apply=distortions.separable,
        operand=distortions.blur_matrix,
    ),
    "resize": Corruption(
        parameter="factor down and up again",
        values=(2, 3, 4, 5, 6),
        where=DEVICE,
        apply=distortions.separable,
        operand=distortions.resize_matrix,
    ),
    "jpeg": Corruption(parameter="JPEG quality", values=(90, 70, 50, 30, 10), where=HOST, apply=codecs.jpeg),
    "recompress": Corruption(
        parameter="[scale, JPEG quality], down and stored, up and stored again",
        values=((0.9, 90), (0.8, 80), (0.7, 70), (0.6, 60), (0.5, 50)),
        where=HOST,
        apply=lambda image, value: codecs.share_twice(image, *value),
    ),
    "video": Corruption(parameter="H.264 CRF", values=(30, 32, 35, 38, 40), where=CLIP, apply=codecs.h264),
}

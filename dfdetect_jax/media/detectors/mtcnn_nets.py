"""MTCNN's three networks as pure functions (Zhang et al., "Joint Face Detection and Alignment Using Multitask Cascaded
Convolutional Networks", IEEE Signal Processing Letters 2016), on the weights that the `mtcnn` wheel carries.

The wheel's own code is never imported, as it needs TensorFlow.
"""

import hashlib
import importlib.util
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import joblib
import numpy as np

from dfdetect_jax.errors import SettingsError
from dfdetect_jax.models.operations import conv3x3

# The files are pickles, which can run code when opened: only files of these digests are opened.
SHA256 = {
    "pnet": "ea6b0c3e685ebee3165326ad6484acc95f2ef78f1c94fbf40a55704fa989f7b5",
    "rnet": "cb00e6460f3c98b0bfafaba3c0a0ded4bdf6e62cee7174d969e8670d7e757fee",
    "onet": "94f6ea2f4cf985275ee958cdd762d17b6009348a4fb9d8c6be39ba73ffd22ca3",
}

Weights = Sequence[Any]


def load_weights() -> dict[str, Weights]:
    """Reads the weights of "pnet", "rnet" and "onet".

    Returns:
        Per network float32 arrays: for each layer kernel (HWIO, or [in, out]), bias and PReLU slopes, then for each
        head kernel and bias, in the order box, landmarks (onet only), class.

    Raises:
        SettingsError: the wheel isn't installed, or carries other bytes than the known ones.
    """
    spec = importlib.util.find_spec("mtcnn")
    advice = 'pip install "mtcnn==1.0.0", or use the face detector "haar"'
    if spec is None or not spec.submodule_search_locations:
        raise SettingsError(f'face detector "mtcnn": expected the package mtcnn for its weights, found none; {advice}')
    folder = Path(spec.submodule_search_locations[0]) / "assets" / "weights"
    return {name: _open_pinned(folder / f"{name}.lz4", digest, advice) for name, digest in SHA256.items()}


def _open_pinned(path: Path, digest: str, advice: str) -> list[np.ndarray]:
    """The arrays in a file of that SHA-256; what was hashed is what is opened.

    Of NumPy, since JAX compiles a program per shape to take them, for half a second.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SettingsError(f'face detector "mtcnn": {path} can\'t be read ({error.strerror}); {advice}') from error
    if hashlib.sha256(content).hexdigest() != digest:
        raise SettingsError(f'face detector "mtcnn": expected SHA-256 {digest} of {path}, found another; {advice}')
    return [np.asarray(array, np.float32) for array in joblib.load(io.BytesIO(content))]


def pnet(weights: Weights, images: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Proposals: every 12 x 12 window at stride 2.

    Args:
        weights: as `load_weights`.
        images: uint8 [N, H, W, 3] RGB, H and W at least 12.

    Returns:
        Box regression float32 [N, h, w, 4] (x0, y0, x1, y1, as shares of the window's side) and probability of a
        face float32 [N, h, w], with h = ceil((H - 2) / 2) - 4.
    """
    layers, heads = weights[:9], weights[9:]
    x = _max_pool(_conv(_normalise(images), layers[0:3]), 2)
    x = _conv(_conv(x, layers[3:6]), layers[6:9])
    box = x @ heads[0][0, 0] + heads[1]
    return box, _face_probability(x @ heads[2][0, 0] + heads[3])


def rnet(weights: Weights, patches: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Refines candidates.

    Args:
        weights: as `load_weights`.
        patches: uint8 [N, 24, 24, 3] RGB.

    Returns:
        Box regression float32 [N, 4], as shares of the patch's side, and probability of a face float32 [N].
    """
    layers, heads = weights[:12], weights[12:]
    x = _max_pool(_conv(_normalise(patches), layers[0:3]), 3)
    x = _max_pool(_conv(x, layers[3:6]), 3)
    x = _dense(_flatten(_conv(x, layers[6:9])), layers[9:12])
    return x @ heads[0] + heads[1], _face_probability(x @ heads[2] + heads[3])


def onet(weights: Weights, patches: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Refines candidates once more and finds the landmarks.

    Args:
        weights: as `load_weights`.
        patches: uint8 [N, 48, 48, 3] RGB.

    Returns:
        Box regression float32 [N, 4] and landmarks float32 [N, 10] (five x, then five y), as shares of the patch's
        side, and probability of a face float32 [N].
    """
    layers, heads = weights[:15], weights[15:]
    x = _max_pool(_conv(_normalise(patches), layers[0:3]), 3)
    x = _max_pool(_conv(x, layers[3:6]), 3)
    x = _max_pool(_conv(x, layers[6:9]), 2)
    x = _dense(_flatten(_conv(x, layers[9:12])), layers[12:15])
    return x @ heads[0] + heads[1], x @ heads[2] + heads[3], _face_probability(x @ heads[4] + heads[5])


def _normalise(images: jax.Array) -> jax.Array:
    """uint8 to float32 in [-1, 1)."""
    return (images.astype(jnp.float32) - 127.5) / 128


def _conv(x: jax.Array, layer: Weights) -> jax.Array:
    """A convolution without padding, and PReLU: float32 [N, H, W, C] to [N, h, w, D]."""
    kernel, bias, slope = layer
    if kernel.shape[:2] == (3, 3):
        return _prelu(conv3x3(x, kernel, padding="VALID") + bias, slope)
    x = jax.lax.conv_general_dilated(x, kernel, (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC"))
    return _prelu(x + bias, slope)


def _dense(x: jax.Array, layer: Weights) -> jax.Array:
    """A dense layer and PReLU: float32 [N, C] to [N, D]."""
    kernel, bias, slope = layer
    return _prelu(x @ kernel + bias, slope)


def _prelu(x: jax.Array, slope: jax.Array) -> jax.Array:
    return jnp.where(x > 0, x, slope * x)


def _max_pool(x: jax.Array, window: int) -> jax.Array:
    """Maximum over `window` x `window` at stride 2, float32 [N, H, W, C] to [N, h, w, C].

    As in Caffe, a last window that reaches over the edge counts.
    """
    height, width = (-(-(side - window) // 2) + 1 for side in x.shape[1:3])
    reach = [(0, 2 * (n - 1) + window - side) for n, side in zip((height, width), x.shape[1:3], strict=True)]
    x = jnp.pad(x, ((0, 0), *((0, max(0, end)) for _, end in reach), (0, 0)), constant_values=-jnp.inf)
    shifts = [(i, j) for i in range(window) for j in range(window)]
    strided = [x[:, i : i + 2 * height - 1 : 2, j : j + 2 * width - 1 : 2] for i, j in shifts]
    return jnp.stack(strided).max(axis=0)


def _flatten(x: jax.Array) -> jax.Array:
    """[N, H, W, C] to [N, W * H * C]: the weights come from Caffe's MATLAB side, where columns come first."""
    return x.transpose(0, 2, 1, 3).reshape(x.shape[0], -1)


def _face_probability(logits: jax.Array) -> jax.Array:
    """Of logits for (no face, face), float32 [..., 2]: [...] in [0, 1]."""
    return jax.nn.softmax(logits, axis=-1)[..., 1]

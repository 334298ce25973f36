"""The camera and the publishing pipeline, the same for real and forged pictures.

`expose` makes a photograph of a painted scene: an authentic picture, before any manipulation. `publish` follows for
every picture, forged or not: resizing, a little noise, JPEG. Photographs from disk are published like painted ones.
"""

import cv2
import numpy as np

QUALITY = (90, 98)  # of the JPEG file, uniform
RESIZE = (0.95, 1.05)
SHOT_NOISE, READ_NOISE = 3e-4, 2e-6  # variance, per unit of light and at zero light; 1 is white
NOISE = (0.2, 0.6)  # standard deviation, grey levels


def expose(light: np.ndarray, exposure: float, warmth: float, rng: np.random.Generator) -> np.ndarray:
    """Lens, sensor and tone curve.

    Args:
        light: float32 [H, W, 3], linear, at least 0, 1 is white.
        exposure: factor on the light.
        warmth: red is multiplied by 1 + warmth, blue by 1 - warmth.
        rng: source of the sensor's noise.

    Returns:
        uint8 [H, W, 3], RGB.
    """
    light = cv2.GaussianBlur(light, (0, 0), rng.uniform(0.45, 0.7))
    light = light * (exposure * np.array([1 + warmth, 1, 1 - warmth], np.float32))
    gain = rng.uniform(0.9, 1.5)
    noise = rng.standard_normal(light.shape, dtype=np.float32)
    noise = 0.75 * noise + 0.6 * cv2.GaussianBlur(noise, (0, 0), 0.8)  # demosaicing spreads it
    light = light + gain * np.sqrt(SHOT_NOISE * np.maximum(light, 0) + READ_NOISE) * noise
    return (np.clip(light, 0, 1) ** np.float32(1 / 2.2) * 255 + 0.5).astype(np.uint8)


def publish(
    picture: np.ndarray, mask: np.ndarray, points: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Resizes a picture and stores it as JPEG, as a platform does with an upload.

    The random numbers don't depend on the content: real and forged pictures with equal `rng` are processed alike.

    Args:
        picture: uint8 [H, W, 3], RGB.
        mask: uint8 [H, W] in {0, 255}.
        points: float [N, 2], pixels.
        rng: source of the size, the noise and the quality.

    Returns:
        All three after resizing: the picture decoded from JPEG, uint8 [h, w, 3] RGB; the mask, uint8 [h, w] in {0,
        255}; the points, float [N, 2].
    """
    height, width = picture.shape[:2]
    factor = rng.uniform(*RESIZE)
    size = (round(width * factor), round(height * factor))
    scale = np.array([size[0] / width, size[1] / height])
    resized = cv2.resize(picture, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC)
    noise = rng.uniform(*NOISE) * rng.standard_normal(resized.shape, dtype=np.float32)
    noisy = np.clip(resized + noise + 0.5, 0, 255).astype(np.uint8)
    quality = int(rng.integers(QUALITY[0], QUALITY[1] + 1))
    _, stored = cv2.imencode(".jpg", noisy[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = np.asarray(cv2.imdecode(stored, cv2.IMREAD_COLOR))[..., ::-1]
    mask = np.where(cv2.resize(mask, size, interpolation=cv2.INTER_LINEAR) >= 128, 255, 0).astype(np.uint8)
    return np.ascontiguousarray(decoded), mask, (points + 0.5) * scale - 0.5

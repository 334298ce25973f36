"""The shape of a face: outline, relief and the five landmarks, all in face units (see `person.py`).

`(u, v)` are coordinates on the frontal face, `(x, y)` those of its projection after the head has turned.
"""

import cv2
import numpy as np

from dfdetect_jax.data.forge.person import Person, Sitting

CENTER = (0.0, 0.1)  # of the polar outline
HEAD_DEPTH = 0.85
NOSE_DEPTH = 0.3

# Polar outline: angle from "down" (the chin) to "up" (the crown), radians, and radius.
_ANGLES = np.deg2rad([0, 12, 25, 40, 60, 80, 100, 120, 140, 160, 180])
_RADII = np.array([1.52, 1.50, 1.37, 1.19, 1.01, 0.95, 0.98, 1.10, 1.29, 1.48, 1.56])


def bump(u: np.ndarray, v: np.ndarray, at: tuple[float, float], width: float, height: float) -> np.ndarray:
    """A Gaussian of peak 1 at `at` with standard deviations `width` (along u) and `height` (along v), face units.

    Args:
        u: float [...], to the right, face units.
        v: float of the same shape, down.
        at: (u, v) of the peak.
        width: face units.
        height: face units.

    Returns:
        float of the same shape in [0, 1].
    """
    return np.exp(-0.5 * (((u - at[0]) / width) ** 2 + ((v - at[1]) / height) ** 2))


def outline_radius(person: Person, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Radius of the head's outline in the direction of (u, v) from CENTER.

    Args:
        person: whose head.
        u: float [...], face units.
        v: float of the same shape.

    Returns:
        float32 of the same shape, positive, face units.
    """
    radii = _RADII.copy()
    radii[:3] += person.chin
    radii[2:5] += person.jaw
    radii[8:] += person.forehead
    radii = radii * np.array([person.length] * 3 + [1.0] * 8)
    fine = np.linspace(0, np.pi, 181)
    curve = np.interp(fine, _ANGLES, radii)
    curve = np.convolve(np.pad(curve, 8, mode="reflect"), np.hanning(19)[1:-1] / np.hanning(19).sum(), mode="valid")
    angle = np.arctan2(np.abs(u - CENTER[0]), v - CENTER[1])
    return np.interp(angle, fine, curve).astype(np.float32)


def depth(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Approximate depth (skull and nose) for parallax, larger towards the camera.

    Args:
        u: float [...], face units.
        v: float of the same shape.

    Returns:
        float of the same shape, positive, face units.
    """
    skull = np.sqrt(np.maximum(1 - (u / 1.05) ** 2 - ((v - 0.1) / 1.75) ** 2, 0) + 0.01)
    return HEAD_DEPTH * skull + NOSE_DEPTH * bump(u, v, (0.0, 0.5), 0.2, 0.26)


def turn(u: np.ndarray, v: np.ndarray, sitting: Sitting) -> tuple[np.ndarray, np.ndarray]:
    """Projects points of the frontal face after yaw and pitch: (u, v) -> (x, y), float [...] each, face units."""
    z = depth(u, v)
    x = u * np.cos(sitting.yaw) + z * np.sin(sitting.yaw)
    return x, v * np.cos(sitting.pitch) + z * np.sin(sitting.pitch)


def unturn(x: np.ndarray, y: np.ndarray, sitting: Sitting) -> tuple[np.ndarray, np.ndarray]:
    """Inverse of `turn` by fixed-point iteration, which contracts for all poses of `draw_sitting`.

    Args:
        x: float [...], face units.
        y: float of the same shape.
        sitting: the pose.

    Returns:
        u and v, float32 of the same shape, face units.
    """
    u, v = x - 0.6 * np.sin(sitting.yaw), y - 0.6 * np.sin(sitting.pitch)
    for _ in range(4):
        z = depth(u, v)
        u = (x - z * np.sin(sitting.yaw)) / np.cos(sitting.yaw)
        v = (y - z * np.sin(sitting.pitch)) / np.cos(sitting.pitch)
    return u.astype(np.float32), v.astype(np.float32)


def landmarks(person: Person, sitting: Sitting) -> np.ndarray:
    """Eyes, nose tip and mouth corners before turning, left before right: float64 [5, 2] of (u, v), face units."""
    corner = person.mouth_height - mouth_lift(sitting)
    wide = mouth_half_width(person, sitting)
    return np.array(
        [
            [-person.eye_gap, 0.0],
            [person.eye_gap, 0.0],
            [0.0, person.nose_length - 0.02],
            [-wide, corner],
            [wide, corner],
        ]
    )


def mouth_lift(sitting: Sitting) -> float:
    """Height of the mouth's corners above its middle, face units."""
    return 0.02 + 0.06 * sitting.smile


def mouth_half_width(person: Person, sitting: Sitting) -> float:
    """Half the distance of the mouth's corners, face units."""
    return person.mouth_width * (1 + 0.18 * sitting.smile)


def relief(person: Person, sitting: Sitting, u: np.ndarray, v: np.ndarray, rho: np.ndarray) -> np.ndarray:
    """Height of the face's surface.

    Args:
        person: whose face.
        sitting: expression.
        u: float32 [H, W], coordinates on the frontal face, face units.
        v: float32 [H, W], as `u`, down.
        rho: float32 [H, W], distance from CENTER over the outline's radius, 1 on the outline.

    Returns:
        float32 [H, W], face units, larger towards the camera.
    """
    a = np.abs(u)
    nose = person.nose_length
    mouth = person.mouth_height
    z = HEAD_DEPTH * np.sqrt(np.maximum(1 - rho**2.4, 0) + 1e-3)
    along = np.clip((v + 0.12) / (nose + 0.06), 0, 1)
    base = 1 / (1 + np.exp(np.clip((v - nose - 0.05) / 0.022, -30, 30)))
    ridge_width = (0.075 + 0.05 * along) * person.nose_width
    z = z + base * 0.27 * along**1.2 * np.exp(-0.5 * (u / ridge_width) ** 2)
    z = z + 0.07 * bump(u, v, (0.0, nose - 0.03), 0.1 * person.nose_width, 0.07)
    z = z + base * 0.09 * bump(a, v, (0.15 * person.nose_width, nose + 0.0), 0.06, 0.065)
    z = z - 0.12 * bump(a, v, (person.eye_gap - 0.04, -0.06), 0.2, 0.12)
    z = z + 0.055 * bump(a, v, (person.eye_gap, 0.0), 0.14, 0.09)
    z = z + 0.05 * bump(a, v, (0.38, -person.brow_height), 0.25, 0.08)
    z = z + (0.07 + 0.05 * sitting.smile) * bump(a, v, (0.56, 0.42 - 0.05 * sitting.smile), 0.2, 0.18)
    z = z + 0.06 * bump(u, v, (0.0, mouth), 0.34, 0.22)
    z = z - 0.02 * bump(u, v, (0.0, (nose + mouth) / 2 + 0.03), 0.04, 0.08)
    z = z - 0.045 * bump(u, v, (0.0, mouth + 0.24), 0.2, 0.05) + 0.08 * bump(u, v, (0.0, mouth + 0.42), 0.2, 0.14)
    fold = a - (0.2 + 0.24 * np.clip((v - nose) / (mouth - nose + 0.05), 0, 1.3))
    span = np.exp(-(((v - (nose + mouth) / 2) / 0.26) ** 2))
    return (z - (0.008 + 0.02 * person.age + 0.025 * sitting.smile) * span * np.exp(-0.5 * (fold / 0.035) ** 2)).astype(
        np.float32
    )


def shading(z: np.ndarray, pixel: float, light: np.ndarray, ambient: float) -> tuple[np.ndarray, np.ndarray]:
    """Shades a height field.

    Args:
        z: float32 [H, W], height, face units.
        pixel: size of a pixel, face units.
        light: float [3], unit vector to the lamp.
        ambient: share of ambient light, in [0, 1].

    Returns:
        diffuse: float32 [H, W, 3], linear light, 1 is white; wrapped Lambert, with the widest wrap in red, as light
            scatters under skin.
        gloss: float32 [H, W] in [0, 1], Blinn-Phong highlight.
    """
    scale = 1 / (8 * pixel)
    dx = cv2.Sobel(z, cv2.CV_32F, 1, 0, ksize=3, scale=scale, borderType=cv2.BORDER_REPLICATE)
    dy = cv2.Sobel(z, cv2.CV_32F, 0, 1, ksize=3, scale=scale, borderType=cv2.BORDER_REPLICATE)
    facing = 1 / np.sqrt(1 + dx * dx + dy * dy)
    lambert = (light[2] - light[0] * dx - light[1] * dy) * facing
    half = light + np.array([0.0, 0.0, 1.0])
    half = half / np.linalg.norm(half)
    gloss = np.maximum((half[2] - half[0] * dx - half[1] * dy) * facing, 0) ** 18
    hollow = np.clip((cv2.GaussianBlur(z, (0, 0), 0.14 / pixel) - z) * 3.0, 0, 0.5)
    occlusion = (1 - hollow) * _cast_shadow(z, pixel, light)
    wrap = np.array([0.38, 0.22, 0.16], np.float32)
    diffuse = np.maximum((lambert[..., None] + wrap) / (1 + wrap), 0)
    return (
        (ambient * (0.75 + 0.25 * facing - 0.12 * dy * facing) * (1 - hollow))[..., None]
        + (1 - ambient) * 1.15 * diffuse * occlusion[..., None],
        gloss * occlusion,
    )


def _cast_shadow(z: np.ndarray, pixel: float, light: np.ndarray) -> np.ndarray:
    """1 in the light, lower where the surface occludes the lamp, by a short march over the height field.

    Args:
        z: float32 [H, W], height, face units.
        pixel: size of a pixel, face units.
        light: float [3], unit vector to the lamp.

    Returns:
        float32 [H, W] in [0.35, 1].
    """
    flat = np.hypot(light[0], light[1])
    direction = np.array([light[0], light[1]]) / max(flat, 1e-6)
    rise = light[2] / max(flat, 1e-6)
    blocked = np.zeros_like(z)
    for distance in (0.06, 0.12, 0.2, 0.3):
        shift = -direction * distance / pixel
        moved = cv2.warpAffine(
            z,
            np.array([[1, 0, shift[0]], [0, 1, shift[1]]]),
            z.shape[::-1],
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        blocked = np.maximum(blocked, moved - z - 0.55 * distance * rise)
    return 1 - 0.65 * cv2.GaussianBlur(np.clip(blocked / 0.06, 0, 1), (0, 0), 0.02 / pixel + 0.5)

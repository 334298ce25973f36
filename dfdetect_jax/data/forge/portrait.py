"""Paints a portrait: background, clothes, neck, head, features and hair, then takes its photograph.

Layers are linear-light float32 [H, W, 3]; colours of a `Person` are sRGB and converted when used.
"""

import dataclasses

import cv2
import numpy as np

from dfdetect_jax.data.forge import anatomy
from dfdetect_jax.data.forge.anatomy import bump
from dfdetect_jax.data.forge.camera import expose
from dfdetect_jax.data.forge.features import paint_brows, paint_eyes, paint_mouth, paint_nostrils
from dfdetect_jax.data.forge.hair import paint_back_hair, paint_beard, paint_hair
from dfdetect_jax.data.forge.person import Person, Sitting
from dfdetect_jax.data.forge.texture import fractal_noise, sample, value_noise
from dfdetect_jax.media.face import Face


@dataclasses.dataclass
class Canvas:
    """What the painters share.

    Attributes:
        color: float32 [H, W, 3], the picture so far, linear light.
        x: float32 [H, W], coordinates of each pixel after the head's turn; face units, with the shoulders upright.
        y: the same, downwards.
        u: float32 [H, W], coordinates on the frontal face.
        v: the same, downwards.
        rho: float32 [H, W], 0 at the middle of the head, 1 on its outline.
        pixel: size of a pixel, face units.
    """

    color: np.ndarray
    x: np.ndarray
    y: np.ndarray
    u: np.ndarray
    v: np.ndarray
    rho: np.ndarray
    pixel: float

    def cover(self, distance: np.ndarray, softness: float = 0.0) -> np.ndarray:
        """Share of each pixel inside a shape, [H, W] in [0, 1], from signed `distance` (face units, negative inside)."""
        return np.clip(0.5 - distance / (1.2 * self.pixel + softness), 0, 1)

    def lay(self, color: np.ndarray, alpha: np.ndarray) -> None:
        """Paints `color` ([H, W, 3] or [3]) over the picture with opacity `alpha` [H, W]."""
        self.color += alpha[..., None] * (color - self.color)


def linear(color: np.ndarray) -> np.ndarray:
    """sRGB in [0, 1] to linear light, by a power of 2.2; float32."""
    return np.asarray(color, np.float32) ** np.float32(2.2)


def portrait(person: Person, sitting: Sitting, side: int, unit: float) -> tuple[np.ndarray, Face]:
    """Photographs a person.

    Args:
        person: who.
        sitting: pose, expression, light and surroundings.
        side: side of the picture, pixels.
        unit: pixels per face unit at zoom 1.

    Returns:
        picture: uint8 [side, side, 3], RGB, with the noise of a sensor.
        face: its box and five landmarks, exact, pixels.
    """
    rng = np.random.default_rng(sitting.seed)
    canvas, to_picture = _open_canvas(person, sitting, side, unit)
    _paint_background(canvas, sitting, rng)
    paint_back_hair(canvas, person, rng)
    _paint_body(canvas, person, sitting, rng)
    _paint_ears(canvas, person, sitting)
    _paint_head(canvas, person, sitting, rng)
    paint_hair(canvas, person, sitting)
    picture = expose(canvas.color, sitting.exposure, sitting.warmth, rng)
    return picture, _face(person, sitting, to_picture)


def _open_canvas(person: Person, sitting: Sitting, side: int, unit: float) -> tuple[Canvas, np.ndarray]:
    scale = unit * sitting.zoom
    cos, sin = scale * np.cos(sitting.roll), scale * np.sin(sitting.roll)
    origin = (side - 1) / 2 + scale * np.array([sitting.shift[0], sitting.shift[1] - 0.42])
    to_picture = np.array([[cos, -sin, origin[0]], [sin, cos, origin[1]]])
    inverse = cv2.invertAffineTransform(to_picture).astype(np.float32)
    column, row = np.meshgrid(np.arange(side, dtype=np.float32), np.arange(side, dtype=np.float32))
    x = inverse[0, 0] * column + inverse[0, 1] * row + inverse[0, 2]
    y = inverse[1, 0] * column + inverse[1, 1] * row + inverse[1, 2]
    u, v = (c.astype(np.float32) for c in anatomy.unturn(x, y, sitting))
    rho = np.hypot(u - anatomy.CENTER[0], v - anatomy.CENTER[1]) / anatomy.outline_radius(person, u, v)
    color = np.zeros((side, side, 3), np.float32)
    return Canvas(color=color, x=x, y=y, u=u, v=v, rho=rho, pixel=1 / scale), to_picture


def _face(person: Person, sitting: Sitting, to_picture: np.ndarray) -> Face:
    x, y = anatomy.turn(*anatomy.landmarks(person, sitting).T, sitting)
    points = np.stack([x, y, np.ones(5)], axis=1) @ to_picture.T
    outline = np.array([[-0.95, 0.95, 0.0, 0.0], [0.2, 0.2, -0.85, 1.5 * person.length + 0.1]])
    x, y = anatomy.turn(*outline, sitting)
    edge = np.stack([x, y, np.ones(4)], axis=1) @ to_picture.T
    box = np.concatenate([edge.min(axis=0), edge.max(axis=0)]).astype(np.float32)
    return Face(box=box, landmarks=points.astype(np.float32), confidence=1.0)


def _paint_background(canvas: Canvas, sitting: Sitting, rng: np.random.Generator) -> None:
    """A wall or a room out of focus: two colours across, a few blurred lights and patches."""
    shape = canvas.x.shape
    base = rng.uniform(0.06, 0.85) * (1 + 0.25 * rng.standard_normal((2, 3)))
    base = linear(np.clip(base, 0.03, 0.95))
    angle = rng.uniform(0, 2 * np.pi)
    ramp = np.clip(0.5 + (np.cos(angle) * canvas.x + np.sin(angle) * canvas.y) / 5, 0, 1)
    canvas.color[:] = base[0] + ramp[..., None] * (base[1] - base[0])
    rough = fractal_noise(rng, shape, 0.8 / canvas.pixel, 4) * rng.uniform(0.0, 0.35)
    canvas.color *= np.exp(rough)[..., None]
    focus = rng.uniform(0.04, 0.3)
    for _ in range(rng.integers(0, 7)):
        at, size = rng.uniform(-3, 3, 2), rng.uniform(0.15, 0.9, 2)
        away = np.maximum(np.abs(canvas.x - at[0]) - size[0], np.abs(canvas.y - at[1]) - size[1])
        if rng.random() < 0.4:
            away = np.hypot(canvas.x - at[0], canvas.y - at[1]) - size[0]
        patch = linear(np.clip(rng.uniform(0.05, 0.95) * (1 + 0.2 * rng.standard_normal(3)), 0.02, 1))
        canvas.lay(patch, canvas.cover(away, focus) * rng.uniform(0.3, 1.0))


def _paint_body(canvas: Canvas, person: Person, sitting: Sitting, rng: np.random.Generator) -> None:
    """Neck and clothes; the cloth has a weave, stripes or nothing, and folds."""
    x, y = canvas.x, canvas.y
    width = 0.62 + 0.25 * person.jaw + 0.14 * np.clip(y - 1.5, 0, 1) ** 2
    round_off = np.sqrt(np.maximum(1 - (x / (width + 0.02)) ** 2, 0))
    side = np.clip(0.62 + 0.5 * x / width * sitting.light[0], 0.2, 1.2)
    chin_shadow = 0.45 + 0.55 * np.clip((y - 1.45) / 0.7, 0, 1)
    skin = linear(person.skin) * (sitting.ambient + (1 - sitting.ambient) * side * round_off * chin_shadow)[..., None]
    skin *= (0.96 * chin_shadow**0.5 * (1 + 0.05 * value_noise(rng, x.shape, 2.0)))[..., None]
    canvas.lay(skin, canvas.cover(np.maximum(np.abs(x) - width, 0.6 - y)))
    cloth = linear(np.clip(rng.uniform(0.05, 0.85) * (1 + 0.35 * rng.standard_normal(3)), 0.02, 0.95))
    folds = fractal_noise(rng, x.shape, 0.35 / canvas.pixel, 3)
    weave = rng.uniform(0.0, 0.18) * value_noise(rng, x.shape, rng.uniform(1.0, 2.5))
    stripes = np.sin((x * rng.uniform(-1, 1) + y) * rng.uniform(8, 30)) * rng.choice([0.0, 0.0, 0.3])
    body = cloth * (sitting.ambient + (1 - sitting.ambient) * 0.9 * side)[..., None]
    body = body * np.exp(0.22 * folds + weave + stripes)[..., None]
    neckline = 1.95 + rng.uniform(-0.1, 0.5) * np.exp(-((x / rng.uniform(0.25, 0.5)) ** 2))
    shoulder = neckline + 0.32 * np.clip(np.abs(x) - 0.55, 0, 4) ** 1.3
    canvas.lay(body, canvas.cover(np.maximum(shoulder - y, np.abs(x) - 2.6), 0.02))


def _paint_ears(canvas: Canvas, person: Person, sitting: Sitting) -> None:
    a = np.abs(canvas.u) - 1.0
    away = np.hypot(a / 0.6, canvas.v - 0.12) - 0.3
    inner = np.hypot((a - 0.04) / 0.5, canvas.v - 0.1) - 0.14
    side = np.clip(0.5 + 0.45 * np.sign(canvas.u) * sitting.light[0], 0.1, 1.0)
    light = sitting.ambient + (1 - sitting.ambient) * side
    light = light * (1 - 0.45 * canvas.cover(inner, 0.12)) * (1 - 0.3 * np.clip(1 + away / 0.08, 0, 1))
    canvas.lay(linear(person.skin * [1.0, 0.93, 0.9]) * light[..., None], canvas.cover(away))


def _paint_head(canvas: Canvas, person: Person, sitting: Sitting, rng: np.random.Generator) -> None:
    u, v, pixel = canvas.u, canvas.v, canvas.pixel
    z = anatomy.relief(person, sitting, u, v, canvas.rho)
    pores = value_noise(rng, u.shape, 1.0) + 0.7 * value_noise(rng, u.shape, 2.3)
    z += (0.10 + 0.08 * person.age) * pixel * pores * np.clip(1.6 - canvas.rho, 0, 1)
    diffuse, gloss = anatomy.shading(z, pixel, sitting.light, sitting.ambient)
    albedo = _skin(canvas, person)
    paint_beard(canvas, person, albedo)
    sheen = (0.05 + 0.12 * np.exp(-((u / 0.35) ** 2))) * gloss * (1 + 0.35 * pores)
    skin = albedo * diffuse + np.clip(sheen, 0, None)[..., None]
    canvas.lay(skin, canvas.cover((canvas.rho - 1) * 1.2))
    paint_nostrils(canvas, person)
    paint_mouth(canvas, person, sitting, diffuse, gloss)
    paint_eyes(canvas, person, sitting, diffuse)
    paint_brows(canvas, person, sitting, diffuse)


def _skin(canvas: Canvas, person: Person) -> np.ndarray:
    """Albedo of the skin, float32 [H, W, 3]: tone, flush, shadows under the eyes, mottling, freckles, moles."""
    u, v = canvas.u, canvas.v
    a = np.abs(u)
    rng = np.random.default_rng(person.seed)
    mottle = fractal_noise(rng, (256, 256), 24, 4)
    spots = value_noise(rng, (256, 256), 2.6)
    moles = value_noise(rng, (256, 256), 4.0)
    column, row = (u + 2.5) * 51, (v + 2.2) * 51
    tone = np.log(linear(person.skin))[None, None] + 0.07 * sample(mottle, column, row)[..., None]
    flush = bump(a, v, (0.5, 0.5), 0.22, 0.2) + 0.7 * bump(u, v, (0.0, person.nose_length - 0.05), 0.14, 0.12)
    flush = person.redness * (flush + 0.4 * bump(u, v, (0.0, 1.45), 0.2, 0.15))
    tone = tone + flush[..., None] * np.array([0.02, -0.20, -0.16], np.float32)
    tired = (0.12 + 0.25 * person.age) * bump(a, v, (person.eye_gap - 0.02, 0.13), 0.2, 0.06)
    tired = tired + 0.22 * bump(a, v, (person.eye_gap, -0.1), 0.2, 0.06)
    tone = tone - tired[..., None] * np.array([0.8, 1.0, 0.9], np.float32)
    upper = np.clip(1.1 - np.abs(v - 0.35) / 0.8, 0, 1)
    dots = person.freckles * np.clip(sample(spots, column, row) - 0.75, 0, 0.5) * upper
    dots = dots + 1.2 * np.clip(sample(moles, column * 0.8, row * 0.8) - 2.05, 0, 0.6)
    lines = (
        np.sin((v + 0.05 * u**2) * 55) * bump(u, v, (0.0, -0.62), 0.45, 0.16) * np.clip(person.age - 0.45, 0, 1) * 0.25
    )
    return np.exp(tone - (dots + np.clip(lines, 0, None))[..., None] * np.array([0.7, 1.1, 1.3], np.float32)).astype(
        np.float32
    )

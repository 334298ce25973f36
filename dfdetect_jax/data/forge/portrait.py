"""Paints a portrait, from the background forward, and photographs it."""

import cv2
import numpy as np

from dfdetect_jax.data.forge import anatomy
from dfdetect_jax.data.forge.anatomy import bump
from dfdetect_jax.data.forge.camera import expose
from dfdetect_jax.data.forge.features import paint_brows, paint_eyes, paint_mouth, paint_nostrils
from dfdetect_jax.data.forge.hair import paint_back_hair, paint_beard, paint_hair
from dfdetect_jax.data.forge.person import Person, Sitting
from dfdetect_jax.data.forge.portrait_canvas import Canvas, linear
from dfdetect_jax.data.forge.surroundings import paint_background, paint_body
from dfdetect_jax.data.forge.texture import noise_map, sample
from dfdetect_jax.media.face import Face

SIGHT_LINE = 0.3  # distance of the picture's middle below the eyes, face units


def portrait(person: Person, sitting: Sitting, side: int, unit: float) -> tuple[np.ndarray, Face]:
    """Photographs a person.

    Args:
        person: to paint.
        sitting: pose, expression, light and surroundings.
        side: side of the picture, pixels.
        unit: pixels per face unit at zoom 1.

    Returns:
        picture: uint8 [side, side, 3], RGB, with the noise of a sensor.
        face: its box and five landmarks, exact, pixels.
    """
    rng = np.random.default_rng(sitting.seed)
    canvas, to_picture = _open_canvas(person, sitting, side, unit)
    paint_background(canvas, rng)
    paint_back_hair(canvas, person)
    paint_body(canvas, person, sitting, rng)
    _paint_ears(canvas, person, sitting)
    _paint_head(canvas.where(canvas.rho < 1.1), person, sitting, rng)
    paint_hair(canvas, person, sitting)
    return expose(canvas.color, sitting.exposure, sitting.warmth, rng), _face(person, sitting, to_picture)


def _open_canvas(person: Person, sitting: Sitting, side: int, unit: float) -> tuple[Canvas, np.ndarray]:
    """An empty canvas and the matrix from (x, y) to pixels, float64 [2, 3]."""
    scale = unit * sitting.zoom
    cos, sin = scale * np.cos(sitting.roll), scale * np.sin(sitting.roll)
    turned = 0.7 * np.sin([sitting.yaw, sitting.pitch])
    origin = (side - 1) / 2 + scale * (np.array(sitting.shift) - [0.0, SIGHT_LINE] - turned)
    to_picture = np.array([[cos, -sin, origin[0]], [sin, cos, origin[1]]])
    inverse = cv2.invertAffineTransform(to_picture).astype(np.float32)
    row, column = np.mgrid[:side, :side].astype(np.float32)
    x = inverse[0, 0] * column + inverse[0, 1] * row + inverse[0, 2]
    y = inverse[1, 0] * column + inverse[1, 1] * row + inverse[1, 2]
    u, v = anatomy.unturn(x, y, sitting)
    rho = np.hypot(u - anatomy.CENTER[0], v - anatomy.CENTER[1]) / anatomy.outline_radius(person, u, v)
    color, diffuse = np.zeros((2, side, side, 3), np.float32)
    gloss = np.zeros((side, side), np.float32)
    canvas = Canvas(color=color, x=x, y=y, u=u, v=v, rho=rho, pixel=1 / scale, diffuse=diffuse, gloss=gloss)
    return canvas, to_picture


def _face(person: Person, sitting: Sitting, to_picture: np.ndarray) -> Face:
    """Box and landmarks, by the matrix from (x, y) to pixels, float64 [2, 3]."""

    def project(points: np.ndarray) -> np.ndarray:
        """(u, v) to pixels, float [N, 2] to float32 [N, 2]."""
        u, v = points.T
        turned = np.stack([*anatomy.turn(u, v, sitting), np.ones(len(points))], axis=1)
        return (turned @ to_picture.T).astype(np.float32)

    edge = project(np.array([[-0.95, 0.2], [0.95, 0.2], [0.0, -1.0], [0.0, 1.5 * person.length + 0.1]]))
    box = np.concatenate([edge.min(axis=0), edge.max(axis=0)])
    return Face(box=box, landmarks=project(anatomy.landmarks(person, sitting)), confidence=1.0)


def _paint_ears(canvas: Canvas, person: Person, sitting: Sitting) -> None:
    canvas = canvas.where((np.abs(canvas.u) < 1.3) & (np.abs(canvas.v - 0.12) < 0.4))
    a = np.abs(canvas.u) - 0.95
    away = np.hypot(a / 0.6, canvas.v - 0.12) - 0.3
    inner = np.hypot((a - 0.04) / 0.5, canvas.v - 0.1) - 0.14
    side = np.clip(0.5 + 0.45 * np.sign(canvas.u) * sitting.light[0], 0.1, 1.0)
    light = sitting.ambient + (1 - sitting.ambient) * side
    light = light * (1 - 0.45 * canvas.cover(inner, 0.12)) * (1 - 0.3 * np.clip(1 + away / 0.08, 0, 1))
    canvas.lay(linear(person.skin * [1.0, 0.93, 0.9]) * light[..., None].astype(np.float32), canvas.cover(away))


def _paint_head(canvas: Canvas, person: Person, sitting: Sitting, rng: np.random.Generator) -> None:
    u, v, pixel = canvas.u, canvas.v, canvas.pixel
    z = anatomy.relief(person, sitting, u, v, canvas.rho)
    fine = rng.standard_normal(u.shape, dtype=np.float32)
    pores = fine + 2.0 * cv2.GaussianBlur(fine, (0, 0), 1.0)
    z += (0.08 + 0.10 * person.age) * pixel * pores
    canvas.diffuse[:], canvas.gloss[:] = anatomy.shading(z, pixel, sitting.light, sitting.ambient)
    albedo = _skin(canvas, person)
    paint_beard(canvas, person, albedo)
    oily = (0.015 + 0.10 * albedo.mean(axis=-1)) * (0.5 + np.exp(-((u / 0.35) ** 2)))
    sheen = oily * canvas.gloss * np.clip(1 + 0.35 * pores, 0, 2)
    canvas.lay(albedo * canvas.diffuse + sheen[..., None], canvas.cover((canvas.rho - 1) * 1.2))
    paint_nostrils(canvas, person)
    paint_mouth(canvas, person, sitting)
    paint_eyes(canvas, person, sitting)
    paint_brows(canvas, person)


def _skin(canvas: Canvas, person: Person) -> np.ndarray:
    """Albedo of the skin, float32 [H, W, 3]: tone, flush, shadows under the eyes, mottling, freckles, moles."""
    u, v = canvas.u, canvas.v
    a = np.abs(u)
    # Fixed maps, read at another place for each person.
    column, row = (u * 51 + person.seed % 997), (v * 51 + person.seed % 1009)
    flush = bump(a, v, (0.5, 0.5), 0.22, 0.2) + 0.7 * bump(u, v, (0.0, person.nose_length - 0.05), 0.14, 0.12)
    flush = person.redness * (flush + 0.4 * bump(u, v, (0.0, 1.45), 0.2, 0.15))
    tired = (0.12 + 0.25 * person.age) * bump(a, v, (person.eye_gap - 0.02, 0.13), 0.2, 0.06)
    tired = tired + 0.22 * bump(a, v, (person.eye_gap, -0.1), 0.2, 0.06)
    upper = np.clip(1.1 - np.abs(v - 0.35) / 0.8, 0, 1)
    dots = person.freckles * np.clip(sample(noise_map(2.6), 1.5 * column, 1.5 * row) - 0.85, 0, 0.45) * upper
    dots = dots + 1.2 * np.clip(sample(noise_map(4.0), column, row) - 2.05, 0, 0.6)
    furrowed = bump(u, v, (0.0, -0.62), 0.45, 0.16) * max(person.age - 0.45, 0.0) * 0.25
    dots = dots + np.clip(np.sin((v + 0.05 * u**2) * 55) * furrowed, 0, None)
    mottle = 0.07 * sample(noise_map(24.0), column, row) + 0.04 * sample(noise_map(8.0), column, row)
    tone = np.log(linear(person.skin))
    channels = [
        tone[c] + mottle + flush * of_flush - tired * of_tired - dots * of_dots
        for c, (of_flush, of_tired, of_dots) in enumerate([(0.02, 0.8, 0.7), (-0.20, 1.0, 1.1), (-0.16, 0.9, 1.3)])
    ]
    return np.exp(np.stack(channels, axis=-1)).astype(np.float32)

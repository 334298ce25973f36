"""Eyes, brows, nostrils and mouth, painted onto a lit face: each function changes the canvas in place."""

import dataclasses

import numpy as np

from dfdetect_jax.data.forge import anatomy
from dfdetect_jax.data.forge.anatomy import bump
from dfdetect_jax.data.forge.person import Person, Sitting
from dfdetect_jax.data.forge.portrait_canvas import Canvas, linear
from dfdetect_jax.data.forge.texture import sample, strand_map

EYE_HALF_WIDTH = 0.225
IRIS_RADIUS = 0.096


def paint_eyes(canvas: Canvas, person: Person, sitting: Sitting) -> None:
    """Eyeballs between the lids, lash lines and the crease above."""
    canvas = canvas.where((np.abs(canvas.u) < 0.85) & (np.abs(canvas.v) < 0.25))
    half = EYE_HALF_WIDTH * person.eye_size
    out = (np.abs(canvas.u) - person.eye_gap) / half
    across = np.clip(1 - np.clip(np.abs(out - 0.06), 0, 1) ** 2.2, 0, 1)
    v = canvas.v + person.eye_tilt * half * out
    upper = -0.105 * sitting.lids * person.eye_size * across**0.8
    lower = 0.065 * person.eye_size * across
    inside = np.maximum.reduce([upper - v, v - lower, (np.abs(out) - 1.02) * half])
    ball = dataclasses.replace(canvas, color=_eyeball(canvas, person, sitting, out, v, upper))
    canvas.lay(ball.color, canvas.cover(inside))

    lid = np.clip(across * 1.4, 0, 1) * (np.abs(out) < 1.25)
    dark = linear(person.hair * 0.6) * 0.4
    canvas.lay(dark, np.exp(-(((v - upper + 0.008) / 0.019) ** 2)) * lid * 0.88)
    canvas.lay(dark, np.exp(-(((v - lower - 0.004) / 0.016) ** 2)) * lid * 0.3)
    crease = np.exp(-(((v - upper * 1.25 + 0.055) / 0.018) ** 2)) * np.clip(across + 0.25, 0, 1)
    canvas.darken(0.35 * crease * (np.abs(out) < 1.2))


def _eyeball(
    canvas: Canvas, person: Person, sitting: Sitting, out: np.ndarray, v: np.ndarray, upper: np.ndarray
) -> np.ndarray:
    """Sclera, iris, pupil and catch light, shaded by the upper lid.

    Args:
        canvas: the window of the eyes.
        person: whose eyes.
        sitting: light and gaze.
        out: float32 [H, W], across an eye outwards, 1 at its corner.
        v: float32 [H, W], downwards, level at the corners of the eye.
        upper: float32 [H, W], height of the upper lid.

    Returns:
        float32 [H, W, 3], linear light.
    """
    light = canvas.diffuse.mean(axis=-1) * 0.5 + 0.36
    shade = np.clip(0.5 + (v - upper) / 0.07, 0.4, 1) * light
    white = np.array([0.60, 0.55, 0.52], np.float32) * ((1 - 0.3 * np.abs(out) ** 2) * shade)[..., None]
    ball = dataclasses.replace(canvas, color=white.astype(np.float32))
    across = canvas.u - np.sign(canvas.u) * person.eye_gap - sitting.gaze * 0.1
    radius = np.hypot(across, v + 0.012)
    ring = np.clip(radius / IRIS_RADIUS, 0, 1)
    fibres = 1 + 0.25 * np.sin(13 * np.arctan2(v + 0.012, across))
    depth = (0.6 + 0.8 * ring * (1 - ring**6)) * fibres * shade * 1.3
    ball.lay(linear(person.iris) * depth[..., None].astype(np.float32), canvas.cover(radius - IRIS_RADIUS))
    ball.lay(np.full(3, 0.004, np.float32), canvas.cover(radius - 0.42 * IRIS_RADIUS))
    glint = np.hypot(across - 0.05 * np.float32(sitting.light[0]) - 0.02, v + 0.045) - 0.02
    ball.lay(np.full(3, 1.0, np.float32), canvas.cover(glint, 0.012) * 0.9)
    return ball.color


def paint_brows(canvas: Canvas, person: Person) -> None:
    """Two tapering arcs of short hairs."""
    canvas = canvas.where((np.abs(canvas.u) < 0.9) & (np.abs(canvas.v + 0.38) < 0.25))
    along = (np.abs(canvas.u) - 0.13) / 0.64
    arch = -person.brow_height - 0.1 * np.sin(np.clip(along, 0, 1) * np.pi * 0.75) + 0.03 * along
    thick = 0.066 * np.clip(1.15 - 0.75 * along, 0.1, 1) * (0.6 + 0.5 * person.brow_weight)
    place = person.seed % 251
    hairs = sample(strand_map(5.0), along * 90 - canvas.v * 60 + place, (canvas.v - arch) * 60 + place)
    band = np.exp(-(((canvas.v - arch) / thick) ** 4)) * np.clip(np.minimum(along, 1.05 - along) / 0.12 + 0.3, 0, 1)
    alpha = band * np.clip(person.brow_weight + 0.1 + 0.5 * hairs, 0, 1) * 0.9
    canvas.lay(linear(person.hair * 0.75) * (0.3 + 0.7 * canvas.diffuse), alpha)


def paint_nostrils(canvas: Canvas, person: Person) -> None:
    """Two dark hollows under the tip, and the shade below it."""
    canvas = canvas.where((np.abs(canvas.u) < 0.4) & (np.abs(canvas.v - person.nose_length) < 0.25))
    v = canvas.v - person.nose_length
    hole = bump(np.abs(canvas.u), v, (0.085 * person.nose_width, 0.055), 0.035, 0.018)
    shade = bump(canvas.u, v, (0.0, 0.09), 0.13 * person.nose_width, 0.03)
    light = 1 - 0.75 * np.clip(1.3 * hole, 0, 1) - 0.18 * shade
    canvas.color *= np.stack([light**0.8, light, light], axis=-1)


def paint_mouth(canvas: Canvas, person: Person, sitting: Sitting) -> None:
    """Lips with a cupid's bow; teeth and a dark gap where the mouth is open."""
    half = anatomy.mouth_half_width(person, sitting)
    canvas = canvas.where((np.abs(canvas.u) < 1.2 * half) & (np.abs(canvas.v - person.mouth_height) < 0.35))
    u, v = canvas.u, canvas.v
    t = np.clip(u / half, -1.15, 1.15)
    arc = np.clip(1 - t**2, 0, 1)
    middle = person.mouth_height - anatomy.mouth_lift(sitting) * np.clip(t**2, 0, 1.2)
    gap = 0.10 * sitting.mouth_open * arc**0.7
    bow = 0.075 * person.lip_fullness * (arc**0.75 - 0.28 * np.exp(-((t / 0.13) ** 2)))
    full = 0.11 * person.lip_fullness * arc**0.6
    top, bottom = middle - 0.5 * gap - bow, middle + 0.5 * gap + full
    wrinkles = sample(strand_map(4.0), u * 70 + person.seed % 241, v * 12)
    round_off = 1 - 0.35 * np.clip(np.abs(v - (middle + 0.5 * (gap + full))) / 0.12, 0, 1) ** 2
    tone = np.where(v < middle, 0.78, 1.02) * round_off * (1 + 0.1 * wrinkles)
    shine = 0.10 * bump(u, v, (0.0, person.mouth_height + 0.08), 0.17, 0.025) * canvas.gloss
    lips = linear(person.lips) * canvas.diffuse * tone[..., None].astype(np.float32) + shine[..., None]
    canvas.lay(lips, canvas.cover(np.maximum(top - v, v - bottom), 0.03) * (np.abs(t) < 1.04))

    hollow = np.abs(v - middle) - 0.5 * gap
    dark = canvas.cover(hollow) * (np.abs(t) < 0.97) * np.clip(8 * gap, 0, 1)
    canvas.lay(np.array([0.02, 0.006, 0.005], np.float32), dark)
    seams = (1 - 0.3 * np.exp(-((np.sin(u * 30) / 0.35) ** 2)))[..., None]
    teeth = np.array([0.58, 0.54, 0.47], np.float32) * (canvas.diffuse * 0.7 + 0.1) * seams
    row = canvas.cover(np.maximum(hollow, v - middle - 0.2 * gap) + 0.01, 0.01)
    canvas.lay(teeth, row * np.clip(1.15 - t**2, 0, 1) * np.clip(9 * gap - 0.2, 0, 1))
    line = np.exp(-(((v - middle) / 0.014) ** 2)) * (np.abs(t) < 1.06) * (1 - np.clip(20 * gap, 0, 1))
    canvas.darken(0.62 * line)

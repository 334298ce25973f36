"""Eyes, brows, nostrils and mouth, painted onto a lit face. `canvas` is a `portrait.Canvas`."""

import numpy as np

from dfdetect_jax.data.forge import anatomy
from dfdetect_jax.data.forge.anatomy import bump
from dfdetect_jax.data.forge.person import Person, Sitting
from dfdetect_jax.data.forge.texture import sample, strand_map

EYE_HALF_WIDTH = 0.215
IRIS_RADIUS = 0.092


def paint_eyes(canvas, person: Person, sitting: Sitting, diffuse: np.ndarray) -> None:
    """Eyeballs between the lids: sclera, iris with pupil and catch light, lash line and crease."""
    half = EYE_HALF_WIDTH * person.eye_size
    out = (np.abs(canvas.u) - person.eye_gap) / half
    across = np.clip(1 - np.clip(np.abs(out - 0.06), 0, 1) ** 2.2, 0, 1)
    v = canvas.v + person.eye_tilt * half * out
    opening = sitting.lids * person.eye_size
    upper, lower = -0.098 * opening * across**0.8, 0.062 * person.eye_size * across
    inside = np.maximum(upper - v, v - lower)
    inside = np.maximum(inside, (np.abs(out) - 1.02) * half)
    light = diffuse.mean(axis=-1, keepdims=True) * 0.5 + 0.38

    side = np.sign(canvas.u)
    from_iris = np.hypot(canvas.u - side * person.eye_gap - sitting.gaze * 0.1, v + 0.012)
    white = np.array([0.62, 0.56, 0.53], np.float32) * (1 - 0.25 * np.abs(out) ** 2)[..., None]
    ball = white * light * np.clip(0.5 + (v - upper) / 0.07, 0.45, 1)[..., None]
    eye = _Mixed(ball)
    ring = np.clip(from_iris / IRIS_RADIUS, 0, 1)
    fibres = 1 + 0.25 * np.sin(13 * np.arctan2(v, canvas.u - side * person.eye_gap))
    iris = (
        person.iris.astype(np.float32) ** 2.2 * ((0.6 + 0.8 * ring * (1 - ring**6)) * fibres)[..., None] * light * 1.3
    )
    eye.lay(iris, canvas.cover(from_iris - IRIS_RADIUS))
    eye.lay(np.full(3, 0.004, np.float32), canvas.cover(from_iris - 0.4 * IRIS_RADIUS))
    glint = np.hypot(canvas.u - side * person.eye_gap - 0.05 * sitting.light[0] - 0.02, v + 0.045) - 0.018
    eye.lay(np.full(3, 1.0, np.float32), canvas.cover(glint, 0.012) * 0.9)
    canvas.lay(eye.color, canvas.cover(inside))

    lid = np.clip(across * 1.4, 0, 1) * (np.abs(out) < 1.25)
    dark = person.hair.astype(np.float32) ** 2.2 * 0.25
    canvas.lay(dark, np.exp(-(((v - upper + 0.008) / 0.017) ** 2)) * lid * 0.85)
    canvas.lay(dark, np.exp(-(((v - lower - 0.004) / 0.016) ** 2)) * lid * 0.25)
    crease = np.exp(-(((v - upper * 1.25 + 0.055) / 0.018) ** 2)) * np.clip(across + 0.25, 0, 1) * (np.abs(out) < 1.2)
    canvas.color *= (1 - 0.35 * crease)[..., None]


def paint_brows(canvas, person: Person, sitting: Sitting, diffuse: np.ndarray) -> None:
    """Two tapering arcs of short hairs."""
    along = (np.abs(canvas.u) - 0.14) / 0.62
    arch = -person.brow_height - 0.1 * np.sin(np.clip(along, 0, 1) * np.pi * 0.75) + 0.03 * along
    thick = 0.062 * np.clip(1.15 - 0.75 * along, 0.1, 1) * (0.6 + 0.5 * person.brow_weight)
    rng = np.random.default_rng(person.seed + 1)
    hairs = sample(strand_map(rng, 5.0), along * 90 - canvas.v * 60, (canvas.v - arch) * 60)
    band = np.exp(-(((canvas.v - arch) / thick) ** 4)) * np.clip(np.minimum(along, 1.05 - along) / 0.12 + 0.3, 0, 1)
    alpha = band * np.clip(person.brow_weight + 0.5 * hairs, 0, 1) * 0.85
    color = (person.hair.astype(np.float32) * 0.75) ** 2.2
    canvas.lay(color * (0.3 + 0.7 * diffuse), alpha)


def paint_nostrils(canvas, person: Person) -> None:
    """Two dark hollows under the tip, and the shade below it."""
    v = canvas.v - person.nose_length
    hole = bump(np.abs(canvas.u), v, (0.085 * person.nose_width, 0.055), 0.035, 0.018)
    shade = bump(canvas.u, v, (0.0, 0.09), 0.13 * person.nose_width, 0.03)
    canvas.color *= (1 - 0.75 * np.clip(1.3 * hole, 0, 1) - 0.18 * shade)[..., None] ** np.array(
        [0.8, 1.0, 1.0], np.float32
    )


def paint_mouth(canvas, person: Person, sitting: Sitting, diffuse: np.ndarray, gloss: np.ndarray) -> None:
    """Lips with a cupid's bow; teeth and a dark gap where the mouth is open."""
    half = anatomy.mouth_half_width(person, sitting)
    t = np.clip(canvas.u / half, -1.15, 1.15)
    arc = np.clip(1 - t**2, 0, 1)
    middle = person.mouth_height - 0.06 * sitting.smile * np.clip(t**2, 0, 1.2) + 0.02 * sitting.smile
    gap = 0.10 * sitting.mouth_open * arc**0.7
    bow = 0.075 * person.lip_fullness * (arc**0.75 - 0.28 * np.exp(-((t / 0.13) ** 2)))
    full = 0.11 * person.lip_fullness * arc**0.6
    top, bottom = middle - 0.5 * gap - bow, middle + 0.5 * gap + full
    lips = np.maximum(top - canvas.v, canvas.v - bottom)
    rng = np.random.default_rng(person.seed + 2)
    wrinkles = sample(strand_map(rng, 4.0), canvas.u * 70 + 90, canvas.v * 12 + 40)
    base = person.lips.astype(np.float32) ** 2.2
    upper_shade = np.where(canvas.v < middle, 0.78, 1.02)
    round_off = 1 - 0.35 * np.clip(np.abs(canvas.v - (middle + 0.5 * (gap + full))) / 0.12, 0, 1) ** 2
    color = base * diffuse * (upper_shade * round_off * (1 + 0.1 * wrinkles))[..., None]
    color = color + (0.10 * bump(canvas.u, canvas.v, (0.0, person.mouth_height + 0.08), 0.17, 0.025) * gloss)[..., None]
    canvas.lay(color, canvas.cover(lips, 0.03) * (np.abs(t) < 1.04))

    hollow = np.abs(canvas.v - middle) - 0.5 * gap
    canvas.lay(
        np.array([0.02, 0.006, 0.005], np.float32), canvas.cover(hollow) * (np.abs(t) < 0.97) * np.clip(8 * gap, 0, 1)
    )
    seams = 1 - 0.3 * np.exp(-((np.sin(canvas.u * 30) / 0.35) ** 2))
    teeth = np.array([0.58, 0.54, 0.47], np.float32) * (diffuse * 0.7 + 0.1) * seams[..., None]
    row = np.maximum(hollow, canvas.v - middle - 0.2 * gap)
    canvas.lay(teeth, canvas.cover(row + 0.01, 0.01) * np.clip(1.15 - t**2, 0, 1) * np.clip(9 * gap - 0.2, 0, 1))
    line = np.exp(-(((canvas.v - middle) / 0.014) ** 2)) * (np.abs(t) < 1.06) * (1 - np.clip(20 * gap, 0, 1))
    canvas.color *= (1 - 0.62 * line)[..., None]


class _Mixed:
    """A colour field that is painted on its own before it is laid on the canvas."""

    def __init__(self, color: np.ndarray):
        self.color = color.astype(np.float32)

    def lay(self, color: np.ndarray, alpha: np.ndarray) -> None:
        self.color = self.color + alpha[..., None] * (color - self.color)

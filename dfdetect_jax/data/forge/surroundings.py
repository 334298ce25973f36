"""The picture behind and below the head, painted onto a canvas in place: background, neck and clothes."""

import numpy as np

from dfdetect_jax.data.forge.person import Person, Sitting
from dfdetect_jax.data.forge.portrait_canvas import Canvas, linear
from dfdetect_jax.data.forge.texture import fractal_noise, value_noise


def paint_background(canvas: Canvas, rng: np.random.Generator) -> None:
    """A wall or room out of focus: an uneven gradient of two colours, with a few blurred lights and edges."""
    base = rng.uniform(0.08, 0.85) * (1 + 0.08 * rng.standard_normal((2, 1)) + 0.10 * rng.standard_normal(3))
    base = linear(np.clip(base, 0.03, 0.95))
    angle = rng.uniform(0, 2 * np.pi)
    ramp = np.clip(0.5 + (np.cos(angle) * canvas.x + np.sin(angle) * canvas.y) / 5, 0, 1)
    uneven = np.exp(fractal_noise(rng, canvas.x.shape, 0.8 / canvas.pixel, 4) * rng.uniform(0.0, 0.14))
    canvas.color[:] = (base[0] + ramp[..., None] * (base[1] - base[0])) * uneven[..., None]
    focus = rng.uniform(0.04, 0.3)
    for _ in range(rng.integers(0, 6)):
        at, size = rng.uniform(-3, 3, 2), rng.uniform(0.15, 0.9, 2)
        if rng.random() < 0.4:
            away = np.hypot(canvas.x - at[0], canvas.y - at[1]) - size[0]
        else:
            away = np.maximum(np.abs(canvas.x - at[0]) - size[0], np.abs(canvas.y - at[1]) - 2 * size[1])
        color = linear(np.clip(rng.uniform(0.05, 0.95) * (1 + 0.12 * rng.standard_normal(3)), 0.02, 1))
        share = np.float32(rng.uniform(0.3, 1.0))
        canvas.lay(color, canvas.cover(away, focus) * share)


def paint_body(canvas: Canvas, person: Person, sitting: Sitting, rng: np.random.Generator) -> None:
    """Neck and clothes; the cloth has folds, a weave and sometimes stripes."""
    canvas = canvas.where(canvas.y > 0.6)
    x, y = canvas.x, canvas.y
    width = 0.62 + 0.25 * person.jaw + 0.14 * np.clip(y - 1.5, 0, 1) ** 2
    round_off = np.sqrt(np.maximum(1 - (x / (width + 0.02)) ** 2, 0))
    side = np.clip(0.62 + 0.5 * x / width * sitting.light[0], 0.2, 1.2)
    under_chin = 0.45 + 0.55 * np.clip((y - 1.45) / 0.7, 0, 1)
    light = (sitting.ambient + (1 - sitting.ambient) * side * round_off * under_chin) * under_chin**0.5
    light = light * (1 + 0.05 * value_noise(rng, x.shape, 2.0))
    canvas.lay(linear(person.skin) * light[..., None].astype(np.float32), canvas.cover(np.abs(x) - width))

    cloth = linear(np.clip(rng.uniform(0.05, 0.85) * (1 + 0.2 * rng.standard_normal(3)), 0.02, 0.95))
    pattern = 0.22 * fractal_noise(rng, x.shape, 0.35 / canvas.pixel, 3)
    pattern += rng.uniform(0.0, 0.18) * value_noise(rng, x.shape, rng.uniform(1.0, 2.5))
    pattern += np.sin((x * rng.uniform(-1, 1) + y) * rng.uniform(8, 30)) * rng.choice([0.0, 0.0, 0.3])
    light = (sitting.ambient + (1 - sitting.ambient) * 0.9 * side) * np.exp(pattern)
    neckline = 1.95 + rng.uniform(-0.1, 0.5) * np.exp(-((x / rng.uniform(0.25, 0.5)) ** 2))
    a = np.abs(x)
    shoulder = neckline + 0.32 * np.clip(a - 0.55, 0, 4) ** 1.3 + 2 * np.clip(a - 1.9, 0, 2) ** 2
    canvas.lay(cloth * light[..., None].astype(np.float32), canvas.cover(shoulder - y, 0.02))

"""Hair and beard, painted onto a canvas in place."""

import numpy as np

from dfdetect_jax.data.forge.person import Person, Sitting
from dfdetect_jax.data.forge.portrait_canvas import Canvas, linear
from dfdetect_jax.data.forge.texture import sample, strand_map


def paint_back_hair(canvas: Canvas, person: Person) -> None:
    """Long hair that falls behind neck and shoulders; nothing on a short cut."""
    if not person.hair_length:
        return
    canvas = canvas.where((np.abs(canvas.u) < 1.6) & (canvas.v > -0.3) & (canvas.v < person.hair_length + 0.3))
    u, v = canvas.u, canvas.v
    hairs = _strands(person, np.abs(u) * 70 + 8 * person.curl * np.sin(v * 5), v * 14)
    width = 1.0 + person.hair_volume * 1.3 + 0.12 * person.curl * np.sin(v * 4.2) + 0.05 * hairs
    away = np.maximum.reduce([np.abs(u) - width, v - person.hair_length - 0.12 * hairs, -0.2 - v])
    shade = (0.35 + 0.35 * np.clip(np.abs(u) - 0.75, 0, 0.6)) * np.exp(0.55 * hairs)
    canvas.lay(linear(person.hair) * shade[..., None], canvas.cover(away, 0.03))


def paint_hair(canvas: Canvas, person: Person, sitting: Sitting) -> None:
    """The hair on the head: from the hairline back, strands running from the parting."""
    canvas = canvas.where((canvas.rho < 1.35 + person.hair_volume) & (canvas.v < 1.2))
    u, v = canvas.u, canvas.v
    from_parting, reach = np.arctan2(u - person.parting, v + 1.9), np.hypot(u - person.parting, v + 1.9)
    wave = person.curl * 0.12 * np.sin(reach * 9 + from_parting * 3)
    hairs = _strands(person, (from_parting + wave) * 75, reach * 16)
    temple = np.clip(np.abs(u) / 0.97, 0, 1.2) ** (7 if person.hair_length else 5)
    line = -person.hairline + 0.05 + 0.06 * np.cos((u - person.parting) * 2.2) + 0.06 * hairs
    line = line + temple * (1.25 if person.hair_length else 0.95)
    outer = 1 + person.hair_volume * (0.5 + 0.5 * np.clip(0.6 - v, 0, 1)) + 0.03 * hairs
    falls = 0.9 if person.hair_length else 0.35
    away = np.maximum.reduce([v - line, (canvas.rho - outer) * 1.25, v - falls - 0.2 * hairs])
    canvas.darken(0.3 * np.exp(-np.clip(away / 0.1, 0, 9)) * (canvas.rho < 1))

    lit = np.clip(0.5 + 0.5 * (sitting.light[0] * u * 0.8 - sitting.light[1] * 0.5 - 0.35 * (v + 0.6)), 0.15, 1.1)
    rooted = np.exp(-((np.clip(line - v, 0, 1) / 0.08) ** 2))
    tone = (sitting.ambient + (1 - sitting.ambient) * lit) * np.exp(0.65 * hairs) * (1 - 0.35 * rooted)
    band = np.exp(-(((reach - 0.75 - 0.08 * hairs) / 0.16) ** 2)) * (0.5 + 0.5 * hairs)
    color = linear(person.hair)
    sheen = (0.10 * np.clip(band, 0, 1) * lit)[..., None] * (0.3 + 0.7 * color / color.max())
    canvas.lay((color * tone[..., None] + sheen).astype(np.float32), canvas.cover(away, 0.05))


def paint_beard(canvas: Canvas, person: Person, albedo: np.ndarray) -> None:
    """Darkens `albedo` (float32 [H, W, 3] in [0, 1], changed in place) in the region of the beard, stubble to full."""
    if not person.beard:
        return
    u, v = np.abs(canvas.u), canvas.v
    cheek = 0.42 + 0.75 * np.clip(0.95 - u, 0, 1) ** 1.2
    lip = np.abs(v - person.mouth_height + 0.19) - 0.075 + 0.3 * np.clip(u - 0.3, 0, 1)
    bare = 0.3 - np.hypot(u / 1.25, (v - person.mouth_height - 0.03) * 1.6)
    away = np.minimum(np.maximum(cheek - v, bare), np.maximum(lip, u - 0.45))
    hairs = sample(strand_map(3.0), canvas.u * 80 + person.seed % 239, v * 40)
    alpha = person.beard * canvas.cover(away, 0.18) * np.clip(0.62 + 0.55 * hairs, 0, 1)
    albedo += alpha[..., None] * (linear(person.hair * 0.85) - albedo)


def _strands(person: Person, across: np.ndarray, along: np.ndarray) -> np.ndarray:
    """Brightness of strands at coordinates across and along them, float [H, W] each; float32 [H, W] in [-1, 1]."""
    return sample(strand_map(14.0), across + person.seed % 233, along + person.seed % 229)

"""Hair and beard. `canvas` is a `portrait.Canvas`."""

import numpy as np

from dfdetect_jax.data.forge.person import Person, Sitting
from dfdetect_jax.data.forge.texture import sample, strand_map


def paint_back_hair(canvas, person: Person, rng: np.random.Generator) -> None:
    """Long hair that falls behind neck and shoulders; nothing on a short cut."""
    if not person.hair_length:
        return
    hairs = _strands(person, np.abs(canvas.u) * 70 + 8 * person.curl * np.sin(canvas.v * 5), canvas.v * 14)
    width = 1.0 + person.hair_volume * 1.3 + 0.12 * person.curl * np.sin(canvas.v * 4.2) + 0.05 * hairs
    away = np.maximum(np.abs(canvas.u) - width, canvas.v - person.hair_length - 0.12 * hairs)
    away = np.maximum(away, -0.2 - canvas.v)
    shade = 0.35 + 0.35 * np.clip(np.abs(canvas.u) - 0.75, 0, 0.6)
    canvas.lay(_color(person) * (shade * np.exp(0.55 * hairs))[..., None], canvas.cover(away, 0.03))


def paint_hair(canvas, person: Person, sitting: Sitting) -> None:
    """The hair on the head: from the hairline back, strands running from the parting."""
    u, v = canvas.u, canvas.v
    from_parting = np.arctan2(u - person.parting, v + 1.9)
    reach = np.hypot(u - person.parting, v + 1.9)
    wave = person.curl * 0.12 * np.sin(reach * 9 + from_parting * 3)
    hairs = _strands(person, (from_parting + wave) * 75, reach * 16)
    temple = np.clip(np.abs(u) / 0.97, 0, 1.2) ** (7 if person.hair_length else 5)
    sweep = 0.12 * np.cos((u - person.parting) * 2.2)
    line = -person.hairline + 0.05 + sweep * 0.5 + temple * (1.25 if person.hair_length else 0.95) + 0.06 * hairs
    outer = 1 + person.hair_volume * (0.5 + 0.5 * np.clip(0.6 - v, 0, 1)) + 0.03 * hairs
    falls = 0.9 if person.hair_length else 0.35
    away = np.maximum.reduce([v - line, (canvas.rho - outer) * 1.25, v - falls - 0.2 * hairs])
    lit = np.clip(0.5 + 0.5 * (sitting.light[0] * u * 0.8 - sitting.light[1] * 0.5 - 0.35 * (v + 0.6)), 0.15, 1.1)
    gloss = np.exp(-(((reach - 0.75 - 0.08 * hairs) / 0.16) ** 2)) * (0.5 + 0.5 * hairs)
    tone = _color(person) * ((sitting.ambient + (1 - sitting.ambient) * lit) * np.exp(0.65 * hairs))[..., None]
    tone = tone + (0.10 * np.clip(gloss, 0, 1) * lit)[..., None] * (0.3 + 0.7 * _color(person) / _color(person).max())
    rooted = np.exp(-((np.clip(line - v, 0, 1) / 0.08) ** 2))
    canvas.color *= (1 - 0.3 * np.exp(-np.clip(away / 0.1, 0, 9)) * (canvas.rho < 1))[..., None]
    canvas.lay(tone * (1 - 0.35 * rooted)[..., None], canvas.cover(away, 0.05))


def paint_beard(canvas, person: Person, albedo: np.ndarray) -> None:
    """Darkens `albedo` (float32 [H, W, 3], changed in place) where a beard grows, from stubble to full."""
    if not person.beard:
        return
    u, v = np.abs(canvas.u), canvas.v
    cheek = 0.42 + 0.75 * np.clip(0.95 - u, 0, 1) ** 1.2
    lip = np.abs(v - person.mouth_height + 0.19) - 0.075 + 0.3 * np.clip(u - 0.3, 0, 1)
    bare = 0.3 - np.hypot(u / 1.25, (v - person.mouth_height - 0.03) * 1.6)
    away = np.minimum(np.maximum(cheek - v, bare), np.maximum(lip, u - 0.45))
    hairs = sample(strand_map(np.random.default_rng(person.seed + 3), 3.0), canvas.u * 80, v * 40)
    alpha = person.beard * canvas.cover(away, 0.18) * np.clip(0.62 + 0.55 * hairs, 0, 1)
    albedo += alpha[..., None] * (_color(person) * 0.8 - albedo)


def _color(person: Person) -> np.ndarray:
    return person.hair.astype(np.float32) ** np.float32(2.2)


def _strands(person: Person, across: np.ndarray, along: np.ndarray) -> np.ndarray:
    return sample(strand_map(np.random.default_rng(person.seed + 4), 14.0), across, along)

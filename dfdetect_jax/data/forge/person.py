"""The parameters of a face and of one portrait sitting, and their random sampling.

Lengths are in face units: half the width of the face at the cheekbones (about 68 mm on an adult), origin between the
eyes, x to the right of the picture, y down. Proportions follow the means and spreads of facial anthropometry: eyes
0.92 apart, mouth 1.02 and chin 1.6 below the line of the eyes.
"""

import dataclasses

import numpy as np

# sRGB, 0 to 1, from very light to very dark.
SKIN_TONES = np.array(
    [
        [0.95, 0.80, 0.73],
        [0.91, 0.74, 0.64],
        [0.84, 0.64, 0.52],
        [0.72, 0.51, 0.39],
        [0.56, 0.38, 0.28],
        [0.40, 0.26, 0.20],
    ]
)
HAIR_COLORS = np.array(
    [
        [0.07, 0.06, 0.06],
        [0.16, 0.10, 0.07],
        [0.30, 0.19, 0.12],
        [0.45, 0.31, 0.19],
        [0.72, 0.57, 0.38],
        [0.50, 0.24, 0.12],
        [0.55, 0.54, 0.53],
        [0.80, 0.79, 0.77],
    ]
)
IRIS_COLORS = np.array(
    [[0.20, 0.12, 0.07], [0.33, 0.21, 0.11], [0.42, 0.36, 0.20], [0.36, 0.46, 0.38], [0.38, 0.50, 0.62]]
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Person:
    """One identity. Lengths in face units, colours sRGB float64 [3] in [0, 1], strengths in [0, 1]."""

    seed: int
    skin: np.ndarray
    hair: np.ndarray
    iris: np.ndarray
    lips: np.ndarray
    jaw: float
    chin: float
    length: float
    forehead: float
    eye_gap: float
    eye_size: float
    eye_tilt: float
    brow_height: float
    brow_weight: float
    nose_length: float
    nose_width: float
    mouth_height: float
    mouth_width: float
    lip_fullness: float
    hairline: float
    hair_volume: float
    hair_length: float
    parting: float
    curl: float
    beard: float
    freckles: float
    age: float
    redness: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class Sitting:
    """One portrait of a person: pose, expression, light, surroundings.

    Angles in radians, `shift` in face units, `light` a unit vector float64 [3] from the face to the lamp (z to the
    camera).
    """

    seed: int
    yaw: float
    pitch: float
    roll: float
    zoom: float
    shift: tuple[float, float]
    smile: float
    mouth_open: float
    lids: float
    gaze: float
    light: np.ndarray
    ambient: float
    warmth: float
    exposure: float


def draw_person(rng: np.random.Generator) -> Person:
    """Samples an identity."""
    spread = lambda mean, deviation: float(mean + deviation * np.clip(rng.standard_normal(), -2.2, 2.2))  # noqa: E731
    tone = rng.uniform(0, len(SKIN_TONES) - 1)
    skin = _between(SKIN_TONES, tone) * (1 + 0.03 * rng.standard_normal(3))
    age = float(rng.beta(1.6, 2.2))
    grey = age > 0.7 and rng.random() < 0.6
    shade = rng.integers(6, 8) if grey else rng.choice(6, p=_hair_odds(tone))
    bearded = rng.random() < 0.3
    long_hair = not bearded and rng.random() < 0.6
    return Person(
        seed=int(rng.integers(2**31)),
        skin=np.clip(skin, 0.05, 0.97),
        hair=np.clip(HAIR_COLORS[shade] * (1 + 0.15 * rng.standard_normal()), 0.03, 0.9),
        iris=IRIS_COLORS[
            rng.choice(5, p=[0.5, 0.3, 0.08, 0.05, 0.07] if tone > 2.5 else [0.15, 0.25, 0.2, 0.15, 0.25])
        ],
        lips=np.clip(
            skin * np.array([0.94, 0.73, 0.74]) + rng.uniform(0, 0.07) * np.array([1.0, 0.0, 0.1]), 0.05, 0.95
        ),
        jaw=spread(0.0, 0.06),
        chin=spread(0.0, 0.07),
        length=spread(1.0, 0.04),
        forehead=spread(0.0, 0.05),
        eye_gap=spread(0.46, 0.022),
        eye_size=spread(1.0, 0.09),
        eye_tilt=spread(0.05, 0.05),
        brow_height=spread(0.31, 0.03),
        brow_weight=spread(0.75, 0.18),
        nose_length=spread(0.60, 0.04),
        nose_width=spread(1.0, 0.13),
        mouth_height=spread(1.03, 0.035),
        mouth_width=spread(0.37, 0.03),
        lip_fullness=spread(1.0, 0.2),
        hairline=spread(1.0, 0.07) + 0.15 * max(age - 0.6, 0.0),
        hair_volume=abs(spread(0.12, 0.07)) + 0.03,
        hair_length=spread(1.9, 0.5) if long_hair else 0.0,
        parting=float(rng.choice([-0.4, 0.0, 0.4]) + 0.1 * rng.standard_normal()),
        curl=float(rng.beta(1.2, 2.5)),
        beard=float(rng.uniform(0.3, 1.0)) if bearded else 0.0,
        freckles=float(rng.random() < 0.3) * float(rng.uniform(0.3, 1.0)),
        age=age,
        redness=float(rng.uniform(0.2, 1.0)),
    )


def draw_sitting(rng: np.random.Generator, near: Sitting | None = None) -> Sitting:
    """Samples a sitting; with `near`, one of similar pose, expression and light, as a forger would select a donor."""
    side = rng.choice([-1.0, 1.0])
    light = np.array([side * rng.uniform(0.1, 0.75), -rng.uniform(0.15, 0.7), rng.uniform(0.65, 1.0)])
    yaw, pitch, smile = 0.16 * rng.standard_normal(), 0.06 * rng.standard_normal(), rng.beta(1.2, 1.6)
    if near is not None:
        yaw, pitch = near.yaw + 0.04 * rng.standard_normal(), near.pitch + 0.02 * rng.standard_normal()
        light = near.light + 0.15 * rng.standard_normal(3)
        smile = np.clip(near.smile + 0.2 * rng.standard_normal(), 0, 1)
    return Sitting(
        seed=int(rng.integers(2**31)),
        yaw=float(np.clip(yaw, -0.36, 0.36)),
        pitch=float(np.clip(pitch, -0.15, 0.15)),
        roll=float(np.clip(0.07 * rng.standard_normal(), -0.2, 0.2)),
        zoom=float(rng.uniform(0.92, 1.08)),
        shift=(float(rng.uniform(-0.12, 0.12)), float(rng.uniform(-0.12, 0.12))),
        smile=float(smile),
        mouth_open=float(max(0.0, rng.uniform(-1.2, 1.0))) * float(smile > 0.35),
        lids=float(np.clip(1.0 - 0.25 * smile + 0.1 * rng.standard_normal(), 0.55, 1.15)),
        gaze=float(np.clip(0.25 * rng.standard_normal(), -0.5, 0.5)),
        light=light / np.linalg.norm(light),
        ambient=float(rng.uniform(0.28, 0.6)),
        warmth=float(0.06 * rng.standard_normal()),
        exposure=float(rng.uniform(0.85, 1.2)),
    )


def _between(table: np.ndarray, position: float) -> np.ndarray:
    """Linear interpolation between the rows of float [N, 3]; float [3]."""
    low = min(int(position), len(table) - 2)
    return table[low] + (position - low) * (table[low + 1] - table[low])


def _hair_odds(tone: float) -> list[float]:
    """Probabilities of the first six hair colours, by skin tone."""
    return [0.65, 0.27, 0.05, 0.01, 0.01, 0.01] if tone > 2.8 else [0.14, 0.24, 0.24, 0.16, 0.14, 0.08]

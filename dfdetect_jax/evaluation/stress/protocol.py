"""The names and levels of corruptions and attacks, as data: needs no array library, so that commands can list them.

Corruptions follow Jiang, Li, Wu, Qian, Loy: "DeeperForensics-1.0: A Large-Scale Dataset for Real-World Face Forgery
Detection", CVPR 2020, arXiv 2001.03024. The seven distortions and their parameters are those of the authors' published
code (EndlessSora/DeeperForensics-1.0, `perturbation/distortions.py`; parameters in `add_distortion_to_video.py`), with
these differences:

- Theirs distort whole videos, mostly of 1080 lines, before faces are cropped; ours distort crops. A blur of 21 px or a
  factor of 6 covers more of the face, and noise and blocks are neither softened by resizing nor compressed as video
  afterwards: levels are harsher than theirs, more so for smaller crops. Results compare between detectors measured
  here, not with published ones. The PSNR of each level shows how harsh it was on these crops.
- Their "JPEG compression" only makes the picture smaller and larger again. Here that is "resize", and "jpeg" is JPEG at
  five qualities of our own. "recompress" is our own too: smaller, JPEG, larger, JPEG.
- Blocks are 16 to 80 per whole 256 px of the shorter side, which is none below 256 px; there ours are in proportion.
- Values are rounded to the nearest grey level; theirs are truncated, half a level darker.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

from dfdetect_jax.config.rules import one_of

LEVELS = 5
DEVICE, HOST, CLIP = "device", "host", "clip"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Corruption:
    """One way to distort pictures.

    Attributes:
        parameter: what the values are, in words.
        values: one per level, mildest first.
        where: DEVICE, HOST (a picture at a time), or CLIP (all frames of one clip in order, on the host).
    """

    parameter: str
    values: tuple[Any, ...]
    where: str = DEVICE


CORRUPTIONS = {
    "saturation": Corruption(parameter="factor on chroma", values=(0.4, 0.3, 0.2, 0.1, 0.0)),
    "contrast": Corruption(parameter="factor on all values", values=(0.85, 0.725, 0.6, 0.475, 0.35)),
    "blocks": Corruption(parameter="grey blocks of 8 px per 256 px of the side", values=(16, 32, 48, 64, 80)),
    "noise": Corruption(parameter="variance in Y, Cb, Cr", values=(0.001, 0.002, 0.005, 0.01, 0.05)),
    "blur": Corruption(parameter="Gaussian kernel, px", values=(7, 9, 13, 17, 21)),
    "resize": Corruption(parameter="factor down and up again", values=(2, 3, 4, 5, 6)),
    "jpeg": Corruption(parameter="JPEG quality", values=(90, 70, 50, 30, 10), where=HOST),
    "recompress": Corruption(
        parameter="[scale, JPEG quality], down and stored, up and stored again",
        values=((0.9, 90), (0.8, 80), (0.7, 70), (0.6, 60), (0.5, 50)),
        where=HOST,
    ),
    "video": Corruption(parameter="H.264 CRF", values=(30, 32, 35, 38, 40), where=CLIP),
}

ATTACKS = ("fgsm", "pgd")
EPSILONS = (1, 2, 4, 8)  # grey levels of 255
PGD_STEPS = 10


@dataclasses.dataclass(frozen=True, kw_only=True)
class Stress:
    """The stress tests of an evaluation.

    Attributes:
        corruptions: names of `CORRUPTIONS`.
        attacks: of `ATTACKS`.
        max_frames: frames of each data set, evenly spaced; None for all.
    """

    corruptions: Sequence[str] = ()
    attacks: Sequence[str] = ()
    max_frames: int | None = None


def check_corruptions(names: Sequence[str]) -> None:
    """Rejects corruptions that do not exist.

    Raises:
        SettingsError: a name is unknown.
    """
    for name in names:
        one_of("corruption", name, tuple(CORRUPTIONS))


def check_attacks(names: Sequence[str]) -> None:
    """Rejects attacks that do not exist.

    Raises:
        SettingsError: a name is unknown.
    """
    for name in names:
        one_of("attack", name, ATTACKS)

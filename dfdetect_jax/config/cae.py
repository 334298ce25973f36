"""Settings of the CAE: its network and its objective."""

import dataclasses
import math

from dfdetect_jax.config.common import Settings
from dfdetect_jax.config.rules import at_least, one_of, positive_widths, within

LATENTS = ("map", "vector")
RECONSTRUCT = ("all", "real")


@dataclasses.dataclass
class CAEModel:
    """The CAE's network.

    Attributes:
        width: multiplies every channel count of encoder, decoder and classifier.
        middle_blocks: repeats of Xception's middle block; 8 as published.
        latent: "map": the decoder reads the encoder's last feature map; "vector": its spatial average.
        decoder_widths: channels of the decoder's stride-2 stages, before `width`.
        classifier_width: hidden units of the classifier, before `width`.
    """

    width: float = 1.0
    middle_blocks: int = 8
    latent: str = "map"
    decoder_widths: tuple[int, ...] = (512, 256, 128, 64, 32)
    classifier_width: int = 512


@dataclasses.dataclass
class CAELoss:
    """The CAE's objective, classification + reconstruction_weight * reconstruction.

    Attributes:
        reconstruction_weight: lambda; 0 is the single-branch baseline.
        reconstruct: "all" images, or "real" ones only.
    """

    reconstruction_weight: float = 0.1
    reconstruct: str = "all"


@dataclasses.dataclass
class CAESettings(Settings):
    """All settings of one run of the CAE."""

    method: str = "cae"
    model: CAEModel = dataclasses.field(default_factory=CAEModel)
    loss: CAELoss = dataclasses.field(default_factory=CAELoss)


def check_cae(s: CAESettings) -> None:
    """Checks what the CAE adds to the common settings.

    Raises:
        SettingsError: one line with the setting's path, what is allowed and what was found.
    """
    within("model.width", s.model.width, 0.01, 8.0)
    at_least("model.middle_blocks", s.model.middle_blocks, 0)
    one_of("model.latent", s.model.latent, LATENTS)
    positive_widths("model.decoder_widths", s.model.decoder_widths)
    at_least("model.classifier_width", s.model.classifier_width, 1)
    within("loss.reconstruction_weight", s.loss.reconstruction_weight, 0.0, math.inf)
    one_of("loss.reconstruct", s.loss.reconstruct, RECONSTRUCT)

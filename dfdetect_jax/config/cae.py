"""Settings of the CAE: its network and its objective."""

import dataclasses
import math

from dfdetect_jax.config.common import Settings, WeightsSource, encoder_weights
from dfdetect_jax.config.rules import MOST_BLOCKS, MOST_CHANNELS, at_least, at_most, one_of, positive_widths, within
from dfdetect_jax.errors import SettingsError

LATENTS = ("map", "vector")
RECONSTRUCT = ("all", "real")


@dataclasses.dataclass(frozen=True, kw_only=True)
class CAEModel:
    """The CAE's network.

    Attributes:
        encoder: "xception", or "efficientnet_lite0".
        pretrained: ImageNet weights that the encoder starts from: "" for none; "imagenet" for those that the extra
            "pretrained" installs; a file, FILE or FILE#SHA256; or one on the Hugging Face hub,
            OWNER/REPOSITORY/FILE[@REVISION]#SHA256. A pickled file needs its SHA-256.
        width: multiplies every channel count of decoder and classifier, and of Xception; EfficientNet-Lite0's stay.
        middle_blocks: repeats of Xception's middle block; 8 as published.
        latent: "map": the decoder reads the encoder's last feature map; "vector": its spatial average.
        decoder_widths: channels of the decoder's stride-2 stages, before `width`.
        classifier_width: hidden units of the classifier, before `width`.
    """

    encoder: str = "xception"
    pretrained: str = ""
    width: float = 1.0
    middle_blocks: int = 8
    latent: str = "map"
    decoder_widths: tuple[int, ...] = (512, 256, 128, 64, 32)
    classifier_width: int = 512


@dataclasses.dataclass(frozen=True, kw_only=True)
class CAELoss:
    """The CAE's objective, classification + reconstruction_weight * reconstruction.

    Attributes:
        reconstruction_weight: lambda; 0 is the single-branch baseline.
        reconstruct: "all" images, or "real" ones only.
        start: step from which on images are reconstructed; lambda is 0 before.
        warmup: steps from there over which lambda rises linearly; 0 for at once.
        stop: step from which on images aren't reconstructed any more; 0 for never.
        latent_gradient: multiplies the reconstruction's gradient at the latent. 0 is a control: the decoder learns as
            ever, and the encoder nothing from it.
    """

    reconstruction_weight: float = 0.1
    reconstruct: str = "all"
    start: int = 0
    warmup: int = 0
    stop: int = 0
    latent_gradient: float = 1.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class CAESettings(Settings):
    """All settings of one run of the CAE.

    Attributes:
        model: the network.
        loss: the objective.
    """

    method: str = "cae"
    model: CAEModel = CAEModel()
    loss: CAELoss = CAELoss()

    def check(self) -> None:
        """Checks every value.

        Raises:
            SettingsError: one line with the setting's path, what is allowed and what was found.
        """
        super().check()
        within("model.width", self.model.width, 0.01, 8.0)
        at_least("model.middle_blocks", self.model.middle_blocks, 0)
        at_most("model.middle_blocks", self.model.middle_blocks, MOST_BLOCKS)
        one_of("model.latent", self.model.latent, LATENTS)
        positive_widths("model.decoder_widths", self.model.decoder_widths)
        at_least("model.classifier_width", self.model.classifier_width, 1)
        at_most("model.classifier_width", self.model.classifier_width, MOST_CHANNELS)
        within("loss.reconstruction_weight", self.loss.reconstruction_weight, 0.0, math.inf)
        one_of("loss.reconstruct", self.loss.reconstruct, RECONSTRUCT)
        for name in ("start", "warmup", "stop"):
            at_least(f"loss.{name}", getattr(self.loss, name), 0)
        if 0 < self.loss.stop <= self.loss.start:
            raise SettingsError(
                f"loss.stop: expected a step after loss.start={self.loss.start}, or 0 for none, found {self.loss.stop}"
            )
        within("loss.latent_gradient", self.loss.latent_gradient, 0.0, 100.0)

    @property
    def unread(self) -> dict[str, str]:
        """As `Settings.unread`; without lambda it doesn't matter which images are reconstructed, and when."""
        of_reconstruction = [f"loss.{name}" for name in ("reconstruct", "start", "warmup", "stop", "latent_gradient")]
        without = self.loss.reconstruction_weight == 0
        unread = dict.fromkeys(of_reconstruction, "loss.reconstruction_weight=0") if without else {}
        if self.model.encoder != "xception":
            unread["model.middle_blocks"] = f'model.encoder="{self.model.encoder}"'
        return super().unread | unread

    @property
    def required_weights(self) -> tuple[WeightsSource, ...]:
        """The encoder's, with `model.pretrained`."""
        return encoder_weights(self.model.encoder, self.model.pretrained)

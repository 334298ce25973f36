"""Settings of the plain classifier: an encoder and one linear layer."""

import dataclasses

from dfdetect_jax.config.common import Settings, WeightsSource, encoder_weights
from dfdetect_jax.config.rules import MOST_BLOCKS, at_least, at_most, within


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClassifierModel:
    """The classifier's network.

    Attributes:
        encoder: "xception", or "efficientnet_lite0".
        pretrained: ImageNet weights that the encoder starts from, as in `CAEModel`: "" for none; "imagenet";
            FILE[#SHA256]; or OWNER/REPOSITORY/FILE[@REVISION]#SHA256.
        width: multiplies every channel count of Xception; EfficientNet-Lite0's stay.
        middle_blocks: repeats of Xception's middle block; 8 as published.
    """

    encoder: str = "xception"
    pretrained: str = ""
    width: float = 1.0
    middle_blocks: int = 8


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClassifierSettings(Settings):
    """All settings of one run of the classifier; `augment.self_blend` makes it a detector of self-blended images.

    Attributes:
        model: the network.
    """

    method: str = "classifier"
    model: ClassifierModel = ClassifierModel()

    def check(self) -> None:
        """Checks every value.

        Raises:
            SettingsError: one line with the setting's path, what is allowed and what was found.
        """
        super().check()
        within("model.width", self.model.width, 0.01, 8.0)
        at_least("model.middle_blocks", self.model.middle_blocks, 0)
        at_most("model.middle_blocks", self.model.middle_blocks, MOST_BLOCKS)

    @property
    def unread(self) -> dict[str, str]:
        """As `Settings.unread`; width and middle blocks are Xception's."""
        of_xception = ("model.width", "model.middle_blocks") if self.model.encoder == "efficientnet_lite0" else ()
        return super().unread | dict.fromkeys(of_xception, f'model.encoder="{self.model.encoder}"')

    @property
    def required_weights(self) -> tuple[WeightsSource, ...]:
        """The encoder's, with `model.pretrained`."""
        return encoder_weights(self.model.encoder, self.model.pretrained)

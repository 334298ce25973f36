"""Settings of ForensicTransfer."""

import dataclasses
import math

from dfdetect_jax.config.common import Data, Optimizer, Settings
from dfdetect_jax.config.rules import multiple_of, one_of, within

INPUTS = ("residual", "image")


@dataclasses.dataclass(frozen=True, kw_only=True)
class ForensicTransferModel:
    """ForensicTransfer's network.

    Attributes:
        width: multiplies every channel count, 8 to 128.
        input: what is encoded and reconstructed: the "residual" (third derivative along rows and along columns), or the
            "image".
    """

    width: float = 1.0
    input: str = "residual"


@dataclasses.dataclass(frozen=True, kw_only=True)
class ForensicTransferLoss:
    """ForensicTransfer's objective, activation + reconstruction_weight * reconstruction.

    Attributes:
        reconstruction_weight: gamma.
    """

    reconstruction_weight: float = 0.1


@dataclasses.dataclass(frozen=True, kw_only=True)
class ForensicTransferSettings(Settings):
    """All settings of one run of ForensicTransfer.

    Attributes:
        model: the network.
        loss: the objective.
    """

    method: str = "forensic_transfer"
    data: Data = Data(image_size=256)
    optimizer: Optimizer = Optimizer(learning_rate=1e-3, weight_decay=0.0)
    model: ForensicTransferModel = ForensicTransferModel()
    loss: ForensicTransferLoss = ForensicTransferLoss()

    def check(self) -> None:
        """Checks every value.

        Raises:
            SettingsError: one line with the setting's path, what is allowed and what was found.
        """
        super().check()
        within("model.width", self.model.width, 0.01, 8.0)
        one_of("model.input", self.model.input, INPUTS)
        within("loss.reconstruction_weight", self.loss.reconstruction_weight, 0.0, math.inf)
        multiple_of("data.image_size", self.data.image_size, 16)

    @property
    def unread(self) -> dict[str, str]:
        """As `Settings.unread`; the network keeps all activations."""
        return super().unread | {"train.remat": f'method="{self.method}"'}

    @property
    def has_latent_halves(self) -> bool:
        """Always."""
        return True

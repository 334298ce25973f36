"""Settings of MesoInception-4."""

import dataclasses

from dfdetect_jax.config.common import Data, Optimizer, Settings
from dfdetect_jax.config.rules import within


@dataclasses.dataclass(frozen=True, kw_only=True)
class MesoInception4Model:
    """MesoInception-4's network, whose widths are fixed.

    Attributes:
        dropout: share of the units that are zeroed in training before each of the two dense layers.
    """

    dropout: float = 0.5


@dataclasses.dataclass(frozen=True, kw_only=True)
class MesoInception4Settings(Settings):
    """All settings of one run of MesoInception-4.

    Attributes:
        model: the network.
    """

    method: str = "mesoinception4"
    data: Data = Data(image_size=256)
    optimizer: Optimizer = Optimizer(learning_rate=1e-3, weight_decay=0.0)
    model: MesoInception4Model = MesoInception4Model()

    def check(self) -> None:
        """Checks every value.

        Raises:
            SettingsError: one line with the setting's path, what is allowed and what was found.
        """
        super().check()
        within("model.dropout", self.model.dropout, 0.0, 0.99)

    @property
    def unread(self) -> dict[str, str]:
        """As `Settings.unread`; the network keeps all activations, and has no encoder with a rate of its own."""
        paths = ("train.remat", "optimizer.encoder_rate", "optimizer.encoder_start")
        return super().unread | dict.fromkeys(paths, f'method="{self.method}"')

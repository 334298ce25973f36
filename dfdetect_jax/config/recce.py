"""Settings of RECCE."""

import dataclasses
import math

from dfdetect_jax.config.common import Settings, WeightsSource, encoder_weights
from dfdetect_jax.config.rules import MOST_BLOCKS, at_least, at_most, one_of, within


@dataclasses.dataclass(frozen=True, kw_only=True)
class RECCEModel:
    """RECCE's network, on Xception.

    Attributes:
        encoder: "xception", the only one that can be cut where RECCE reads it.
        pretrained: ImageNet weights that Xception starts from, as in `CAEModel`: "" for none; FILE[#SHA256]; or
            OWNER/REPOSITORY/FILE[@REVISION]#SHA256.
        width: multiplies every channel count.
        middle_blocks: repeats of Xception's middle block, at least 2; 8 as published.
        dropout: share of the values that are zeroed in training, before the decoder, the linear layer and in between.
    """

    encoder: str = "xception"
    pretrained: str = ""
    width: float = 1.0
    middle_blocks: int = 8
    dropout: float = 0.2


@dataclasses.dataclass(frozen=True, kw_only=True)
class RECCELoss:
    """RECCE's objective, classification + reconstruction_weight * reconstruction + metric_weight * metric.

    Attributes:
        reconstruction_weight: lambda_1, of the absolute error on reals.
        metric_weight: lambda_2, of the metric-learning loss.
        flood: level b below which the classification is not minimised, |classification - b| + b.
    """

    reconstruction_weight: float = 0.1
    metric_weight: float = 0.1
    flood: float = 0.04


@dataclasses.dataclass(frozen=True, kw_only=True)
class RECCESettings(Settings):
    """All settings of one run of RECCE.

    Attributes:
        model: the network.
        loss: the objective.
    """

    method: str = "recce"
    model: RECCEModel = RECCEModel()
    loss: RECCELoss = RECCELoss()

    def check(self) -> None:
        """Checks every value.

        Raises:
            SettingsError: one line with the setting's path, what is allowed and what was found.
        """
        super().check()
        one_of("model.encoder", self.model.encoder, ("xception",))
        within("model.width", self.model.width, 0.01, 8.0)
        at_least("model.middle_blocks", self.model.middle_blocks, 2)
        at_most("model.middle_blocks", self.model.middle_blocks, MOST_BLOCKS)
        within("model.dropout", self.model.dropout, 0.0, 0.99)
        for name in ("reconstruction_weight", "metric_weight", "flood"):
            within(f"loss.{name}", getattr(self.loss, name), 0.0, math.inf)

    @property
    def required_weights(self) -> tuple[WeightsSource, ...]:
        """Xception's, with `model.pretrained`."""
        return encoder_weights(self.model.encoder, self.model.pretrained)

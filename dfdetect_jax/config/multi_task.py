"""Settings of multi-task classification and segmentation."""

import dataclasses
import math

from dfdetect_jax.config.active import Active, check_active, check_room_for_masks, unread_active
from dfdetect_jax.config.common import Data, Optimizer, Settings
from dfdetect_jax.config.rules import multiple_of, within


@dataclasses.dataclass(frozen=True, kw_only=True)
class MultiTaskModel:
    """The Y-shaped autoencoder.

    Attributes:
        width: multiplies every channel count, 8 to 128.
    """

    width: float = 1.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class MultiTaskLoss:
    """The objective: a weight for each of its three terms.

    Attributes:
        activation: weight of the classification by latent activations.
        segmentation: weight of the cross-entropy of each pixel against the mask.
        reconstruction: weight of the squared error of the reconstruction.
    """

    activation: float = 1.0
    segmentation: float = 1.0
    reconstruction: float = 1.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class MultiTaskSettings(Settings):
    """All settings of one run of multi-task classification and segmentation.

    Attributes:
        model: the network.
        loss: the objective.
        active: which images have a mask; as published all, from the first step.
    """

    method: str = "multi_task"
    data: Data = Data(image_size=256)
    optimizer: Optimizer = Optimizer(learning_rate=1e-3, weight_decay=5e-4)
    model: MultiTaskModel = MultiTaskModel()
    loss: MultiTaskLoss = MultiTaskLoss()
    active: Active = Active(masks="all", start=0)

    def check(self) -> None:
        """Checks every value.

        Raises:
            SettingsError: one line with the setting's path, what is allowed and what was found.
        """
        super().check()
        within("model.width", self.model.width, 0.01, 8.0)
        for name in ("activation", "segmentation", "reconstruction"):
            within(f"loss.{name}", getattr(self.loss, name), 0.0, math.inf)
        multiple_of("data.image_size", self.data.image_size, 16)
        check_active(self.active, self.train.steps if self.mask_learning else None)
        if self.mask_learning and self.data.balance:
            check_room_for_masks(self.active, self.augment.self_blend.share)

    @property
    def unread(self) -> dict[str, str]:
        """As `Settings.unread`, and what is not read of `active`."""
        weight, share = self.loss.segmentation, self.augment.self_blend.share
        return super().unread | unread_active(self.active, "loss.segmentation", weight, share)

    @property
    def has_latent_halves(self) -> bool:
        """Always."""
        return True

    @property
    def mask_learning(self) -> Active | None:
        """`active`, if the segmentation has a weight and any mask comes into play."""
        return self.active if self.loss.segmentation > 0 and self.active.masks != "none" else None

    @property
    def learns_self_blended_masks(self) -> bool:
        """Where there are self-blended fakes, the segmentation has a weight and `active.self_blended` says so."""
        return self.augment.self_blend.share > 0 and self.loss.segmentation > 0 and self.active.self_blended

"""Settings of active learning: which training images get a mask, from whom, and when."""

import dataclasses

from dfdetect_jax.config.rules import at_least, one_of, within
from dfdetect_jax.errors import SettingsError

MASKS = ("selected", "all", "none")
STRATEGIES = ("hardest", "random", "entropy", "core_set", "outside", "channels")
ANNOTATORS = ("oracle", "people")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Active:
    """Which training images get a mask, from whom, and when.

    Attributes:
        self_blended: learn from the masks of self-blended fakes too (`augment.self_blend`), which nobody has to paint,
            from the first step.
        masks: "selected" ones by active learning; "all" that the data has, or "none", the two controls.
        strategy: how candidates are ranked; "random" is the control.
        share: largest share of the training images that get a mask.
        annotator: "oracle" fills in the masks that the data has; with "people" the run stops once the queue is
            written, and the same command goes on when the masks have been painted.
        start: optimiser steps of stage 1; the attention loss sees masks after them. 0, with "all", leaves stage 1 out.
        batch_share: share of each batch that is sampled from the masked images.
    """

    self_blended: bool = True
    masks: str = "selected"
    strategy: str = "hardest"
    share: float = 0.03
    annotator: str = "oracle"
    start: int = 5_000
    batch_share: float = 0.125


def check_active(active: Active, steps: int | None) -> None:
    """Checks every value.

    Args:
        active: to check.
        steps: optimiser steps in all; None where there is no second stage.

    Raises:
        SettingsError: one line with the setting's path, what is allowed and what was found.
    """
    one_of("active.masks", active.masks, MASKS)
    one_of("active.strategy", active.strategy, STRATEGIES)
    one_of("active.annotator", active.annotator, ANNOTATORS)
    within("active.share", active.share, 1e-6, 1.0)
    within("active.batch_share", active.batch_share, 0.001, 0.5)
    at_least("active.start", active.start, 0 if active.masks == "all" else 1)
    if steps is not None and active.start >= steps:
        raise SettingsError(
            f"active.start: expected fewer than the {steps} steps of train.steps, found {active.start}; "
            'or switch stage 2 off with active.masks="none"'
        )

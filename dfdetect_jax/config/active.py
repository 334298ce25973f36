"""Settings of active learning: which training images get a mask, from whom, and when."""

import dataclasses

from dfdetect_jax.config.rules import at_least, one_of, within
from dfdetect_jax.errors import SettingsError

MASKS = ("selected", "all", "none")
STRATEGIES = ("hardest", "random", "entropy", "core_set", "diverse", "outside", "channels")
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
        start: optimiser steps of stage 1; masks are learnt from after them. With "all" masks 0 leaves stage 1 out.
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


def check_room_for_masks(active: Active, self_blend_share: float) -> None:
    """Refuses more selected masks in a balanced batch than self-blended fakes leave room for, among its fakes.

    Raises:
        SettingsError: as `check_active`.
    """
    share = 0.5 - self_blend_share
    if active.masks == "selected" and active.batch_share > share:
        raise SettingsError(
            f"active.batch_share: expected at most the {share:g} that self-blended fakes leave to others, found "
            f'{active.batch_share:g}; set active.masks="none", or a smaller augment.self_blend.share'
        )


def unread_active(active: Active, term: str, weight: float, self_blend_share: float) -> dict[str, str]:
    """Paths of settings in `active` that nothing reads, and why.

    Args:
        active: of a method that learns from masks.
        term: path of the weight of the term that reads masks, such as "loss.attention".
        weight: its value.
        self_blend_share: of each batch.
    """
    unread: dict[str, str] = {}
    without = f"{term}=0" if weight == 0 else ""
    if active.masks != "selected":
        selection = ("active.strategy", "active.share", "active.annotator", "active.batch_share")
        unread |= dict.fromkeys(selection, f'active.masks="{active.masks}"')
    if without or self_blend_share == 0:
        unread["active.self_blended"] = without or "augment.self_blend.share=0"
    if without or active.masks == "none":
        unread["active.start"] = without or 'active.masks="none"'
    return unread

"""The arms of the study, as data: what is trained, how it differs from its baseline, and over how many seeds."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from dfdetect_jax import methods
from dfdetect_jax.config import Settings, check, override

SMALL_XCEPTION = {"model.width": 0.25, "model.middle_blocks": 2}
PRETRAINED = {"model.encoder": "efficientnet_lite0", "model.pretrained": "imagenet"}
CAE = {**SMALL_XCEPTION, "model.decoder_widths": (512, 256, 128, 64)}
LAE = {"model.stages": 3, "loss.perceptual": 0.0, "loss.adversarial": 0.0}
NO_MASKS = {"active.masks": "none"}
SELF_BLENDED = {"augment.self_blend.share": 0.25}
SELF_BLENDED_ALONE = {"augment.self_blend.share": 0.5}
PLAIN, STRONG = {"augment.preset": "none", "augment.flip": True}, {"augment.preset": "strong"}
ALL_MASKS = {"active.masks": "all", "active.start": 0.0}
LINEAR = {"model.head": "linear", "model.pooling": "mean"}  # the plain classifier on the same encoder
RATES = (3e-4, 1e-3, 3e-3)
_STEPS = ("loss.start", "loss.warmup", "loss.stop", "active.start")  # of these an arm names shares of all steps


class Arm(NamedTuple):
    """One arm.

    Attributes:
        group: "cae", "lae", "rivals" or "faces": a question of the study; the last is what encoder, augmentation,
            self-blending and masks are worth.
        method: registered name.
        values: settings by path; steps of schedules are shares of all steps.
        baseline: the arm of the same group that it is compared with; "" for the baseline itself.
        seeds: at most this many, however many are asked for.
    """

    group: str
    method: str
    values: Mapping[str, Any]
    baseline: str = ""
    seeds: int = 5


def _cae(values: Mapping[str, Any], baseline: str = "lambda 0", seeds: int = 5, of: Mapping[str, Any] = CAE) -> Arm:
    return Arm("cae", "cae", {**of, **values}, baseline, seeds)


def _lae(values: Mapping[str, Any], baseline: str = "no masks", seeds: int = 5, of: Mapping[str, Any] = LAE) -> Arm:
    return Arm("lae", "lae", {**of, **values}, baseline, seeds)


def _rival(method: str, values: Mapping[str, Any], seeds: int = 5) -> Arm:
    return Arm(
        "rivals", method, values, "" if method == "classifier" and values == SMALL_XCEPTION else "xception", seeds
    )


def _face(method: str, values: Mapping[str, Any], baseline: str = "", seeds: int = 3) -> Arm:
    """Of equally many images, with the networks of the presets `faces`; without what the LAE's adversary adds."""
    small_decoder = {"model.width": 0.25, "model.decoder_widths": (512, 256, 128, 64)}
    of_method = small_decoder if method == "cae" else {"loss.perceptual": 0.0, "loss.adversarial": 0.0}
    return Arm("faces", method, {**of_method, **values}, baseline, seeds)


def _selected(share: float, strategy: str) -> dict[str, Any]:
    return {"active.masks": "selected", "active.share": share, "active.strategy": strategy}


# Those that answer the longest-lived questions come first within their group; the baseline is always the first.
ARMS: dict[str, Arm] = {
    "lambda 0": _cae({"loss.reconstruction_weight": 0.0}, ""),
    "lambda .1": _cae({"loss.reconstruction_weight": 0.1}),
    "lambda .01": _cae({"loss.reconstruction_weight": 0.01}),
    "lambda 1": _cae({"loss.reconstruction_weight": 1.0}),
    "lambda .1, gradient stopped at the latent": _cae({"loss.latent_gradient": 0.0}),
    "lambda .1, reals": _cae({"loss.reconstruct": "real"}),
    "lambda .1, vector": _cae({"model.latent": "vector"}),
    "lambda .1, warm-up": _cae({"loss.warmup": 0.5}, seeds=3),
    "lambda .1, late": _cae({"loss.start": 0.5}, seeds=3),
    "lambda .1, early": _cae({"loss.stop": 0.5}, seeds=3),
    "pretrained, lambda 0": _cae({**PRETRAINED, "loss.reconstruction_weight": 0.0}, "", of={}),
    "pretrained, lambda .1": _cae(PRETRAINED, "pretrained, lambda 0", of={}),
    "no masks": _lae(NO_MASKS, ""),
    "3% random": _lae(_selected(0.03, "random")),
    "3% active": _lae(_selected(0.03, "hardest"), "3% random"),
    "all masks": _lae({"active.masks": "all", "active.start": 0.0}),
    "self-blended": _lae({**NO_MASKS, **SELF_BLENDED}),
    "1% random": _lae(_selected(0.01, "random"), seeds=3),
    "10% random": _lae(_selected(0.1, "random"), seeds=3),
    "all masks, no skips": _lae({"active.masks": "all", "active.start": 0.0, "model.skips": False}, "all masks", 3),
    "all masks, absolute": _lae(
        {"active.masks": "all", "active.start": 0.0, "loss.latent_form": "absolute"}, "all masks", 3
    ),
    "all masks, perceptual and adversarial": _lae(
        {"active.masks": "all", "active.start": 0.0, "loss.perceptual": 1.0, "loss.adversarial": 0.01}, "all masks", 3
    ),
    "pretrained, no masks": _lae({**PRETRAINED, **NO_MASKS}, ""),
    "pretrained, all masks": _lae({**PRETRAINED, "active.masks": "all", "active.start": 0.0}, "pretrained, no masks"),
    "xception": _rival("classifier", SMALL_XCEPTION),
    "efficientnet": _rival("classifier", PRETRAINED),
    "xception, self-blended": _rival("classifier", {**SMALL_XCEPTION, **SELF_BLENDED}),
    "efficientnet, self-blended": _rival("classifier", {**PRETRAINED, **SELF_BLENDED}),
    "mesoinception4": _rival("mesoinception4", {}),
    "forensic transfer": _rival("forensic_transfer", {}),
    "recce": _rival("recce", {"model.width": 0.25, "model.middle_blocks": 3}),
    "multi-task": _rival("multi_task", {}),
    "multi-task, 3%": _rival("multi_task", {**_selected(0.03, "random"), "active.start": 0.33}),
    "CAE, scratch": _face("cae", {"model.middle_blocks": 2, **PLAIN}),
    "CAE, pretrained": _face("cae", {**PRETRAINED, **PLAIN}, "CAE, scratch"),
    "CAE, augmented": _face("cae", {**PRETRAINED, **STRONG}, "CAE, pretrained"),
    "CAE, self-blended too": _face("cae", {**PRETRAINED, **STRONG, **SELF_BLENDED}, "CAE, augmented"),
    "CAE, self-blended alone": _face("cae", {**PRETRAINED, **STRONG, **SELF_BLENDED_ALONE}, "CAE, augmented"),
    "LAE, scratch, no masks": _face("lae", {**PLAIN, **NO_MASKS}),
    "LAE, scratch, linear head": _face("lae", {**PLAIN, **NO_MASKS, **LINEAR}, "LAE, scratch, no masks"),
    "LAE, scratch, all masks": _face("lae", {**PLAIN, **ALL_MASKS}, "LAE, scratch, no masks"),
    "LAE, no masks": _face("lae", {**PRETRAINED, **STRONG, **NO_MASKS}),
    "LAE, 3% masks": _face("lae", {**PRETRAINED, **STRONG, **_selected(0.03, "hardest")}, "LAE, no masks"),
    "LAE, all of the masks": _face("lae", {**PRETRAINED, **STRONG, **ALL_MASKS}, "LAE, no masks"),
    "LAE, all of the masks, perceptual": _face(
        "lae", {**PRETRAINED, **STRONG, **ALL_MASKS, "loss.perceptual": 1.0}, "LAE, all of the masks"
    ),
    "LAE, self-blended too": _face("lae", {**PRETRAINED, **STRONG, **NO_MASKS, **SELF_BLENDED}, "LAE, no masks"),
    "LAE, self-blended alone": _face(
        "lae", {**PRETRAINED, **STRONG, **NO_MASKS, **SELF_BLENDED_ALONE}, "LAE, no masks"
    ),
}
TINY = {  # what makes any arm train within seconds; of no use but to see that the study runs
    "cae": {"model.width": 0.02, "model.middle_blocks": 0, "model.decoder_widths": (8, 8), "model.classifier_width": 8},
    "lae": {"model.width": 0.2},
    "classifier": {"model.width": 0.02, "model.middle_blocks": 0},
    "forensic_transfer": {"model.width": 0.2},
    "multi_task": {"model.width": 0.2},
    "recce": {"model.width": 0.02, "model.middle_blocks": 2},
}
TINY_ARMS = ("no masks", "all masks", "mesoinception4")


def settings_of(arm: Arm, values: Mapping[str, Any], tiny: bool = False) -> Settings:
    """The checked settings of one run.

    Args:
        arm: what is trained.
        values: of the study: data, seed, rate, "train.steps" and the rest of the schedule; an arm's own come first.
        tiny: with the smallest networks.
    """
    steps = values["train.steps"]
    of_arm = dict(arm.values) | (TINY.get(arm.method, {}) if tiny else {})
    if arm.method == "lae":
        of_arm = {"active.start": 1 / 3} | of_arm
    of_arm |= {name: round(of_arm[name] * steps) for name in _STEPS if name in of_arm}
    if arm.method == "lae" and of_arm.get("active.masks") == "none":
        del of_arm["active.start"]
    return check(override(methods.defaults(arm.method), {**values, **of_arm}))


def baseline_of(name: str) -> str:
    """The arm that `name` is compared with, or "" for a baseline."""
    return ARMS[name].baseline

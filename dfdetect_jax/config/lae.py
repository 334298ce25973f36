"""Settings of the LAE: network, objectives, and who is asked for masks."""

import dataclasses
import math

from dfdetect_jax.config.common import Data, Optimizer, Settings, check_optimizer
from dfdetect_jax.config.rules import at_least, one_of, within
from dfdetect_jax.errors import SettingsError

INPUTS = ("image", "residual")
HEADS = ("halves", "linear")
POOLINGS = ("mean", "log_mean_exp")
LATENT_FORMS = ("logistic", "absolute")
ATTENTION_FORMS = ("balanced", "max", "raw", "soft")
PERCEPTUAL_LAYERS = tuple(
    f"relu{block}_{i}"
    for block, convolutions in enumerate((2, 2, 3, 3, 3), start=1)
    for i in range(1, convolutions + 1)
)
MASKS = ("selected", "all", "none")
STRATEGIES = ("hardest", "random", "entropy", "core_set", "outside", "channels")
ANNOTATORS = ("oracle", "people")


@dataclasses.dataclass
class LAEModel:
    """The LAE's networks.

    Attributes:
        width: multiplies every channel count of encoder and decoder, 8 to 8 * 2^stages.
        stages: times that the encoder halves height and width; 4 takes 256 px to 16x16x128.
        skips: U-Net skips from encoder to decoder; without them all has to pass through the latent.
        selection: zero the half of the latent that speaks for the other class before decoding.
        input: the encoder sees the "image", or its high-pass "residual"; what is reconstructed is always the image.
        head: "halves" decides by the activations of the latent's two halves; "linear" is the plain classifier on the
            same encoder, a baseline.
        pooling: from the logits of the latent's positions to the decision's: "log_mean_exp", which a small forged
            region can carry alone, or their "mean".
        discriminator_width: multiplies every channel count of the discriminator, 64 to 512.
    """

    width: float = 1.0
    stages: int = 4
    skips: bool = True
    selection: bool = True
    input: str = "image"
    head: str = "halves"
    pooling: str = "log_mean_exp"
    discriminator_width: float = 1.0


@dataclasses.dataclass
class LAELoss:
    """The LAE's objective: a weight for each of its five terms (0 switches it off), and the reading of two of them.

    Attributes:
        latent: weight of the classification by latent activations.
        latent_form: "logistic": cross-entropy of the pooled logits; "absolute": |a_fake - y| + |a_real - (1 - y)|.
        sharpness: k, from the difference of the halves at a position to its logit.
        pixel: weight of the squared error of the reconstruction.
        perceptual: weight of the squared error between VGG16 features of image and reconstruction.
        perceptual_layers: whose features.
        vgg16: file or hub name of VGG16's ImageNet weights; the perceptual term needs it.
        vgg16_sha256: digest that this file must have; required for a hub name.
        adversarial: weight of the non-saturating loss against the discriminator.
        attention: weight of the distance between attention and mask.
        attention_form: "balanced": cross-entropy of each pixel's logit, forged and untouched pixels half and half;
            the others take the L1 distance of the fake half's map: divided by its maximum ("max"), as it is ("raw"),
            or through a soft threshold ("soft").
    """

    latent: float = 1.0
    latent_form: str = "logistic"
    sharpness: float = 5.0
    pixel: float = 1.0
    perceptual: float = 1.0
    perceptual_layers: tuple[str, ...] = ("relu2_2", "relu3_3")
    vgg16: str = ""
    vgg16_sha256: str = ""
    adversarial: float = 0.01
    attention: float = 1.0
    attention_form: str = "balanced"

    @property
    def reconstructs(self) -> bool:
        """Whether any term looks at the reconstruction; if not, training leaves the decoder alone."""
        return self.pixel > 0 or self.perceptual > 0 or self.adversarial > 0


@dataclasses.dataclass
class Active:
    """Which training images get a mask, from whom, and when.

    Attributes:
        masks: "selected" ones by active learning; "all" that the data has, or "none", the two controls.
        strategy: how candidates are ranked; "random" is the control.
        share: of the training images, how many get a mask at most.
        annotator: "oracle" fills in the masks that the data has; with "people" the run stops once the queue is
            written, and the same command goes on when the masks have been painted.
        start: optimiser steps of stage 1; from there on the attention loss sees the masks.
        batch_share: of each batch, how much is drawn from the masked images.
    """

    masks: str = "selected"
    strategy: str = "hardest"
    share: float = 0.03
    annotator: str = "oracle"
    start: int = 5_000
    batch_share: float = 0.125


def discriminator_optimizer() -> Optimizer:
    """Adam as DCGAN sets it (Radford et al., ICLR 2016, section 4)."""
    return Optimizer(learning_rate=2e-4, weight_decay=0.0, beta1=0.5)


@dataclasses.dataclass
class LAESettings(Settings):
    """All settings of one run of the LAE."""

    method: str = "lae"
    data: Data = dataclasses.field(default_factory=lambda: Data(image_size=256))
    model: LAEModel = dataclasses.field(default_factory=LAEModel)
    loss: LAELoss = dataclasses.field(default_factory=LAELoss)
    discriminator: Optimizer = dataclasses.field(default_factory=discriminator_optimizer)
    active: Active = dataclasses.field(default_factory=Active)

    @property
    def stage_two(self) -> bool:
        """Whether masks come into play at all."""
        return self.loss.attention > 0 and self.active.masks != "none"


def check_lae(s: LAESettings) -> None:
    """Checks what the LAE adds to the common settings.

    Raises:
        SettingsError: one line with the setting's path, what is allowed and what was found.
    """
    _check_model(s)
    _check_loss(s.loss)
    check_optimizer("discriminator", s.discriminator)
    if s.discriminator.ema_decay:
        raise SettingsError(f"discriminator.ema_decay: expected 0, found {s.discriminator.ema_decay:g}; it is not used")
    one_of("active.masks", s.active.masks, MASKS)
    one_of("active.strategy", s.active.strategy, STRATEGIES)
    one_of("active.annotator", s.active.annotator, ANNOTATORS)
    within("active.share", s.active.share, 1e-6, 1.0)
    within("active.batch_share", s.active.batch_share, 0.001, 0.5)
    at_least("active.start", s.active.start, 1)
    if s.stage_two and s.active.start >= s.train.steps:
        raise SettingsError(
            f"active.start: expected fewer than the {s.train.steps} steps of train.steps, found {s.active.start}; "
            'or switch stage 2 off with active.masks="none"'
        )


def _check_model(s: LAESettings) -> None:
    within("model.width", s.model.width, 0.01, 8.0)
    within("model.stages", s.model.stages, 1, 6)
    one_of("model.input", s.model.input, INPUTS)
    one_of("model.head", s.model.head, HEADS)
    one_of("model.pooling", s.model.pooling, POOLINGS)
    within("model.discriminator_width", s.model.discriminator_width, 0.01, 8.0)
    multiple = 2 ** max(s.model.stages, 4)  # four halvings in the discriminator
    if s.data.image_size % multiple:
        nearest = max(32, round(s.data.image_size / multiple) * multiple)
        raise SettingsError(
            f"data.image_size: expected a multiple of {multiple}, found {s.data.image_size}; try {nearest}"
        )
    if s.model.head == "linear" and s.loss.latent_form == "absolute":
        raise SettingsError('loss.latent_form: "absolute" compares halves, which model.head="linear" has not')
    if s.model.head == "linear" and s.loss.attention_form != "balanced":
        raise SettingsError('loss.attention_form: expected "balanced" with model.head="linear", which has no halves')


def _check_loss(loss: LAELoss) -> None:
    for name in ("latent", "pixel", "perceptual", "adversarial", "attention"):
        within(f"loss.{name}", getattr(loss, name), 0.0, math.inf)
    within("loss.sharpness", loss.sharpness, 0.01, 1000.0)
    one_of("loss.latent_form", loss.latent_form, LATENT_FORMS)
    one_of("loss.attention_form", loss.attention_form, ATTENTION_FORMS)
    for layer in loss.perceptual_layers:
        one_of("loss.perceptual_layers", layer, PERCEPTUAL_LAYERS)
    if not loss.perceptual_layers:
        raise SettingsError("loss.perceptual_layers: expected one or more, found none; or set loss.perceptual=0")
    if loss.perceptual > 0 and not loss.vgg16:
        raise SettingsError(
            "loss.vgg16: expected a file with VGG16's ImageNet weights, found none; name one (see the README), "
            "or switch the perceptual term off with loss.perceptual=0"
        )

"""Settings of the LAE: network, objectives, and who is asked for masks."""

import dataclasses
import math

from dfdetect_jax.config.active import Active, check_active, check_room_for_masks, unread_active
from dfdetect_jax.config.common import Data, Optimizer, Settings, WeightsSource, check_optimizer, encoder_weights
from dfdetect_jax.config.rules import left_at_default, multiple_of, one_of, within
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


@dataclasses.dataclass(frozen=True, kw_only=True)
class LAEModel:
    """The LAE's networks.

    Attributes:
        encoder: "unet", or "efficientnet_lite0", whose maps of 1/2, 1/4, ... of the sides are the skips, and of whose
            deepest a convolution makes the latent.
        pretrained: ImageNet weights that the encoder starts from, as in `CAEModel`: "" for none; "imagenet";
            FILE[#SHA256]; or OWNER/REPOSITORY/FILE[@REVISION]#SHA256.
        width: multiplies every channel count of the U-Net, 8 to 8 * 2^stages; EfficientNet-Lite0's stay.
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

    encoder: str = "unet"
    pretrained: str = ""
    width: float = 1.0
    stages: int = 4
    skips: bool = True
    selection: bool = True
    input: str = "image"
    head: str = "halves"
    pooling: str = "log_mean_exp"
    discriminator_width: float = 1.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class LAELoss:
    """The LAE's objective: a weight for each of its five terms (0 switches it off), and the reading of two of them.

    Attributes:
        latent: weight of the classification by latent activations.
        latent_form: "logistic": cross-entropy of the pooled logits; "absolute": |a_fake - y| + |a_real - (1 - y)|.
        sharpness: k, from the difference of the halves at a position to its logit.
        pixel: weight of the squared error of the reconstruction.
        perceptual: weight of the squared error between VGG16 features of image and reconstruction.
        perceptual_layers: whose features.
        vgg16: VGG16's ImageNet weights, for the perceptual term: "" for those that the extra "pretrained" installs; a
            file; or one on the Hugging Face hub, OWNER/REPOSITORY/FILE[@REVISION].
        vgg16_sha256: digest that this file must have; required for a hub name and for a pickled file.
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


@dataclasses.dataclass(frozen=True, kw_only=True)
class LAESettings(Settings):
    """All settings of one run of the LAE.

    Attributes:
        model: the networks.
        loss: the objective.
        discriminator: the adversary's optimiser; Adam as DCGAN sets it (Radford et al., ICLR 2016, section 4).
        active: which images get a mask, from whom, and when.
    """

    method: str = "lae"
    data: Data = Data(image_size=256)
    model: LAEModel = LAEModel()
    loss: LAELoss = LAELoss()
    discriminator: Optimizer = Optimizer(learning_rate=2e-4, weight_decay=0.0, beta1=0.5)
    active: Active = Active()

    def check(self) -> None:
        """Checks every value.

        Raises:
            SettingsError: one line with the setting's path, what is allowed and what was found.
        """
        super().check()
        _check_model(self)
        _check_loss(self)
        _check_discriminator(self.discriminator)
        check_active(self.active, self.train.steps if self.mask_learning else None)
        if self.mask_learning and self.data.balance:
            check_room_for_masks(self.active, self.augment.self_blend.share)

    @property
    def unread(self) -> dict[str, str]:
        """As `Settings.unread`: a term without weight has no settings, nor has a second stage that doesn't come."""
        return super().unread | _unread(self)

    @property
    def required_weights(self) -> tuple[WeightsSource, ...]:
        """VGG16's, for the perceptual term; and the encoder's, with `model.pretrained`."""
        loss, of_encoder = self.loss, encoder_weights(self.model.encoder, self.model.pretrained)
        if loss.perceptual == 0:
            return of_encoder
        vgg16 = WeightsSource(
            network="vgg16",
            source=loss.vgg16 or "imagenet",
            sha256=loss.vgg16_sha256,
            layers=loss.perceptual_layers,
            setting="loss.vgg16",
        )
        return (vgg16, *of_encoder)

    @property
    def adversary_optimizer(self) -> Optimizer | None:
        """The discriminator's, if the adversarial term has a weight."""
        return self.discriminator if self.loss.adversarial > 0 else None

    @property
    def has_latent_halves(self) -> bool:
        """Not of the plain classifier's latent."""
        return self.model.head == "halves"

    @property
    def mask_learning(self) -> Active | None:
        """`active`, if the attention loss has a weight and any mask comes into play."""
        return self.active if self.loss.attention > 0 and self.active.masks != "none" else None

    @property
    def learns_self_blended_masks(self) -> bool:
        """Where there are self-blended fakes, the attention loss has a weight and `active.self_blended` says so."""
        return self.augment.self_blend.share > 0 and self.loss.attention > 0 and self.active.self_blended

    @property
    def notes(self) -> tuple[str, ...]:
        """Whether the perceptual term was left out."""
        if self.loss.perceptual == 0:
            return ("trained without the perceptual term, which needs VGG16's weights (loss.perceptual=0)",)
        return ()


def _unread(s: LAESettings) -> dict[str, str]:
    unread: dict[str, str] = {}
    if s.loss.perceptual == 0:
        unread |= dict.fromkeys(("loss.perceptual_layers", "loss.vgg16", "loss.vgg16_sha256"), "loss.perceptual=0")
    if s.loss.adversarial == 0:
        names = ("model.discriminator_width", *(f"discriminator.{f.name}" for f in dataclasses.fields(Optimizer)))
        unread |= dict.fromkeys(names, "loss.adversarial=0")
    if not s.loss.reconstructs:
        without = "loss.pixel=0, loss.perceptual=0 and loss.adversarial=0"
        unread |= dict.fromkeys(("model.skips", "model.selection"), without)
    if s.loss.latent_form == "absolute":
        unread["model.pooling"] = 'loss.latent_form="absolute"'
    if s.model.head == "linear":
        unread["loss.sharpness"] = 'model.head="linear"'
    return unread | unread_active(s.active, "loss.attention", s.loss.attention, s.augment.self_blend.share)


def _check_discriminator(discriminator: Optimizer) -> None:
    check_optimizer("discriminator", discriminator)
    left_at_default("discriminator.ema_decay", discriminator.ema_decay, 0.0, "an adversary, which is never averaged")
    for name, default in (("encoder_rate", 1.0), ("encoder_start", 0)):
        left_at_default(f"discriminator.{name}", getattr(discriminator, name), default, "an adversary without encoder")


def _check_model(s: LAESettings) -> None:
    within("model.width", s.model.width, 0.01, 8.0)
    within("model.stages", s.model.stages, 1, 6)
    one_of("model.input", s.model.input, INPUTS)
    one_of("model.head", s.model.head, HEADS)
    one_of("model.pooling", s.model.pooling, POOLINGS)
    within("model.discriminator_width", s.model.discriminator_width, 0.01, 8.0)
    multiple_of("data.image_size", s.data.image_size, 2 ** max(s.model.stages, 4))  # four in the discriminator
    if s.loss.latent_form == "absolute":
        left_at_default("model.pooling", s.model.pooling, LAEModel().pooling, 'loss.latent_form="absolute"')
    if s.model.head == "linear":
        left_at_default("loss.sharpness", s.loss.sharpness, LAELoss().sharpness, 'model.head="linear"')
    if s.model.head == "linear" and s.loss.latent_form == "absolute":
        raise SettingsError('loss.latent_form: "absolute" compares halves, which model.head="linear" does not have')
    if s.model.head == "linear" and s.loss.attention_form != "balanced":
        raise SettingsError('loss.attention_form: expected "balanced" with model.head="linear", which has no halves')


def _check_loss(s: LAESettings) -> None:
    loss = s.loss
    for name in ("latent", "pixel", "perceptual", "adversarial", "attention"):
        within(f"loss.{name}", getattr(loss, name), 0.0, math.inf)
    within("loss.sharpness", loss.sharpness, 0.01, 1000.0)
    one_of("loss.latent_form", loss.latent_form, LATENT_FORMS)
    one_of("loss.attention_form", loss.attention_form, ATTENTION_FORMS)
    for layer in loss.perceptual_layers:
        one_of("loss.perceptual_layers", layer, PERCEPTUAL_LAYERS)
    if not loss.perceptual_layers:
        raise SettingsError(
            "loss.perceptual_layers: expected one or more layers, found none; name them, or set loss.perceptual=0"
        )

"""Plain classifiers on a registered encoder, with and without self-blending: what a method has to beat.

    dfdetect train --config configs/classifier.py                    rendered faces; nothing to download
    dfdetect train --config configs/classifier.py:self_blended       the same on self-blended reals alone
    dfdetect train --config configs/classifier.py:efficientnet       EfficientNet-Lite0 from ImageNet
    dfdetect train --config configs/classifier.py:efficientnet_self_blended
    dfdetect train --config configs/classifier.py:faceforensics      Xception at 299 px, FaceForensics++
    dfdetect train --config configs/classifier.py:faceforensics_self_blended

The first has network, data and schedule of configs/cae.py without the decoder, and takes somewhat less than its five
minutes on two CPU cores. Those of EfficientNet-Lite0 need the extra "pretrained". The last two want an accelerator, and
ImageNet weights of Xception (`--config.model.pretrained`, as published); no result of ours stands behind them yet.
"""

from dfdetect_jax.config import Augment, ClassifierModel, ClassifierSettings, Data, Optimizer, SelfBlend, Train
from dfdetect_jax.errors import SettingsError

EMBEDDED = ("", "self_blended", "efficientnet", "efficientnet_self_blended")
PAPER = ("faceforensics", "faceforensics_self_blended")
PRESETS = (*EMBEDDED, *PAPER)


def get_config(preset: str = "") -> ClassifierSettings:
    """The settings of one of `PRESETS`; a setting that is not given here has its default in config/.

    Raises:
        SettingsError: there is no such preset.
    """
    if preset not in PRESETS:
        raise SettingsError(
            f'configs/classifier.py: expected a preset of {", ".join(PRESETS[1:])}, or none, found "{preset}"'
        )
    augment = Augment(self_blend=SelfBlend(share=0.5 if preset.endswith("self_blended") else 0.0))
    if preset in PAPER:
        return faceforensics(augment)
    return efficientnet(augment) if preset.startswith("efficientnet") else embedded(augment)


def embedded(augment: Augment) -> ClassifierSettings:
    """A quarter of Xception's width and of its middle blocks, on rendered faces of 96 px."""
    return ClassifierSettings(
        data=Data(name="forge", image_size=96),
        augment=augment,
        model=ClassifierModel(width=0.25, middle_blocks=2),
        optimizer=Optimizer(learning_rate=1e-3, schedule="cosine"),
        train=Train(steps=800, eval_every=200),
    )


def efficientnet(augment: Augment) -> ClassifierSettings:
    """EfficientNet-Lite0 with ImageNet weights, on rendered faces of 96 px."""
    return ClassifierSettings(
        data=Data(name="forge", image_size=96),
        augment=augment,
        model=ClassifierModel(encoder="efficientnet_lite0", pretrained="imagenet"),
        optimizer=Optimizer(learning_rate=5e-4, warmup_steps=100, schedule="cosine"),
        train=Train(steps=800, eval_every=200),
    )


def faceforensics(augment: Augment) -> ClassifierSettings:
    """Xception at 299 px, Adam 2e-4, batches of 32, on all forgeries of FaceForensics++, or on its reals alone."""
    return ClassifierSettings(
        data=Data(name="faceforensics"), augment=augment, train=Train(steps=50_000, eval_every=2_500)
    )

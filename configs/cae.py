"""CAE, from a laptop to the scale of the paper.

    dfdetect train --config configs/cae.py                  rendered faces; nothing to download
    dfdetect train --config configs/cae.py:single_branch    the baseline: lambda = 0, all else equal
    dfdetect train --config configs/cae.py:faces            photographs of one's own
    dfdetect train --config configs/cae.py:dfdc_faces       the same on faces of DFDC
    dfdetect train --config configs/cae.py:faceforensics    the paper's scale, on FaceForensics++ c23
    dfdetect train --config configs/cae.py:faceforensics_scratch    the same as published: Xception, drawn

The first takes about five minutes on two CPU cores (800 steps at 100 to 150 images/s) after the faces are rendered, and
gives a test AUC of .95 to 1.00 on the three forgeries that it was trained on and .80 to .90 on the three that it was
not (one seed). `faces` reads the records that `dfdetect prepare --dataset folder --root FOLDER --name
faces --size 128 --landmarks` makes, with `--allow_one_class` of photographs alone; its fakes are then the self-blended
ones. It wants the extra "pretrained", and about half an hour on two cores. `faceforensics` wants an accelerator; no
result of ours stands behind it yet.
"""

import dataclasses

from dfdetect_jax.config import Augment, CAEModel, CAESettings, Data, Optimizer, SelfBlend, Train, override
from dfdetect_jax.errors import SettingsError

PRESETS = ("", "single_branch", "faces", "dfdc_faces", "faceforensics", "faceforensics_scratch")
PRETRAINED = CAEModel(encoder="efficientnet_lite0", pretrained="imagenet")


def get_config(preset: str = "") -> CAESettings:
    """The settings of one of `PRESETS`; a setting that is not given here has its default in config/.

    Raises:
        SettingsError: there is no such preset.
    """
    match preset:
        case "":
            return embedded()
        case "single_branch":
            return override(embedded(), {"loss.reconstruction_weight": 0.0})
        case "faces" | "dfdc_faces":
            return faces(preset)
        case "faceforensics":
            return faceforensics(PRETRAINED)
        case "faceforensics_scratch":
            return faceforensics(CAEModel())
    raise SettingsError(f'configs/cae.py: expected a preset of {", ".join(PRESETS[1:])}, or none, found "{preset}"')


def embedded() -> CAESettings:
    """A quarter of Xception's width and of its middle blocks, on rendered faces of 96 px."""
    return CAESettings(
        data=Data(name="forge", image_size=96),
        model=CAEModel(
            width=0.25,
            middle_blocks=2,
            decoder_widths=(512, 256, 128, 64),  # four stages: from 3x3 to 48x48, then resized
        ),
        optimizer=Optimizer(learning_rate=1e-3, schedule="cosine"),
        train=Train(steps=800, eval_every=200),
    )


def faces(name: str) -> CAESettings:
    """EfficientNet-Lite0 with ImageNet weights at 128 px, strong augmentation, a quarter of each batch self-blended."""
    return CAESettings(
        data=Data(name=name, image_size=128),
        model=dataclasses.replace(PRETRAINED, width=0.25, decoder_widths=(512, 256, 128, 64)),
        augment=Augment(self_blend=SelfBlend(share=0.25)).with_preset("strong"),
        optimizer=Optimizer(learning_rate=5e-4, schedule="cosine"),
        train=Train(steps=2000, eval_every=250),
    )


def faceforensics(model: CAEModel) -> CAESettings:
    """299 px, lambda 0.1, Adam 2e-4, batches of 32, on all forgeries of FaceForensics++; published with Xception.

    Each epoch of the balanced stream shows every real frame once; 50,000 steps are about 35 of them with 32 frames a
    video. Seen and unseen are chosen by `--config.data.train_forgeries="('Deepfakes',)"`.
    """
    return CAESettings(data=Data(name="faceforensics"), model=model, train=Train(steps=50_000, eval_every=2_500))

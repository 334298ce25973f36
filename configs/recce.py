"""RECCE, from a laptop to the scale of the paper.

    dfdetect train --config configs/recce.py                  rendered faces; no download
    dfdetect train --config configs/recce.py:faceforensics    299 px, FaceForensics++ c23

The first has the width of configs/cae.py and takes about twice its time. The second wants an accelerator, and ImageNet
weights of Xception (`--config.model.pretrained`, as published); no result of ours stands behind it yet.
"""

from dfdetect_jax.config import Data, Optimizer, RECCEModel, RECCESettings, Train
from dfdetect_jax.errors import SettingsError

PRESETS = ("", "faceforensics")


def get_config(preset: str = "") -> RECCESettings:
    """The settings of one of `PRESETS`; a setting that is not given here has its default in config/.

    Raises:
        SettingsError: there is no such preset.
    """
    match preset:
        case "":
            return embedded()
        case "faceforensics":
            return faceforensics()
    raise SettingsError(f'configs/recce.py: expected the preset faceforensics, or none, found "{preset}"')


def embedded() -> RECCESettings:
    """A quarter of Xception's width and three of its middle blocks, on rendered faces of 96 px."""
    return RECCESettings(
        data=Data(name="forge", image_size=96),
        model=RECCEModel(width=0.25, middle_blocks=3),
        optimizer=Optimizer(learning_rate=1e-3, schedule="cosine"),
        train=Train(steps=800, eval_every=200),
    )


def faceforensics() -> RECCESettings:
    """299 px, Adam 2e-4, weight decay 1e-5, batches of 32; the rate drops once, theirs is halved each 22,500 steps."""
    return RECCESettings(
        data=Data(name="faceforensics"),
        optimizer=Optimizer(schedule="drop", drop_step=45_000),
        train=Train(steps=60_000, eval_every=2_500),
    )

"""MesoInception-4, from a laptop to the scale of the paper.

    dfdetect train --config configs/mesoinception4.py                  rendered faces; no download
    dfdetect train --config configs/mesoinception4.py:faceforensics    256 px, FaceForensics++ c23

The first takes a few minutes on two CPU cores. No result of ours stands behind the second yet.
"""

from dfdetect_jax.config import Data, MesoInception4Settings, Optimizer, Train
from dfdetect_jax.errors import SettingsError

PRESETS = ("", "faceforensics")


def get_config(preset: str = "") -> MesoInception4Settings:
    """The settings of one of `PRESETS`; a setting that is not given here has its default in config/.

    Raises:
        SettingsError: there is no such preset.
    """
    match preset:
        case "":
            return embedded()
        case "faceforensics":
            return faceforensics()
    raise SettingsError(f'configs/mesoinception4.py: expected the preset faceforensics, or none, found "{preset}"')


def embedded() -> MesoInception4Settings:
    """The whole network, on rendered faces of 96 px."""
    return MesoInception4Settings(
        data=Data(name="forge", image_size=96),
        optimizer=Optimizer(learning_rate=1e-3, weight_decay=0.0, schedule="cosine"),
        train=Train(steps=800, eval_every=200),
    )


def faceforensics() -> MesoInception4Settings:
    """256 px, Adam 1e-3, batches of 75; the rate drops to a tenth after two thirds of the steps."""
    return MesoInception4Settings(
        data=Data(name="faceforensics", image_size=256),
        optimizer=Optimizer(learning_rate=1e-3, weight_decay=0.0, schedule="drop", drop_step=10_000),
        train=Train(batch_size=75, steps=15_000, eval_every=1_000),
    )

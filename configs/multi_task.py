"""Multi-task classification and segmentation, from a laptop to the scale of the paper.

    dfdetect train --config configs/multi_task.py                  rendered faces; no download
    dfdetect train --config configs/multi_task.py:faceforensics    256 px, FaceForensics++ c23

As published every fake has a mask, from the first step; `--config.active.masks=selected --config.active.start=400` is
the LAE's 3%, and `--config.active.masks=none` has no segmentation. The first takes a few minutes on two CPU cores. No
result of ours stands behind the second yet; its data need masks, which `prepare` makes of the source videos.
"""

from dfdetect_jax.config import Active, Data, MultiTaskSettings, Optimizer, Train
from dfdetect_jax.errors import SettingsError

PRESETS = ("", "faceforensics")


def get_config(preset: str = "") -> MultiTaskSettings:
    """The settings of one of `PRESETS`; a setting that is not given here has its default in config/.

    Raises:
        SettingsError: there is no such preset.
    """
    match preset:
        case "":
            return embedded()
        case "faceforensics":
            return faceforensics()
    raise SettingsError(f'configs/multi_task.py: expected the preset faceforensics, or none, found "{preset}"')


def embedded() -> MultiTaskSettings:
    """The whole network, on rendered faces of 96 px and all of their masks."""
    return MultiTaskSettings(
        data=Data(name="forge", image_size=96),
        optimizer=Optimizer(learning_rate=1e-3, weight_decay=5e-4, schedule="cosine"),
        train=Train(steps=1200, eval_every=200),
        active=Active(masks="all", start=0),
    )


def faceforensics() -> MultiTaskSettings:
    """256 px, Adam 1e-3, weight decay 5e-4, batches of 64; Face2Face is seen, as in the paper."""
    return MultiTaskSettings(
        data=Data(name="faceforensics", image_size=256, train_forgeries=("Face2Face",)),
        train=Train(batch_size=64, steps=30_000, eval_every=1_000),
    )

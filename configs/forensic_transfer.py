"""ForensicTransfer, from a laptop to the scale of the paper.

    dfdetect train --config configs/forensic_transfer.py                  rendered faces; no download
    dfdetect train --config configs/forensic_transfer.py:faceforensics    256 px, FaceForensics++ c23

The first takes a few minutes on two CPU cores. No result of ours stands behind the second yet. A detector is adapted to
a forgery of which there are few images by `--init_from RUN` and a lower `--config.optimizer.learning_rate`.
"""

from dfdetect_jax.config import Data, ForensicTransferSettings, Optimizer, Train
from dfdetect_jax.errors import SettingsError

PRESETS = ("", "faceforensics")


def get_config(preset: str = "") -> ForensicTransferSettings:
    """The settings of one of `PRESETS`; a setting that is not given here has its default in config/.

    Raises:
        SettingsError: there is no such preset.
    """
    match preset:
        case "":
            return embedded()
        case "faceforensics":
            return faceforensics()
    raise SettingsError(f'configs/forensic_transfer.py: expected the preset faceforensics, or none, found "{preset}"')


def embedded() -> ForensicTransferSettings:
    """The whole network, on rendered faces of 96 px."""
    return ForensicTransferSettings(
        data=Data(name="forge", image_size=96),
        optimizer=Optimizer(learning_rate=1e-3, weight_decay=0.0, schedule="cosine"),
        train=Train(steps=1200, eval_every=200),
    )


def faceforensics() -> ForensicTransferSettings:
    """256 px, Adam 1e-3, batches of 64; Face2Face is seen, as in the paper's transfer to FaceSwap."""
    return ForensicTransferSettings(
        data=Data(name="faceforensics", image_size=256, train_forgeries=("Face2Face",)),
        train=Train(batch_size=64, steps=30_000, eval_every=1_000),
    )

"""CAE, from a laptop to the scale of the paper.

    python -m dfdetect_jax.train --config configs/cae.py                  the embedded set, nothing to download
    python -m dfdetect_jax.train --config configs/cae.py:single_branch    its baseline: lambda = 0, all else equal
    python -m dfdetect_jax.train --config configs/cae.py:faceforensics    the paper's scale, on FaceForensics++ c23
"""

from dfdetect_jax.config import Settings
from dfdetect_jax.errors import SettingsError

PRESETS = ("", "single_branch", "faceforensics")


def get_config(preset: str = "") -> Settings:
    """The settings of one of `PRESETS`.

    Raises:
        SettingsError: there is no such preset.
    """
    if preset not in PRESETS:
        raise SettingsError(f'configs/cae.py: expected a preset of {", ".join(PRESETS[1:])}, or none, found "{preset}"')
    settings = faceforensics() if preset == "faceforensics" else embedded()
    if preset == "single_branch":
        settings.loss.reconstruction_weight = 0.0
    return settings


def embedded() -> Settings:
    """A small CAE on rendered faces."""
    settings = Settings()
    settings.data.name = "forge"
    settings.data.image_size = 96
    settings.model.width = 0.25
    settings.model.middle_blocks = 2
    settings.model.decoder_widths = (512, 256, 128, 64)
    settings.optimizer.learning_rate = 1e-3
    settings.optimizer.schedule = "cosine"
    settings.train.steps = 600
    settings.train.eval_every = 200
    return settings


def faceforensics() -> Settings:
    """Xception at 299 px on all methods of FaceForensics++; narrow it with `--config.data.train_methods`."""
    settings = Settings()
    settings.data.name = "faceforensics"
    settings.data.image_size = 299
    settings.model.width = 1.0
    settings.model.middle_blocks = 8
    settings.model.latent = "map"
    settings.model.decoder_widths = (512, 256, 128, 64, 32)
    settings.model.classifier_width = 512
    settings.loss.reconstruction_weight = 0.1
    settings.optimizer.learning_rate = 2e-4
    settings.optimizer.weight_decay = 1e-5
    settings.train.batch_size = 32
    settings.train.steps = 50_000
    settings.train.eval_every = 2_500
    return settings

"""Settings of the CAE."""

from dfdetect_jax.config import Settings
from dfdetect_jax.errors import SettingsError


def get_config(preset: str | None = None) -> Settings:
    """The settings of `preset`; none is the embedded set on a laptop."""
    s = Settings()
    if preset in (None, "", "single_branch"):
        s.data.image_size = 96
        s.model.width = 0.25
        s.model.middle_blocks = 2
        s.model.decoder_widths = (512, 256, 128, 64)
        s.optimizer.learning_rate = 1e-3
        s.optimizer.schedule = "cosine"
        s.train.steps = 1000
        s.train.eval_every = 250
    elif preset != "faceforensics":
        raise SettingsError(f'configs/cae.py: expected preset faceforensics or single_branch, found "{preset}"')
    else:
        s.data.name = "faceforensics"
    if preset == "single_branch":
        s.loss.reconstruction_weight = 0.0
    return s

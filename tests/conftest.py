"""What all tests share: two CPU devices, one compilation cache, and tiny settings."""

import os
import tempfile

# Before JAX starts: sharding is real with two devices, and commands started by a test find what another one compiled.
# Compiling takes most of the time of a small test, so LLVM is told not to try hard. Of equal flags the last one counts.
_FLAGS = "--xla_force_host_platform_device_count=2 --xla_backend_optimization_level=0"
os.environ["XLA_FLAGS"] = f"{_FLAGS} {os.environ.get('XLA_FLAGS', '')}"
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", tempfile.mkdtemp(prefix="dfdetect_jax-xla-"))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.2")

import pytest

from dfdetect_jax.config import CAESettings, LAESettings


def tiny_settings() -> CAESettings:
    """The smallest CAE that has all its parts."""
    settings = CAESettings()
    settings.data.image_size = 40
    settings.data.forge_images = 16
    settings.model.width = 0.02
    settings.model.middle_blocks = 0
    settings.model.decoder_widths = (16, 8)
    settings.model.classifier_width = 16
    settings.train.batch_size = 8
    settings.train.steps = 4
    settings.train.log_every = 2
    settings.train.eval_every = 2
    return settings


def tiny_lae_settings() -> LAESettings:
    """The smallest LAE: two halvings, no VGG16, no adversary."""
    settings = LAESettings()
    settings.data.image_size = 32
    settings.data.forge_images = 16
    settings.model.stages = 2
    settings.model.discriminator_width = 0.05
    settings.loss.perceptual = settings.loss.adversarial = 0.0
    settings.augment.flip = False
    settings.train.batch_size = 8
    settings.train.steps = 4
    settings.train.log_every = settings.train.eval_every = 2
    settings.active.start = 2
    return settings


def command_line(workdir, **changes) -> list[str]:
    """`train` on the tiny settings, as a user would type them."""
    from dfdetect_jax import train

    config = "configs/cae.py"
    argv = ["--config", config, "--workdir", str(workdir)]
    plain, tiny = train.parse(["--config", config]).settings, tiny_settings()
    for group in ("data", "model", "optimizer", "train"):
        for name, value in vars(getattr(tiny, group)).items():
            if value != getattr(getattr(plain, group), name):
                argv.append(f"--config.{group}.{name}={value}")
    return argv + [f"--config.{name.replace('__', '.')}={value}" for name, value in changes.items()]


@pytest.fixture
def settings() -> CAESettings:
    return tiny_settings()

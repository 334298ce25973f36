"""What all tests share: two CPU devices, one compilation cache, and tiny settings."""

import errno
import fcntl
import os
import tempfile

# Before JAX starts: sharding is real with two devices, and commands started by a test find what another one compiled.
# Compiling takes most of the time of a small test, so LLVM is told not to try hard. Of equal flags the last one counts.
_FLAGS = "--xla_force_host_platform_device_count=2 --xla_backend_optimization_level=0"
os.environ["XLA_FLAGS"] = f"{_FLAGS} {os.environ.get('XLA_FLAGS', '')}"
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", tempfile.mkdtemp(prefix="dfdetect_jax-xla-"))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.2")

import pytest

from dfdetect_jax.config import (
    Active,
    Augment,
    CAEModel,
    CAESettings,
    Data,
    LAELoss,
    LAEModel,
    LAESettings,
    Train,
    override,
)
from dfdetect_jax.config.describe import describe

TINY_CAE = CAESettings(
    data=Data(image_size=40, forge_images=16),
    model=CAEModel(width=0.02, middle_blocks=0, decoder_widths=(16, 8), classifier_width=16),
    train=Train(batch_size=8, steps=4, log_every=2, eval_every=2),
)
"""The smallest CAE that has all its parts."""

TINY_LAE = LAESettings(
    data=Data(image_size=32, forge_images=16),
    model=LAEModel(stages=2, discriminator_width=0.05),
    loss=LAELoss(perceptual=0.0, adversarial=0.0),
    augment=Augment(flip=False),
    train=Train(batch_size=8, steps=4, log_every=2, eval_every=2),
    active=Active(start=2),
)
"""The smallest LAE: two halvings, no VGG16, no adversary."""


def tiny_settings(**changes) -> CAESettings:
    """`TINY_CAE` with other values, such as `train__steps=2`."""
    return override(TINY_CAE, by_path(changes))


def tiny_lae_settings(**changes) -> LAESettings:
    """`TINY_LAE` with other values."""
    return override(TINY_LAE, by_path(changes))


def by_path(changes: dict) -> dict:
    """{"train__steps": 2} -> {"train.steps": 2}."""
    return {name.replace("__", "."): value for name, value in changes.items()}


def command_line(workdir, **changes) -> list[str]:
    """`train` on the tiny settings, as a user would type them."""
    from dfdetect_jax.train import load_settings

    config = "configs/cae.py"
    argv = ["--config", config, "--workdir", str(workdir)]
    shipped = {each.path: each.value for each in describe(load_settings(config))}
    tiny = {each.path: each.value for each in describe(TINY_CAE)}
    values = {path: value for path, value in tiny.items() if value != shipped[path]} | by_path(changes)
    return argv + [f"--config.{path}={value}" for path, value in values.items()]


@pytest.fixture
def settings() -> CAESettings:
    return TINY_CAE


@pytest.fixture
def no_locks(monkeypatch):
    """Disks have no locks."""

    def flock(*_):
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(fcntl, "flock", flock)

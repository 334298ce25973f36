"""The encoders by name. An encoder is one file of this package, which registers what methods need of it.

    register("mine", Encoder(feature_map=lambda model, axis_name, remat: MyNetwork(...)))

Every encoder takes float images [N, H, W, 3] in [-1, 1] and brings them to the range of its published weights itself;
its file says which. A method uses one of two forms: `feature_map`, or `pyramid` for a U-Net. Its variables stand under
"encoder" in the method's tree. An encoder from outside the package is any module that calls `register` on import.
"""

import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import flax.linen as nn

from dfdetect_jax.config import one_of
from dfdetect_jax.errors import SettingsError

Build = Callable[[Any, str | None, bool], nn.Module]
"""(a method's `model` settings, mapped axis over which BatchNorm's statistics are averaged, remat) -> the network."""

Layout = Callable[[Sequence[str]], Mapping[str, str]]
"""Names of the layers in a file -> for each module of the network, such as "block_1/expand", its layer's name."""

FEATURE_MAP, PYRAMID = "feature_map", "pyramid"
NAME = "encoder"  # of its variables in the tree of a method


class PackagedFile(NamedTuple):
    """A file of weights inside a package of the extra "pretrained"; the package's code is never imported.

    Attributes:
        package: as it is imported.
        path: within the package.
        sha256: hex digest of the file.
    """

    package: str
    path: str
    sha256: str


class Published(NamedTuple):
    """How published ImageNet weights of an encoder are laid out in files.

    Attributes:
        network: the network that a file must fill, every parameter and statistic of it.
        layouts: by the form of a file, "pytorch" or "keras", the names that its layers may have.
        requires: values of `model` settings without which the published weights don't fit.
        imagenet: the file that "imagenet" stands for, or None.
    """

    network: Callable[[], nn.Module]
    layouts: Mapping[str, Sequence[Layout]]
    requires: Mapping[str, Any] = {}
    imagenet: PackagedFile | None = None


class Encoder(NamedTuple):
    """What an encoder's file registers.

    Attributes:
        feature_map: builds a module (images, train) -> the last map, float [N, h, w, C]; None without this form.
        pyramid: builds a module (images, train) -> float maps from the finest to the latent. The latent has
            1 / 2^stages of the images' sides, an even number of channels and no negative value, and each map before it
            twice the sides of the next; None without this form.
        most_stages: halvings that a pyramid may have.
        published: how its published weights are laid out; None if there are none.
    """

    feature_map: Build | None = None
    pyramid: Build | None = None
    most_stages: int = 6
    published: Published | None = None


_registered: dict[str, Encoder] = {}


def register(name: str, encoder: Encoder) -> None:
    """Adds an encoder under a name, which `model.encoder` then takes."""
    _registered[name] = encoder


def names(form: str = "") -> tuple[str, ...]:
    """All encoders that have a form, or all: those of this package and those registered by modules imported so far."""
    for module in pkgutil.iter_modules([str(Path(__file__).parent)]):
        importlib.import_module(f"{__package__}.{module.name}")
    return tuple(sorted(name for name, each in _registered.items() if not form or getattr(each, form)))


def find(name: str, form: str = "") -> Encoder:
    """An encoder by its name.

    Args:
        name: of the encoder.
        form: `FEATURE_MAP` or `PYRAMID` for one that has it; "" for any.

    Raises:
        SettingsError: there is no such encoder; the nearest name is suggested.
    """
    one_of("model.encoder", name, names(form))
    return _registered[name]


def build(form: str, model: Any, axis_name: str | None, remat: bool) -> nn.Module:
    """The network of `model.encoder` in a form.

    Args:
        form: `FEATURE_MAP` or `PYRAMID`.
        model: a method's settings of its network, with `encoder` and what the encoder reads.
        axis_name: mapped axis over which BatchNorm's statistics are averaged, or None.
        remat: recompute the activations inside each block in the backward pass.

    Raises:
        SettingsError: as `find`.
    """
    network: nn.Module = getattr(find(model.encoder, form), form)(model, axis_name, remat)
    return network


def check(form: str, model: Any) -> None:
    """Checks what the settings of a network ask of its encoder.

    Raises:
        SettingsError: there is no such encoder, it has fewer stages, or published weights don't fit.
    """
    encoder = find(model.encoder, form)
    of = f'with model.encoder="{model.encoder}"'
    if form == PYRAMID and model.stages > encoder.most_stages:
        raise SettingsError(f"model.stages: expected at most {encoder.most_stages} {of}, found {model.stages}")
    if not model.pretrained:
        return
    if encoder.published is None:
        raise SettingsError(f'model.pretrained: expected "" {of}, which has no published weights; leave it out')
    for name, value in encoder.published.requires.items():
        if getattr(model, name) != value:
            found = getattr(model, name)
            raise SettingsError(f"model.{name}: expected {value} {of} and published weights, found {found}")

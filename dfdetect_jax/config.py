"""Settings as typed dataclasses, and every check of a setting.

They are mutable so that the command line can override one (`--config.model.width=0.5`); `check` is called once, after
the last override, and nothing changes them from there on.
"""

import dataclasses
import difflib
import math
import typing
from collections.abc import Sequence

from dfdetect_jax.errors import SettingsError

METHODS = ("cae",)
LATENTS = ("map", "vector")
RECONSTRUCT = ("all", "real")
SCHEDULES = ("constant", "cosine")
ALIGNMENTS = ("landmarks", "box")
DETECTORS = ("mtcnn", "haar")


@dataclasses.dataclass
class Crop:
    """From a picture to a face crop; the same in `prepare` and `predict`.

    Attributes:
        size: side of the square crop, pixels.
        margin: side of the crop over the side of the tight face.
        align: "landmarks" warps five facial points onto a template; "box" cuts the box without turning it.
        detector: "mtcnn", or "haar" (OpenCV; no landmarks, so only with "box").
    """

    size: int = 299
    margin: float = 1.3
    align: str = "landmarks"
    detector: str = "mtcnn"


@dataclasses.dataclass
class Data:
    """What is trained on.

    Attributes:
        name: "forge" (the embedded set, made on first use), the name of a prepared data set, or its folder.
        data_dir: where prepared data sets are; "" means `TFDS_DATA_DIR`, or `~/tensorflow_datasets`.
        train_methods: forgery methods to train and validate on; empty means all in the training split. The others
            are "unseen" in every table.
        image_size: side of the network's input, pixels; crops of another size are resized.
        balance: draw reals and fakes equally often.
        workers: processes that decode; 0 decodes in threads of this one.
        forge_images: size of the embedded set's training split; validation and test are in proportion.
    """

    name: str = "forge"
    data_dir: str = ""
    train_methods: tuple[str, ...] = ()
    image_size: int = 299
    balance: bool = True
    workers: int = 0
    forge_images: int = 4000


@dataclasses.dataclass
class Augment:
    """Augmentation inside the step.

    Attributes:
        flip: mirror left and right with probability one half.
        jitter: brightness and contrast change by up to this share, 0 to switch off.
    """

    flip: bool = True
    jitter: float = 0.0


@dataclasses.dataclass
class Model:
    """The CAE's network.

    Attributes:
        width: multiplies every channel count of encoder, decoder and classifier.
        middle_blocks: repeats of Xception's middle block; 8 as published.
        latent: "map": the decoder reads the encoder's last feature map; "vector": its spatial average.
        decoder_widths: channels of the decoder's stride-2 stages, before `width`.
        classifier_width: hidden units of the classifier, before `width`.
    """

    width: float = 1.0
    middle_blocks: int = 8
    latent: str = "map"
    decoder_widths: tuple[int, ...] = (512, 256, 128, 64, 32)
    classifier_width: int = 512


@dataclasses.dataclass
class Loss:
    """The CAE's objective, classification + reconstruction_weight * reconstruction.

    Attributes:
        reconstruction_weight: lambda; 0 is the single-branch baseline.
        reconstruct: "all" images, or "real" ones only.
    """

    reconstruction_weight: float = 0.1
    reconstruct: str = "all"


@dataclasses.dataclass
class Optimizer:
    """AdamW and its schedule.

    Attributes:
        learning_rate: peak value.
        weight_decay: decoupled, on kernels only.
        warmup_steps: linear from 0.
        schedule: "constant" or "cosine" (to 0 at the last step).
        clip_norm: global gradient norm is cut to this; 0 switches it off.
        ema_decay: moving average of the parameters, used for validation and prediction; 0 switches it off.
    """

    learning_rate: float = 2e-4
    weight_decay: float = 1e-5
    warmup_steps: int = 0
    schedule: str = "constant"
    clip_norm: float = 0.0
    ema_decay: float = 0.0


@dataclasses.dataclass
class Train:
    """The training loop.

    Attributes:
        batch_size: over all devices and processes.
        steps: optimiser steps in all.
        log_every: steps between lines of metrics.
        eval_every: steps between validations; each is followed by a checkpoint.
        keep: how many of the latest checkpoints stay, beside the best.
    """

    batch_size: int = 32
    steps: int = 10_000
    log_every: int = 50
    eval_every: int = 1_000
    keep: int = 2


@dataclasses.dataclass
class Settings:
    """All settings of one run."""

    method: str = "cae"
    seed: int = 0
    data: Data = dataclasses.field(default_factory=Data)
    augment: Augment = dataclasses.field(default_factory=Augment)
    model: Model = dataclasses.field(default_factory=Model)
    loss: Loss = dataclasses.field(default_factory=Loss)
    optimizer: Optimizer = dataclasses.field(default_factory=Optimizer)
    train: Train = dataclasses.field(default_factory=Train)


def to_dict(settings) -> dict:
    """Settings as nested dicts of JSON types."""
    return dataclasses.asdict(settings)


def from_dict(kind: type, values: dict, path: str = "config"):
    """Builds the dataclass `kind` from nested dicts, as read from JSON.

    Raises:
        SettingsError: a name is unknown (the nearest known one is suggested) or a value has the wrong type.
    """
    known = typing.get_type_hints(kind)
    built = {}
    for name, value in values.items():
        if name not in known:
            raise SettingsError(unknown_name(f"{path}.{name}", kind))
        built[name] = _coerce(known[name], value, f"{path}.{name}")
    return kind(**built)


def unknown_name(path: str, kind: type) -> str:
    """One line for a setting that doesn't exist: its path, and the nearest name that `kind` has, or all of them."""
    parent, _, name = path.rpartition(".")
    names = [field.name for field in dataclasses.fields(kind)]
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean {parent}.{near[0]}?" if near else f"{parent} has: {', '.join(names)}"
    return f"no setting {path}; {hint}"


def _coerce(kind, value, path: str):
    if dataclasses.is_dataclass(kind):
        if not isinstance(value, dict):
            raise SettingsError(f"{path}: expected a group of settings, found {value!r}")
        return from_dict(kind, value, path)
    if typing.get_origin(kind) is tuple:
        element = typing.get_args(kind)[0]
        if not isinstance(value, (list, tuple)):
            raise SettingsError(f"{path}: expected a list of {element.__name__}, found {value!r}")
        return tuple(_coerce(element, item, path) for item in value)
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise SettingsError(f"{path}: expected {kind.__name__}, found {value!r}")
    return value


def check(settings: Settings) -> Settings:
    """Returns `settings` if each value is allowed.

    Raises:
        SettingsError: one line with the setting's path, what is allowed and what was found.
    """
    from_dict(Settings, to_dict(settings))  # types, as the command line may have put a str for a tuple
    s = settings
    _one_of("method", s.method, METHODS)
    _at_least("seed", s.seed, 0)
    _at_least("data.image_size", s.data.image_size, 32)
    _at_least("data.workers", s.data.workers, 0)
    _at_least("data.forge_images", s.data.forge_images, 8)
    _within("augment.jitter", s.augment.jitter, 0.0, 1.0)
    _within("model.width", s.model.width, 0.01, 8.0)
    _at_least("model.middle_blocks", s.model.middle_blocks, 0)
    _one_of("model.latent", s.model.latent, LATENTS)
    _positive_widths("model.decoder_widths", s.model.decoder_widths)
    _at_least("model.classifier_width", s.model.classifier_width, 1)
    _within("loss.reconstruction_weight", s.loss.reconstruction_weight, 0.0, math.inf)
    _one_of("loss.reconstruct", s.loss.reconstruct, RECONSTRUCT)
    _within("optimizer.learning_rate", s.optimizer.learning_rate, 0.0, 1.0)
    _within("optimizer.weight_decay", s.optimizer.weight_decay, 0.0, 1.0)
    _at_least("optimizer.warmup_steps", s.optimizer.warmup_steps, 0)
    _one_of("optimizer.schedule", s.optimizer.schedule, SCHEDULES)
    _within("optimizer.clip_norm", s.optimizer.clip_norm, 0.0, math.inf)
    _within("optimizer.ema_decay", s.optimizer.ema_decay, 0.0, 0.99999)
    for name in ("batch_size", "steps", "log_every", "eval_every", "keep"):
        _at_least(f"train.{name}", getattr(s.train, name), 1)
    return settings


def check_crop(crop: Crop) -> Crop:
    """Returns `crop` if each value is allowed.

    Raises:
        SettingsError: as `check`.
    """
    _at_least("crop.size", crop.size, 32)
    _within("crop.margin", crop.margin, 1.0, 3.0)
    _one_of("crop.align", crop.align, ALIGNMENTS)
    _one_of("crop.detector", crop.detector, DETECTORS)
    if crop.detector == "haar" and crop.align == "landmarks":
        raise SettingsError('crop.align: "landmarks" needs five points, which "haar" has not; use crop.align="box"')
    return crop


def _one_of(path: str, value: str, allowed: Sequence[str]) -> None:
    if value not in allowed:
        near = difflib.get_close_matches(value, allowed, n=1)
        hint = f'; did you mean "{near[0]}"?' if near else ""
        raise SettingsError(f'{path}: expected one of {", ".join(allowed)}, found "{value}"{hint}')


def _at_least(path: str, value: int, least: int) -> None:
    if value < least:
        raise SettingsError(f"{path}: expected at least {least}, found {value}")


def _within(path: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high or math.isinf(value):
        allowed = f"{low:g} to {high:g}" if high < math.inf else f"a finite number of at least {low:g}"
        raise SettingsError(f"{path}: expected {allowed}, found {value:g}")


def _positive_widths(path: str, widths: Sequence[int]) -> None:
    if not widths or min(widths) < 1:
        raise SettingsError(f"{path}: expected one or more channel counts of at least 1, found {tuple(widths)}")

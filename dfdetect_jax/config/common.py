"""The settings that every method has, and what a method's settings answer about the method.

All are frozen and can be hashed, so that compiled functions may take them as static arguments. `rules.override` makes
a copy with other values; `check` is called once, after the last override.
"""

import dataclasses
import math
import re
from typing import TypeVar

from dfdetect_jax.config.active import Active
from dfdetect_jax.config.augment import Augment, check_augment, unread_augment
from dfdetect_jax.config.rules import at_least, at_most, from_dict, left_at_default, one_of, to_dict, within
from dfdetect_jax.errors import SettingsError

OPTIMIZERS = ("adamw", "sgd")
SCHEDULES = ("constant", "cosine", "drop")
DTYPES = ("float32", "bfloat16")
DAMAGED = ("refuse", "skip")
PARALLEL = ("mesh", "pmap")
COMPRESSIONS = ("raw", "c23", "c40")
BENCHMARK = "deepfakebench"
EMBEDDED = "forge"
_WITH_DIGEST = re.compile("(.+)#([0-9a-fA-F]{64})")
AnySettings = TypeVar("AnySettings", bound="Settings")


LARGEST_IMAGE = 1024  # pixels, the side of what a network sees


@dataclasses.dataclass(frozen=True, kw_only=True)
class Data:
    """What is trained on.

    Attributes:
        name: "forge" (the embedded set, made on first use), the name of a prepared data set, its folder, several with
            commas between, or "deepfakebench" with `root` and `json`, which is used in place.
        root: for "deepfakebench", the folder that the paths in `json` start from; else "".
        json: for "deepfakebench", its list of videos; else "".
        compression: for "deepfakebench", the compression level: "raw", "c23" or "c40".
        data_dir: where prepared data sets are; "" means `TFDS_DATA_DIR`, or `~/tensorflow_datasets`.
        train_forgeries: forgeries to train and validate on; empty means all in the training split. The others
            are "unseen" in every table.
        image_size: side of the network's input, pixels; crops of another size are resized.
        balance: sample reals and fakes equally often; of several data sets with self-blending, in each of them.
        workers: processes that decode records; 0 decodes in threads of this process.
        forge_images: size of the embedded set's training split; validation and test are in proportion.
        damaged: what training does with a record whose bytes are not those that were written: "refuse" ends the run
            and names it; "skip" names it and takes the next one of its class in its place.
    """

    name: str = "forge"
    root: str = ""
    json: str = ""
    compression: str = "c23"
    data_dir: str = ""
    train_forgeries: tuple[str, ...] = ()
    image_size: int = 299
    balance: bool = True
    workers: int = 0
    forge_images: int = 4000
    damaged: str = "refuse"

    @property
    def names(self) -> tuple[str, ...]:
        """The data sets that `name` lists."""
        return tuple(name.strip() for name in self.name.split(",") if name.strip())


@dataclasses.dataclass(frozen=True, kw_only=True)
class Optimizer:
    """The optimiser and its schedule.

    Attributes:
        name: "adamw", or "sgd" with momentum.
        learning_rate: its peak value.
        weight_decay: decoupled weight decay, on kernels only.
        warmup_steps: steps of linear warm-up from 0.
        schedule: "constant", "cosine" (to 0 at the last step), or "drop" (to a tenth after `drop_step` steps).
        drop_step: step of the drop, for the schedule "drop".
        beta1: decay of Adam's first moment; SGD's momentum.
        clip_norm: largest global norm of the gradient; 0 switches clipping off.
        ema_decay: decay of the moving average of parameters that validates and predicts; 0 switches it off.
        encoder_rate: the encoder's learning rate as a multiple of the others'; smaller than 1 for a pretrained one.
        encoder_start: step after which the encoder's parameters are trained; until then they stay as they are, and only
            its running statistics follow the images.
    """

    name: str = "adamw"
    learning_rate: float = 2e-4
    weight_decay: float = 1e-5
    warmup_steps: int = 0
    schedule: str = "constant"
    drop_step: int = 0
    beta1: float = 0.9
    clip_norm: float = 0.0
    ema_decay: float = 0.0
    encoder_rate: float = 1.0
    encoder_start: int = 0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Train:
    """The training loop.

    Attributes:
        batch_size: images per step, over all devices and processes.
        steps: optimiser steps in all.
        log_every: steps between lines of metrics.
        eval_every: steps between validations; each is followed by a checkpoint.
        keep: number of latest checkpoints to keep, beside the best.
        max_bad_steps: steps in a row that may be skipped because their loss or gradient is NaN or infinite, before the
            run ends and names their examples.
        dtype: of the network's computations in training; "bfloat16" is for accelerators. Parameters, statistics,
            losses and the optimiser stay float32, and so does prediction.
        accumulate: parts that a batch goes through the network in, one after the other, for one optimiser step. Each
            part is normalised by its own statistics, and masked or selected terms by its own counts.
        remat: keep only what enters each block for the backward pass, and compute its inside again: less memory, more
            time.
        shard_optimizer: spread the optimiser's state over the devices, rather than keep all of it on each.
    """

    batch_size: int = 32
    steps: int = 10_000
    log_every: int = 50
    eval_every: int = 1_000
    keep: int = 2
    max_bad_steps: int = 10
    dtype: str = "float32"
    accumulate: int = 1
    remat: bool = False
    shard_optimizer: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class WeightsSource:
    """Published weights that training with some settings needs.

    Attributes:
        network: whose weights, such as "vgg16".
        source: file or hub name; "imagenet" for what the extra "pretrained" installs.
        sha256: digest that the file must have; "" for any, which a hub name doesn't allow.
        layers: names of the layers that are used; empty for all.
        setting: path of the setting that names the source, for messages.
    """

    network: str
    source: str
    sha256: str
    layers: tuple[str, ...] = ()
    setting: str = ""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """What the settings of every method have; a method's own class adds its network and objective.

    The properties are what the rest of the library asks about a method, with the answers of one that needs nothing:
    published weights, masks, an adversary.

    Attributes:
        method: name of the method; chosen by the settings file, not on the command line.
        seed: seed of parameters, data order and augmentation.
        parallel: "mesh" shares a batch among all devices of all processes; "pmap" among those of one process, by
            `jax.pmap`.
        data: what is trained on.
        augment: augmentation inside the step.
        optimizer: the optimiser and its schedule.
        train: the training loop.
    """

    method: str
    seed: int = 0
    parallel: str = "mesh"
    data: Data = Data()
    augment: Augment = Augment()
    optimizer: Optimizer = Optimizer()
    train: Train = Train()

    def check(self) -> None:
        """Checks every value; a subclass adds its own checks to these.

        Raises:
            SettingsError: one line with the setting's path, what is allowed and what was found.
        """
        _check_common(self)

    @property
    def unread(self) -> dict[str, str]:
        """Paths of settings that nothing reads, given the values of the others, and which of them is the reason."""
        return _unread(self)

    @property
    def required_weights(self) -> tuple[WeightsSource, ...]:
        """Published weights that training needs; prediction needs none."""
        return ()

    @property
    def adversary_optimizer(self) -> Optimizer | None:
        """Optimiser of a network that is trained against the detector; None without one."""
        return None

    @property
    def active(self) -> Active | None:
        """How images are chosen for masks; None for a method that never learns from masks."""
        return None

    @property
    def has_latent_halves(self) -> bool:
        """Whether the latent, which `Method.encode` gives, is split into a real and a fake half of its channels."""
        return False

    @property
    def mask_learning(self) -> Active | None:
        """`active`, if masks come into play in a second stage of training; None if there is none."""
        return None

    @property
    def learns_self_blended_masks(self) -> bool:
        """Whether the masks of self-blended fakes, and the empty ones of reals beside them, are learnt from."""
        return False

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of results should know of how these settings train, a sentence each."""
        return ()


def encoder_weights(encoder: str, pretrained: str) -> tuple[WeightsSource, ...]:
    """What `model.pretrained` names, as `Settings.required_weights` lists it: SOURCE, or SOURCE#SHA256."""
    if not pretrained:
        return ()
    match = _WITH_DIGEST.fullmatch(pretrained)
    source, sha256 = match.groups() if match else (pretrained, "")
    return (WeightsSource(network=encoder, source=source, sha256=sha256, setting="model.pretrained"),)


def check(settings: AnySettings) -> AnySettings:
    """Returns `settings` if each value is allowed.

    Raises:
        SettingsError: one line with the setting's path, what is allowed and what was found.
    """
    kind = type(settings)
    expected = next(field.default for field in dataclasses.fields(kind) if field.name == "method")
    if settings.method != expected:
        raise SettingsError(f'method: expected "{expected}" in these settings, found "{settings.method}"')
    from_dict(kind, to_dict(settings))  # types
    settings.check()
    return settings


def _unread(s: Settings) -> dict[str, str]:
    unread = {}
    if s.data.name != EMBEDDED:
        unread["data.forge_images"] = f'data.name="{s.data.name}"'
    if s.data.name != BENCHMARK:
        unread["data.compression"] = f'data.name="{s.data.name}"'
    if s.optimizer.schedule != "drop":
        unread["optimizer.drop_step"] = f'optimizer.schedule="{s.optimizer.schedule}"'
    return unread | unread_augment(s.augment)


def _check_common(s: Settings) -> None:
    at_least("seed", s.seed, 0)
    at_most("seed", s.seed, 2**32 - 1)
    one_of("data.compression", s.data.compression, COMPRESSIONS)
    if (s.data.name == BENCHMARK) != bool(s.data.root and s.data.json) or bool(s.data.root) != bool(s.data.json):
        raise SettingsError(f'data.root, data.json: expected both with data.name="{BENCHMARK}" and neither without it')
    at_least("data.image_size", s.data.image_size, 32)
    at_most("data.image_size", s.data.image_size, LARGEST_IMAGE)
    at_least("data.workers", s.data.workers, 0)
    one_of("data.damaged", s.data.damaged, DAMAGED)
    at_least("data.forge_images", s.data.forge_images, 8)
    check_augment(s.augment)
    check_optimizer("optimizer", s.optimizer)
    _check_train(s.train)
    one_of("parallel", s.parallel, PARALLEL)
    if s.parallel == "pmap" and s.train.shard_optimizer:
        raise SettingsError('train.shard_optimizer: expected False with parallel="pmap", which copies all of the state')


def _check_train(train: Train) -> None:
    for name in ("batch_size", "steps", "log_every", "eval_every", "keep", "max_bad_steps", "accumulate"):
        at_least(f"train.{name}", getattr(train, name), 1)
        at_most(f"train.{name}", getattr(train, name), 2**31 - 1)
    one_of("train.dtype", train.dtype, DTYPES)
    if train.batch_size % train.accumulate:
        raise SettingsError(
            f"train.accumulate: expected a divisor of train.batch_size={train.batch_size}, found {train.accumulate}"
        )


def check_optimizer(path: str, optimizer: Optimizer) -> None:
    """Checks one optimiser; `path` is its group's name.

    Raises:
        SettingsError: as `check`.
    """
    one_of(f"{path}.name", optimizer.name, OPTIMIZERS)
    within(f"{path}.learning_rate", optimizer.learning_rate, 0.0, 1.0)
    within(f"{path}.weight_decay", optimizer.weight_decay, 0.0, 1.0)
    at_least(f"{path}.warmup_steps", optimizer.warmup_steps, 0)
    one_of(f"{path}.schedule", optimizer.schedule, SCHEDULES)
    at_least(f"{path}.drop_step", optimizer.drop_step, 0)
    if optimizer.schedule != "drop":
        left_at_default(f"{path}.drop_step", optimizer.drop_step, 0, f'{path}.schedule="{optimizer.schedule}"')
    within(f"{path}.beta1", optimizer.beta1, 0.0, 0.9999)
    within(f"{path}.clip_norm", optimizer.clip_norm, 0.0, math.inf)
    within(f"{path}.ema_decay", optimizer.ema_decay, 0.0, 0.99999)
    within(f"{path}.encoder_rate", optimizer.encoder_rate, 0.0, 100.0)
    at_least(f"{path}.encoder_start", optimizer.encoder_start, 0)

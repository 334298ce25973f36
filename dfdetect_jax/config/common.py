"""The settings that every method has, as typed dataclasses.

They are mutable so that the command line can override one (`--config.train.steps=200`); `check` is called once, after
the last override, and nothing changes them from there on.
"""

import dataclasses
import math

from dfdetect_jax.config.rules import at_least, one_of, within
from dfdetect_jax.errors import SettingsError

OPTIMIZERS = ("adamw", "sgd")
SCHEDULES = ("constant", "cosine", "drop")
DTYPES = ("float32", "bfloat16")
PARALLEL = ("mesh", "pmap")
ALIGNMENTS = ("landmarks", "box")
FACE_DETECTORS = ("mtcnn", "haar", "none")
COMPRESSIONS = ("raw", "c23", "c40")
BENCHMARK = "deepfakebench"


@dataclasses.dataclass
class Crop:
    """From a picture to a face crop; the same in `prepare` and `predict`.

    Attributes:
        size: side of the square crop, pixels.
        margin: side of the crop over the side of the tight face.
        align: "landmarks" warps five facial points onto a template; "box" cuts the box without turning it.
        face_detector: "mtcnn"; "haar" (OpenCV; no landmarks, so only with "box"); or "none", which takes pictures
            whole: for those that are face crops already, or show no faces; only with "box" and margin 1.
    """

    size: int = 299
    margin: float = 1.3
    align: str = "landmarks"
    face_detector: str = "mtcnn"


@dataclasses.dataclass
class Data:
    """What is trained on.

    Attributes:
        name: "forge" (the embedded set, made on first use), the name of a prepared data set, its folder, or
            "deepfakebench" with `root` and `json`, which is used in place.
        root: for "deepfakebench", the folder that the paths in `json` start from; else "".
        json: for "deepfakebench", its list of videos; else "".
        compression: for "deepfakebench", which level of those listed.
        data_dir: where prepared data sets are; "" means `TFDS_DATA_DIR`, or `~/tensorflow_datasets`.
        train_forgeries: forgeries to train and validate on; empty means all in the training split. The others
            are "unseen" in every table.
        image_size: side of the network's input, pixels; crops of another size are resized.
        balance: draw reals and fakes equally often.
        workers: processes that decode; 0 decodes in threads of this one.
        forge_images: size of the embedded set's training split; validation and test are in proportion.
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
class Optimizer:
    """The optimiser and its schedule.

    Attributes:
        name: "adamw", or "sgd" with momentum.
        learning_rate: peak value.
        weight_decay: decoupled, on kernels only.
        warmup_steps: linear from 0.
        schedule: "constant", "cosine" (to 0 at the last step), or "drop" (to a tenth after `drop_step` steps).
        drop_step: see `schedule`.
        beta1: decay of Adam's first moment; SGD's momentum.
        clip_norm: global gradient norm is cut to this; 0 switches it off.
        ema_decay: moving average of the parameters, used for validation and prediction; 0 switches it off.
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


@dataclasses.dataclass
class Train:
    """The training loop.

    Attributes:
        batch_size: over all devices and processes.
        steps: optimiser steps in all.
        log_every: steps between lines of metrics.
        eval_every: steps between validations; each is followed by a checkpoint.
        keep: how many of the latest checkpoints stay, beside the best.
        dtype: in which the network computes while training; "bfloat16" is for accelerators. Parameters, statistics,
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
    dtype: str = "float32"
    accumulate: int = 1
    remat: bool = False
    shard_optimizer: bool = False


@dataclasses.dataclass
class Settings:
    """What the settings of every method have; `CAESettings` and `LAESettings` add their network and objective.

    Attributes:
        method: "cae" or "lae".
        seed: of parameters, data order and augmentation.
        parallel: "mesh" shares a batch among all devices of all processes; "pmap" among those of one process, by
            `jax.pmap`.
    """

    method: str = ""
    seed: int = 0
    parallel: str = "mesh"
    data: Data = dataclasses.field(default_factory=Data)
    augment: Augment = dataclasses.field(default_factory=Augment)
    optimizer: Optimizer = dataclasses.field(default_factory=Optimizer)
    train: Train = dataclasses.field(default_factory=Train)


def check_common(s: Settings) -> None:
    """Checks what all methods share.

    Raises:
        SettingsError: one line with the setting's path, what is allowed and what was found.
    """
    at_least("seed", s.seed, 0)
    one_of("data.compression", s.data.compression, COMPRESSIONS)
    if (s.data.name == BENCHMARK) != bool(s.data.root and s.data.json) or bool(s.data.root) != bool(s.data.json):
        raise SettingsError(f'data.root, data.json: expected both with data.name="{BENCHMARK}" and neither without it')
    at_least("data.image_size", s.data.image_size, 32)
    at_least("data.workers", s.data.workers, 0)
    at_least("data.forge_images", s.data.forge_images, 8)
    within("augment.jitter", s.augment.jitter, 0.0, 1.0)
    check_optimizer("optimizer", s.optimizer)
    _check_train(s.train)
    one_of("parallel", s.parallel, PARALLEL)
    if s.parallel == "pmap" and s.train.shard_optimizer:
        raise SettingsError('train.shard_optimizer: expected False with parallel="pmap", which copies all of the state')


def _check_train(train: Train) -> None:
    for name in ("batch_size", "steps", "log_every", "eval_every", "keep", "accumulate"):
        at_least(f"train.{name}", getattr(train, name), 1)
    one_of("train.dtype", train.dtype, DTYPES)
    if train.batch_size % train.accumulate:
        raise SettingsError(
            f"train.accumulate: expected a divisor of train.batch_size={train.batch_size}, found {train.accumulate}"
        )


def check_optimizer(path: str, optimizer: Optimizer) -> None:
    """Checks one optimiser; `path` is its group's name.

    Raises:
        SettingsError: as `check_common`.
    """
    one_of(f"{path}.name", optimizer.name, OPTIMIZERS)
    within(f"{path}.learning_rate", optimizer.learning_rate, 0.0, 1.0)
    within(f"{path}.weight_decay", optimizer.weight_decay, 0.0, 1.0)
    at_least(f"{path}.warmup_steps", optimizer.warmup_steps, 0)
    one_of(f"{path}.schedule", optimizer.schedule, SCHEDULES)
    at_least(f"{path}.drop_step", optimizer.drop_step, 0)
    within(f"{path}.beta1", optimizer.beta1, 0.0, 0.9999)
    within(f"{path}.clip_norm", optimizer.clip_norm, 0.0, math.inf)
    within(f"{path}.ema_decay", optimizer.ema_decay, 0.0, 0.99999)


def check_crop(crop: Crop) -> Crop:
    """Returns `crop` if each value is allowed.

    Raises:
        SettingsError: as `check`.
    """
    at_least("crop.size", crop.size, 32)
    within("crop.margin", crop.margin, 1.0, 3.0)
    one_of("crop.align", crop.align, ALIGNMENTS)
    one_of("crop.face_detector", crop.face_detector, FACE_DETECTORS)
    if crop.face_detector != "mtcnn" and crop.align == "landmarks":
        raise SettingsError(
            f'crop.align: "landmarks" needs five points, which "{crop.face_detector}" has not; use crop.align="box"'
        )
    if crop.face_detector == "none" and crop.margin != 1:
        raise SettingsError(
            f'crop.margin: expected 1 with face detector "none", which takes pictures whole, found {crop.margin:g}'
        )
    return crop

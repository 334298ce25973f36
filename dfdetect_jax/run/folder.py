"""A run folder opened for use: its settings, its best weights and its method, ready to call."""

import contextlib
import dataclasses
import functools
import json
import logging
import math
import os
from pathlib import Path
from typing import Any

import jax
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from dfdetect_jax import files, methods
from dfdetect_jax.config import Crop, Settings, check_crop, from_dict, to_dict
from dfdetect_jax.data.record_folders import locate
from dfdetect_jax.data.records import read_manifest
from dfdetect_jax.devices import mesh
from dfdetect_jax.devices.kept_files import keep, read_kept
from dfdetect_jax.devices.kept_program import origin
from dfdetect_jax.errors import RecordsError, RunError, SettingsError
from dfdetect_jax.methods import Prediction, Variables
from dfdetect_jax.run.best import restore_variables
from dfdetect_jax.run.local_copy import local_copy
from dfdetect_jax.run.predictor import Predictor
from dfdetect_jax.run.seal import CHECKPOINTS
from dfdetect_jax.stores.address import is_address

CONFIG = "config.json"
COLLAPSED = "the training collapsed: all scores on validation data were equal, so no verdict means a thing"
NO_MASKS = "trained without masks: the map shows what drives the score, not necessarily the forged region"

LARGEST_NETWORK = 500  # million numbers

log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Run:
    """A trained detector.

    Attributes:
        folder: the run folder, absolute.
        settings: as trained.
        variables: the best checkpoint's parameters and running statistics.
        crop: how a picture becomes a crop, as in the training data; resized to `settings.data.image_size` after that.
        threshold: scores at or above it mean "fake"; chosen on validation.
        seen: forgeries that were trained on.
        info: config.json, and under "checkpoint" the step and validation results of the weights.
    """

    folder: Path
    settings: Settings
    variables: Variables = dataclasses.field(repr=False)
    crop: Crop
    threshold: float
    seen: tuple[str, ...]
    info: dict[str, Any] = dataclasses.field(repr=False)

    @functools.cached_property
    def predictor(self) -> Predictor:
        """The method's `predict`, compiled, on this process's devices."""
        return Predictor(methods.build(self.settings), self.variables, _identity(self.settings))

    def predict(self, images: np.ndarray) -> Prediction:
        """Scores and maps for crops of this run's size: uint8 [N, S, S, 3] -> Prediction of NumPy arrays, any N."""
        return self.predictor.predict(images)

    def score(self, images: np.ndarray) -> np.ndarray:
        """Scores alone, without the cost of maps and reconstructions: uint8 [N, S, S, 3] -> float32 [N]."""
        return self.predictor.score(images)

    @functools.cached_property
    def localizes(self) -> bool:
        """Whether the method gives an attention map; by shapes alone, so nothing is compiled."""
        identity = _identity(self.settings)
        name = origin("localizes", identity, "")
        if identity and (content := read_kept(name)) is not None:
            return content == b"yes"
        size = self.settings.data.image_size
        image = jax.ShapeDtypeStruct((1, size, size, 3), np.uint8)
        prediction = jax.eval_shape(methods.build(self.settings).predict, self.variables, image)
        if identity:
            keep(name, b"no" if prediction.attention is None else b"yes")
        return prediction.attention is not None

    @property
    def saw_masks(self) -> bool:
        """Whether the weights learnt from masks: those of self-blended fakes, or in a second stage."""
        return self.settings.learns_self_blended_masks or self.info["checkpoint"].get("stage") == 2

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of its results should know of its training, a sentence each."""
        without_masks = (NO_MASKS,) if self.localizes and not self.saw_masks else ()
        return (*self.settings.notes, *([COLLAPSED] if self.collapsed else []), *without_masks)

    @property
    def collapsed(self) -> bool:
        """Whether all scores on validation were equal: only then are the AUC and the threshold a half exactly."""
        return self.info["checkpoint"].get("val_auc") == 0.5 and self.threshold == 0.5

    def localize(self, images: np.ndarray) -> Prediction:
        """Scores and attention, without the cost of reconstructions: as `predict`, but `reconstruction` is None."""
        return self.predictor.localize(images)


def open_run(folder: str | os.PathLike[str]) -> Run:
    """Opens a run folder. Needs nothing but the folder; reads JSON and arrays, runs no code from it.

    Args:
        folder: local, or gs:// or s3://, of which what is needed is copied to the user's cache first.

    Raises:
        RunError: it is no run folder, or has no intact checkpoint yet.
        StoreError: the object store can't be reached or read.
        SettingsError: its settings don't fit this version of the library, or JAX has none of the devices asked for.
    """
    folder = Path(local_copy(folder)).resolve()
    info = read_config(folder)
    if "exported" in info.get("model", {}):
        raise RunError(
            f"{folder}: expected a run folder, found a model that export made of one; "
            "give it as --model, or name the run that it was made of"
        )
    settings = _settings_of(folder, info)
    mesh.all_devices()  # refuses a backend that is not there, before anything asks for it
    crop = _crop_of(folder, info)
    expected = _shapes(settings)
    _check_size(folder, expected)
    variables, checkpoint = _weights(folder, expected)
    run = Run(
        folder=folder,
        settings=settings,
        variables=variables,
        crop=crop,
        threshold=checkpoint["threshold"],
        seen=tuple(info["data"]["seen"]),
        info={**info, "checkpoint": checkpoint},
    )
    if run.collapsed:
        log.warning("%s: %s; train again with another seed or a lower learning rate", folder, COLLAPSED)
    return run


def _settings_of(folder: Path, info: dict[str, Any]) -> Settings:
    try:
        return methods.read_settings(info["settings"])
    except SettingsError as error:
        raise SettingsError(
            f"{folder / CONFIG}: {error}; if another version of the library wrote it, open it with that; "
            "if its method is your own, import the module that registers it first"
        ) from error


def _crop_of(folder: Path, info: dict[str, Any]) -> Crop:
    try:
        return check_crop(from_dict(Crop, info["data"]["crop"], "crop"))
    except SettingsError as error:
        raise SettingsError(f"{folder / CONFIG}: {error}; restore the file or train again") from error


def _check_size(folder: Path, expected: Variables) -> None:
    """Refuses a network that no one means to open, before memory is taken for it."""
    millions = sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(expected)) / 1e6
    if millions > LARGEST_NETWORK:
        raise RunError(
            f"{folder / CONFIG}: expected a network of at most {LARGEST_NETWORK} million numbers, found one of "
            f"{millions:.0f} million; see config.model"
        )


def _identity(settings: Settings) -> str:
    """What tells compiled programs of a method apart; "" where its code isn't this package's."""
    ours = type(settings).__module__.startswith("dfdetect_jax.")
    return json.dumps(to_dict(settings), default=str) if ours else ""


def _shapes(settings: Settings) -> Variables:
    """Shapes and dtypes of a method's variables; found by tracing, once for all processes."""
    identity = _identity(settings)
    name = origin("shapes", identity, "")
    if identity and (content := read_kept(name)) is not None:
        listed = {tuple(path): jax.ShapeDtypeStruct(shape, dtype) for path, shape, dtype in json.loads(content)}
        return unflatten_dict(listed)
    variables = jax.eval_shape(methods.build(settings).init, jax.random.key(0)).variables
    flat = flatten_dict(variables)
    if identity and unflatten_dict(flat) == variables:
        keep(name, json.dumps([(path, leaf.shape, str(leaf.dtype)) for path, leaf in flat.items()]).encode())
    return variables


def _weights(folder: Path, expected: Variables) -> tuple[Variables, dict[str, Any]]:
    try:
        return restore_variables(folder / CHECKPOINTS, expected)
    except (ValueError, KeyError) as error:  # Orbax lists every array of both
        raise RunError(
            f"{folder}: expected checkpoints of the network that {CONFIG} describes, found others; one of them is of "
            "another run or version, so restore what belongs together"
        ) from error


def records_of(run: Run, data_dir: str | Path = "") -> Path:
    """The records that a run was trained on: in their old folder, or in `data_dir` if they were moved.

    Args:
        run: an opened run.
        data_dir: where prepared data sets are; "" means the run's own setting.

    Raises:
        RecordsError: they are in neither folder, or it now holds other data; or the run is of a model folder, which
            doesn't know where they are.
    """
    if not run.info["data"]["folder"]:
        raise RecordsError(f"{run.folder}: expected the run folder of a training, found a model; give the run itself")
    folder = Path(run.info["data"]["folder"])
    if ".." in folder.parts or not folder.is_absolute():
        raise RecordsError(f"{run.folder / CONFIG}: expected an absolute data.folder, found {folder}; restore the file")
    if not folder.is_dir():
        name = run.settings.data.name
        if not is_address(name) or "," in name:
            name = "/".join(folder.parts[-3:-1])  # name and config, see the layout in data/records.py
        folder = locate(name, data_dir or run.settings.data.data_dir)
    actual, expected = read_manifest(folder).fingerprint, run.info["data"]["fingerprint"]
    if actual != expected:
        raise RecordsError(
            f"{folder}: expected the data that the run was trained on (fingerprint {expected[:12]}), found other data "
            f"({actual[:12]}); prepare it as it was"
        )
    return folder


def read_config(folder: Path) -> dict[str, Any]:
    """The run's config.json.

    Raises:
        RunError: there is none, or it can't be read, or lacks what a training writes.
    """
    path = folder / CONFIG
    if not path.is_file():
        problem = "no such folder" if not folder.is_dir() else f"no {CONFIG} in it"
        raise RunError(
            f"{folder}: expected a run folder made by dfdetect_jax.train, found {problem}; check the path, or train one"
        )
    try:
        info = files.read_json(path)
    except (OSError, ValueError) as error:
        raise RunError(f"{path}: expected JSON, found {error}; restore the file or train again") from error
    if missing := _missing(info):
        raise RunError(f"{path}: expected what a training writes, found no {missing}; restore the file or train again")
    return info


def _missing(info: Any) -> str:
    """What config.json lacks, or has in another form; "" if nothing."""
    groups = {name: info.get(name) if isinstance(info, dict) else None for name in ("settings", "data")}
    for name, group in groups.items():
        if not isinstance(group, dict):
            return name
    if not isinstance((groups["settings"] or {}).get("method"), str):
        return "settings.method"
    data = groups["data"] or {}
    if not isinstance(data.get("crop"), dict):
        return "data.crop"
    seen = data.get("seen")
    if not (isinstance(seen, list) and all(isinstance(forgery, str) for forgery in seen)):
        return "data.seen"
    return next((f"data.{name}" for name in ("folder", "fingerprint") if not isinstance(data.get(name), str)), "")


def keep_beside(folder: Path, name: str, content: dict[str, Any]) -> None:
    """Writes JSON into a run folder, whole or not at all; a read-only folder is left as it is."""
    with contextlib.suppress(OSError):
        files.write_json(folder / name, content)

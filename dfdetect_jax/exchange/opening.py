"""Opens a detector in whatever form it comes, always as a `Run`."""

import hashlib
import os
from pathlib import Path
from typing import Any

import jax
import numpy as np

from dfdetect_jax import methods
from dfdetect_jax.config import Data, Settings, to_dict
from dfdetect_jax.devices import mesh
from dfdetect_jax.errors import RunError
from dfdetect_jax.exchange import hub, released, weights_file
from dfdetect_jax.exchange.description import json_object, read_description
from dfdetect_jax.exchange.onnx_run import NETWORK, OnnxRun
from dfdetect_jax.exchange.payload import WEIGHTS, is_folded
from dfdetect_jax.exchange.peer import read_peer
from dfdetect_jax.exchange.sealed_folder import LARGEST_FILE, LARGEST_TEXT, SUMS, read_file, read_regular, read_sums
from dfdetect_jax.methods import Variables
from dfdetect_jax.models.folding import find_folds, without_folded
from dfdetect_jax.run import folder as run_folder
from dfdetect_jax.run.folder import CONFIG, Run
from dfdetect_jax.run.frozen import VALIDATION
from dfdetect_jax.run.local_copy import local_copy


def open_detector(source: str | os.PathLike[str], sha256: str = "") -> Run:
    """Opens a run folder, a model folder, the released one, a model on the Hugging Face hub, or a peer's ONNX file.

    Args:
        source: a folder, also on gs:// or s3://; "released"; "OWNER/NAME@REVISION"; or a file NAME.onnx with its
            NAME.json beside it.
        sha256: digest that a model's `SHA256SUMS`, or a peer's file must have; needed for a model on the hub, "" for
            any.

    Raises:
        RunError: there is none, it is damaged, or another than `sha256` says.
        SettingsError: its settings don't fit this version of the library, or a library that it needs is not installed.
    """
    source = local_copy(source)
    path = Path(source)
    if source == released.NAME:
        return open_released(sha256)
    if (path / SUMS).is_file():
        return open_model(path, sha256)
    if path.suffix == ".onnx" and path.is_file():
        return open_peer(path, sha256)
    if path.suffix == ".onnx" and not path.exists():
        raise RunError(f"{source}: expected an ONNX file, found none; check the path")
    if (model := hub.model_name(str(source))) and not path.exists():
        return open_model(hub.download(*model, sha256), sha256)
    if sha256:
        raise RunError(f"{source}: expected a model for --sha256, found no {SUMS} there; leave it out for a run")
    return run_folder.open_run(path)


def open_released(sha256: str = "") -> Run:
    """Opens the detector that comes with the package.

    Args:
        sha256: digest that it must have, if that should be another than the one it was released with.

    Raises:
        RunError: its files are missing or not the released ones.
    """
    folder = released.FOLDER
    if not folder.is_dir():
        raise RunError(f"{folder}: expected the released detector, found none; install the package anew, or give --run")
    return open_model(folder, sha256 or released.SHA256)


def open_model(folder: Path, sha256: str = "") -> Run:
    """Opens a model folder; reads nothing outside of it and runs no code from it.

    Args:
        folder: as `model_folder.write_model` writes it.
        sha256: digest that its `SHA256SUMS` must have; "" for any.

    Raises:
        RunError: a file is missing, a link, or not the one that was sealed; or they don't fit together.
        SettingsError: its settings don't fit this version of the library.
    """
    folder = folder.resolve()
    sums = read_sums(folder, sha256)
    mesh.all_devices()  # refuses a backend that is not there, before anything asks for it
    info, settings, crop = read_description(read_file(folder, CONFIG, sums), folder / CONFIG)
    common: dict[str, Any] = {
        "folder": folder,
        "settings": settings,
        "crop": crop,
        "threshold": float(info["checkpoint"]["threshold"]),
        "seen": tuple(info["data"]["seen"]),
    }
    if info["model"]["format"] == "onnx":
        info = with_digest(info, sums[NETWORK])
        return OnnxRun(**common, variables={}, info=info, content=read_file(folder, NETWORK, sums))
    expected = _expected(settings, is_folded(info))
    variables = weights_file.read_weights(read_file(folder, WEIGHTS, sums), expected, folder / WEIGHTS)
    return Run(**common, variables=variables, info=info)


def open_peer(path: Path, sha256: str = "") -> OnnxRun:
    """Opens a peer's network, with the JSON of the same name beside it; see `peer.Peer`.

    Args:
        path: NAME.onnx.
        sha256: digest that it must have; "" for any.

    Raises:
        RunError: a file can't be read, or the network is another than `sha256` says.
        SettingsError: a value in the JSON is not allowed.
    """
    path = path.absolute()
    beside = path.with_suffix(".json")
    peer = read_peer(json_object(read_regular(beside, LARGEST_TEXT), beside))
    content = read_regular(path, LARGEST_FILE)
    digest = hashlib.sha256(content).hexdigest()
    if sha256 and digest != sha256.lower():
        raise RunError(f"{path}: expected SHA-256 {sha256}, found {digest}; this is another network")
    settings = Settings(method="onnx", data=Data(name=path.stem, image_size=peer.size))
    data = {"folder": "", "fingerprint": "", "crop": to_dict(peer.crop), "seen": []}
    info = {"settings": to_dict(settings), "data": data, "checkpoint": {"step": 0}, VALIDATION: {}}
    return OnnxRun(
        folder=path.parent,
        settings=settings,
        variables={},
        crop=peer.crop,
        threshold=peer.threshold,
        seen=(),
        info=with_digest({**info, "peer": to_dict(peer)}, digest),
        content=content,
        peer=peer,
    )


def with_digest(info: dict[str, Any], digest: str) -> dict[str, Any]:
    """`info` in which the settings name the network, so that files of scores by different networks are told apart."""
    return {**info, "settings": {**info["settings"], "network": digest}}


def _expected(settings: Settings, folded: bool) -> Variables:
    """The shapes of a method's variables."""
    method, size = methods.build(settings), settings.data.image_size
    variables = jax.eval_shape(method.init, jax.random.key(0)).variables
    if not folded:
        return variables
    images = jax.ShapeDtypeStruct((1, size, size, 3), np.uint8)
    return without_folded(variables, find_folds(method.predict, variables, images))

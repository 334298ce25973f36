"""A detector's variables as safetensors, each by its path: "params/encoder/stem_0/kernel"."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy
from flax.traverse_util import flatten_dict, unflatten_dict

from dfdetect_jax.errors import RunError
from dfdetect_jax.methods import Variables

DTYPES = ("float32", "float16")


def flat(variables: Variables) -> dict[str, np.ndarray]:
    """The arrays of nested dicts by path."""
    return {path: np.asarray(array) for path, array in flatten_dict(variables, sep="/").items()}


def nested(arrays: Mapping[str, Any]) -> Variables:
    """The inverse of `flat`; with both collections, though one may be empty."""
    return {"params": {}, "batch_stats": {}, **unflatten_dict(dict(arrays), sep="/")}


def stored(variables: Variables, dtype: str = "float32") -> dict[str, np.ndarray]:
    """The arrays of a file by path: kernels in `dtype`, everything else in float32.

    Raises:
        RunError: a value is beyond the range of `dtype`.
    """
    with np.errstate(over="ignore"):
        arrays = {
            path: array.astype(dtype if array.ndim > 1 else np.float32) for path, array in flat(variables).items()
        }
    unbounded = [path for path, array in arrays.items() if not np.isfinite(array).all()]
    if unbounded:
        raise RunError(f"{unbounded[0]}: expected finite numbers as {dtype}, found others; export another run or dtype")
    return arrays


def write_weights(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Writes arrays by path."""
    content = safetensors.numpy.save({name: np.ascontiguousarray(array) for name, array in arrays.items()})
    path.write_bytes(content)  # `save_file` keeps the file from everybody but its owner


def read_weights(content: bytes, expected: Variables, where: object) -> Variables:
    """Variables in float32.

    Args:
        content: of a file.
        expected: the shapes, as `jax.eval_shape` gives them.
        where: names the file in errors.

    Raises:
        RunError: it is no safetensors, its arrays are others than expected, or have another dtype than `DTYPES`.
    """
    try:
        arrays = safetensors.numpy.load(content)
    except (safetensors.SafetensorError, ValueError, KeyError) as error:
        raise RunError(f"{where}: expected safetensors, found {error}; get the file anew") from error
    shapes = {path: leaf.shape for path, leaf in flatten_dict(expected, sep="/").items()}
    differing = sorted(
        path
        for path in shapes.keys() | arrays.keys()
        if path not in arrays or arrays[path].shape != shapes.get(path) or arrays[path].dtype.name not in DTYPES
    )
    if differing:
        raise RunError(
            f"{where}: expected the {len(shapes)} arrays of these settings as {' or '.join(DTYPES)}, found others, "
            f"first {differing[0]}; get the file and config.json from one place"
        )
    return nested({path: array.astype(np.float32) for path, array in arrays.items()})

"""The tensors in a file of weights by name, whatever its format: HDF5 as Keras writes it, safetensors, or a pickle."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import h5py
import numpy as np
import safetensors

from dfdetect_jax.errors import WeightsError
from dfdetect_jax.weights.sources import WeightsFile, first_line
from dfdetect_jax.weights.unpickle import read_arrays

KERAS, PYTORCH, FLAX = "keras", "pytorch", "flax"


class Tensors(NamedTuple):
    """The tensors in an open file.

    Attributes:
        form: `KERAS`, `PYTORCH`, or `FLAX` for pickled nested dicts of arrays: whose names and axes they have.
        shapes: by name, as stored.
        read: name -> float32 array as stored.
    """

    form: str
    shapes: Mapping[str, tuple[int, ...]]
    read: Callable[[str], np.ndarray]


@contextlib.contextmanager
def opened(file: WeightsFile) -> Iterator[Tensors]:
    """Opens a file of weights; a pickle only if its digest is given, and without running what it says.

    Raises:
        WeightsError: the digest differs, or the file is truncated, of no known format or not of floats.
    """
    try:
        with _format(file) as tensors:
            yield tensors._replace(read=lambda name: _floats(file, name, tensors.read(name)))
    except (OSError, RuntimeError, ValueError, safetensors.SafetensorError) as error:
        reason = f"can't be read whole ({first_line(error)}); download it again"
        raise WeightsError(f"{file.network} weights: {file.path} {reason}") from error


def _format(file: WeightsFile) -> contextlib.AbstractContextManager[Tensors]:
    """The reader, by the file's first bytes: HDF5's signature, or the length of a JSON header and its brace."""
    if h5py.is_hdf5(file.path):
        return _keras(file)
    with file.path.open("rb") as content:
        start = content.read(9)
    return _safetensors(file) if start[8:] == b"{" else _pickle(file)


@contextlib.contextmanager
def _keras(file: WeightsFile) -> Iterator[Tensors]:
    file.check_digest()
    shapes: dict[str, tuple[int, ...]] = {}

    def note(name: str, item: h5py.Group | h5py.Dataset) -> None:
        if isinstance(item, h5py.Dataset):
            shapes[name] = item.shape

    with h5py.File(file.path, "r") as content:
        content.visititems(note)
        yield Tensors(KERAS, shapes, lambda name: content[name][()])


@contextlib.contextmanager
def _safetensors(file: WeightsFile) -> Iterator[Tensors]:
    file.check_digest()
    with safetensors.safe_open(file.path, "numpy") as content:
        shapes = {name: tuple(content.get_slice(name).get_shape()) for name in content.keys()}  # noqa: SIM118
        yield Tensors(PYTORCH, shapes, content.get_tensor)


@contextlib.contextmanager
def _pickle(file: WeightsFile) -> Iterator[Tensors]:
    arrays = {name.removeprefix("state_dict/"): array for name, array in read_arrays(file.known_content()).items()}
    nested = any("/" in name for name in arrays)
    yield Tensors(FLAX if nested else PYTORCH, {name: each.shape for name, each in arrays.items()}, arrays.__getitem__)


def _floats(file: WeightsFile, name: str, array: np.ndarray) -> np.ndarray:
    if array.dtype.kind != "f":
        raise WeightsError(
            f"{file.network} weights: expected floats in {file.path}, found {array.dtype} in {name}; give the file as "
            "published, before any quantisation"
        )
    return array.astype(np.float32)

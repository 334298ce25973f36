"""A method's `predict` for arrays of any length; needs JAX and the method alone, no run folder."""

import functools
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import numpy as np

from dfdetect_jax import methods
from dfdetect_jax.batching import PREDICT_BATCH, padded_batches
from dfdetect_jax.devices import mesh
from dfdetect_jax.devices.kept_files import keep, read_kept
from dfdetect_jax.devices.kept_program import KeptProgram, origin
from dfdetect_jax.methods import Prediction, Variables
from dfdetect_jax.models.folding import Fold, find_folds, fold

# Pixels per device and call on a CPU, where what a call touches should stay in the cache: Xception at 299 px did 18.6
# images/s by two, 15.8 by sixteen; at 128 px sixteen and thirty-two were alike.
_PIXELS_ON_CPU = 2**18


class Predictor:
    """A method's `predict` for NumPy arrays of any length, over the devices of this process.

    Images go through in batches whose size is a power of two, at most `PREDICT_BATCH`, so that few shapes are compiled.
    Normalisations are folded into the layers before them, see `models.folding`.

    Args:
        method: whose `predict` it is.
        variables: to predict with.
        identity: all that the method depends on beside this package's code, to keep compiled programs by; "" to keep
            none, see `devices.kept_program`.
    """

    def __init__(self, method: methods.Method, variables: Variables, identity: str = ""):
        self._mesh = mesh.data_mesh(jax.local_devices())
        self._method = method
        self._folds: tuple[Fold, ...] | None = None
        self._identity = identity
        self._predict = self._compiled("predict", method.predict)
        self._score = self._compiled("score", lambda variables, images: method.predict(variables, images).score)
        self._localize = self._compiled(
            "localize", lambda variables, images: method.predict(variables, images)._replace(reconstruction=None)
        )
        self.variables = variables

    @property
    def variables(self) -> Variables:
        """What is predicted with; may be exchanged for others of the same shapes."""
        return self._variables

    @variables.setter
    def variables(self, variables: Variables) -> None:
        self._variables = jax.tree.map(_local, variables)
        self._folded: Variables | None = None

    def predict(self, images: np.ndarray) -> Prediction:
        """uint8 [N, H, W, 3] -> Prediction of NumPy arrays, float32."""
        return self._joined(self._predict, images)

    def localize(self, images: np.ndarray) -> Prediction:
        """As `predict`, without the reconstruction."""
        return self._joined(self._localize, images)

    def score(self, images: np.ndarray) -> np.ndarray:
        """uint8 [N, H, W, 3] -> float32 [N]."""
        return np.concatenate(list(self._batches(self._score, images)))

    def _compiled(self, name: str, function: Callable[..., Any]) -> KeptProgram:
        return KeptProgram(function, self._identity and f"{name} {self._identity}")

    def _kept_folds(self, images: np.ndarray) -> tuple[Fold, ...]:
        """As `find_folds`, which traces the network, once for all processes."""
        if not self._identity:
            return find_folds(self._method.predict, self._variables, images)
        shapes = [(jax.tree_util.keystr(path), x.shape) for path, x in jax.tree.leaves_with_path(self._variables)]
        name = origin("folds", self._identity, f"{shapes} {images.shape[1:]}")
        if (content := read_kept(name)) is not None:
            return tuple(Fold(tuple(layer), tuple(norm), epsilon) for layer, norm, epsilon in json.loads(content))
        folds = find_folds(self._method.predict, self._variables, images)
        keep(name, json.dumps(folds).encode())
        return folds

    def _joined(self, function: Callable[[Variables, jax.Array], Prediction], images: np.ndarray) -> Prediction:
        return jax.tree.map(lambda *arrays: np.concatenate(arrays), *self._batches(function, images))

    def _batches(self, function: Callable[[Variables, jax.Array], Any], images: np.ndarray) -> Iterator[Any]:
        devices = self._mesh.size

        def on_all_devices(part: np.ndarray) -> Any:
            return function(self._folded_for(part), mesh.shard_batch({"image": part}, self._mesh)["image"])

        largest = max(_largest_batch(*images.shape[1:3]), devices)
        return map_in_batches(on_all_devices, (images,), largest, least=devices)

    def _folded_for(self, images: np.ndarray) -> Variables:
        """The folded variables on the devices; `images` gives a shape to find out which can be folded, once."""
        if self._folds is None:
            self._folds = self._kept_folds(images)
        if self._folded is None:
            self._folded = mesh.replicate(fold(self._variables, self._folds), self._mesh)
        return self._folded


def map_in_batches(
    function: Callable[..., Any], arrays: Sequence[np.ndarray], size: int, *, least: int | None = None
) -> Iterator[Any]:
    """Applies a compiled function to arrays of any length N, batch by batch, in few shapes.

    Args:
        function: of one batch of each of `arrays`; returns a tree of arrays with as many rows. Rows must not depend on
            each other.
        arrays: each [N, ...]; with N = 0 there is one batch, of padding alone.
        size, least: as in `batching.padded_batches`.

    Yields:
        What `function` returns, as NumPy arrays, without the padding.
    """
    named = {str(place): array for place, array in enumerate(arrays)}
    for batch, count in padded_batches(named, size, least=least):
        yield jax.tree.map(functools.partial(_first, count=count), function(*batch.values()))


def _largest_batch(height: int, width: int) -> int:
    """Images per call, a power of two."""
    if jax.default_backend() != "cpu":
        return PREDICT_BATCH
    fitting = max(1, jax.local_device_count() * _PIXELS_ON_CPU // (height * width))
    return min(PREDICT_BATCH, 1 << (fitting.bit_length() - 1))


def _first(array: jax.Array, count: int) -> np.ndarray:
    return np.asarray(array)[:count]


def _local(array: jax.Array | np.ndarray) -> np.ndarray:
    """This process's copy of a replicated array."""
    return np.asarray(array.addressable_data(0) if isinstance(array, jax.Array) else array)

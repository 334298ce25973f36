"""An ONNX network behind the interface of `Run`: an export of this library, or a peer's.

Networks are read from their bytes, and weights in other files are refused. Operators are those of onnxruntime; it is
given no library of others.
"""

import dataclasses
import functools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dfdetect_jax.batching import PREDICT_BATCH, padded_batches
from dfdetect_jax.errors import RunError, SettingsError
from dfdetect_jax.exchange.peer import Peer
from dfdetect_jax.methods import Prediction
from dfdetect_jax.run.folder import Run

NETWORK = "model.onnx"
_ROUNDING = 1e-6  # by which a runtime's sigmoid may miss [0, 1]
_ERRORS_ONLY = 3  # of onnxruntime's log


@dataclasses.dataclass(frozen=True, kw_only=True)
class OnnxRun(Run):
    """A detector whose network is ONNX.

    Attributes:
        content: the network.
        peer: how a peer's network takes images and what it gives; None for an export of this library.
    """

    content: bytes = b""
    peer: Peer | None = None

    @functools.cached_property
    def session(self) -> Any:
        """onnxruntime's session on the CPU."""
        return open_session(self.content, self._path)

    @property
    def _path(self) -> Path:
        return self.folder / (NETWORK if self.peer is None else f"{self.settings.data.name}.onnx")

    @functools.cached_property
    def _outputs(self) -> list[str]:
        return [output.name for output in self.session.get_outputs()]

    @functools.cached_property
    def localizes(self) -> bool:
        """Whether the network gives an attention map."""
        return self.peer is None and "attention" in self._outputs

    def predict(self, images: np.ndarray) -> Prediction:
        """As `Run.predict`."""
        return self._predict(images, Prediction._fields)

    def localize(self, images: np.ndarray) -> Prediction:
        """As `Run.localize`."""
        return self._predict(images, [name for name in Prediction._fields if name != "reconstruction"])

    def score(self, images: np.ndarray) -> np.ndarray:
        """As `Run.score`."""
        scores: np.ndarray = self._predict(images, ("score",)).score
        return scores

    def _predict(self, images: np.ndarray, wanted: Sequence[str]) -> Prediction:
        if self.peer is not None:
            (output,) = self._run(self.peer.prepared(images), [self.peer.output_name or self._outputs[0]])
            return Prediction(score=self.peer.scores(output), attention=None, reconstruction=None)
        if "score" not in self._outputs:
            raise RunError(f'{self._path}: expected an output "score", found {", ".join(self._outputs)}; get it anew')
        names = [name for name in wanted if name in self._outputs]
        arrays = dict(zip(names, self._run(images, names), strict=True))
        self._check(arrays, images.shape)
        return Prediction(**dict.fromkeys(Prediction._fields) | arrays)

    def _check(self, arrays: Mapping[str, np.ndarray], shape: Sequence[int]) -> None:
        """Refuses outputs that are none of a `Prediction`; whoever wrote the network may be a stranger."""
        sides = {"score": 1, "logit": 1, "reconstruction": 4}
        for name, array in arrays.items():
            expected = tuple(shape[: sides.get(name, 3)])
            if array.shape != expected:
                found = f"found {list(array.shape)}; get it anew"
                raise RunError(f"{self._path}: expected {name} of the shape {list(expected)}, {found}")
        score = arrays["score"]
        if score.size and (score.min() < -_ROUNDING or score.max() > 1 + _ROUNDING):  # NaN is the caller's to refuse
            found = f"found {score.min():g} to {score.max():g}; get it anew"
            raise RunError(f"{self._path}: expected scores from 0 to 1, {found}")

    def _run(self, images: np.ndarray, names: Sequence[str]) -> list[np.ndarray]:
        """The outputs of any number of images; a network may take a fixed number at once."""
        first = self.session.get_inputs()[0]
        name = (self.peer.input_name if self.peer else "") or first.name
        fixed = first.shape[0] if isinstance(first.shape[0], int) else None
        batches = padded_batches({name: images}, fixed or PREDICT_BATCH, least=fixed or 1)
        outputs = [
            [np.atleast_1d(array)[:count] for array in run_session(self.session, names, batch, self._path)]
            for batch, count in batches
        ]
        return [np.concatenate(arrays) for arrays in zip(*outputs, strict=True)]


def run_session(session: Any, names: Sequence[str], inputs: dict[str, np.ndarray], where: object) -> list[np.ndarray]:
    """Outputs of a network by name.

    Raises:
        RunError: it doesn't take these inputs.
    """
    try:
        outputs: list[np.ndarray] = session.run(names, inputs)
    except Exception as error:  # onnxruntime has several, and ValueError for names
        shapes = ", ".join(f"{name} {array.dtype} {list(array.shape)}" for name, array in inputs.items())
        raise RunError(
            f"{where}: expected a network for {shapes}, found one that fails ({_first_line(error)})"
        ) from error
    return outputs


def open_session(content: bytes, where: object) -> Any:
    """A session of onnxruntime on the CPU.

    Raises:
        RunError: the network can't be read, has weights in other files, or operators that are not ONNX's.
        SettingsError: onnx or onnxruntime is not installed.
    """
    try:
        import onnx
        import onnxruntime
    except ImportError as error:
        raise SettingsError(
            f"{where}: expected the library {error.name} for an ONNX network, found none; "
            "pip install 'dfdetect_jax[onnx]'"
        ) from error
    try:
        model = onnx.load_model_from_string(content)
        if any(tensor.data_location == onnx.TensorProto.EXTERNAL for tensor in _tensors(model)):
            raise RunError(
                f"{where}: expected a network with its weights in it, found weights in other files; save it as one file"
            )
        options = onnxruntime.SessionOptions()
        options.log_severity_level = _ERRORS_ONLY
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except RunError:
        raise
    except Exception as error:  # whatever protobuf and the runtime raise for a damaged file
        raise RunError(
            f"{where}: expected an ONNX network, found one that can't be read ({_first_line(error)}); get it anew"
        ) from error


def _tensors(message: Any) -> Iterator[Any]:
    """All tensors anywhere in a protobuf message."""
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        for each in [value] if hasattr(value, "ListFields") else value:
            if each.DESCRIPTOR.name == "TensorProto":
                yield each
            else:
                yield from _tensors(each)


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)

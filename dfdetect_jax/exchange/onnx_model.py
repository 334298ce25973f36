"""The format "onnx": a detector's prediction as an ONNX network, for every runtime that reads these.

Its input is uint8 [N, S, S, 3] RGB of any number N; its outputs have the names of `Prediction`. Every export is
compared with the run once.
"""

import importlib.util
from pathlib import Path

import numpy as np

from dfdetect_jax.errors import RunError, SettingsError
from dfdetect_jax.exchange import weights_file
from dfdetect_jax.exchange.jax_program import folded_variables, predict_of
from dfdetect_jax.exchange.onnx_run import NETWORK, open_session
from dfdetect_jax.exchange.payload import Payload
from dfdetect_jax.models.operations import plain_lowering
from dfdetect_jax.run.folder import Run

EXAMPLE = "example.py"
LARGEST_DIFFERENCE = 1e-4  # from the run; half precision has its own share of it
_TEMPLATE = Path(__file__).parent / "templates" / "onnx_example.txt"
_COMPARED = 2  # images
_BOUNDED = ("score", "attention", "reconstruction")  # logits, and maps in their units, have no scale of their own


def write_network(run: Run, folder: Path, dtype: str) -> Payload:
    """Writes the network and an example of its use that needs neither JAX nor this library.

    Raises:
        RunError: a weight is beyond the range of `dtype`, the method has an operation that ONNX lacks, or the network
            gives other predictions than the run.
        SettingsError: onnx or onnxruntime is not installed.
    """
    for name in ("onnx", "onnxruntime"):
        if importlib.util.find_spec(name) is None:
            raise SettingsError(
                f"--format onnx: expected the library {name}, found none; pip install 'dfdetect_jax[onnx]'"
            )
    from dfdetect_jax.exchange.onnx_graph import convert
    from dfdetect_jax.exchange.onnx_operators import OPERATORS

    size, predict = run.settings.data.image_size, predict_of(run)
    weights = {
        path: array.astype(np.float32) for path, array in weights_file.stored(folded_variables(run), dtype).items()
    }
    with plain_lowering(True):
        model = convert(lambda images: predict(weights, images), (size, size, 3), OPERATORS)
    content = model.SerializeToString()
    difference = _largest_difference(run, content)
    if not difference <= LARGEST_DIFFERENCE and dtype == "float32":
        raise RunError(
            f"ONNX: expected predictions within {LARGEST_DIFFERENCE:g} of the run's, found a difference of "
            f"{difference:.2g}; export it as safetensors or jax"
        )
    (folder / NETWORK).write_bytes(content)
    (folder / EXAMPLE).write_text(_TEMPLATE.read_text())
    outputs = [output.name for output in model.graph.output]
    return Payload(
        files={
            NETWORK: f"network: images to {', '.join(outputs)}",
            EXAMPLE: "how to use it with onnxruntime, NumPy and Pillow",
        },
        model={"dtype": dtype, "folded": True, "outputs": outputs, "largest_difference": difference},
        usage=(
            "python FOLDER/example.py face.png     # needs onnxruntime, numpy and pillow",
            "dfdetect predict --model FOLDER photo.jpg",
        ),
    )


def _largest_difference(run: Run, content: bytes) -> float:
    """Between the run's predictions and the network's, of scores, maps and reconstructions of random pixels."""
    size = run.settings.data.image_size
    images = np.random.default_rng(0).integers(0, 256, (_COMPARED, size, size, 3)).astype(np.uint8)
    expected, session = run.predict(images), open_session(content, "this export")
    names = [output.name for output in session.get_outputs() if output.name in _BOUNDED]
    actual = dict(zip(names, session.run(names, {session.get_inputs()[0].name: images}), strict=True))
    return max(float(np.abs(actual[name] - getattr(expected, name)).max()) for name in names)

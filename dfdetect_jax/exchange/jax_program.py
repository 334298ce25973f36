"""The format "jax": a detector's prediction as programs of `jax.export`, for JAX without this library.

A program takes the arrays of weights.safetensors by name and uint8 images [N, S, S, 3] of any number N. Normalisations
are folded into the weights. It is lowered plainly, see `models.operations`: the forms for a CPU depend on N.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax import export

from dfdetect_jax import methods
from dfdetect_jax.errors import SettingsError
from dfdetect_jax.exchange import weights_file
from dfdetect_jax.exchange.payload import WEIGHTS, Payload
from dfdetect_jax.methods import Variables
from dfdetect_jax.models.folding import find_folds, fold
from dfdetect_jax.models.operations import plain_lowering
from dfdetect_jax.run.folder import Run

PREDICT, SCORE = "predict.jax", "score.jax"
PLATFORMS = ("cpu", "cuda", "tpu")
Arrays = Mapping[str, Any]


def write_programs(run: Run, folder: Path, dtype: str) -> Payload:
    """Writes the programs and their weights.

    Raises:
        RunError: a weight is beyond the range of `dtype`.
        SettingsError: flatbuffers is not installed.
    """
    arrays = weights_file.stored(folded_variables(run), dtype)
    weights_file.write_weights(folder / WEIGHTS, arrays)
    size = run.settings.data.image_size
    for name, function in ((PREDICT, predict_of(run)), (SCORE, score_of(run))):
        (folder / name).write_bytes(_serialized(function, arrays, size))
    return Payload(
        files={
            WEIGHTS: "weights by path, with normalisations folded into them",
            PREDICT: "program: (weights, images) to scores, maps and reconstructions by name",
            SCORE: "program: (weights, images) to scores",
        },
        model={"dtype": dtype, "folded": True, "programs": [PREDICT, SCORE], "platforms": list(PLATFORMS)},
        usage=(
            "from pathlib import Path",
            "import numpy as np",
            "from jax import export",
            "from safetensors.numpy import load_file",
            "",
            f'program = export.deserialize(bytearray(Path("FOLDER/{PREDICT}").read_bytes()))',
            f'weights = load_file("FOLDER/{WEIGHTS}")',
            f"crops = np.zeros((2, {size}, {size}, 3), np.uint8)  # RGB, see data.crop in config.json",
            'print(program.call(weights, crops)["score"])',
        ),
    )


def folded_variables(run: Run) -> Variables:
    """The run's variables as NumPy arrays, with normalisations folded into the layers before them."""
    variables, size = weights_file.nested(weights_file.flat(run.variables)), run.settings.data.image_size
    images = jax.ShapeDtypeStruct((1, size, size, 3), np.uint8)
    return fold(variables, find_folds(methods.build(run.settings).predict, variables, images))


def predict_of(run: Run) -> Callable[[Arrays, jax.Array], dict[str, jax.Array]]:
    """(weights by path, images) -> what the method predicts, by the names of `Prediction`."""
    method = methods.build(run.settings)

    def predict(weights: Arrays, images: jax.Array) -> dict[str, jax.Array]:
        variables = weights_file.nested({path: jax.numpy.float32(array) for path, array in weights.items()})
        prediction = method.predict(variables, images)._asdict()
        return {name: array for name, array in prediction.items() if array is not None}

    return predict


def score_of(run: Run) -> Callable[[Arrays, jax.Array], jax.Array]:
    """(weights by path, images) -> scores."""
    predict = predict_of(run)
    return lambda weights, images: predict(weights, images)["score"]


def _serialized(function: Callable[[Arrays, jax.Array], Any], arrays: Arrays, size: int) -> bytes:
    (batch,) = export.symbolic_shape("batch")
    images = jax.ShapeDtypeStruct((batch, size, size, 3), np.uint8)
    shapes = {path: jax.ShapeDtypeStruct(array.shape, array.dtype) for path, array in arrays.items()}
    with plain_lowering(True):
        program = export.export(jax.jit(function), platforms=PLATFORMS)(shapes, images)
    try:
        return bytes(program.serialize())
    except ImportError as error:
        raise SettingsError(
            "--format jax: expected the library flatbuffers, found none; pip install 'dfdetect_jax[export]'"
        ) from error

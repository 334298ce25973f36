"""What each format of `export` predicts beside the detector that it was made of, and how large its folder is.

    python benchmarks/exports.py [--model released] [--images 64] [--faces FOLDER] [--json FILE]

Each row is the largest difference of scores, maps and reconstructions from the detector's own prediction: of rendered
faces, real and forged, or of the first pictures in a folder of face crops. The programs of "jax" are called through
`jax.export` and the network of "onnx" through onnxruntime alone, as those do who lack this library.
"""

import dataclasses
import itertools
import tempfile
from pathlib import Path

import cv2
import measure
import numpy as np
import onnxruntime
from jax import export
from safetensors.numpy import load_file

from dfdetect_jax.config import Crop
from dfdetect_jax.data.forge.units import plan_units, render_unit
from dfdetect_jax.exchange.description import FORMATS
from dfdetect_jax.exchange.model_folder import write_model
from dfdetect_jax.exchange.opening import open_detector
from dfdetect_jax.exchange.weights_file import DTYPES

OUTPUTS = ("score", "attention", "reconstruction")
Outputs = dict[str, np.ndarray]


def rendered_faces(count: int, crop: Crop) -> np.ndarray:
    """uint8 [N, S, S, 3]: as many reals as forgeries."""
    examples = [example for unit in plan_units(max(count, 48)) for example in render_unit(unit, crop)]
    return np.stack([example.image for example in examples[:count]])


def faces_of(folder: Path, count: int, size: int) -> np.ndarray:
    """uint8 [N, size, size, 3]: the first readable pictures by name, squeezed to a square."""
    pictures = (cv2.imread(str(path)) for path in sorted(folder.iterdir()))
    crops = (cv2.resize(each, (size, size), interpolation=cv2.INTER_AREA) for each in pictures if each is not None)
    return np.stack([cv2.cvtColor(crop, cv2.COLOR_BGR2RGB) for crop in itertools.islice(crops, count)])


def of_library(folder: Path, images: np.ndarray) -> Outputs:
    """As `dfdetect predict --model` does."""
    return {name: array for name, array in open_detector(folder).predict(images)._asdict().items() if array is not None}


def of_jax(folder: Path, images: np.ndarray) -> Outputs:
    program = export.deserialize(bytearray((folder / "predict.jax").read_bytes()))
    outputs = program.call(load_file(folder / "weights.safetensors"), images)
    return {name: np.asarray(array) for name, array in outputs.items()}


def of_onnx(folder: Path, images: np.ndarray) -> Outputs:
    session = onnxruntime.InferenceSession(folder / "model.onnx")
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, {"images": images}), strict=True))


READERS = {"safetensors": of_library, "jax": of_jax, "onnx": of_onnx}


def row(form: str, dtype: str, folder: Path, images: np.ndarray, expected: Outputs) -> measure.Row:
    """Differences and megabytes of one export."""
    outputs = READERS[form](folder, images)
    differences = {
        name: float(np.abs(outputs[name] - expected[name]).max()) if name in expected else None for name in OUTPUTS
    }
    size = sum(path.stat().st_size for path in folder.iterdir()) / 1e6
    return {"format": form, "kernels": dtype, **differences, "MB": size}


def main() -> None:
    parser = measure.command_line(__doc__.splitlines()[0])
    parser.add_argument("--model", default="released", help="run folder or model (default: %(default)s)")
    parser.add_argument("--images", type=int, default=64, help="how many face crops (default: %(default)s)")
    parser.add_argument("--faces", type=Path, metavar="FOLDER", help="of face crops (default: rendered ones)")
    args = parser.parse_args()

    run, rows = open_detector(args.model), []
    size = run.settings.data.image_size
    crop = dataclasses.replace(run.crop, size=size)
    images = faces_of(args.faces, args.images, size) if args.faces else rendered_faces(args.images, crop)
    expected = {name: array for name, array in run.predict(images)._asdict().items() if array is not None}
    with tempfile.TemporaryDirectory() as name:
        for form in FORMATS:
            for dtype in DTYPES:
                folder = write_model(run, Path(name) / f"{form}-{dtype}", form, dtype)
                rows.append(row(form, dtype, folder, images, expected))
    scores = expected["score"]
    notes = [f"scores from {scores.min():.3f} to {scores.max():.3f}, median {np.median(scores):.3f}"]
    where = measure.environment("jax", "jaxlib", "onnx", "onnxruntime", "numpy")
    title = f"{args.model}: largest difference from its own prediction, {len(images)} faces of {size} px"
    measure.report(title, where, rows, notes, args.json)


if __name__ == "__main__":
    main()

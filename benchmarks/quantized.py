"""Would int8 pay? An exported network, quantised by onnxruntime, beside itself: milliseconds, scores, AUC.

    dfdetect export --run RUN --format onnx --out MODEL
    python benchmarks/quantized.py --model MODEL --data NAME [--batches 20] [--json FILE]

Activations and weights become 8-bit integers, weights with a scale per channel, calibrated on the validation split of
prepared records (by extremes, or by all but a thousandth of a per cent); measured on their test split.
"""

import itertools
import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path

import measure
import numpy as np
import onnxruntime
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from sklearn.metrics import roc_auc_score

from dfdetect_jax.data.pipeline import eval_batches
from dfdetect_jax.data.record_folders import locate

BATCH = 32
CALIBRATION_BATCHES = 6
METHODS = {"int8, extremes": CalibrationMethod.MinMax, "int8, percentile": CalibrationMethod.Percentile}


class Calibration(CalibrationDataReader):
    """Batches of crops as onnxruntime asks for them."""

    def __init__(self, images: np.ndarray):
        self._batches = iter(batches_of(images))

    def get_next(self) -> dict[str, np.ndarray] | None:
        batch = next(self._batches, None)
        return None if batch is None else {"images": batch}


def batches_of(images: np.ndarray) -> list[np.ndarray]:
    return [images[first : first + BATCH] for first in range(0, len(images), BATCH)]


def crops(data: str, split: str, size: int, batches: int) -> tuple[np.ndarray, np.ndarray]:
    """uint8 [N, size, size, 3] and labels [N]: the first batches of a split, without their padding."""
    found = eval_batches(locate(data), split, batch_size=BATCH, image_size=size)
    first = list(itertools.islice(found, batches))
    images, labels, valid = (np.concatenate([batch[name] for batch in first]) for name in ("image", "label", "valid"))
    return images[valid > 0], labels[valid > 0]


def networks(model: Path, calibration: np.ndarray, folder: Path) -> Iterator[tuple[str, Path]]:
    """The network as it is, then quantised in each way, below `folder`."""
    yield "float32", model
    prepared = folder / "prepared.onnx"
    quant_pre_process(model, prepared, skip_symbolic_shape=True)
    for place, (name, method) in enumerate(METHODS.items()):
        path = folder / f"{place}.onnx"
        quantize_static(
            prepared,
            path,
            Calibration(calibration),
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=method,
        )
        yield name, path


def scores(session: onnxruntime.InferenceSession, images: np.ndarray) -> np.ndarray:
    return np.concatenate([session.run(["score"], {"images": batch})[0] for batch in batches_of(images)])


def main() -> None:
    parser = measure.command_line(__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, required=True, help="folder of an exported model")
    parser.add_argument("--data", required=True, help="prepared data set with the splits val and test")
    parser.add_argument("--batches", type=int, default=20, help="of 32 crops, from the test split")
    parser.add_argument("--rounds", type=int, default=15, help="timed calls of each arm")
    args = parser.parse_args()
    logging.disable(logging.WARNING)  # onnxruntime's, of what it can't quantise
    model = args.model / "model.onnx"
    size = onnxruntime.InferenceSession(model).get_inputs()[0].shape[1]
    images, labels = crops(args.data, "test", size, args.batches)
    calibration, _ = crops(args.data, "val", size, CALIBRATION_BATCHES)
    with tempfile.TemporaryDirectory() as folder:
        paths = dict(networks(model, calibration, Path(folder)))
        sessions = {name: onnxruntime.InferenceSession(path) for name, path in paths.items()}
    seconds = measure.take_turns(
        {name: lambda session=session: scores(session, images[:BATCH]) for name, session in sessions.items()},
        args.rounds,
        rested=True,
    )
    found = {name: scores(session, images) for name, session in sessions.items()}
    rows: list[measure.Row] = [
        {
            "network": name,
            "ms for 32 crops": 1e3 * measure.medians(seconds[name]).clock,
            "largest difference of a score": float(np.abs(found[name] - found["float32"]).max()),
            "mean": float(np.abs(found[name] - found["float32"]).mean()),
            "AUC": float(roc_auc_score(labels, found[name])),
        }
        for name in sessions
    ]
    where = measure.environment("onnxruntime")
    measure.report(f"int8, {len(images)} faces of {args.data}, {size} px", where, rows, [], args.json)


if __name__ == "__main__":
    main()

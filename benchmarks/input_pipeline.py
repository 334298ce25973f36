"""Images per second and core of the training input: this library's records, and a PyTorch DataLoader over PNG files.

    python benchmarks/input_pipeline.py [--size 299] [--images 600] [--cores 1] [--seconds 8] [--json FILE]

All arms read the same crops, rendered faces of the embedded set, in shuffled batches of 32, on the same cores. The
reference reads each crop as PNG with OpenCV and applies the usual augmentation on the CPU: mirror, brightness and
contrast, JPEG recompression (half of the images), blur (a tenth), conversion to normalised float32, channels first.
This library yields uint8: its augmentation is part of the training step, on the device. Its cost on a CPU device is
reported in a separate row, as is the reference without augmentation.

With `--encodings` the disk size and decoding time of each `prepare --encoding` are measured.
"""

import importlib.util
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import jax
import measure
import numpy as np

from dfdetect_jax.augmentation import augment, normalize
from dfdetect_jax.augmentation.batches import example_keys
from dfdetect_jax.config import Augment, CAESettings, Crop, override
from dfdetect_jax.data.encoding import PNG, RAW, Codec
from dfdetect_jax.data.example import Example
from dfdetect_jax.data.pipeline import train_batches
from dfdetect_jax.data.prepare.preparation import prepare
from dfdetect_jax.data.records import Records

BATCH = 32
_ROUNDS = 5


class Crops:
    """A PyTorch data set (its protocol is plain Python) over PNG files: (float32 [3, S, S], label)."""

    def __init__(self, files: list[str], augmented: bool):
        self.files, self.augmented = files, augmented

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> tuple[np.ndarray, int]:
        image = cv2.cvtColor(cv2.imread(self.files[index]), cv2.COLOR_BGR2RGB)
        if self.augmented:
            image = usual_augmentation(image, np.random.default_rng())
        pixels = (image.astype(np.float32) / 255 - 0.5) / 0.5
        return np.ascontiguousarray(pixels.transpose(2, 0, 1)), index % 2


def usual_augmentation(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """uint8 [S, S, 3] to the same, by OpenCV."""
    if rng.random() < 0.5:
        image = cv2.flip(image, 1)
    image = cv2.convertScaleAbs(image, alpha=rng.uniform(0.8, 1.2), beta=rng.uniform(-25, 25))
    if rng.random() < 0.5:
        encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(40, 100))])[1]
        image = cv2.imdecode(encoded, cv2.IMREAD_COLOR)
    if rng.random() < 0.1:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.5, 1.5))
    return image


def write_files(records: Records, folder: Path) -> list[str]:
    folder.mkdir()
    files = []
    for i in range(len(records)):
        files.append(str(folder / f"{i}.png"))
        cv2.imwrite(files[-1], records[i]["image"][..., ::-1])
    return files


def our_batches(folder: Path, size: int, workers: int) -> Iterator[dict]:
    values = {"data.image_size": size, "train.batch_size": BATCH, "data.workers": workers}
    return iter(train_batches(folder, override(CAESettings(), values)))


def torch_batches(files: list[str], augmented: bool, workers: int) -> Iterator:
    import torch

    torch.set_num_threads(1)
    options = {"num_workers": workers, "persistent_workers": workers > 0, "drop_last": True, "shuffle": True}
    loader = torch.utils.data.DataLoader(Crops(files, augmented), BATCH, **options)
    while True:
        yield from loader


def rate(batches: Iterator, seconds: float) -> float:
    """Images per second, after one second of warm-up."""
    begun = time.perf_counter()
    while time.perf_counter() - begun < 1:
        next(batches)
    begun, count = time.perf_counter(), 0
    while time.perf_counter() - begun < seconds:
        next(batches)
        count += BATCH
    return count / (time.perf_counter() - begun)


def step_rate(size: int, seconds: float) -> float:
    """Images per second of normalisation and augmentation, the part of the step before the network, on JAX's device."""
    settings = Augment(jitter=0.2)
    images = jax.device_put(np.random.default_rng(0).integers(0, 256, (BATCH, size, size, 3), np.uint8))
    prepared = jax.jit(lambda key, x: normalize(augment(example_keys(key, BATCH), x, None, settings)[0]))

    def batches() -> Iterator:
        while True:
            yield prepared(jax.random.key(0), images).block_until_ready()

    return rate(batches(), seconds)


def encodings(source: Records) -> list[measure.Row]:
    """Bytes and milliseconds of a crop, by encoding, on this core."""
    size, rows = source[0]["image"].shape[0], []
    crops = [source[i]["image"] for i in range(min(len(source), 100))]

    def of(name: str, encode: Callable, decode: Callable) -> None:
        encoded = [encode(crop) for crop in crops]
        taken = measure.take_turns({name: lambda: [decode(one) for one in encoded]}, _ROUNDS)[name]
        milliseconds = 1000 * measure.medians(taken).clock / len(crops)
        rows.append({"crop as": name, "kB": statistics.mean(map(len, encoded)) / 1000, "ms to decode": milliseconds})

    def png(level: int) -> Callable:
        return lambda crop: cv2.imencode(".png", crop, [cv2.IMWRITE_PNG_COMPRESSION, level])[1].tobytes()

    def decoded(data: bytes) -> np.ndarray:
        return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)

    of("raw", lambda crop: crop.tobytes(), lambda data: np.frombuffer(data, np.uint8).reshape(size, size, 3).copy())
    of("PNG, OpenCV's default", lambda crop: cv2.imencode(".png", crop)[1].tobytes(), decoded)
    of("PNG, level 6", png(6), decoded)
    lossless = [cv2.IMWRITE_WEBP_QUALITY, 101]
    of("WebP, lossless", lambda crop: cv2.imencode(".webp", crop, lossless)[1].tobytes(), decoded)
    examples = [Example(**source[i]) for i in range(len(crops))]
    for codec in (Codec(size, RAW), Codec(size, PNG)):
        records = [codec.encode(example) for example in examples]
        taken = measure.take_turns({"": lambda: [codec.decode(record, with_mask=False) for record in records]}, _ROUNDS)  # noqa: B023
        milliseconds = 1000 * measure.medians(taken[""]).clock / len(records)
        size_of = statistics.mean(map(len, records)) / 1000
        rows.append({"crop as": f"whole record, {codec.encoding}", "kB": size_of, "ms to decode": milliseconds})
    return rows


def prepare_records(home: Path, size: int, encoding: str, images: int) -> Path:
    return prepare("forge", None, home, Crop(size=size), images=images, encoding=encoding, log=lambda line: None)


def main() -> None:
    parser = measure.command_line(__doc__)
    parser.add_argument("--size", type=int, default=299)
    parser.add_argument("--images", type=int, default=600)
    parser.add_argument("--cores", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--records", type=Path, help="for --encodings: records of real crops, instead of rendered ones")
    parser.add_argument("--encodings", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch)
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: given.cores])
        cv2.setNumThreads(1)
        where = measure.environment("grain", "array_record", "opencv-python-headless", "torch")
        if given.encodings:
            folder = given.records or prepare_records(home, given.size, RAW, given.images)
            measure.report("one crop, by encoding", where, encodings(Records(folder, "train")), [], given.json)
            return
        folders = {encoding: prepare_records(home, given.size, encoding, given.images) for encoding in (RAW, PNG)}
        files = write_files(Records(folders[RAW], "train"), home / "files")
        workers = given.cores if given.cores > 1 else 0
        arms = {f"records, {name}": our_batches(folder, given.size, 0) for name, folder in folders.items()}
        if importlib.util.find_spec("torch"):
            arms["DataLoader, PNG, augmented"] = torch_batches(files, True, workers)
            arms["DataLoader, PNG"] = torch_batches(files, False, workers)
        seconds = given.seconds / 4
        rates = {name: [] for name in arms}
        for _ in range(4):
            for name, batches in arms.items():
                rates[name].append(rate(batches, seconds))
        arms.clear()
        best = statistics.median(rates["records, raw"])
        rows = [
            {
                "arm": name,
                "images/s": statistics.median(found),
                "images/s and core": statistics.median(found) / given.cores,
                "raw records over it": best / statistics.median(found),
            }
            for name, found in rates.items()
        ]
        step = f"normalising and augmenting inside the step, on {where['device']}"
        notes = [f"{step}: {step_rate(given.size, 2):.0f} images/s"]
        measure.report(f"training input, {given.size} px, {given.cores} cores", where, rows, notes, given.json)


if __name__ == "__main__":
    main()

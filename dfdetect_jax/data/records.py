"""Prepared records on disk: one PNG crop per record in array_record shards that TFDS reads too, without TensorFlow.

Layout of one prepared data set, `<data_dir>/<name>/<config>/<version>/`:

    features.json, dataset_info.json         TFDS' own metadata, for `tfds.builder_from_directory`
    <name>-<split>.array_record-00000-of-N   examples, in the order of a hash of their key: a uniform shuffle
    index-<split>.npy                        label, method and mask flag of every example, 4 bytes each
    clips.jsonl                              what became of every clip, in words
    manifest.json                            how it was made, counts, and the SHA-256 of every file above
"""

import dataclasses
import hashlib
import io
import json
import os
from pathlib import Path

import cv2
import numpy as np
import tensorflow_datasets as tfds
from array_record.python.array_record_data_source import ArrayRecordDataSource
from tensorflow_datasets.proto import tf_example_pb2

from dfdetect_jax.config import Crop
from dfdetect_jax.data.example import SPLITS, Example
from dfdetect_jax.errors import RecordsError

VERSION = "1.0.0"  # of the record's format: raised when prepared folders can't be read as before
MANIFEST, CLIPS = "manifest.json", "clips.jsonl"
INDEX_DTYPE = np.dtype([("method", "<u2"), ("label", "u1"), ("has_mask", "u1")])
TEXTS = ("dataset", "method", "video", "identity", "split", "source")
_ENCODED = {"image": tfds.decode.SkipDecoding(), "mask": tfds.decode.SkipDecoding()}


def features(size: int) -> tfds.features.FeaturesDict:
    """The record's fields as TFDS features, for crops of `size` pixels; images and masks are lossless PNG."""
    return tfds.features.FeaturesDict(
        {
            "image": tfds.features.Image(shape=(size, size, 3), encoding_format="png"),
            "mask": tfds.features.Image(shape=(size, size, 1), encoding_format="png"),
            "has_mask": np.bool_,
            "label": tfds.features.ClassLabel(names=["real", "fake"]),
            "frame": np.int32,
            **{name: tfds.features.Text() for name in TEXTS},
        }
    )


def encode(example: Example) -> bytes:
    """Serialises one example (image uint8 [S, S, 3], mask uint8 [S, S]), in every process alike: `tf.train.Example`."""
    fields = {name: getattr(example, name) for name in (*TEXTS, "has_mask", "label", "frame")}
    fields["image"] = io.BytesIO(_png(cv2.cvtColor(example.image, cv2.COLOR_RGB2BGR)))
    fields["mask"] = io.BytesIO(_png(example.mask))
    schema = features(example.image.shape[0])
    message = tf_example_pb2.Example.FromString(schema.serialize_example(schema.encode_example(fields)))
    return message.SerializeToString(deterministic=True)  # else the order of fields changes with the process


def decode(record: bytes, schema: tfds.features.FeaturesDict) -> dict:
    """The fields of one serialised example as in `Example`: image uint8 [S, S, 3] RGB, mask uint8 [S, S], str, ints.

    Raises:
        RecordsError: the bytes are no record, or a picture in it is damaged.
    """
    fields = _parse(record, schema)
    fields["image"] = _pixels(fields["image"], cv2.IMREAD_COLOR_RGB)
    fields["mask"] = _pixels(fields["mask"], cv2.IMREAD_GRAYSCALE)
    fields.update({name: fields[name].decode() for name in TEXTS})
    fields.update(label=int(fields["label"]), frame=int(fields["frame"]), has_mask=bool(fields["has_mask"]))
    return fields


def _parse(record: bytes, schema: tfds.features.FeaturesDict) -> dict:
    try:
        return schema.deserialize_example_np(record, decoders=_ENCODED)
    except Exception as error:  # protobuf's errors share no base class that is public
        raise RecordsError(f"a record can't be parsed ({type(error).__name__}); prepare the data set again") from error


def _png(picture: np.ndarray) -> bytes:
    return cv2.imencode(".png", picture)[1].tobytes()


def _pixels(png: bytes, mode: int) -> np.ndarray:
    picture = cv2.imdecode(np.frombuffer(png, np.uint8), mode)
    if picture is None:
        raise RecordsError("a picture inside a record is damaged; run `check --records` and prepare the data set again")
    return picture


@dataclasses.dataclass(frozen=True, kw_only=True)
class Manifest:
    """What is needed to reproduce, and to trust, a folder of records.

    Attributes:
        name: of the data set, as `locate` takes it.
        config: names the variant, e.g. "c23-299px".
        settings: everything that was asked of `prepare`, crop and frames among it.
        units: SHA-256 over the list of clips and their sizes, as found on disk.
        versions: of the packages that decide pixels.
        methods: all forgery methods, sorted; `index-<split>.npy` points into it. `""` stands for reals.
        counts: {split: {method: {"clips": n, "examples": n}}}.
        shards: {split: [file, ...]} in order.
        sha256: {file: digest} of every other file in the folder.
        fingerprint: SHA-256 over all records, whatever their sharding: equal for two folders that hold the same data.
    """

    name: str
    config: str
    settings: dict
    units: str
    versions: dict
    methods: tuple[str, ...]
    counts: dict
    shards: dict
    sha256: dict
    fingerprint: str

    @property
    def crop(self) -> Crop:
        """How pictures were cropped; `predict` must do the same."""
        return Crop(**self.settings["crop"])


def read_manifest(folder: str | Path) -> Manifest:
    """Reads `manifest.json`.

    Raises:
        RecordsError: it is missing or isn't one.
    """
    path = Path(folder) / MANIFEST
    try:
        values = json.loads(path.read_text())
        return Manifest(**{**values, "methods": tuple(values["methods"])})
    except FileNotFoundError:
        raise RecordsError(f"{folder}: no {MANIFEST}, so no prepared records; make them with `prepare`") from None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise RecordsError(f"{path}: not a manifest that this version reads ({error}); prepare again") from error


def read_clips(folder: str | Path) -> list[dict]:
    """Reads `clips.jsonl`: for every clip (or generated unit) its name, what came of it, and words about it."""
    return [json.loads(line) for line in (Path(folder) / CLIPS).read_text().splitlines()]


def data_dir(given: str | Path = "") -> Path:
    """Where prepared data sets are: `given`, else `TFDS_DATA_DIR`, else `~/tensorflow_datasets`. Absolute."""
    return Path(given or os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets").expanduser().absolute()


def locate(name_or_folder: str | Path, data_dir: str | Path = "") -> Path:
    """Finds prepared records by name ("forge"), name and config ("faceforensics/c23-299px"), or folder.

    Raises:
        RecordsError: none there, or several variants (they are listed).
    """
    home = globals()["data_dir"](data_dir)
    for base in (Path(name_or_folder).expanduser().absolute(), home / name_or_folder):
        for pattern in (MANIFEST, f"*/{MANIFEST}", f"*/*/{MANIFEST}", f"[!.]*/*/*/{MANIFEST}"):
            found = sorted(path.parent for path in base.glob(pattern))
            if len(found) == 1:
                return found[0]
            if found:
                names = ", ".join(str(path.relative_to(base)) for path in found)
                raise RecordsError(f"{name_or_folder}: several variants are prepared; name one: {names}")
    ready = sorted({path.relative_to(home).parts[0] for path in home.glob(f"[!.]*/*/*/{MANIFEST}")})
    raise RecordsError(
        f"{name_or_folder}: no prepared records of that name in {home} ({', '.join(ready) or 'nothing'} there), "
        "nor a folder with any; make them with `prepare`, or give the folder"
    )


class Records:
    """Random access to one split of a prepared data set; small when pickled, safe in threads.

    `records[i]` is a dict of the fields of `Example` (image uint8 [S, S, 3], mask uint8 [S, S], str, bool, ints).
    """

    def __init__(self, folder: str | Path, split: str):
        """Opens `split` of `folder`.

        Raises:
            RecordsError: the split is unknown or empty, or a file is missing or cut short.
        """
        manifest = read_manifest(folder)
        files = manifest.shards.get(split)
        if not files:
            raise RecordsError(f"{folder}: no examples in split {split!r}; it has {', '.join(manifest.shards)}")
        missing = [name for name in files if not (Path(folder) / name).is_file()]
        if missing:
            raise RecordsError(f"{folder}: {missing[0]} is missing; prepare the data set again")
        self.folder, self.split, self._methods = Path(folder), split, manifest.methods
        self._schema = features(manifest.crop.size)
        try:
            self._source = ArrayRecordDataSource([str(self.folder / name) for name in files])
        except (OSError, RuntimeError, ValueError) as error:
            raise RecordsError(f"{folder}: {split} can't be opened ({error}); prepare the data set again") from error

    def __len__(self) -> int:
        return len(self._source)

    def __getitem__(self, index: int) -> dict:
        return decode(self._source[index], self._schema)

    def names(self, index: int) -> dict[str, str]:
        """The text fields alone, without decoding pictures.

        Raises:
            RecordsError: the record is damaged.
        """
        fields = _parse(self._source[index], self._schema)
        return {name: fields[name].decode() for name in TEXTS}

    def __getstate__(self) -> dict:
        return {"folder": self.folder, "split": self.split}

    def __setstate__(self, state: dict) -> None:
        self.__init__(**state)

    def __repr__(self) -> str:  # Grain's checkpoints compare it: it must say the same in a later process
        return f"Records({self.folder.name!r}, {self.split!r}, {len(self)})"

    @property
    def index(self) -> np.ndarray:
        """[len] of `INDEX_DTYPE`, mapped from disk: label, has_mask, and method as a place in the manifest's list."""
        return np.load(self.folder / f"index-{self.split}.npy", mmap_mode="r", allow_pickle=False)

    @property
    def labels(self) -> np.ndarray:
        """uint8 [len]: 0 real, 1 fake."""
        return np.asarray(self.index["label"])

    @property
    def methods(self) -> np.ndarray:
        """str [len]: forgery method, `""` for reals."""
        return np.asarray(self._methods)[self.index["method"]]


def sha256_file(path: str | Path) -> str:
    """Hex digest of a file's bytes, read in blocks."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def verify(folder: str | Path) -> list[str]:
    """Compares every file's hash, and the counts, with the manifest; returns findings in words, none when sound.

    Raises:
        RecordsError: there is no readable manifest.
    """
    folder, findings = Path(folder), []
    manifest = read_manifest(folder)
    for name, digest in manifest.sha256.items():
        if not (folder / name).is_file():
            findings.append(f"{name}: missing")
        elif sha256_file(folder / name) != digest:
            findings.append(f"{name}: its bytes are not those that were written")
    for split in SPLITS:
        counted = sum(count["examples"] for count in manifest.counts.get(split, {}).values())
        if split in manifest.shards and not findings and counted != len(Records(folder, split)):
            findings.append(f"{split}: {len(Records(folder, split))} records, but the manifest counts {counted}")
    return findings

"""Prepared records on disk: one crop per record in array_record shards that TFDS reads too, without TensorFlow.

Layout of one prepared data set, `<data_dir>/<name>/<config>/<version>/`:

    features.json, dataset_info.json         TFDS' own metadata, for `tfds.builder_from_directory`
    <name>-<split>.array_record-00000-of-N   examples, in the order of a hash of their key: a uniform shuffle
    index-<split>.npy                        label, forgery and mask flag of every example, 4 bytes each
    clips.jsonl                              what became of every clip, in words
    manifest.json                            how it was made, counts, and the SHA-256 of every file above
"""

import dataclasses
import hashlib
import json
import os
from pathlib import Path

import numpy as np
from array_record.python.array_record_data_source import ArrayRecordDataSource

from dfdetect_jax.config import Crop, renamed
from dfdetect_jax.data.encoding import PNG, Codec
from dfdetect_jax.data.example import SPLITS
from dfdetect_jax.errors import RecordsError

VERSION = "1.0.0"  # of the record's format: raised when prepared folders can't be read as before
MANIFEST, CLIPS = "manifest.json", "clips.jsonl"
INDEX_DTYPE = np.dtype([("forgery", "<u2"), ("label", "u1"), ("has_mask", "u1")])


@dataclasses.dataclass(frozen=True, kw_only=True)
class Manifest:
    """What is needed to reproduce, and to trust, a folder of records.

    Attributes:
        name: of the data set, as `locate` takes it.
        config: names the variant, e.g. "c23-299px".
        settings: everything that was asked of `prepare`, crop and frames among it.
        units: SHA-256 over the list of clips and their sizes, as found on disk.
        versions: of the packages that decide pixels.
        forgeries: all forgeries, sorted; `index-<split>.npy` points into it. `""` stands for reals.
        counts: {split: {forgery: {"clips": n, "examples": n}}}.
        shards: {split: [file, ...]} in order.
        sha256: {file: digest} of every other file in the folder.
        fingerprint: SHA-256 over all records, whatever their sharding: equal for two folders that hold the same data.
        forgery_field: what the records call the forgery; "method" where version 0.1 wrote them.
    """

    name: str
    config: str
    settings: dict
    units: str
    versions: dict
    forgeries: tuple[str, ...]
    counts: dict
    shards: dict
    sha256: dict
    fingerprint: str
    forgery_field: str = "forgery"

    @property
    def crop(self) -> Crop:
        """How pictures were cropped; `predict` must do the same."""
        return Crop(**self.settings["crop"])

    @property
    def codec(self) -> Codec:
        """How the examples are encoded."""
        encoding = self.settings.get("encoding", PNG)  # before the choice there was PNG alone
        return Codec(self.crop.size, encoding, self.settings.get("root", ""), self.forgery_field)


def read_manifest(folder: str | Path) -> Manifest:
    """Reads `manifest.json`.

    Raises:
        RecordsError: it is missing or isn't one.
    """
    path = Path(folder) / MANIFEST
    try:
        values = json.loads(path.read_text())
        values = _renamed(values)
        return Manifest(**{**values, "forgeries": tuple(values["forgeries"])})
    except FileNotFoundError:
        raise RecordsError(f"{folder}: no {MANIFEST}, so no prepared records; make them with `prepare`") from None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise RecordsError(f"{path}: not a manifest that this version reads ({error}); prepare again") from error


def _renamed(values: dict) -> dict:
    """A manifest with the names of today: 0.1 called forgeries "methods" and the face detector "detector"."""
    if "methods" in values:
        values = {"forgery_field": "method", "forgeries": values.pop("methods"), **values}
    crop = renamed(values["settings"]["crop"], Crop)
    return {**values, "settings": {**values["settings"], "crop": crop}}


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
        self.folder, self.split, self._forgeries = Path(folder), split, manifest.forgeries
        self._codec = manifest.codec
        try:
            self._source = ArrayRecordDataSource([str(self.folder / name) for name in files])
        except (OSError, RuntimeError, ValueError) as error:
            raise RecordsError(f"{folder}: {split} can't be opened ({error}); prepare the data set again") from error

    def __len__(self) -> int:
        return len(self._source)

    def __getitem__(self, index: int) -> dict:
        return self._codec.decode(self._source[index])

    def without_mask(self, index: int) -> dict:
        """`records[index]` less the mask, which is then not decoded."""
        return self._codec.decode(self._source[index], with_mask=False)

    def names(self, index: int) -> dict[str, str]:
        """The text fields alone, without decoding pictures.

        Raises:
            RecordsError: the record is damaged.
        """
        return self._codec.names(self._source[index])

    def paths(self, index: int) -> tuple[Path, Path | None]:
        """Of linked records, where picture and mask lie (None: no mask)."""
        return self._codec.paths(self._source[index])

    def __getstate__(self) -> dict:
        return {"folder": self.folder, "split": self.split}

    def __setstate__(self, state: dict) -> None:
        self.__init__(**state)

    def __repr__(self) -> str:  # Grain's checkpoints compare it: it must say the same in a later process
        return f"Records({self.folder.name!r}, {self.split!r}, {len(self)})"

    @property
    def index(self) -> np.ndarray:
        """[len] of `INDEX_DTYPE`, mapped from disk: label, has_mask, and forgery as a place in the manifest's list."""
        return np.load(self.folder / f"index-{self.split}.npy", mmap_mode="r", allow_pickle=False).view(INDEX_DTYPE)

    @property
    def labels(self) -> np.ndarray:
        """uint8 [len]: 0 real, 1 fake."""
        return np.asarray(self.index["label"])

    @property
    def forgeries(self) -> np.ndarray:
        """str [len]: forgery, `""` for reals."""
        return np.asarray(self._forgeries)[self.index["forgery"]]


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

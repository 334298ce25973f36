"""Prepared records on disk: one crop per record in array_record shards that TFDS reads too, without TensorFlow.

Layout of one prepared data set, `<data_dir>/<name>/<config>/<version>/`:

    features.json, dataset_info.json         TFDS' own metadata, for `tfds.builder_from_directory`
    <name>-<split>.array_record-00000-of-N   examples, in the order of a hash of their key: a uniform shuffle
    index-<split>.npy                        label, forgery and mask flag of every example, 4 bytes each
    clips.jsonl                              a report on every clip
    manifest.json                            how it was made, counts, and the SHA-256 of every file above
"""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from dfdetect_jax.config import Crop, renamed
from dfdetect_jax.data.encoding import PNG, Codec
from dfdetect_jax.data.example import ALL_SPLITS, SPLITS
from dfdetect_jax.data.manifest_form import check_form
from dfdetect_jax.errors import RecordsError
from dfdetect_jax.files import read_json, sha256_file

JOINED = "joined"  # in place of a data set's layout: made of others, see `prepare.joining`
VERSION = "1.0.0"  # of the record's format: raised when prepared folders can't be read as before
MANIFEST, CLIPS = "manifest.json", "clips.jsonl"
_REASON = 200  # characters of a library's words
T = TypeVar("T")
INDEX_DTYPE = np.dtype([("forgery", "<u2"), ("label", "u1"), ("has_mask", "u1")])


@dataclasses.dataclass(frozen=True, kw_only=True)
class Manifest:
    """How a folder of records was made, and how to verify it.

    Attributes:
        name: of the data set, as `locate` takes it.
        config: names the variant, e.g. "c23-299px".
        settings: everything that decides what the records hold, crop and frames among it.
        units: SHA-256 over the list of clips and their sizes on disk.
        versions: of the packages that decide pixels.
        forgeries: all forgeries, sorted; `index-<split>.npy` points into it. `""` stands for reals.
        counts: {split: {forgery: {"clips": n, "examples": n}}}.
        shards: {split: [file, ...]} in order.
        sha256: {file: digest} of every other file in the folder.
        fingerprint: SHA-256 over all records, whatever their sharding: equal for two folders that hold the same data.
        forgery_field: name of the forgery's field in the records; "method" where version 0.1 wrote them.
    """

    name: str
    config: str
    settings: dict[str, Any]
    units: str
    versions: dict[str, str]
    forgeries: tuple[str, ...]
    counts: dict[str, dict[str, dict[str, int]]]
    shards: dict[str, list[str]]
    sha256: dict[str, str]
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
        landmarks = self.settings.get("landmarks", False)
        return Codec(self.crop.size, encoding, self.settings.get("root", ""), self.forgery_field, landmarks)

    def splits(self, split: str) -> tuple[str, ...]:
        """The splits with examples that `split` stands for: itself, or those of `SPLITS` for "all"."""
        return tuple(each for each in (SPLITS if split == ALL_SPLITS else (split,)) if self.shards.get(each))

    def examples(self, split: str) -> int:
        """How many examples a split, or "all", has."""
        return sum(count["examples"] for each in self.splits(split) for count in self.counts[each].values())


def read_manifest(folder: str | Path) -> Manifest:
    """Reads `manifest.json`.

    Raises:
        RecordsError: it is missing or isn't one.
    """
    path = Path(folder) / MANIFEST
    try:
        values = _with_current_names(read_json(path))
        check_form(Manifest, values)
        return Manifest(**{**values, "forgeries": tuple(values["forgeries"])})
    except FileNotFoundError:
        raise RecordsError(f"{folder}: no {MANIFEST}, so no prepared records; make them with `prepare`") from None
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise RecordsError(f"{path}: not a manifest that this version reads ({error}); prepare again") from error


def _with_current_names(values: dict[str, Any]) -> dict[str, Any]:
    """A manifest with the current names: 0.1 called forgeries "methods" and the face detector "detector"."""
    if "methods" in values:
        values = {"forgery_field": "method", "forgeries": values.pop("methods"), **values}
    crop = renamed(values["settings"]["crop"], Crop)
    return {**values, "settings": {**values["settings"], "crop": crop}}


def read_clips(folder: str | Path) -> list[dict[str, Any]]:
    """Reads `clips.jsonl`: for every clip (or generated unit) the fields of `crops.ClipReport`."""
    return [json.loads(line) for line in (Path(folder) / CLIPS).read_text(encoding="utf-8").splitlines()]


class Records:
    """Random access to one split of a prepared data set, or to all; small when pickled, safe in threads.

    `records[i]` is a dict of the fields of `Example` (image uint8 [S, S, 3], mask uint8 [S, S], str, bool, ints).
    """

    def __init__(self, folder: str | Path, split: str):
        """Opens `split` of `folder`: "train", "val", "test", or "all" for those three one after the other.

        Raises:
            RecordsError: the split is unknown or empty, or a file is missing or cut short.
        """
        self.folder, self.split = Path(folder), split
        self._open()

    def _open(self) -> None:
        from array_record.python.array_record_data_source import ArrayRecordDataSource  # with the first records only

        folder, manifest = self.folder, read_manifest(self.folder)
        self._splits = manifest.splits(self.split)
        files = [name for split in self._splits for name in manifest.shards[split]]
        if not files:
            raise RecordsError(
                f"{folder}: no examples in split {self.split!r}; it has {', '.join(manifest.shards)}; "
                "choose one, or prepare the data set again with clips in that split"
            )
        missing = [name for name in files if not (folder / name).is_file()]
        if missing:
            raise RecordsError(f"{folder}: {missing[0]} is missing; prepare the data set again")
        self._forgeries, self._codec = manifest.forgeries, manifest.codec
        try:
            self._source = ArrayRecordDataSource([str(folder / name) for name in files])
        except (OSError, RuntimeError, ValueError) as error:
            raise RecordsError(
                f"{folder}: {self.split} can't be opened ({error}); prepare the data set again"
            ) from error

    def __len__(self) -> int:
        return len(self._source)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return self._decoded(index, self._codec.decode)

    def without_mask(self, index: int) -> dict[str, Any]:
        """`records[index]` without the mask, which is then not decoded."""
        return self._decoded(index, functools.partial(self._codec.decode, with_mask=False))

    def _decoded(self, index: int, decode: Callable[[bytes], T]) -> T:
        """What `decode` makes of a record. ArrayRecord compares each record's bytes with their hash.

        Raises:
            RecordsError: the record is damaged; the message names it.
        """
        try:
            return decode(self._source[index])
        except (RuntimeError, ValueError, OSError, RecordsError) as error:
            reason = next(iter(str(error).splitlines()), type(error).__name__)[:_REASON]
            raise RecordsError(
                f"{self.folder}: record {index} of {self.split} is damaged ({reason}); prepare the data set again, or "
                "train without it: data.damaged=skip"
            ) from error

    def names(self, index: int) -> dict[str, str]:
        """The text fields alone, without decoding pictures.

        Raises:
            RecordsError: the record is damaged.
        """
        return self._decoded(index, self._codec.names)

    def paths(self, index: int) -> tuple[Path, Path | None]:
        """The files of a linked record's picture and mask (None: no mask).

        Raises:
            RecordsError: the record is damaged.
        """
        return self._decoded(index, self._codec.paths)

    def __getstate__(self) -> dict[str, Any]:
        return {"folder": self.folder, "split": self.split}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.folder, self.split = state["folder"], state["split"]
        self._open()

    def __repr__(self) -> str:  # Grain's checkpoints compare it: it must be the same in a later process
        return f"Records({self.folder.name!r}, {self.split!r}, {len(self)})"

    @property
    def index(self) -> np.ndarray:
        """[len] of `INDEX_DTYPE`: label, has_mask, forgery as a place in the manifest's list. One split is mapped.

        Raises:
            RecordsError: it can't be read, or is of other records.
        """
        paths = [self.folder / f"index-{split}.npy" for split in self._splits]
        try:  # mapped, so that no memory is taken for what a header says
            columns = [np.load(path, mmap_mode="r", allow_pickle=False).view(INDEX_DTYPE) for path in paths]
            index = columns[0] if len(columns) == 1 else np.concatenate(columns)
        except (OSError, ValueError, TypeError) as error:
            raise RecordsError(f"{paths[0]}: can't be read ({error}); prepare the data set again") from error
        if index.shape != (len(self),):
            raise RecordsError(
                f"{paths[0]}: expected {len(self)} rows, found shape {index.shape}; prepare the data set again"
            )
        return index

    @property
    def datasets(self) -> np.ndarray:
        """str [len]: the data set of each example, of joined records the one that it came from."""
        manifest = read_manifest(self.folder)
        if manifest.settings.get("dataset") != JOINED:
            return np.full(len(self), manifest.name)
        videos = [self.names(index)["video"] for index in range(len(self))]
        return np.array([video.partition("/")[0] for video in videos])

    @property
    def labels(self) -> np.ndarray:
        """uint8 [len]: 0 real, 1 fake."""
        return np.asarray(self.index["label"])

    @property
    def forgeries(self) -> np.ndarray:
        """str [len]: forgery, `""` for reals."""
        places = self.index["forgery"]
        if places.max(initial=0) >= len(self._forgeries):
            raise RecordsError(f"{self.folder}: expected {MANIFEST} with the forgeries of the index, found fewer")
        return np.asarray(self._forgeries)[places]


def verify(folder: str | Path) -> list[str]:
    """Compares the hash of every file, and the counts, with the manifest; returns what differs, in words.

    Raises:
        RecordsError: there is no readable manifest.
    """
    folder = Path(folder)
    manifest, findings = read_manifest(folder), []
    for name, digest in manifest.sha256.items():
        if not (folder / name).is_file():
            findings.append(f"{name}: missing")
        elif sha256_file(folder / name) != digest:
            findings.append(f"{name}: its bytes are not those that were written")
    for split in SPLITS:
        count = sum(counts["examples"] for counts in manifest.counts.get(split, {}).values())
        if split in manifest.shards and not findings and count != len(Records(folder, split)):
            findings.append(f"{split}: {len(Records(folder, split))} records, but the manifest counts {count}")
    return findings

"""Leakage: people, videos or files of a measured split that are in the training split too: results are optimistic."""

import dataclasses
import functools
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from dfdetect_jax.data.example import ALL_SPLITS
from dfdetect_jax.data.records import JOINED, Records, read_clips, read_manifest
from dfdetect_jax.errors import RecordsError
from dfdetect_jax.run.folder import Run, keep_beside, records_of

FILE = "trained_on.json"  # in the run folder
# Data sets that show the people of another data set under the same names. Data sets that users build themselves are
# compared by the name of the records.
_FAMILIES = {"deeperforensics": "faceforensics"}
_OWN = ("folder", "forge", "deepfakebench", JOINED)
_OWN_DATA = {
    "train": "measured on its own training data: results do not generalise",
    ALL_SPLITS: "its own training data are among those measured: results do not generalise",
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Leakage:
    """What a measured split shares with the training split.

    Attributes:
        identities, videos, files: how many of the measured split's are in the training split; None where unknown.
        warning: why the results are optimistic; None if nothing is shared, or it is unknown.
        note: what else a reader should know; None if nothing.
    """

    identities: int | None
    videos: int | None
    files: int | None
    warning: str | None = None
    note: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Every field under its name."""
        return dataclasses.asdict(self)


def measure_leakage(run: Run, folder: Path, split: str) -> Leakage:
    """What one split of prepared records, or "all", shares with a run's training split.

    Identities and videos are compared within a family of data sets, files by their SHA-256, whatever their names.

    Raises:
        RecordsError: the records are damaged.
    """
    training = _training_split(run)
    if training is None:
        note = "training data not found: what they share with this data set is unknown"
        return Leakage(identities=None, videos=None, files=None, note=note)
    contents, here = _contents(folder, split), (_family(folder), _joined(folder))
    there = training["family"], training.get("joined", {})
    shared = {
        name: len(_by_family(contents[name], *here) & _by_family(training[name], *there))
        for name in ("identities", "videos")
    }
    shared["files"] = len({*contents["files"]} & {*training["files"]})
    same = read_manifest(folder).fingerprint == run.info["data"]["fingerprint"]
    chosen_here = "threshold and checkpoint were chosen on these data: results are optimistic"
    return Leakage(
        **shared,
        warning=_OWN_DATA.get(split, _shares(shared)) if same else _shares(shared),
        note=chosen_here if same and split == "val" else None,
    )


def record_training_split(run_folder: Path, records: Path) -> dict[str, Any]:
    """Writes the identities, videos and file digests of the training split into the run folder; returns them.

    Raises:
        RecordsError: the records are damaged.
    """
    manifest = read_manifest(records)
    training = {"fingerprint": manifest.fingerprint, "family": _family(records), "joined": _joined(records)}
    training |= _contents(records, "train")
    keep_beside(run_folder, FILE, training)
    return training


def _by_family(names: Iterable[str], family: str, joined: Mapping[str, str]) -> set[tuple[str, str]]:
    """(family, name) of each; of a data set that was joined with others its own family, and the name it had there."""
    parts = ((name, *name.partition("/")) for name in names)
    return {(joined[first], rest) if first in joined else (family, name) for name, first, _, rest in parts}


def _joined(records: Path) -> dict[str, str]:
    """The family of each data set that was joined, by its name; none where none was."""
    joined = read_manifest(records).settings.get("joined", ())
    return {each["name"]: _family_of(each["name"], each.get("dataset", "")) for each in joined}


def _shares(shared: dict[str, int]) -> str | None:
    counts = [f"{count} {name}" for name, count in shared.items() if count]
    return f"shares {', '.join(counts)} with its training data: results are optimistic" if counts else None


def _training_split(run: Run) -> dict[str, Any] | None:
    try:
        training: dict[str, Any] = json.loads((run.folder / FILE).read_text())
        if training["fingerprint"] == run.info["data"]["fingerprint"]:
            return training
    except (OSError, ValueError, KeyError):  # an unfinished run, or one of an older version
        pass
    try:
        records = records_of(run)
    except RecordsError:
        return None
    return record_training_split(run.folder, records)


@functools.lru_cache(16)  # several runs are measured on the same data
def _contents(records: Path, split: str) -> dict[str, list[str]]:
    """Identities, videos and file digests of one split."""
    source = Records(records, split)
    names = [source.names(i) for i in range(len(source))]
    splits = read_manifest(records).splits(split)
    clips = (clip for clip in read_clips(records) if clip.get("split") in splits and clip.get("got"))
    return {
        "identities": _distinct(name["identity"] for name in names),
        "videos": _distinct(name["video"] for name in names),
        "files": _distinct(clip.get("sha256", "") for clip in clips),
    }


def _distinct(names: Iterable[str]) -> list[str]:
    return sorted(set(names) - {""})


def _family(records: Path) -> str:
    manifest = read_manifest(records)
    return _family_of(manifest.name, manifest.settings.get("dataset", ""))


def _family_of(name: str, dataset: str) -> str:
    return name if dataset in _OWN or not dataset else _FAMILIES.get(dataset, dataset)

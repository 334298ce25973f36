"""Whether a detector is measured on people, videos or files that it was trained on: then its figures flatter it."""

import functools
import json
from collections.abc import Iterable
from pathlib import Path

from dfdetect_jax.data.records import Records, read_clips, read_manifest
from dfdetect_jax.errors import RecordsError
from dfdetect_jax.run.folder import Run, keep_beside, records_of

FILE = "trained_on.json"  # in the run folder
# Data sets that show other data sets' people under the same names; one's own are compared by the name of the records.
_FAMILIES = {"deeperforensics": "faceforensics"}
_OWN = ("folder", "forge", "deepfakebench")


def remember(run_folder: Path, records: Path) -> dict:
    """Writes down, in the run folder, who and what is in the training split of `records`; returns it.

    Raises:
        RecordsError: the records are damaged.
    """
    manifest = read_manifest(records)
    trained_on = {"fingerprint": manifest.fingerprint, "family": _family(records)} | _contents(records, "train")
    keep_beside(run_folder, FILE, trained_on)
    return trained_on


def leakage(run: Run, folder: Path, split: str) -> dict:
    """What one split of prepared records shares with what a run was trained on.

    Returns:
        {"identities", "videos", "files": how many of the split's are in the training split too (None where that can't
        be told), "warning": in words, or None, "note": what else a reader should know, or None}. Identities and videos
        are compared within a family of data sets, files by their SHA-256, whatever their names.

    Raises:
        RecordsError: the records are damaged.
    """
    manifest = read_manifest(folder)
    same = manifest.fingerprint == run.info["data"]["fingerprint"]
    trained_on = _trained_on(run)
    if trained_on is None:
        shared = dict.fromkeys(("identities", "videos", "files"))
        note = "its training data are not in place: what these share with them is unknown"
        return shared | {"warning": None, "note": note}
    there = _contents(folder, split)
    shared = {name: len(set(there[name]) & set(trained_on[name])) for name in there}
    if trained_on["family"] != _family(folder):
        shared |= {"identities": 0, "videos": 0}
    chosen_here = "threshold and checkpoint were chosen on these data: the figures are optimistic"
    return shared | {
        "warning": _warning(shared, same and split == "train"),
        "note": chosen_here if same and split == "val" else None,
    }


def _warning(shared: dict, trained_on_it: bool) -> str | None:
    if trained_on_it:
        return "these are the data that it was trained on: the figures say nothing about others"
    found = [f"{count} {name}" for name, count in shared.items() if count]
    return f"shares {', '.join(found)} with its training data: the figures flatter it" if found else None


def _trained_on(run: Run) -> dict | None:
    try:
        trained_on = json.loads((run.folder / FILE).read_text())
        if trained_on["fingerprint"] == run.info["data"]["fingerprint"]:
            return trained_on
    except (OSError, ValueError, KeyError):  # a run that has not ended, or of an older version
        pass
    try:
        records = records_of(run)
    except RecordsError:
        return None
    return remember(run.folder, records)


@functools.lru_cache(16)  # several runs are measured on the same data
def _contents(records: Path, split: str) -> dict[str, list[str]]:
    """Identities, videos and file digests of one split."""
    source = Records(records, split)
    names = [source.names(i) for i in range(len(source))]
    clips = (clip for clip in read_clips(records) if clip.get("split") == split and clip.get("got"))
    return {
        "identities": _distinct(name["identity"] for name in names),
        "videos": _distinct(name["video"] for name in names),
        "files": _distinct(clip.get("sha256", "") for clip in clips),
    }


def _distinct(names: Iterable[str]) -> list[str]:
    return sorted(set(names) - {""})


def _family(records: Path) -> str:
    manifest = read_manifest(records)
    dataset = manifest.settings.get("dataset", "")
    return manifest.name if dataset in _OWN or not dataset else _FAMILIES.get(dataset, dataset)

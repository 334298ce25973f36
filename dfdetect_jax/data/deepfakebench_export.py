"""Prepared records as DeepfakeBench's pictures and list; `catalog/deepfakebench.py` reads such lists.

<folder of FILE>/<DATASET>/<LABEL>/[<compression>/]{frames,masks}/<video>/<frame>.png
FILE                                                 the list, with paths from its own folder on
"""

import json
import os
from pathlib import Path

import cv2

from dfdetect_jax.data import records
from dfdetect_jax.data.catalog import deepfakebench
from dfdetect_jax.data.example import Label
from dfdetect_jax.errors import RecordsError

# Data set, label of its reals, and where it has just one for fakes whatever the forgery, that.
_NAMES = {
    "faceforensics": ("FaceForensics++", "FF-real", ""),
    "celebdf": ("Celeb-DF-v2", "CelebDFv2_real", "CelebDFv2_fake"),
    "dfdc": ("DFDC", "DFDC_Real", "DFDC_Fake"),
    "dfdc_preview": ("DFDCP", "DFDCP_Real", ""),
    "deeperforensics": ("DeeperForensics-1.0", "DF_real", "DF_fake"),
    "uadfv": ("UADFV", "UADFV_Real", "UADFV_Fake"),
}
_LABEL_OF = {
    ("faceforensics", forgery): label
    for label, forgery in deepfakebench.FORGERY_OF.items()
    if label.startswith(("FF-", "DFD_"))
} | {
    ("dfdc_preview", forgery): label
    for label, forgery in deepfakebench.FORGERY_OF.items()
    if label.startswith("DFDCP_")
}
_ACTORS = ("DeepFakeDetection", "DFD_real", "DFD_fake")  # inside FaceForensics++, but a data set of its own there


def export_json(folder: str | Path, file: str | Path) -> Path:
    """Writes every crop and mask as PNG, and the list of them.

    Args:
        folder: prepared records.
        file: of the list to write; the pictures go to folders beside it.

    Returns:
        The list's path.

    Raises:
        RecordsError: the records are linked, or can't be read; or nothing can be written there.
    """
    manifest, file = records.read_manifest(folder), Path(file).expanduser().absolute()
    if manifest.settings.get("encoding") == "linked":
        raise RecordsError(f"{folder}: holds links to pictures, not pictures; their own list serves DeepfakeBench")
    listed: dict = {}
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        for split in manifest.shards:
            source = records.Records(folder, split)
            for i in range(len(source)):
                _add(listed, manifest, source[i], file.parent)
        _sort(listed)
        temporary = file.with_suffix(".tmp")
        temporary.write_text(json.dumps(listed, indent=1))
        temporary.rename(file)
    except OSError as error:
        raise RecordsError(f"{file}: can't be written ({error.strerror}); give another file") from error
    return file


def names(dataset: str, name: str, forgery: str, video: str) -> tuple[str, str]:
    """The benchmark's names of data set and label; for what it doesn't have, ours with "_Real" or the forgery.

    Args:
        dataset: that was prepared, one of `request.DATASETS`.
        name: of the records.
        forgery: how it was forged, such as "Face2Face"; `""` for reals.
        video: the clip's name.
    """
    if dataset == "faceforensics" and (forgery == "DeepFakeDetection" or video.startswith("actors/")):
        return _ACTORS[0], _ACTORS[2] if forgery else _ACTORS[1]
    known, real, fake = _NAMES.get(dataset, (name, f"{name}_Real", ""))
    if not forgery:
        return known, real
    return known, _LABEL_OF.get((dataset, forgery)) or fake or f"{name}_{forgery}"


def _add(listed: dict, manifest: records.Manifest, fields: dict, home: Path) -> None:
    """Writes one example's pictures and lists them."""
    asked = manifest.settings
    dataset, label = names(asked.get("dataset", ""), manifest.name, fields["forgery"], fields["video"])
    level = asked.get("compression", "")
    video = fields["video"].rpartition("/")[2] if level else fields["video"].partition("/")[2] or fields["video"]
    video = video.replace("/", "_")
    folder = Path(dataset, label, level)
    splits = listed.setdefault(dataset, {}).setdefault(label, {}).setdefault(fields["split"], {})
    entry = (splits.setdefault(level, {}) if level else splits).setdefault(video, {"label": label, "frames": []})
    entry["frames"].append(_write(home, folder / "frames" / video, fields["frame"], fields["image"][..., ::-1]))
    if fields["label"] != Label.REAL and fields["has_mask"]:
        mask = _write(home, folder / "masks" / video, fields["frame"], fields["mask"])
        entry.setdefault("masks", []).append(mask)


def _write(home: Path, folder: Path, frame: int, picture) -> str:
    path = folder / f"{frame:03d}.png"
    (home / folder).mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(os.fspath(home / path), picture):
        raise OSError(0, "disk full?")
    return path.as_posix()


def _sort(listed: dict) -> None:
    """Videos by name, frames by number: records come in the order of a hash."""
    for key, below in sorted(listed.items()):
        listed[key] = listed.pop(key)
        if "frames" in below:
            below["frames"].sort()
            below.get("masks", []).sort()
        elif isinstance(below, dict):
            _sort(below)

"""Prepared records as DeepfakeBench's pictures and list; `catalog/deepfakebench.py` reads such lists.

<folder of FILE>/<DATASET>/<LABEL>/[<compression>/]{frames,masks}/<video>/<frame>.png
FILE                                                 the list, with paths from its own folder on
"""

import os
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from dfdetect_jax.config import COMPRESSIONS
from dfdetect_jax.data import records
from dfdetect_jax.data.encoding import LINKED
from dfdetect_jax.data.example import Label
from dfdetect_jax.data.trees.layout import in_frame_order
from dfdetect_jax.errors import RecordsError
from dfdetect_jax.files import write_json

# Data set, label of its reals, and where it has one label for all fakes, that label.
_NAMES = {
    "faceforensics": ("FaceForensics++", "FF-real", ""),
    "celebdf": ("Celeb-DF-v2", "CelebDFv2_real", "CelebDFv2_fake"),
    "dfdc": ("DFDC", "DFDC_Real", "DFDC_Fake"),
    "dfdc_preview": ("DFDCP", "DFDCP_Real", ""),
    "deeperforensics": ("DeeperForensics-1.0", "DF_real", "DF_fake"),
    "uadfv": ("UADFV", "UADFV_Real", "UADFV_Fake"),
}
_LABEL_PREFIXES = {"faceforensics": ("FF-", "DFD_"), "dfdc_preview": ("DFDCP_",)}
_ACTORS = ("DeepFakeDetection", "DFD_real", "DFD_fake")  # inside FaceForensics++, but a data set of its own there

Listed = dict[str, Any]
"""The list: {DATASET: {LABEL: {split: {video: entry}}}}, with a level of compressions in some data sets."""


def export_json(folder: str | Path, file: str | Path) -> Path:
    """Writes every crop and mask as PNG, and the list of them.

    Args:
        folder: prepared records.
        file: of the list to write; the pictures go to folders beside it.

    Returns:
        The list's path.

    Raises:
        RecordsError: the records are linked, or can't be read; or the file can't be written.
    """
    manifest, file = records.read_manifest(folder), Path(file).expanduser().absolute()
    if manifest.codec.encoding == LINKED:
        raise RecordsError(f"{folder}: holds links to pictures, not pictures; give DeepfakeBench their own list")
    listed: Listed = {}
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        sources = [records.Records(folder, split) for split in manifest.shards]
        video_names = _video_names(manifest, sources)
        for source in sources:
            for i in range(len(source)):
                _add(listed, manifest, video_names, source[i], file.parent)
        write_json(file, _in_order(listed))
    except OSError as error:
        raise RecordsError(f"{file}: can't be written ({error.strerror}); give another file") from error
    return file


def names(dataset: str, name: str, forgery: str, video: str) -> tuple[str, str]:
    """The benchmark's names of data set and label; where it has none, ours with "_Real" or the forgery.

    Args:
        dataset: that was prepared, one of `request.DATASETS`.
        name: of the records.
        forgery: how it was forged, such as "Face2Face"; `""` for reals.
        video: the clip's name.
    """
    if dataset == "faceforensics" and (forgery == "DeepFakeDetection" or video.startswith("actors/")):
        return _ACTORS[0], _ACTORS[2] if forgery else _ACTORS[1]
    benchmark_name, real, fake = _NAMES.get(dataset, (name, f"{name}_Real", ""))
    if not forgery:
        return benchmark_name, real
    return benchmark_name, _label_of(dataset, forgery) or fake or f"{name}_{forgery}"


def _label_of(dataset: str, forgery: str) -> str:
    from dfdetect_jax.data.catalog.deepfakebench import FORGERY_OF  # catalogs are imported when they are used

    prefixes = _LABEL_PREFIXES.get(dataset, ())
    return next((label for label, name in FORGERY_OF.items() if name == forgery and label.startswith(prefixes)), "")


def _names_in(manifest: records.Manifest, fields: dict[str, Any]) -> tuple[str, str]:
    return names(manifest.settings.get("dataset", ""), manifest.name, fields["forgery"], fields["video"])


def _video_names(manifest: records.Manifest, sources: Iterable[records.Records]) -> dict[str, str]:
    """Each video's name in the list: as short as the benchmark's where no two of a label share it, else all of it."""
    sharing: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for source in sources:
        for fields in map(source.names, range(len(source))):
            sharing[*_names_in(manifest, fields), _short(fields["video"])].add(fields["video"])
    return {
        video: short if len(videos) == 1 else video.replace("/", "_")
        for (*_, short), videos in sharing.items()
        for video in videos
    }


def _short(video: str) -> str:
    """A video's name without what the benchmark says otherwise, such as "519_515" of "Deepfakes/c23/519_515"."""
    parts = video.split("/")
    return parts[-1] if {*parts} & {*COMPRESSIONS} else "_".join(parts[1:] or parts)


def _add(
    listed: Listed, manifest: records.Manifest, video_names: dict[str, str], fields: dict[str, Any], home: Path
) -> None:
    """Writes the pictures of one example and lists them."""
    dataset, label = _names_in(manifest, fields)
    level = manifest.settings.get("compression", "")
    video = video_names[fields["video"]]
    folder = Path(dataset, label, level)
    splits = listed.setdefault(dataset, {}).setdefault(label, {}).setdefault(fields["split"], {})
    entry = (splits.setdefault(level, {}) if level else splits).setdefault(video, {"label": label, "frames": []})
    entry["frames"].append(_write(home, folder / "frames" / video, fields["frame"], fields["image"][..., ::-1]))
    if fields["label"] != Label.REAL and fields["has_mask"]:
        mask = _write(home, folder / "masks" / video, fields["frame"], fields["mask"])
        entry.setdefault("masks", []).append(mask)


def _write(home: Path, folder: Path, frame: int, picture: np.ndarray) -> str:
    """Writes uint8 [S, S] or, in the order BGR, [S, S, 3]; returns the path from `home` on."""
    path = folder / f"{frame:03d}.png"
    (home / folder).mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(os.fspath(home / path), picture):
        raise OSError(0, "disk full?")
    return path.as_posix()


def _in_order(level: Listed) -> Listed:
    """The list with videos by name and frames by number: records come in the order of a hash."""
    if "frames" in level:
        return {key: list(in_frame_order(value)) if isinstance(value, list) else value for key, value in level.items()}
    return {key: _in_order(below) for key, below in sorted(level.items())}

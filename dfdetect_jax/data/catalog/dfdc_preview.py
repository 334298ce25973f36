"""DFDC preview (Dolhansky et al., 2019).

    dataset.json                {"method_A/<target>_<swapped>/x.mp4": {"label": "fake", "set": "train", ...}, ...}
    original_videos/<id>/...mp4
    method_A/...mp4, method_B/...mp4

Paths in the list are relative to the root. The people shown are "target_id" and "swapped_id" of an entry; without these
they are the numbers that the second part of its path begins with ("original_videos/1003254/...",
"method_A/1003254_1141922_A/..."); without numbers each clip counts as its own person, which is reported. The official
sets are training and test; validation is taken out of training. The originals of fakes are not named.
"""

import re
from pathlib import Path, PurePosixPath
from typing import Any

from dfdetect_jax.data.example import Clip, Label
from dfdetect_jax.data.finding import Finding
from dfdetect_jax.data.trees import findings as about
from dfdetect_jax.data.trees.layout import LONGEST_NAME, open_root, read_entries
from dfdetect_jax.data.trees.listing import Listing, by_name
from dfdetect_jax.data.trees.splits import with_validation
from dfdetect_jax.errors import RecordsError
from dfdetect_jax.media.file_format import VIDEO_SUFFIXES

NAME = "dfdc_preview"
OPTIONS = ()
LIST = "dataset.json"
_REALS, _FORGERIES = "original_videos", ("method_A", "method_B")
_LABELS = {"real": Label.REAL, "fake": Label.FAKE}
_PEOPLE = re.compile(r"(?P<target>\d+)(?:_(?P<donor>\d+))?(?![0-9])")


def find_clips(root: Path) -> Listing:
    """Lists the videos that `dataset.json` names and that are on disk.

    Raises:
        RecordsError: the list is missing or damaged.
    """
    root = open_root(root, LIST)
    listed = {name: _clip(root, name, entry) for name, entry in read_list(root / LIST).items()}
    on_disk = {name: clip for name, clip in listed.items() if Path(clip.path).is_file()}
    clips = with_validation(list(on_disk.values()))
    findings = about.absent(LIST, [name for name in listed if name not in on_disk])
    findings += _unlisted(root, clips)
    nameless = [name for name, clip in on_disk.items() if clip.identity == clip.video]
    findings += about.warnings(LIST, "no person named, so each clip counts as its own person", nameless)
    findings += about.other_folders(root, (_REALS, *_FORGERIES))
    findings += about.fakes_without_mask(clips)
    return Listing(by_name(clips), findings)


def read_list(path: Path) -> dict[str, dict[str, Any]]:
    """Entries by path, each with a "label" (real, fake) and a "set" (train, test).

    Raises:
        RecordsError: unreadable, or an entry lacks one of these, or a path leads out of the root.
    """
    expected = 'entries like {"method_A/x.mp4": {"label": "fake", "set": "train"}}'
    entries = read_entries(path, expected)
    for name, entry in entries.items():
        parts = PurePosixPath(name).parts
        folders = (_REALS,) if entry.get("label") == "real" else _FORGERIES
        if entry.get("label") not in tuple(_LABELS) or entry.get("set") not in ("train", "test"):
            raise RecordsError(f"{path}: expected {expected}, found {name}: {entry}; download the file again")
        longest = max(map(len, parts), default=0)
        if len(parts) not in (2, 3, 4) or parts[0] not in folders or ".." in parts or longest > LONGEST_NAME:
            expected = f"reals in {_REALS}/, fakes in {'/, '.join(_FORGERIES)}/"
            raise RecordsError(f"{path}: expected {expected}, found {name}; download the file again")
    return entries


def _clip(root: Path, name: str, entry: dict[str, Any]) -> Clip:
    path = PurePosixPath(name)
    people = _PEOPLE.match(path.parts[1])
    in_path = people.groupdict() if people else {}
    label = _LABELS[entry["label"]]
    video = str(path.with_suffix(""))
    target = entry.get("target_id") or in_path.get("target")
    donor = entry.get("swapped_id") or in_path.get("donor")
    if label == Label.REAL or str(donor) == str(target):
        donor = None
    return Clip(
        path=str(root / path),
        video=video,
        label=label,
        forgery=path.parts[0] if label == Label.FAKE else "",
        split=entry["set"],
        identity=str(target) if target else video,
        donor=str(donor) if donor else "",
    )


def _unlisted(root: Path, clips: list[Clip]) -> list[Finding]:
    paths = {clip.path for clip in clips}
    files = (path for folder in (_REALS, *_FORGERIES) for path in sorted((root / folder).rglob("*")))
    videos = [path for path in files if path.suffix.lower() in VIDEO_SUFFIXES and str(path) not in paths]
    names = [path.relative_to(root).as_posix() for path in videos]
    return about.warnings(root.name, f"left out, not in {LIST}", names)

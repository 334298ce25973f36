"""DFDC preview (Dolhansky et al., 2019).

    dataset.json                {"method_A/<target>_<swapped>/x.mp4": {"label": "fake", "set": "train", ...}, ...}
    original_videos/<id>/...mp4
    method_A/...mp4, method_B/...mp4

Paths in the list are relative to the root. Who is shown say "target_id" and "swapped_id" of an entry; where these are
not given, the numbers with which the second part of its path begins ("original_videos/1003254/...",
"method_A/1003254_1141922_A/..."); else each clip is a person of its own, and that is told. The official sets are
training and test; validation is taken out of training. Which original a fake was made from is not told.
"""

import re
from pathlib import Path, PurePosixPath

from dfdetect_jax.data.catalog import tree
from dfdetect_jax.data.catalog.listing import VIDEO_SUFFIXES, Found
from dfdetect_jax.data.catalog.splits import with_validation
from dfdetect_jax.data.example import Clip, Label
from dfdetect_jax.errors import RecordsError

NAME = "dfdc_preview"
OPTIONS = ()
LIST = "dataset.json"
_REALS, _METHODS = "original_videos", ("method_A", "method_B")
_LABELS = {"real": Label.REAL, "fake": Label.FAKE}
_PEOPLE = re.compile(r"(?P<target>\d+)(?:_(?P<donor>\d+))?(?![0-9])")


def find_clips(root: Path) -> Found:
    """Lists the videos that `dataset.json` names and that are on disk.

    Raises:
        RecordsError: the list is missing or damaged.
    """
    root = tree.opened(root, LIST)
    clips, absent, nameless = [], [], []
    for name, entry in read_list(root / LIST).items():
        clip = _clip(root, name, entry)
        if not Path(clip.path).is_file():
            absent.append(name)
            continue
        clips.append(clip)
        if clip.identity == clip.video:
            nameless.append(name)
    clips = with_validation(clips)
    findings = [*tree.absent(LIST, absent), *_unlisted(root, clips)]
    findings += tree.told(LIST, "no person told, so each is one of its own", nameless)
    findings += tree.other_folders(root, (_REALS, *_METHODS))
    return Found(sorted(clips, key=lambda clip: clip.video), findings + tree.lacking(clips))


def read_list(path: Path) -> dict[str, dict]:
    """Entries by path, each with a "label" (real, fake) and a "set" (train, test).

    Raises:
        RecordsError: unreadable, or an entry lacks one of these, or a path leads out of the root.
    """
    expected = 'entries like {"method_A/x.mp4": {"label": "fake", "set": "train"}}'
    entries = tree.read_entries(path, expected)
    for name, entry in entries.items():
        parts = PurePosixPath(name).parts
        known = (_REALS,) if entry.get("label") == "real" else _METHODS
        if entry.get("label") not in _LABELS or entry.get("set") not in ("train", "test"):
            raise RecordsError(f"{path}: expected {expected}, found {name}: {entry}; get the file anew")
        if len(parts) < 2 or parts[0] not in known or ".." in parts:
            raise RecordsError(f"{path}: expected reals in {_REALS}/, fakes in {'/, '.join(_METHODS)}/, found {name}")
    return entries


def _clip(root: Path, name: str, entry: dict) -> Clip:
    path = PurePosixPath(name)
    people = _PEOPLE.match(path.parts[1])
    told = people.groupdict() if people else {}
    label = _LABELS[entry["label"]]
    video = str(path.with_suffix(""))
    target = entry.get("target_id") or told.get("target")
    donor = entry.get("swapped_id") or (told.get("donor") if label == Label.FAKE else None)
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


def _unlisted(root: Path, clips: list[Clip]) -> list[str]:
    listed = {clip.path for clip in clips}
    files = (path for folder in (_REALS, *_METHODS) for path in sorted((root / folder).rglob("*")))
    videos = [path for path in files if path.suffix.lower() in VIDEO_SUFFIXES and str(path) not in listed]
    return tree.left_out(root.name, f"not in {LIST}", [path.relative_to(root).as_posix() for path in videos])

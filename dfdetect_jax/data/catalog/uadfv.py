"""UADFV (Yang et al., ICASSP 2019).

    real/0000.mp4
    fake/0000_fake.mp4          made from real/0000

It ships no splits: an original and its fake are split by the hash of their number.
"""

import re
from pathlib import Path

from dfdetect_jax.data.example import Clip, Label
from dfdetect_jax.data.trees import findings as about
from dfdetect_jax.data.trees.layout import VIDEO_SUFFIXES, media_files, open_root
from dfdetect_jax.data.trees.listing import Listing, join
from dfdetect_jax.data.trees.splits import split_by_hash
from dfdetect_jax.errors import RecordsError

NAME = "uadfv"
OPTIONS = ()
FORGERY = "UADFV"
_NAMES = {"real": re.compile(r"(\d+)"), "fake": re.compile(r"(\d+)_fake")}


def find_clips(root: Path) -> Listing:
    """Lists the videos.

    Raises:
        RecordsError: `real/` and `fake/` hold none that are named as in this data set.
    """
    root = open_root(root, "real/ and fake/")
    listing = join(_folder(root, name) for name in _NAMES)
    clips = listing.clips
    if not clips:
        raise RecordsError(
            f"{root}: no real/0000.mp4 or fake/0000_fake.mp4; give the folder that holds real/ and fake/"
        )
    findings = listing.findings + about.other_folders(root, _NAMES)
    return Listing(clips, [*findings, *about.missing_classes(clips), *about.fakes_without_mask(clips)])


def _folder(root: Path, name: str) -> Listing:
    clips, misnamed = [], []
    for path in media_files(root / name, VIDEO_SUFFIXES):
        match = _NAMES[name].fullmatch(path.stem)
        if match:
            clips.append(_clip(root, path, match[1]))
        else:
            misnamed.append(path.stem)
    findings = about.warnings(name, about.MISNAMED, misnamed)
    return Listing(clips, findings + about.other_folders(root / name, ()))


def _clip(root: Path, path: Path, number: str) -> Clip:
    fake = path.parent.name == "fake"
    original = root / "real" / f"{number}{path.suffix}"
    return Clip(
        path=str(path),
        video=f"{path.parent.name}/{path.stem}",
        label=Label.FAKE if fake else Label.REAL,
        forgery=FORGERY if fake else "",
        split=split_by_hash(number),
        identity=number,
        source=f"real/{number}" if fake else "",
        source_path=str(original) if fake and original.is_file() else None,
    )

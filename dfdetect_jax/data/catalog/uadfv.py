"""UADFV (Yang et al., ICASSP 2019).

    real/0000.mp4
    fake/0000_fake.mp4          made from real/0000

It ships no splits: an original and its fake go by the hash of their number.
"""

import re
from pathlib import Path

from dfdetect_jax.data.catalog import tree
from dfdetect_jax.data.catalog.listing import VIDEO_SUFFIXES, Found, media_files
from dfdetect_jax.data.catalog.splits import split_by_hash
from dfdetect_jax.data.example import Clip, Label
from dfdetect_jax.errors import RecordsError

NAME = "uadfv"
OPTIONS = ()
FORGERY = "UADFV"
_NAMES = {"real": re.compile(r"(\d+)"), "fake": re.compile(r"(\d+)_fake")}


def find_clips(root: Path) -> Found:
    """Lists the videos.

    Raises:
        RecordsError: `real/` and `fake/` hold none that are named as in this data set.
    """
    root = tree.opened(root, "real/ and fake/")
    clips, findings = [], []
    for folder, pattern in _NAMES.items():
        unknown = []
        for path in media_files(root / folder, VIDEO_SUFFIXES):
            match = pattern.fullmatch(path.stem)
            if match:
                clips.append(_clip(root, path, match[1]))
            else:
                unknown.append(path.stem)
        findings += tree.left_out(folder, "not named as in this data set", unknown)
        findings += tree.other_folders(root / folder, ())
    if not clips:
        raise RecordsError(
            f"{root}: no real/0000.mp4 or fake/0000_fake.mp4; give the folder that holds real/ and fake/"
        )
    findings += tree.other_folders(root, _NAMES)
    return Found(sorted(clips, key=lambda clip: clip.video), findings + tree.lacking(clips))


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

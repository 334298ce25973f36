"""UADFV (Yang et al., ICASSP 2019).

    real/0000.mp4
    fake/0000_fake.mp4          made from real/0000

Case does not matter in the names of folders. The data set ships no splits: an original and its fake are split by the
hash of their number.
"""

import re
from pathlib import Path

from dfdetect_jax.data.example import Clip, Label
from dfdetect_jax.data.trees import classes
from dfdetect_jax.data.trees import findings as about
from dfdetect_jax.data.trees.layout import media_files, open_root
from dfdetect_jax.data.trees.listing import Listing, join
from dfdetect_jax.data.trees.splits import split_by_hash
from dfdetect_jax.errors import RecordsError
from dfdetect_jax.media.file_format import VIDEO_SUFFIXES

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
    folders = {name: classes.folder_named(root, [name]) or root / name for name in _NAMES}
    listing = join(_folder(folder, name, folders["real"]) for name, folder in folders.items())
    clips = listing.clips
    if not clips:
        raise RecordsError(
            f"{root}: no real/0000.mp4 or fake/0000_fake.mp4; give the folder that holds real/ and fake/"
        )
    findings = listing.findings + about.other_folders(root, [folder.name for folder in folders.values()])
    return Listing(clips, [*findings, *about.fakes_without_mask(clips)])


def _folder(folder: Path, name: str, reals: Path) -> Listing:
    clips, misnamed = [], []
    for path in media_files(folder, VIDEO_SUFFIXES):
        match = _NAMES[name].fullmatch(path.stem)
        if match:
            clips.append(_clip(path, match[1], name, reals))
        else:
            misnamed.append(path.stem)
    findings = about.warnings(name, about.MISNAMED, misnamed)
    return Listing(clips, findings + about.other_folders(folder, (), name))


def _clip(path: Path, number: str, name: str, reals: Path) -> Clip:
    fake = name == "fake"
    original = reals / f"{number}{path.suffix}"
    return Clip(
        path=str(path),
        video=f"{name}/{path.stem}",
        label=Label.FAKE if fake else Label.REAL,
        forgery=FORGERY if fake else "",
        split=split_by_hash(number),
        identity=number,
        source=f"real/{number}" if fake else "",
        source_path=str(original) if fake and original.is_file() else None,
    )

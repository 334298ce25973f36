"""WildDeepfake (Zi et al., ACM MM 2020) and data sets in its layout: faces cropped from videos of the web.

    {real,fake}_{train,test}/<group>/{real,fake}/<sequence>/<frame>.png

Each deepest folder of pictures is a clip, whatever folders lie between; case does not matter in "real" and "fake". The
official sets are training and test; validation is taken out of training. The data set does not name the people shown.
Sequences of one group come from one of its archives, so a group counts as a person; groups are numbered anew in each of
the four folders, which are therefore part of the name ("fake_train/12"). Whether a person is in both official sets
can't be seen from the files. There are no masks or sources.
"""

import os
from pathlib import Path

from dfdetect_jax.data.example import Clip, Label
from dfdetect_jax.data.trees import classes
from dfdetect_jax.data.trees import findings as about
from dfdetect_jax.data.trees.layout import frame_files, open_root
from dfdetect_jax.data.trees.listing import Listing, by_name, join
from dfdetect_jax.data.trees.splits import with_validation
from dfdetect_jax.errors import RecordsError

NAME = "wilddeepfake"
OPTIONS = ()
FORGERY = "WildDeepfake"
_LABELS = {"real": Label.REAL, "fake": Label.FAKE}
_FOLDERS = tuple(f"{kind}_{split}" for kind in _LABELS for split in ("train", "test"))


def find_clips(root: Path) -> Listing:
    """Lists the sequences.

    Raises:
        RecordsError: none of the four folders is there, or they hold no pictures.
    """
    root = open_root(root, "real_train/, real_test/, fake_train/ and fake_test/")
    folders = {name: classes.folder_named(root, [name]) or root / name for name in _FOLDERS}
    listing = join(_sequences(folder, name) for name, folder in folders.items())
    clips = listing.clips
    if not clips:
        expected = "pictures such as real_train/<group>/real/<sequence>/*.png"
        raise RecordsError(f"{root}: expected {expected}, found none; unpack the archives and give their folder")
    findings = listing.findings + about.other_folders(root, [folder.name for folder in folders.values()])
    findings += about.fakes_without_mask(clips)
    return Listing(by_name(with_validation(clips)), findings)


def _sequences(folder: Path, name: str) -> Listing:
    if not folder.is_dir():
        return Listing([], [about.note(f"{name}: absent")])
    kind = name.partition("_")[0]
    clips, others, mislabelled = [], [], []
    for place, below, _ in os.walk(folder, followlinks=True):
        below[:] = sorted(
            each for each in below if not each.startswith(".") and not _leads_up(os.path.join(place, each))
        )
        path = Path(place).relative_to(folder)
        frames = frame_files(Path(place))
        if frames and not below and len(path.parts) > 1:
            if {part.lower() for part in path.parts} & set(_LABELS) <= {kind}:
                clips.append(_clip(folder, name, path, frames))
            else:
                mislabelled.append(path.as_posix())
        elif frames or not below:
            others.append(path.as_posix())
    findings = about.warnings(name, "left out, not a <group>/.../<sequence> with pictures", others)
    findings += about.warnings(name, f"left out, not {kind} by the names of their folders", mislabelled)
    return Listing(clips, findings)


def _leads_up(path: str) -> bool:
    """Whether a path is a link to a folder that it lies in, so that following it would not end."""
    return os.path.islink(path) and Path(path).parent.resolve().is_relative_to(Path(path).resolve())


def _clip(folder: Path, name: str, path: Path, frames: tuple[str, ...]) -> Clip:
    kind, _, split = name.partition("_")
    label = _LABELS[kind]
    return Clip(
        path=str(folder / path),
        video=f"{name}/{path.as_posix()}",
        label=label,
        forgery=FORGERY if label == Label.FAKE else "",
        split=split,
        identity=f"{name}/{path.parts[0]}",
        frames=frames,
    )

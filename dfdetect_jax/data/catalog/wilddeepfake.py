"""WildDeepfake (Zi et al., ACM MM 2020), and what others have laid out like it: faces cut from videos of the web.

    {real,fake}_{train,test}/<group>/{real,fake}/<sequence>/<frame>.png

Each deepest folder of pictures is a clip, whatever lies between. The official sets are training and test; validation
is taken out of training. Who is shown is not told. Sequences of one group come from one archive of the data set, so a
group is taken for a person; groups are numbered anew in each of the four folders, so these are part of its name
("fake_train/12"). That nobody is in both official sets can't be told from the files. There are no masks or sources.
"""

import os
import re
from pathlib import Path

from dfdetect_jax.data.catalog import tree
from dfdetect_jax.data.catalog.listing import Found, frame_files
from dfdetect_jax.data.catalog.splits import with_validation
from dfdetect_jax.data.example import Clip, Label
from dfdetect_jax.errors import RecordsError

NAME = "wilddeepfake"
OPTIONS = ()
FORGERY = "WildDeepfake"
_FOLDER = re.compile(r"(?P<kind>real|fake)_(?P<split>train|test)")
_LABELS = {"real": Label.REAL, "fake": Label.FAKE}


def find_clips(root: Path) -> Found:
    """Lists the sequences.

    Raises:
        RecordsError: none of the four folders is there, or they hold no pictures.
    """
    root = tree.opened(root, "real_train/, real_test/, fake_train/ and fake_test/")
    there = {path.name: path for path in tree.folders_in(root) if _FOLDER.fullmatch(path.name)}
    clips, findings = [], []
    for name in (f"{kind}_{split}" for kind in _LABELS for split in ("train", "test")):
        found = _sequences(there[name]) if name in there else Found([], [f"{name}: absent"])
        clips += found.clips
        findings += found.findings
    if not clips:
        wanted = "real_train/<group>/real/<sequence>/*.png"
        raise RecordsError(f"{root}: no {wanted} or the like; unpack the archives and give the folder of the four sets")
    findings += [*tree.other_folders(root, there), *tree.lacking(clips)]
    return Found(sorted(with_validation(clips), key=lambda clip: clip.video), findings)


def _sequences(folder: Path) -> Found:
    kind, split = _FOLDER.fullmatch(folder.name).groups()
    clips, strange, crossed = [], [], []
    for place, below, _ in os.walk(folder):
        below[:] = sorted(each for each in below if not each.startswith("."))
        name = Path(place).relative_to(folder)
        frames = frame_files(Path(place))
        if frames and not below and len(name.parts) > 1:
            if set(name.parts) & set(_LABELS) <= {kind}:
                clips.append(_clip(Path(place), folder.name, name, _LABELS[kind], split, frames))
            else:
                crossed.append(name.as_posix())
        elif frames or not below:
            strange.append(name.as_posix())
    findings = tree.left_out(folder.name, "not a <group>/.../<sequence> with pictures", strange)
    return Found(clips, findings + tree.left_out(folder.name, f"not {kind} by their folders", crossed))


def _clip(path: Path, folder: str, name: Path, label: int, split: str, frames: tuple[str, ...]) -> Clip:
    return Clip(
        path=str(path),
        video=f"{folder}/{name.as_posix()}",
        label=label,
        forgery=FORGERY if label == Label.FAKE else "",
        split=split,
        identity=f"{folder}/{name.parts[0]}",
        frames=frames,
    )

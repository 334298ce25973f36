"""Celeb-DF v1 and v2 (Li et al., CVPR 2020), whose trees are alike.

    Celeb-real/id0_0000.mp4
    Celeb-synthesis/id0_id1_0000.mp4        made from Celeb-real/id0_0000, with the face of id1
    YouTube-real/00170.mp4                  of nobody who has a number: each clip is a person of its own
    List_of_testing_videos.txt              lines like "1 YouTube-real/00170.mp4"; here 1 is real

What the list doesn't name is training; validation is taken out of it. The official test set of v2 shows nearly all of
the celebrities, so almost only YouTube's reals are left to train on where nobody may be in two splits: it is made to
test what learned elsewhere. `--splits identity` is for those who train on Celeb-DF itself.
"""

import re
from pathlib import Path

from dfdetect_jax.data.catalog import tree
from dfdetect_jax.data.catalog.listing import VIDEO_SUFFIXES, Found, media_files
from dfdetect_jax.data.catalog.splits import with_validation
from dfdetect_jax.data.example import Clip, Label
from dfdetect_jax.errors import RecordsError

NAME = "celebdf"
OPTIONS = ()
FORGERY = "Celeb-synthesis"
TEST_LIST = "List_of_testing_videos.txt"
_NAMES = {
    "Celeb-real": re.compile(r"(?P<target>id\d+)_(?P<scene>\d+)"),
    FORGERY: re.compile(r"(?P<target>id\d+)_(?P<donor>id\d+)_(?P<scene>\d+)"),
    "YouTube-real": re.compile(r"\d+"),
}
_LISTED = re.compile(r"(?P<label>[01])\s+(?P<video>(?P<folder>[^/]+)/[^/]+)\.\w+")
_EXPECTED = f"{', '.join(f'{name}/' for name in _NAMES)} and {TEST_LIST}"


def find_clips(root: Path) -> Found:
    """Lists the videos; test is what the official list names.

    Raises:
        RecordsError: `root` has none of the three folders, or the list is missing or damaged.
    """
    root = tree.opened(root, _EXPECTED)
    there = [name for name in _NAMES if (root / name).is_dir()]
    if not there:
        raise RecordsError(f"{root}: none of {_EXPECTED}; give the folder that holds them")
    listed = read_test_list(root / TEST_LIST)
    clips, findings = [], [f"{name}: absent" for name in _NAMES if name not in there]
    for name in there:
        unknown = []
        for path in media_files(root / name, VIDEO_SUFFIXES):
            match = _NAMES[name].fullmatch(path.stem)
            if match:
                clips.append(_clip(root, path, match.groupdict(), listed))
            else:
                unknown.append(path.stem)
        findings += tree.left_out(name, "not named as in this data set", unknown)
        findings += tree.other_files(root / name, VIDEO_SUFFIXES)
        findings += tree.other_folders(root / name, ())
    findings += tree.absent(TEST_LIST, sorted(listed - {clip.video for clip in clips}))
    findings += [*tree.other_folders(root, _NAMES), *tree.lacking(clips)]
    return Found(sorted(with_validation(clips), key=lambda clip: clip.video), findings)


def read_test_list(path: Path) -> set[str]:
    """Names of the test clips, such as "YouTube-real/00170".

    Raises:
        RecordsError: missing, or a line is of another form or calls a real clip fake.
    """
    listed = set()
    for line in tree.read_lines(path, 'lines like "1 YouTube-real/00170.mp4", as the data set ships'):
        match = _LISTED.fullmatch(line)
        if not match:
            raise RecordsError(f'{path}: expected lines like "1 YouTube-real/00170.mp4", found "{line[:80]}"')
        real = match["folder"] != FORGERY
        if (match["label"] == "1") != real:
            raise RecordsError(f'{path}: in this list 1 is real and 0 fake, found "{line}"; get the list anew')
        listed.add(match["video"])
    return listed


def _clip(root: Path, path: Path, parts: dict[str, str], listed: set[str]) -> Clip:
    fake = path.parent.name == FORGERY
    video = f"{path.parent.name}/{path.stem}"
    source = f"Celeb-real/{parts['target']}_{parts['scene']}" if fake else ""
    original = root / f"{source}{path.suffix}"
    return Clip(
        path=str(path),
        video=video,
        label=Label.FAKE if fake else Label.REAL,
        forgery=FORGERY if fake else "",
        split="test" if video in listed else "train",
        identity=parts.get("target", video),
        donor=parts.get("donor", ""),
        source=source,
        source_path=str(original) if fake and original.is_file() else None,
    )

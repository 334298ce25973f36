"""Celeb-DF v1 and v2 (Li et al., CVPR 2020), which have the same layout.

    Celeb-real/id0_0000.mp4
    Celeb-synthesis/id0_id1_0000.mp4        made from Celeb-real/id0_0000, with the face of id1
    YouTube-real/00170.mp4                  people without a number: each clip counts as its own person
    List_of_testing_videos.txt              lines like "1 YouTube-real/00170.mp4"; here 1 is real

Videos that the list does not name are training; validation is taken out of it. The official test set of v2 shows nearly
all of the celebrities, so with people kept apart almost only the reals from YouTube are left for training: the set is
meant for testing detectors that were trained elsewhere. `--splits identity` is for training on Celeb-DF itself.
"""

import re
from pathlib import Path

from dfdetect_jax.data.example import Clip, Label
from dfdetect_jax.data.trees import findings as about
from dfdetect_jax.data.trees.layout import media_files, open_root, read_lines
from dfdetect_jax.data.trees.listing import Listing, by_name, join
from dfdetect_jax.data.trees.splits import with_validation
from dfdetect_jax.errors import RecordsError
from dfdetect_jax.media.file_format import VIDEO_SUFFIXES

NAME = "celebdf"
OPTIONS = ()
FORGERY = "Celeb-synthesis"
TEST_LIST = "List_of_testing_videos.txt"
_NAMES = {
    "Celeb-real": re.compile(r"(?P<target>id\d+)_(?P<scene>\d+)"),
    FORGERY: re.compile(r"(?P<target>id\d+)_(?P<donor>id\d+)_(?P<scene>\d+)"),
    "YouTube-real": re.compile(r"\d+"),
}
_LINE = re.compile(r"(?P<label>[01])\s+(?P<video>(?P<folder>[^/]+)/[^/]+)\.\w+")
_AGAIN = "download the list again"
_EXPECTED = f"{', '.join(f'{name}/' for name in _NAMES)} and {TEST_LIST}"


def find_clips(root: Path) -> Listing:
    """Lists the videos; test is what the official list names.

    Raises:
        RecordsError: `root` has none of the three folders, or the list is missing or damaged.
    """
    root = open_root(root, _EXPECTED)
    present = [name for name in _NAMES if (root / name).is_dir()]
    if not present:
        raise RecordsError(f"{root}: none of {_EXPECTED}; give the folder that holds them")
    test_videos = read_test_list(root / TEST_LIST)
    listing = join(_folder(root, name, test_videos) for name in present)
    clips = listing.clips
    findings = [about.note(f"{name}: absent") for name in _NAMES if name not in present] + listing.findings
    findings += about.absent(TEST_LIST, sorted(test_videos - {clip.video for clip in clips}))
    findings += about.other_folders(root, _NAMES)
    findings += about.fakes_without_mask(clips)
    return Listing(by_name(with_validation(clips)), findings)


def read_test_list(path: Path) -> set[str]:
    """Names of the test clips, such as "YouTube-real/00170".

    Raises:
        RecordsError: missing, or a line is of another form or calls a real clip fake.
    """
    videos = set()
    for line in read_lines(path, 'lines like "1 YouTube-real/00170.mp4", as the data set ships'):
        match = _LINE.fullmatch(line)
        if not match:
            raise RecordsError(f'{path}: expected lines like "1 YouTube-real/00170.mp4", found "{line[:80]}"; {_AGAIN}')
        real = match["folder"] != FORGERY
        if (match["label"] == "1") != real:
            raise RecordsError(f'{path}: in this list 1 is real and 0 fake, found "{line}"; {_AGAIN}')
        videos.add(match["video"])
    return videos


def _folder(root: Path, name: str, test_videos: set[str]) -> Listing:
    clips, misnamed = [], []
    for path in media_files(root / name, VIDEO_SUFFIXES):
        match = _NAMES[name].fullmatch(path.stem)
        if match:
            clips.append(_clip(root, path, match.groupdict(), test_videos))
        else:
            misnamed.append(path.stem)
    findings = about.warnings(name, about.MISNAMED, misnamed)
    findings += about.other_files(root / name, VIDEO_SUFFIXES)
    return Listing(clips, findings + about.other_folders(root / name, ()))


def _clip(root: Path, path: Path, parts: dict[str, str], test_videos: set[str]) -> Clip:
    fake = path.parent.name == FORGERY
    video = f"{path.parent.name}/{path.stem}"
    source = f"Celeb-real/{parts['target']}_{parts['scene']}" if fake else ""
    original = root / f"{source}{path.suffix}"
    return Clip(
        path=str(path),
        video=video,
        label=Label.FAKE if fake else Label.REAL,
        forgery=FORGERY if fake else "",
        split="test" if video in test_videos else "train",
        identity=parts.get("target", video),
        donor=parts.get("donor", ""),
        source=source,
        source_path=str(original) if fake and original.is_file() else None,
    )

"""DeeperForensics-1.0 (Jiang et al., CVPR 2020).

    manipulated_videos/<variant>/<target>_<actor>.mp4       1,000 swaps in each of 11 variants
    lists/splits/{train,val,test}.txt                       names of swaps, one a line, with or without ".mp4"
    original_sequences/youtube/c23/videos/<target>.mp4      FaceForensics++'s, here or in the folder `--reals`

The swaps show the frames of FaceForensics++'s clip `<target>` with an actor's face; by their splits neither is in two.
Its reals are these clips at c23, which it does not ship: each belongs to the split of the swaps of its number. The
actors' own recordings (source_videos/) are no reals, as the authors say, and are not read.
"""

import re
from pathlib import Path

from dfdetect_jax.data.catalog import tree
from dfdetect_jax.data.catalog.listing import VIDEO_SUFFIXES, Found, media_files
from dfdetect_jax.data.example import SPLITS, Clip, Label
from dfdetect_jax.errors import RecordsError

NAME = "deeperforensics"
OPTIONS = ("reals",)
VARIANTS = (
    "end_to_end",
    *(f"end_to_end_level_{level}" for level in range(1, 6)),
    *(f"end_to_end_mix_{count}_distortions" for count in range(2, 5)),
    "end_to_end_random_level",
    "reenact_postprocess",
)
_FAKES, _SPLITS = "manipulated_videos", "lists/splits"
_REALS, _COMPRESSION = "original_sequences/youtube/c23/videos", "c23"
_NAME = re.compile(r"(?P<target>\d{3})_(?P<actor>[A-Z]\d+)")


def find_clips(root: Path, reals: str = "") -> Found:
    """Lists the swaps of all variants on disk, and the reals of their targets.

    Args:
        root: the data set's folder.
        reals: FaceForensics++'s folder, the one with original_sequences/; `root` where not given.

    Raises:
        RecordsError: no variant's folder, no split lists, or `reals` has no clips of FaceForensics++ at c23.
    """
    root = tree.opened(root, f"{_FAKES}/ and {_SPLITS}/")
    there = [variant for variant in VARIANTS if (root / _FAKES / variant).is_dir()]
    if not there:
        raise RecordsError(f"{root}: no {_FAKES}/end_to_end or another variant; give the folder that holds them")
    originals = Path(reals or root).absolute() / _REALS
    if reals and not originals.is_dir():
        raise RecordsError(f"--reals {reals}: expected FaceForensics++'s folder, but it has no {_REALS}")
    split_of = read_splits(root)
    sources = {path.stem: path for path in media_files(originals, VIDEO_SUFFIXES)}
    clips, findings = [], []
    for variant in there:
        found = _variant(root / _FAKES / variant, split_of, sources)
        clips += found.clips
        findings += found.findings
    findings += [f"{_FAKES}/{variant}: absent" for variant in VARIANTS if variant not in there]
    findings += tree.other_folders(root / _FAKES, VARIANTS)
    findings += tree.other_folders(root, (_FAKES, "lists", "source_videos", "original_sequences"))
    clips += _reals(split_of, sources)
    if not sources:
        findings.append(f"{_REALS}: absent; the reals are FaceForensics++'s, give its folder with --reals")
    return Found(sorted(clips, key=lambda clip: clip.video), findings + tree.lacking(clips))


def read_splits(root: Path) -> dict[str, str]:
    """Name of each swap, such as "000_M101", to its split.

    Raises:
        RecordsError: a list is missing or has other lines, or a swap stands in two.
    """
    split_of: dict[str, str] = {}
    for split in SPLITS:
        path = root / _SPLITS / f"{split}.txt"
        for line in tree.read_lines(path, "a list of swaps, one name a line"):
            name = line.removesuffix(".mp4")
            if not _NAME.fullmatch(name):
                raise RecordsError(f'{path}: expected names like "000_M101.mp4", found "{line}"; get the list anew')
            if split_of.setdefault(name, split) != split:
                raise RecordsError(f"{path}: {name} is in {split_of[name]}.txt too; get the lists anew")
    return split_of


def _variant(folder: Path, split_of: dict[str, str], sources: dict[str, Path]) -> Found:
    clips, unlisted = [], []
    for path in media_files(folder, VIDEO_SUFFIXES):
        if path.stem not in split_of:
            unlisted.append(path.stem)
            continue
        target, actor = _NAME.fullmatch(path.stem).groups()
        clips.append(
            Clip(
                path=str(path),
                video=f"{folder.name}/{path.stem}",
                label=Label.FAKE,
                forgery=folder.name,
                split=split_of[path.stem],
                identity=target,
                donor=actor,
                source=_real_name(target),
                source_path=str(sources[target]) if target in sources else None,
            )
        )
    where = f"{_FAKES}/{folder.name}"
    missing = sorted(split_of.keys() - {Path(clip.path).stem for clip in clips})
    findings = [*tree.left_out(where, f"in no list of {_SPLITS}", unlisted), *tree.absent(where, missing)]
    return Found(clips, findings + tree.other_files(folder, VIDEO_SUFFIXES, where) + tree.other_folders(folder, ()))


def _reals(split_of: dict[str, str], sources: dict[str, Path]) -> list[Clip]:
    """The originals of listed swaps; of a target in two splits' lists, the later of train, val, test."""
    targets = {name.partition("_")[0]: split for split in SPLITS for name in split_of if split_of[name] == split}
    return [
        Clip(
            path=str(path),
            video=_real_name(number),
            label=Label.REAL,
            forgery="",
            split=targets[number],
            identity=number,
            compression=_COMPRESSION,
        )
        for number, path in sources.items()
        if number in targets
    ]


def _real_name(number: str) -> str:
    return f"youtube/{_COMPRESSION}/{number}"

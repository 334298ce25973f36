"""DeeperForensics-1.0 (Jiang et al., CVPR 2020).

    manipulated_videos/<variant>/<target>_<actor>.mp4       1,000 swaps in each of 11 variants
    lists/splits/{train,val,test}.txt                       names of swaps, one a line, with or without ".mp4"
    original_sequences/youtube/c23/videos/<target>.mp4      from FaceForensics++, here or in the folder `--reals`

A swap shows the frames of FaceForensics++'s clip `<target>` with the face of an actor; in the official splits neither
is in two. The reals are these clips at c23, which the data set does not ship; each is in the split of its swaps. The
recordings of the actors (source_videos/) are not used as reals, as the authors advise, and are not read.
"""

import re
from pathlib import Path

from dfdetect_jax.data.example import SPLITS, Clip, Label
from dfdetect_jax.data.trees import findings as about
from dfdetect_jax.data.trees.layout import media_files, open_root, read_lines
from dfdetect_jax.data.trees.listing import Listing, join
from dfdetect_jax.errors import RecordsError
from dfdetect_jax.media.file_format import VIDEO_SUFFIXES

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


def find_clips(root: Path, reals: str = "") -> Listing:
    """Lists the swaps of all variants on disk, and the reals of their targets.

    Args:
        root: the data set's folder.
        reals: FaceForensics++'s folder, the one with original_sequences/; "" for `root`.

    Raises:
        RecordsError: no variant's folder, no split lists, or `reals` has no clips of FaceForensics++ at c23.
    """
    root = open_root(root, f"{_FAKES}/ and {_SPLITS}/")
    present = [variant for variant in VARIANTS if (root / _FAKES / variant).is_dir()]
    if not present:
        raise RecordsError(f"{root}: no {_FAKES}/end_to_end or another variant; give the folder that holds them")
    originals = Path(reals or root).absolute() / _REALS
    if reals and not originals.is_dir():
        raise RecordsError(
            f"--reals {reals}: expected FaceForensics++'s folder, found no {_REALS} in it; give its root"
        )
    split_of = read_splits(root)
    sources = {path.stem: path for path in media_files(originals, VIDEO_SUFFIXES)}
    swaps = [_variant(root / _FAKES / variant, split_of, sources) for variant in present]
    listing = join([*swaps, Listing(_reals(split_of, sources), [])])
    findings = listing.findings
    findings += [about.note(f"{_FAKES}/{variant}: absent") for variant in VARIANTS if variant not in present]
    findings += about.other_folders(root / _FAKES, VARIANTS)
    findings += about.other_folders(root, (_FAKES, "lists", "source_videos", "original_sequences"))
    if not sources:
        findings.append(about.warning(f"{_REALS}: absent; give the folder of FaceForensics++ with --reals"))
    findings += about.fakes_without_mask(listing.clips)
    return Listing(listing.clips, findings)


def read_splits(root: Path) -> dict[str, str]:
    """Name of each swap, such as "000_M101", to its split.

    Raises:
        RecordsError: a list is missing or has other lines, or a swap is in two of them.
    """
    split_of: dict[str, str] = {}
    for split in SPLITS:
        path = root / _SPLITS / f"{split}.txt"
        for line in read_lines(path, "a list of swaps, one name a line"):
            name = line.removesuffix(".mp4")
            if not _NAME.fullmatch(name):
                raise RecordsError(f'{path}: expected names like "000_M101.mp4", found "{line}"; download it again')
            if split_of.setdefault(name, split) != split:
                raise RecordsError(f"{path}: {name} is in {split_of[name]}.txt too; download the lists again")
    return split_of


def _variant(folder: Path, split_of: dict[str, str], sources: dict[str, Path]) -> Listing:
    files = media_files(folder, VIDEO_SUFFIXES)
    clips = [_swap(path, split_of[path.stem], sources) for path in files if path.stem in split_of]
    unlisted = [path.stem for path in files if path.stem not in split_of]
    where = f"{_FAKES}/{folder.name}"
    findings = about.warnings(where, f"left out, in no list of {_SPLITS}", unlisted)
    findings += about.absent(where, sorted(split_of.keys() - {path.stem for path in files}))
    findings += about.other_files(folder, VIDEO_SUFFIXES, where)
    return Listing(clips, findings + about.other_folders(folder, ()))


def _swap(path: Path, split: str, sources: dict[str, Path]) -> Clip:
    target, _, actor = path.stem.partition("_")
    return Clip(
        path=str(path),
        video=f"{path.parent.name}/{path.stem}",
        label=Label.FAKE,
        forgery=path.parent.name,
        split=split,
        identity=target,
        donor=actor,
        source=_real_name(target),
        source_path=str(sources[target]) if target in sources else None,
    )


def _reals(split_of: dict[str, str], sources: dict[str, Path]) -> list[Clip]:
    """The originals of listed swaps; of a target in the lists of two splits, the later of train, val, test."""
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

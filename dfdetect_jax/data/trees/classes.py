"""The names by which folders of a tree are known, whatever their case: reals, masks, splits.

Folders of reals are those named by `REALS`, perhaps with an "s" behind, a number or a split before ("0_real",
"training_real"), and a kind of media behind ("real_images"). The list is closed. A name that only holds such a word
("YouTube-real", "Real-ESRGAN") may be of reals or of fakes, so the user is asked; so he is about bare numbers, since 0
is real in some data sets and fake in others.
"""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from dfdetect_jax.data.example import SPLITS
from dfdetect_jax.data.trees.layout import folders_in
from dfdetect_jax.errors import RecordsError

REALS = ("real", "original", "authentic", "genuine", "pristine", "bonafide", "au", "nature")
"""Names of the reals; "au" is CASIA's, "nature" GenImage's."""
MASKS = ("masks", "mask", "gt", "groundtruth", "ground_truth")
SPLIT_NAMES = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation", "dev"),
    "test": ("test", "testing"),
}
_BEFORE = "|".join([r"\d+", *(name for names in SPLIT_NAMES.values() for name in names)])
_MEDIA = "image|picture|photo|face|frame|video|clip|sequence"
_REAL_NAME = re.compile(rf"(({_BEFORE})[\W_]+)?({'|'.join(REALS)})s?([\W_]+({_MEDIA})s?)?")
_REAL_WORD = re.compile(rf"(.*[\W\d_])?({'|'.join(REALS)})s?([\W\d_].*)?")
_ANSWERS = "give --real_folder NAME, or NAME,NAME"


def is_real_name(name: str) -> bool:
    """Whether a folder of this name surely holds reals: "Real", "0_real", "originals", "real-images"."""
    return _REAL_NAME.fullmatch(name.strip().lower()) is not None


def folder_named(root: Path, names: Iterable[str]) -> Path | None:
    """The first folder right below `root` with one of `names`, in their order, whatever its case; None without one."""
    by_name = {path.name.lower(): path for path in reversed(folders_in(root))}
    return next((by_name[name.lower()] for name in names if name.lower() in by_name), None)


def real_folders(root: Path, candidates: Sequence[Path], chosen: str = "", *, needed: bool = True) -> list[Path]:
    """Which of the folders that hold media hold the reals.

    Args:
        root: the folder above, for the message.
        candidates: folders below it.
        chosen: the user's answer, names with commas between; "" to go by their names.
        needed: whether there must be some.

    Returns:
        One folder, or several that the user has chosen, or none where none is needed.

    Raises:
        RecordsError: none is surely of reals, or two can be, or a chosen one is not there.
    """
    if chosen:
        return [_chosen(root, candidates, name.strip().rstrip("/")) for name in chosen.split(",")]
    reals = [path for path in candidates if is_real_name(path.name)]
    possible = [path for path in candidates if _REAL_WORD.fullmatch(path.name.strip().lower())]
    if len(possible) > 1 and (reals or needed):
        raise RecordsError(f"{root}: expected one folder of reals, found {_listed(possible)}; {_ANSWERS}")
    if not reals and needed:
        raise RecordsError(
            f"{root}: expected a folder of reals, named {', '.join(REALS[:3])} or alike, found {_listed(candidates)}; "
            f"{_ANSWERS}, or --allow_one_class if all are fakes"
        )
    return reals


def _chosen(root: Path, candidates: Sequence[Path], name: str) -> Path:
    folder = next((path for path in candidates if path.name == name), None)
    if folder is None:
        found = _listed(candidates)
        raise RecordsError(f"{root}: expected the folder {name} with media in it, found {found}; mend --real_folder")
    return folder


def split_folders(root: Path) -> dict[str, Path]:
    """Split to its folder where `root` has training and test folders, else empty.

    Raises:
        RecordsError: there are two of these three alone, training and validation.
    """
    folders = {split: folder_named(root, SPLIT_NAMES[split]) for split in SPLITS}
    if folders["train"] and folders["val"] and not folders["test"]:
        names = f"{folders['train'].name}, {folders['val'].name}"
        raise RecordsError(f"{root}: expected folders for training and test, found {names}; rename one to test")
    return {split: path for split, path in folders.items() if path} if folders["train"] and folders["test"] else {}


def _listed(folders: Sequence[Path]) -> str:
    return ", ".join(path.name for path in folders[:8]) + (f", ... ({len(folders)})" if len(folders) > 8 else "")

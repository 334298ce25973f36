"""Photographs with regions filled in by inpainting, such as G&L's (gl) or ContextAtten's (contextatten).

    real/<stem>.jpg              or original/, Real/ and the like (see `trees.classes`), or the folder `--reals`: the
                                 photographs
    <forgery>/<stem>.jpg         or <forgery>/images/<stem>.jpg: filled in
    <forgery>/masks/<stem>.png   or masks/<forgery>/<stem>.png, or <forgery>/<stem>_mask.png: white where filled in

Folders of masks may also be called gt/, Masks/ and the like (see `trees.classes`).

Files with one stem belong together: each photograph counts as its own person, and is split by the hash of its stem,
with its forgeries. Where there is no mask, it is the thresholded difference to the photograph.
"""

from pathlib import Path

from dfdetect_jax.data.example import Clip, Label
from dfdetect_jax.data.trees import classes
from dfdetect_jax.data.trees import findings as about
from dfdetect_jax.data.trees.layout import folders_in, media_files, open_root
from dfdetect_jax.data.trees.listing import Listing, join
from dfdetect_jax.data.trees.splits import split_by_hash
from dfdetect_jax.errors import RecordsError
from dfdetect_jax.media.file_format import IMAGE_SUFFIXES

NAME = "inpainting"
OPTIONS = ("reals",)
_REAL, _IMAGES = "real", "images"
_MASK_ENDING = "_mask"


def find_clips(root: Path, reals: str = "") -> Listing:
    """Lists the photographs and their filled versions.

    Args:
        root: the folder of the forgeries' folders.
        reals: folder of the photographs; "" for `real/`, `original/` or alike of `root`.

    Raises:
        RecordsError: no forgery's folder holds pictures, or `reals` holds none.
    """
    root = open_root(root, "real/ and a folder per forgery")
    named = [path for path in folders_in(root) if classes.is_real_name(path.name)]
    own = classes.folder_named(root, classes.REALS) or next(iter(named), None)
    home = Path(reals).absolute() if reals else own
    photographs = _photographs(root, home)
    if reals and not photographs.clips:
        raise RecordsError(
            f"--reals {reals}: expected a folder of photographs, found none in it; give the one that holds them"
        )
    sources = {Path(clip.path).stem: Path(clip.path) for clip in photographs.clips}
    all_masks = classes.folder_named(root, classes.MASKS)
    folders = [path for path in folders_in(root) if path not in (*named, home, all_masks)]
    masks_of = {folder: _mask_folders(folder, all_masks) for folder in folders}
    listing = join([photographs, *(_forgery(folder, masks, sources) for folder, masks in masks_of.items())])
    if not any(clip.label == Label.FAKE for clip in listing.clips):
        raise RecordsError(f"{root}: no pictures in a folder per forgery, such as gl/; give the folder that holds them")
    clips, repeated = about.first_of_each_name(listing.clips)
    masks = [path for places in masks_of.values() for path in places]
    findings = [*listing.findings, *repeated]
    findings += (
        about.other_folders(all_masks, [path.name for path in masks if path.parent == all_masks]) if all_masks else []
    )
    findings += about.stray_masks(masks, clips, root)
    return Listing(clips, [*findings, *about.fakes_without_mask(clips)])


def _photographs(root: Path, home: Path | None) -> Listing:
    if not home:
        return Listing([], [])
    findings = []
    if home.is_dir():
        findings = about.other_files(home, IMAGE_SUFFIXES) + about.other_folders(home, ())
    unused = [path.name for path in folders_in(root) if classes.is_real_name(path.name) and path != home]
    findings += about.warnings(root.name, f"left out, the photographs are those of {home}", unused)
    return Listing([_clip(path, "", {}) for path in media_files(home, IMAGE_SUFFIXES)], findings)


def _mask_folders(folder: Path, all_masks: Path | None) -> list[Path]:
    """The folders with the masks of a forgery: below that of all masks, and in its own."""
    below = classes.folder_named(all_masks, [folder.name]) if all_masks else None
    return list(filter(None, (below, classes.folder_named(folder, classes.MASKS))))


def _forgery(folder: Path, mask_folders: list[Path], sources: dict[str, Path]) -> Listing:
    files = media_files(folder, IMAGE_SUFFIXES) + media_files(folder / _IMAGES, IMAGE_SUFFIXES)
    beside = {path.stem.removesuffix(_MASK_ENDING): path for path in files if path.stem.endswith(_MASK_ENDING)}
    pictures = [path for path in files if not path.stem.endswith(_MASK_ENDING)]
    masks = beside | {path.stem: path for place in mask_folders for path in media_files(place, IMAGE_SUFFIXES)}
    clips = [_clip(path, folder.name, sources, masks.get(path.stem)) for path in pictures]
    unmasked = [path.stem for path in pictures if path.stem not in masks]
    stray = sorted(beside.keys() - {path.stem for path in pictures})
    findings = [] if pictures else [about.warning(f"{folder.name}: no pictures")]
    findings += about.notes(folder.name, "no mask of their own", unmasked) if masks else []
    findings += about.warnings(folder.name, f'"{_MASK_ENDING}" of no picture', stray)
    known = (_IMAGES, *(path.name for path in mask_folders if path.parent == folder))
    findings += about.other_files(folder, IMAGE_SUFFIXES) + about.other_folders(folder, known)
    return Listing(clips, findings)


def _clip(path: Path, forgery: str, sources: dict[str, Path], mask: Path | None = None) -> Clip:
    source = sources.get(path.stem) if forgery else None
    return Clip(
        path=str(path),
        video=f"{forgery or _REAL}/{path.stem}",
        label=Label.FAKE if forgery else Label.REAL,
        forgery=forgery,
        split=split_by_hash(path.stem),
        identity=path.stem,
        source=f"{_REAL}/{path.stem}" if forgery else "",
        source_path=str(source) if source else None,
        mask_path=str(mask) if mask else None,
    )

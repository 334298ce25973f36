"""A folder of one's own: `<root>/real/*` and `<root>/<forgery>/*`, photographs or videos, with optional masks.

    <root>/real/*.{jpg,png,webp,bmp,mp4,mov,avi,mkv,webm}
    <root>/real/<clip>/*.{jpg,png,webp,bmp}                pictures that are the frames of one clip
    <root>/<forgery>/*                                      any other name is a forgery
    <root>/masks/<forgery>/<stem>.{png,mp4}                 white where forged, of the size of the fake
    <root>/masks/<forgery>/<clip>/<stem>.png                of one frame

Identity: the name of the file or clip up to its first "_" if that part holds a digit ("id0_id1_0000" is "id0",
"519_515" is "519"), else the whole name ("IMG_1234" is "IMG_1234"). Identities are split 80/10/10 by hash, so clips
that share a name share a split.

If the root holds train/ and test/ instead, and perhaps val/ (or valid/, validation/), each with such folders, these are
the splits. Such data sets number files anew in each, so identities belong to one split ("train/519"); without val/,
validation is taken out of training.
"""

import dataclasses
from pathlib import Path

from dfdetect_jax.data.example import Clip, Label
from dfdetect_jax.data.finding import Finding
from dfdetect_jax.data.trees import findings as about
from dfdetect_jax.data.trees.layout import MEDIA_SUFFIXES, Medium, folders_in, media_in, open_root
from dfdetect_jax.data.trees.listing import Listing, by_name, join
from dfdetect_jax.data.trees.splits import split_by_hash, with_validation
from dfdetect_jax.errors import RecordsError

NAME = "folder"
OPTIONS = ()
REAL_FOLDER, MASKS_FOLDER = "real", "masks"
_SPLIT_FOLDERS = {"train": ("train",), "val": ("val", "valid", "validation"), "test": ("test",)}


def find_clips(root: Path) -> Listing:
    """Lists photographs, videos and clips of pictures below `root`.

    Raises:
        RecordsError: `root` is no folder, or neither `real/` nor the folder of a forgery holds media.
    """
    root = open_root(root, "real/ and a folder per forgery")
    splits = split_folders(root)
    listing = _by_splits(root, splits) if splits else _by_hash(root)
    if not listing.clips:
        raise RecordsError(f"{root}: no photographs or videos in real/ or in a folder per forgery; give their parent")
    return listing


def split_folders(root: Path) -> dict[str, Path]:
    """Split to its folder where `root` is laid out by splits, else empty."""
    candidates = {split: [root / name for name in names] for split, names in _SPLIT_FOLDERS.items()}
    folders = {split: next((p for p in paths if p.is_dir()), None) for split, paths in candidates.items()}
    if not folders["train"] or not folders["test"] or (root / REAL_FOLDER).is_dir():
        return {}
    return {split: folder for split, folder in folders.items() if folder}


def identity_of(stem: str) -> str:
    """Identity by the name of a file or clip, as in the text of this module."""
    first = stem.partition("_")[0]
    return first if any(letter.isdigit() for letter in first) else stem


def _by_splits(root: Path, folders: dict[str, Path]) -> Listing:
    listing = join(_in_split(_by_hash(folder), split, folder.name) for split, folder in folders.items())
    clips = listing.clips if "val" in folders else with_validation(listing.clips)
    others = about.other_folders(root, [folder.name for folder in folders.values()])
    return Listing(by_name(clips), listing.findings + others)


def _in_split(listing: Listing, split: str, folder: str) -> Listing:
    """The listing of one split's folder, with names and identities of that split."""
    clips = [
        dataclasses.replace(clip, split=split, video=f"{split}/{clip.video}", identity=f"{split}/{clip.identity}")
        for clip in listing.clips
    ]
    findings = [dataclasses.replace(finding, words=f"in {folder}/: {finding.words}") for finding in listing.findings]
    return Listing(clips, findings)


def _by_hash(root: Path) -> Listing:
    """The clips of a folder with real/ and folders of forgeries, split by hash."""
    folders = [folder for folder in folders_in(root) if folder.name != MASKS_FOLDER]
    listing = join(_folder(root, folder) for folder in folders)
    clips, repeated = about.first_of_each_name(listing.clips)
    masks = [root / MASKS_FOLDER, *sorted(path for path in (root / MASKS_FOLDER).rglob("*") if path.is_dir())]
    findings = [*listing.findings, *repeated, *about.missing_classes(clips)]
    findings += [*about.fakes_without_mask(clips), *about.stray_masks(masks, clips, root)]
    return Listing(clips, findings)


def _folder(root: Path, folder: Path) -> Listing:
    entries = media_in(folder)
    findings = [] if entries else [about.warning(f"{folder.name}: no photographs or videos")]
    return Listing([_clip(root, folder.name, entry) for entry in entries], findings + _other_content(folder, entries))


def _other_content(folder: Path, entries: list[Medium]) -> list[Finding]:
    paths = {entry.path for entry in entries}
    deeper = [path.name for path in folders_in(folder) if path not in paths]
    findings = about.warnings(folder.name, "left out, folders that hold no pictures themselves", deeper)
    return findings + about.other_files(folder, MEDIA_SUFFIXES)


def _clip(root: Path, folder: str, entry: Medium) -> Clip:
    forgery = "" if folder == REAL_FOLDER else folder
    identity = identity_of(entry.name)
    masks = root / MASKS_FOLDER / forgery
    of_clip = [masks / f"{entry.name}{suffix}" for suffix in (".png", ".mp4")] if forgery and not entry.frames else []
    of_frames = [masks / entry.name / f"{Path(frame).stem}.png" for frame in entry.frames] if forgery else []
    return Clip(
        path=str(entry.path),
        video=f"{folder}/{entry.name}",
        label=Label.FAKE if forgery else Label.REAL,
        forgery=forgery,
        split=split_by_hash(identity),
        identity=identity,
        mask_path=next((str(mask) for mask in of_clip if mask.is_file()), None),
        frames=entry.frames,
        masks=tuple(str(mask) if mask.is_file() else "" for mask in of_frames),
    )

"""A folder of one's own: `<root>/real/*` and `<root>/<forgery>/*`, photographs or videos, with optional masks.

    <root>/real/*.{jpg,png,webp,bmp,mp4,mov,avi,mkv,webm}
    <root>/real/<clip>/*.{jpg,png,webp,bmp}                pictures that are one clip's frames
    <root>/<forgery>/*                                      any other name is a forgery
    <root>/masks/<forgery>/<stem>.{png,mp4}                 white where forged, of the size of the fake
    <root>/masks/<forgery>/<clip>/<stem>.png                of one frame

Identity: the name of the file or clip up to its first "_" if that part holds a digit ("id0_id1_0000" is "id0",
"519_515" is "519"), else the whole name ("IMG_1234" is "IMG_1234"). Identities are split 80/10/10 by hash, so what
shares a name shares a split.

Where the root holds train/ and test/ instead, and val/ (or valid/, validation/) if there is one, each with such
folders, these are the splits. Such sets number anew in each, so identities go by split ("train/519"); without val/,
validation is taken out of training.
"""

import dataclasses
from pathlib import Path

from dfdetect_jax.data.catalog import tree
from dfdetect_jax.data.catalog.listing import Found
from dfdetect_jax.data.catalog.splits import split_by_hash, with_validation
from dfdetect_jax.data.example import Clip, Label
from dfdetect_jax.errors import RecordsError

NAME = "folder"
OPTIONS = ()
REAL_FOLDER, MASKS_FOLDER = "real", "masks"
_SPLIT_FOLDERS = {"train": ("train",), "val": ("val", "valid", "validation"), "test": ("test",)}


def find_clips(root: Path) -> Found:
    """Lists photographs, videos and clips of pictures below `root`.

    Raises:
        RecordsError: `root` is no folder, or neither `real/` nor any forgery's folder holds media.
    """
    root = tree.opened(root, "real/ and a folder per forgery")
    parts = split_folders(root)
    found = _parts(root, parts) if parts else _part(root)
    if not found.clips:
        raise RecordsError(f"{root}: no photographs or videos in real/ or in a folder per forgery")
    return found


def split_folders(root: Path) -> dict[str, Path]:
    """Split to its folder where `root` is laid out by splits, else empty."""
    there = {
        split: next((root / name for name in names if (root / name).is_dir()), None)
        for split, names in _SPLIT_FOLDERS.items()
    }
    by_splits = there["train"] and there["test"] and not (root / REAL_FOLDER).is_dir()
    return {split: folder for split, folder in there.items() if folder} if by_splits else {}


def _parts(root: Path, parts: dict[str, Path]) -> Found:
    clips, findings = [], []
    for split, folder in parts.items():
        found = _part(folder)
        findings += [f"{folder.name}/{finding}" for finding in found.findings]
        clips += [_scoped(clip, split) for clip in found.clips]
    if "val" not in parts:
        clips = with_validation(clips)
    findings += tree.other_folders(root, [folder.name for folder in parts.values()])
    return Found(sorted(clips, key=lambda clip: clip.video), findings)


def _scoped(clip: Clip, split: str) -> Clip:
    return dataclasses.replace(clip, split=split, video=f"{split}/{clip.video}", identity=f"{split}/{clip.identity}")


def _part(root: Path) -> Found:
    """What a folder with real/ and folders of forgeries holds, split by hash."""
    clips, findings = [], []
    for folder in tree.folders_in(root):
        if folder.name == MASKS_FOLDER:
            continue
        entries = tree.media_in(folder)
        clips += [_clip(root, folder.name, entry) for entry in entries]
        findings += _oddities(folder, entries)
    clips, doubled = tree.first_of_each(clips)
    return Found(clips, findings + doubled + _lacks(root, clips))


def identity_of(stem: str) -> str:
    """Who a file shows, by its name: see the module's text."""
    first = stem.partition("_")[0]
    return first if any(letter.isdigit() for letter in first) else stem


def _clip(root: Path, folder: str, entry: tree.Medium) -> Clip:
    forgery = "" if folder == REAL_FOLDER else folder
    identity = identity_of(entry.name)
    masks = root / MASKS_FOLDER / forgery
    own = [masks / f"{entry.name}{suffix}" for suffix in (".png", ".mp4")] if forgery and not entry.frames else []
    of_frames = [masks / entry.name / f"{Path(frame).stem}.png" for frame in entry.frames] if forgery else []
    return Clip(
        path=str(entry.path),
        video=f"{folder}/{entry.name}",
        label=Label.FAKE if forgery else Label.REAL,
        forgery=forgery,
        split=split_by_hash(identity),
        identity=identity,
        mask_path=next((str(mask) for mask in own if mask.is_file()), None),
        frames=entry.frames,
        masks=tuple(str(mask) if mask.is_file() else "" for mask in of_frames),
    )


def _oddities(folder: Path, entries: list[tree.Medium]) -> list[str]:
    findings = [] if entries else [f"{folder.name}: no photographs or videos"]
    read = {entry.path for entry in entries}
    deeper = [path.name for path in tree.folders_in(folder) if path not in read]
    findings += tree.left_out(folder.name, "folders that hold no pictures themselves", deeper)
    files = sum(path.is_file() and not path.name.startswith(".") for path in folder.iterdir())
    other = files - sum(not entry.frames for entry in entries)
    if other:
        findings.append(f"{folder.name}: {other} files are neither photographs nor videos by their names")
    return findings


def _lacks(root: Path, clips: list[Clip]) -> list[str]:
    findings = []
    if not any(clip.label == Label.REAL for clip in clips):
        findings.append(f"{REAL_FOLDER}: no reals, so nothing to tell fakes from")
    forgeries = sorted({clip.forgery for clip in clips} - {""})
    if not forgeries:
        findings.append("no folder of fakes beside real/")
    for forgery in forgeries:
        masks = [clip.mask_media for clip in clips if clip.forgery == forgery]
        if None in masks:
            findings.append(
                f"{forgery}: {masks.count(None)} of {len(masks)} without {MASKS_FOLDER}/{forgery}/<stem>.png"
            )
    used = {file for clip in clips for file in (clip.mask_path, *clip.masks)}
    files = (path for path in sorted(root.glob(f"{MASKS_FOLDER}/**/*")) if path.is_file())
    stray = [path for path in files if str(path) not in used and not path.name.startswith(".")]
    if stray:
        findings.append(f"{MASKS_FOLDER}: {len(stray)} belong to no fake, such as {stray[0].relative_to(root)}")
    return findings

"""A folder of one's own: `<root>/real/*` and `<root>/<forgery>/*`, photographs or videos, with optional masks.

    <root>/real/*                                           photographs and videos, see `media.file_format`
    <root>/real/<clip>/*                                    pictures that are the frames of one clip, by number
    <root>/<forgery>/*                                      any other name is a forgery
    <root>/masks/<forgery>/<stem>.{png,mp4,...}             white where forged, of the size of the fake
    <root>/masks/<forgery>/<clip>/<stem>.{png,...}          of one frame

The reals may also be in Real/, 0_real/, original/, authentic/ and the like, and the masks in gt/, see
`trees.classes`; `--real_folder NAME` names another folder, or several. Without one, or with two that may be it, the
tree is refused.

Identity: the name of the file or clip up to its first "_" if that part holds a digit ("id0_id1_0000" is "id0",
"519_515" is "519"), else the whole name ("IMG_1234" is "IMG_1234"). Identities are split 80/10/10 by hash, so clips
that share a name share a split.

If the root holds train/ and test/ (or training/, testing/) instead, and perhaps val/ (or valid/, validation/, dev/),
each with such folders, these are the splits. Such data sets number files anew in each, so identities belong to one
split ("train/519"); without val/, validation is taken out of training.
"""

import dataclasses
from pathlib import Path
from typing import NamedTuple

from dfdetect_jax.data.example import Clip, Label
from dfdetect_jax.data.finding import Finding
from dfdetect_jax.data.trees import classes
from dfdetect_jax.data.trees import findings as about
from dfdetect_jax.data.trees.layout import Medium, folders_in, media_files, media_in, open_root
from dfdetect_jax.data.trees.listing import Listing, by_name, join
from dfdetect_jax.data.trees.splits import split_by_hash, with_validation
from dfdetect_jax.errors import RecordsError
from dfdetect_jax.media.file_format import IMAGE_SUFFIXES, MEDIA_SUFFIXES, VIDEO_SUFFIXES

NAME = "folder"
OPTIONS = ("real_folder", "allow_one_class")


class _Reals(NamedTuple):
    """The user's answer to which folders hold the reals, "" for the usual names, and whether there must be some."""

    chosen: str
    needed: bool


def find_clips(root: Path, real_folder: str = "", allow_one_class: bool = False) -> Listing:
    """Lists photographs, videos and clips of pictures below `root`.

    Args:
        root: the folder with the folders of reals and forgeries.
        real_folder: folder of the reals, or several with commas between; "" to go by the usual names.
        allow_one_class: whether the tree may be of fakes alone.

    Raises:
        RecordsError: `root` is no folder, or no folder in it holds media, or which of them holds the reals is unclear.
    """
    root = open_root(root, "real/ and a folder per forgery")
    splits, reals = split_folders(root, real_folder), _Reals(real_folder, not allow_one_class)
    listing = _by_splits(root, splits, reals) if splits else _by_hash(root, reals)
    if not listing.clips:
        raise RecordsError(f"{root}: no photographs or videos in real/ or in a folder per forgery; give their parent")
    return listing


def split_folders(root: Path, real_folder: str = "") -> dict[str, Path]:
    """Split to its folder where `root` is laid out by splits, else empty; not where reals lie right below it.

    Raises:
        RecordsError: reals lie both there and in the folders of splits, or there is a folder for training and one for
            validation, but none for testing.
    """
    names, chosen = {path.name for path in folders_in(root)}, set(real_folder.split(","))
    beside = {name for name in names if classes.is_real_name(name)}
    if names & chosen:
        return {}
    if not beside:
        return classes.split_folders(root)
    train = classes.folder_named(root, classes.SPLIT_NAMES["train"])
    if train and any(classes.is_real_name(path.name) for path in folders_in(train)):
        found = ", ".join(sorted(beside))
        raise RecordsError(
            f"{root}: expected reals here or in {train.name}/, found both ({found}); move one away, or name those here "
            "with --real_folder"
        )
    return {}


def identity_of(stem: str) -> str:
    """Identity by the name of a file or clip, as in the text of this module."""
    first = stem.partition("_")[0]
    return first if any(letter.isdigit() for letter in first) else stem


def _by_splits(root: Path, folders: dict[str, Path], reals: _Reals) -> Listing:
    listing = join(_in_split(_by_hash(folder, reals), split, folder.name) for split, folder in folders.items())
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


def _by_hash(root: Path, reals: _Reals) -> Listing:
    """The clips of a folder with folders of reals and of forgeries, split by hash."""
    home = classes.folder_named(root, classes.MASKS)
    media = {folder: media_in(folder) for folder in folders_in(root) if folder != home}
    candidates = [folder for folder, entries in media.items() if entries]
    real = classes.real_folders(root, candidates, reals.chosen, needed=reals.needed and bool(candidates))
    listing = join(_folder(folder, entries, folder in real, home) for folder, entries in media.items())
    clips, repeated = about.first_of_each_name(listing.clips)
    masks = [home, *sorted(path for path in home.rglob("*") if path.is_dir())] if home else []
    findings = [*listing.findings, *repeated]
    findings += [*about.fakes_without_mask(clips), *about.stray_masks(masks, clips, root)]
    return Listing(clips, findings)


def _folder(folder: Path, entries: list[Medium], real: bool, masks: Path | None) -> Listing:
    """The clips of one folder: of reals, or of a forgery with the folder of all masks."""
    findings = [] if entries else [about.warning(f"{folder.name}: no photographs or videos")]
    own = classes.folder_named(masks, [folder.name]) if masks and not real else None
    of_files = _by_stem(own, MEDIA_SUFFIXES)
    clips = [_clip(folder.name, entry, real, own, of_files) for entry in entries]
    return Listing(clips, findings + _other_content(folder, entries))


def _other_content(folder: Path, entries: list[Medium]) -> list[Finding]:
    paths = {entry.path for entry in entries}
    deeper = [path.name for path in folders_in(folder) if path not in paths]
    findings = about.warnings(folder.name, "left out, folders that hold no pictures themselves", deeper)
    beside = [path for entry in entries if entry.frames for path in media_files(entry.path, VIDEO_SUFFIXES)]
    names = [path.relative_to(folder).as_posix() for path in beside]
    findings += about.warnings(folder.name, "left out, videos beside pictures that are the frames of a clip", names)
    return findings + about.other_files(folder, MEDIA_SUFFIXES)


def _by_stem(folder: Path | None, suffixes: frozenset[str]) -> dict[str, str]:
    """Masks right below a folder by their stems; of several with one stem a PNG, else the first by name."""
    files = media_files(folder, suffixes) if folder else []
    return {path.stem: str(path) for path in sorted(files, key=lambda path: path.suffix.lower() != ".png")[::-1]}


def _clip(folder: str, entry: Medium, real: bool, masks: Path | None, of_files: dict[str, str]) -> Clip:
    identity = identity_of(entry.name)
    of_frames = _by_stem(masks / entry.name, IMAGE_SUFFIXES) if masks and entry.frames else {}
    return Clip(
        path=str(entry.path),
        video=f"{folder}/{entry.name}",
        label=Label.REAL if real else Label.FAKE,
        forgery="" if real else folder,
        split=split_by_hash(identity),
        identity=identity,
        mask_path=None if entry.frames else of_files.get(entry.name),
        frames=entry.frames,
        masks=tuple(of_frames.get(Path(frame).stem, "") for frame in entry.frames) if masks else (),
    )

"""Searching folders for photographs and videos: an entry is one, or can't be read, or is passed over for a reason."""

import enum
import os
import stat
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from dfdetect_jax.errors import BadMediaError
from dfdetect_jax.media.atoms import SOUND_BRANDS
from dfdetect_jax.media.drawing import is_drawing
from dfdetect_jax.media.file_format import MEDIA_SUFFIXES, UNREAD_SUFFIXES, media_kind, unread_format
from dfdetect_jax.scoring.media_frames import Unreadable
from dfdetect_jax.scoring.path_set import PathSet

_ALSO_PROGRAMS = (".ts", ".mts", ".mod")  # in TypeScript and Go: media unless they are text
_MEDIA_BY_NAME = (MEDIA_SUFFIXES | UNREAD_SUFFIXES) - {".png", *_ALSO_PROGRAMS}  # without a look inside
_HEAD = 64  # bytes


class Why(enum.Enum):
    """Why an entry is passed over: in words for one, and for several."""

    NO_MEDIUM = ("file that is no photograph or video", "files that are no photographs or videos")
    HIDDEN = ("hidden file or folder", "hidden files and folders")
    DRAWING = ("picture drawn by this program", "pictures drawn by this program")
    SAME_FILE = ("file under a second path", "files under a second path")
    SAME_FOLDER = ("folder under a second path", "folders under a second path")
    SCORED = ("file scored before", "files scored before")
    OTHER_SHARE = ("file of another share", "files of other shares")


def counts_in_words(passed_over: Mapping[Why, int]) -> str:
    """How many entries were passed over and why, in one line; "" where none was."""
    counts = ", ".join(f"{passed_over[why]} {why.value[passed_over[why] != 1]}" for why in Why if passed_over[why])
    return f"passed over: {counts}" if counts else ""


class PassedOver(NamedTuple):
    """A file, folder or link that is not scored, though nothing is wrong with it."""

    path: str
    why: Why


def search(folder: str, searched: PathSet) -> Iterator[str | Unreadable | PassedOver]:
    """Everything below a folder, sorted by name, files before folders.

    Links are followed. A folder is searched once, under the first path that leads to it, so that a link to a folder
    above it ends there. What is below a hidden folder is not looked at.

    Args:
        folder: to search.
        searched: the folders searched before; those searched now are added.

    Yields:
        The paths of files that are photographs or videos by their names or their first bytes, or can't be read, for the
        reader to report; folders that can't be searched, and links that lead nowhere; all else as passed over.
    """
    waiting = [folder]
    while waiting:
        parent = waiting.pop()
        if not searched.add(os.path.realpath(parent)):
            yield PassedOver(parent, Why.SAME_FOLDER)
            continue
        try:
            with os.scandir(parent) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as error:
            yield Unreadable(parent, f"can't be opened ({error.strerror or error})")
            continue
        folders = []
        for entry in entries:
            if not entry.name.startswith(".") and _is_folder(entry):
                folders.append(entry.path)
            else:
                yield _file(entry)
        waiting += reversed(folders)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _file(entry: os.DirEntry[str]) -> str | Unreadable | PassedOver:
    path, suffix = entry.path, os.path.splitext(entry.name)[1].lower()
    if entry.name.startswith("."):
        return PassedOver(path, Why.HIDDEN)
    if entry.is_symlink() and (reason := _broken_link(path)):
        return Unreadable(path, reason)
    if suffix in _MEDIA_BY_NAME:
        return path
    if suffix == ".png" or _may_be_medium(path):
        return PassedOver(path, Why.DRAWING) if is_drawing(path) else path
    return PassedOver(path, Why.NO_MEDIUM)


def _broken_link(path: str) -> str:
    """Why a link leads nowhere; "" if it doesn't."""
    try:
        os.stat(path)
    except FileNotFoundError:
        return "can't be opened (a link to what doesn't exist)"
    except OSError as error:  # a loop of links, a folder on the way that is locked
        return f"can't be opened ({error.strerror or error})"
    return ""


def _may_be_medium(path: str) -> bool:
    """Whether a file is a photograph or video by its first bytes, or can't be read, so that it might be one."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # a pipe or device could block for ever
            return False
        with open(path, "rb", buffering=0) as file:
            head = file.read(_HEAD)
    except OSError:
        return True
    if head[4:8] == b"ftyp" and head[8:12] in SOUND_BRANDS:
        return False
    no_text = path.lower().endswith(_ALSO_PROGRAMS) and b"\0" in head
    return no_text or bool(unread_format(head)) or _is_readable(path)


def _is_readable(path: str) -> bool:
    try:
        return bool(media_kind(path))
    except BadMediaError:
        return False

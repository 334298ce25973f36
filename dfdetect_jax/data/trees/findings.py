"""The findings that catalogs have in common."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from dfdetect_jax.data.example import SPLITS, Clip, Label
from dfdetect_jax.data.finding import Finding, Severity, Subject, name_list
from dfdetect_jax.data.trees.layout import folders_in, media_files
from dfdetect_jax.data.trees.listing import by_name
from dfdetect_jax.media.file_format import MEDIA_SUFFIXES, UNREAD_SUFFIXES

_MEDIA = MEDIA_SUFFIXES | UNREAD_SUFFIXES | {".svg", ".swf"}
MISNAMED = "left out, not named as in this data set"
NOT_TEXT = "left out, expected names in UTF-8, rename the files"
_ONE_CLASS = "if one class is meant, give --allow_one_class"


def note(words: str) -> Finding:
    """Something about the tree that is worth knowing."""
    return Finding(Subject.TREE, Severity.NOTE, words)


def warning(words: str) -> Finding:
    """Something about the tree that may be a mistake."""
    return Finding(Subject.TREE, Severity.WARNING, words)


def notes(where: str, what: str, names: Sequence[str]) -> list[Finding]:
    """A note that lists files or clips; none without names."""
    return [note(f"{where}: {what}: {name_list(names)}")] if names else []


def warnings(where: str, what: str, names: Sequence[str]) -> list[Finding]:
    """A warning that lists files or clips; none without names."""
    return [warning(f"{where}: {what}: {name_list(names)}")] if names else []


def absent(where: str, names: Sequence[str]) -> list[Finding]:
    """A warning about clips that a data set's list names and its tree lacks."""
    return warnings(where, "listed but absent", names)


def other_folders(root: Path, known: Iterable[str], where: str = "") -> list[Finding]:
    """A note about folders right below `root` that the data set does not have."""
    known = set(known)
    names = [path.name for path in folders_in(root) if path.name not in known]
    return notes(where or root.name, "left out, folders that are not part of this data set", names)


def other_files(folder: Path, suffixes: frozenset[str], where: str = "") -> list[Finding]:
    """Findings about files right below `folder` without one of `suffixes`.

    Pictures and videos that are not read are a warning, anything else is a note.
    """
    files = sorted(path for path in folder.iterdir() if not path.is_dir() and not path.name.startswith("."))
    others = [path for path in files if path.suffix.lower() not in suffixes]
    media = [path.name for path in others if path.suffix.lower() in _MEDIA]
    rest = [path.name for path in others if path.name not in media]
    where = where or folder.name
    return [
        *warnings(where, "left out, pictures or videos in a format that is not read here", media),
        *notes(where, "left out, neither pictures nor videos", rest),
    ]


def missing_classes(clips: Sequence[Clip], allowed: bool = False) -> list[Finding]:
    """What lacks reals or fakes: an error where all clips do, else a warning for each split that does.

    Args:
        clips: in their splits.
        allowed: whether one class is meant; then these are notes.
    """
    groups = {"": clips} | {split: [clip for clip in clips if clip.split == split] for split in SPLITS}
    missing = {where: _missing_classes(group) for where, group in groups.items() if group or not where}
    if words := missing.pop(""):
        what = f"{' and '.join(words)}: training and most metrics need both"
        return [note(what)] if allowed else [Finding(Subject.TREE, Severity.ERROR, f"{what}; {_ONE_CLASS}")]
    severity, needs = Severity.NOTE if allowed else Severity.WARNING, {"train": "training needs both"}
    return [
        Finding(Subject.TREE, severity, f"{split}: {each}: {needs.get(split, 'most metrics need both')}")
        for split, words in missing.items()
        for each in words
    ]


def _missing_classes(clips: Sequence[Clip]) -> list[str]:
    labels = {clip.label for clip in clips}
    return [words for label, words in {Label.REAL: "no reals", Label.FAKE: "no fakes"}.items() if label not in labels]


def fakes_without_mask(clips: Iterable[Clip]) -> list[Finding]:
    """A note per forgery about fakes that will have no mask."""
    videos_of: dict[str, list[str]] = {}
    for clip in clips:
        if clip.label == Label.FAKE and clip.mask_media is None and not clip.source_path:
            videos_of.setdefault(clip.forgery, []).append(clip.video)
    return [
        finding
        for forgery, videos in sorted(videos_of.items())
        for finding in notes(forgery, "neither mask nor source on disk, so no masks", videos)
    ]


def stray_masks(folders: Iterable[Path], clips: Iterable[Clip], root: Path) -> list[Finding]:
    """A warning about media in `folders` of masks that are the mask of no clip."""
    used = {file for clip in clips for file in (clip.mask_path, *clip.masks)}
    files = (path for folder in folders for path in media_files(folder, MEDIA_SUFFIXES))
    return warnings("masks", "belong to no fake", [p.relative_to(root).as_posix() for p in files if str(p) not in used])


def first_of_each_name(clips: Sequence[Clip]) -> tuple[list[Clip], list[Finding]]:
    """Of clips that share a name the first, by name, and a warning about the others."""
    first = {clip.video: clip for clip in reversed(clips)}
    repeated = sorted(video for video, count in Counter(clip.video for clip in clips).items() if count > 1)
    words = f"several files share a stem, only the first is read: {name_list(repeated)}"
    return by_name(first.values()), [warning(words)] if repeated else []

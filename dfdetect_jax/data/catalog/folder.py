"""A folder of one's own: `<root>/real/*` and `<root>/<method>/*`, photographs or videos, with optional masks.

    <root>/real/*.{jpg,png,webp,bmp,mp4,mov,avi,mkv,webm}
    <root>/<method>/*                                      any other name is a forgery method
    <root>/masks/<method>/<stem>.{png,mp4}                 white where forged, of the size of the fake

Identity: the file's stem up to its first "_" if that part holds a digit ("id0_id1_0000" is "id0", "519_515" is
"519"), else the whole stem ("IMG_1234" is "IMG_1234"). Identities are split 80/10/10 by hash, so what shares a stem
shares a split. Folders below a method's are not read.
"""

from collections import Counter
from pathlib import Path

from dfdetect_jax.data.catalog.base import IMAGE_SUFFIXES, VIDEO_SUFFIXES, Found, media_files, split_by_hash
from dfdetect_jax.data.example import FAKE, REAL, Clip
from dfdetect_jax.errors import RecordsError

NAME = "folder"
OPTIONS = ()
REAL_FOLDER, MASKS_FOLDER = "real", "masks"
_MEDIA = IMAGE_SUFFIXES | VIDEO_SUFFIXES


def find_clips(root: Path) -> Found:
    """Lists photographs and videos below `root`.

    Raises:
        RecordsError: `root` is no folder, or neither `real/` nor any method's folder holds media.
    """
    root = Path(root).absolute()
    if not root.is_dir():
        raise RecordsError(f"{root}: no such folder; expected one with real/ and a folder per forgery method")
    clips, findings = [], []
    for folder in sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith(".")):
        if folder.name == MASKS_FOLDER:
            continue
        found = media_files(folder, _MEDIA)
        clips += [_clip(root, path) for path in found]
        findings += _oddities(folder, found)
    if not clips:
        raise RecordsError(f"{root}: no photographs or videos in real/ or in a folder per forgery method")
    first = {clip.video: clip for clip in reversed(clips)}
    if len(first) < len(clips):
        doubled = sorted(video for video, count in Counter(clip.video for clip in clips).items() if count > 1)
        findings.append(
            f"several files share a stem, only the first is read: {', '.join(doubled[:5])} ({len(doubled)})"
        )
    clips = sorted(first.values(), key=lambda clip: clip.video)
    return Found(clips, findings + _lacks(root, clips))


def identity_of(stem: str) -> str:
    """Who a file shows, by its name: see the module's text."""
    first = stem.partition("_")[0]
    return first if any(letter.isdigit() for letter in first) else stem


def _clip(root: Path, path: Path) -> Clip:
    method = "" if path.parent.name == REAL_FOLDER else path.parent.name
    identity = identity_of(path.stem)
    masks = [root / MASKS_FOLDER / method / f"{path.stem}{suffix}" for suffix in (".png", ".mp4")]
    return Clip(
        path=str(path),
        video=f"{method or REAL_FOLDER}/{path.stem}",
        label=FAKE if method else REAL,
        method=method,
        split=split_by_hash(identity),
        identity=identity,
        mask_path=next((str(mask) for mask in masks if method and mask.is_file()), None),
    )


def _oddities(folder: Path, found: list[Path]) -> list[str]:
    findings = [] if found else [f"{folder.name}: no photographs or videos"]
    below = sum(path.is_dir() for path in folder.iterdir())
    if below:
        findings.append(f"{folder.name}: {below} folders below it are not read; move their files up")
    other = sum(path.is_file() and not path.name.startswith(".") for path in folder.iterdir()) - len(found)
    if other:
        findings.append(f"{folder.name}: {other} files are neither photographs nor videos by their names")
    return findings


def _lacks(root: Path, clips: list[Clip]) -> list[str]:
    findings = []
    if not any(clip.label == REAL for clip in clips):
        findings.append(f"{REAL_FOLDER}: no reals, so nothing to tell fakes from")
    methods = sorted({clip.method for clip in clips} - {""})
    if not methods:
        findings.append("no folder of fakes beside real/")
    for method in methods:
        masks = [clip.mask_path for clip in clips if clip.method == method]
        if None in masks:
            findings.append(f"{method}: {masks.count(None)} of {len(masks)} without {MASKS_FOLDER}/{method}/<stem>.png")
    used = {clip.mask_path for clip in clips}
    stray = [path for path in root.glob(f"{MASKS_FOLDER}/*/*") if str(path) not in used]
    if stray:
        findings.append(f"{MASKS_FOLDER}: {len(stray)} belong to no fake, such as {stray[0].relative_to(root)}")
    return findings

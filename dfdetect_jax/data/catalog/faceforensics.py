"""FaceForensics++ (Roessler et al., ICCV 2019), FaceShifter and DeepFakeDetection in its official tree.

    original_sequences/{youtube,actors}/<compression>/videos/*.mp4
    manipulated_sequences/<forgery>/<compression>/videos/*.mp4
    manipulated_sequences/<forgery>/masks/videos/*.mp4
    {train,val,test}.json, here or in splits/      pairs of identities, from the authors' repository

A fake `<target>_<source>` shows the target's frames; it belongs to its pair's split, as do both originals. The actors'
clips (`<actor>__<scene>`, fakes `<target>_<source>__<scene>__<key>`) have no official split: actors are split by hash,
and fakes that join actors of two splits are left out.
"""

import json
import re
from pathlib import Path
from typing import NamedTuple

from dfdetect_jax.config import COMPRESSIONS
from dfdetect_jax.data.catalog.listing import VIDEO_SUFFIXES, Found, media_files, some
from dfdetect_jax.data.catalog.splits import split_by_hash
from dfdetect_jax.data.example import SPLITS, Clip, Label
from dfdetect_jax.errors import RecordsError

NAME = "faceforensics"
OPTIONS = ("compression",)
FORGERIES = ("Deepfakes", "Face2Face", "FaceSwap", "NeuralTextures", "FaceShifter", "DeepFakeDetection")
_ACTORS_FORGERY = "DeepFakeDetection"
_SPLITS_AT = "https://github.com/ondyari/FaceForensics/tree/master/dataset/splits"


class _Name(NamedTuple):
    """What a file name says. `source` is empty for originals, `scene` for clips that are not of actors."""

    target: str
    source: str
    scene: str

    @property
    def original(self) -> str:
        """Stem of the clip whose frames these are."""
        return f"{self.target}__{self.scene}" if self.scene else self.target


_PATTERNS = {
    ("youtube", Label.REAL): re.compile(r"(?P<target>\d{3})"),
    ("youtube", Label.FAKE): re.compile(r"(?P<target>\d{3})_(?P<source>\d{3})"),
    ("actors", Label.REAL): re.compile(r"(?P<target>\d{2})__(?P<scene>.+)"),
    ("actors", Label.FAKE): re.compile(r"(?P<target>\d{2})_(?P<source>\d{2})__(?P<scene>.+)__[A-Z0-9]{8}"),
}


def find_clips(root: Path, compression: str = "c23") -> Found:
    """Lists the clips of one compression level, with source and mask where they are on disk.

    Raises:
        RecordsError: `root` is no FaceForensics++ tree, has nothing at this compression, or its split files are
            missing or unreadable.
    """
    root = Path(root).absolute()
    folders = _folders(root, compression)
    if not folders:
        raise RecordsError(_nothing_found(root, compression))
    splits = read_splits(root) if any(kind == "youtube" for kind, _, _ in folders) else {}
    clips, findings = [], []
    for kind, forgery, folder in folders:
        files = media_files(folder, VIDEO_SUFFIXES)
        if not files:
            findings.append(f"{folder.relative_to(root)}: no videos")
        skipped = {"unknown": [], "split": []}
        for path in files:
            name = _parse(path.stem, kind, Label.FAKE if forgery else Label.REAL)
            split = name and _split(name, kind, splits)
            if split:
                clips.append(_clip(root, path, name, kind, forgery, split, compression))
            else:
                skipped["split" if name else "unknown"].append(path.stem)
        findings += _skipped(folder.relative_to(root), kind, **skipped)
    findings += _lacks(root, clips, folders)
    return Found(sorted(clips, key=lambda clip: clip.video), findings)


def read_splits(root: Path) -> dict[str, str]:
    """Identity to split, from the official lists of pairs in `root` or `root`/splits.

    Raises:
        RecordsError: a list is missing or unreadable, or an identity stands in two of them.
    """
    split_of: dict[str, str] = {}
    for split in SPLITS:
        places = [root / f"{split}.json", root / "splits" / f"{split}.json"]
        path = next((place for place in places if place.is_file()), None)
        if path is None:
            raise RecordsError(f"{root}: no {split}.json, here or in splits/; get the three lists from {_SPLITS_AT}")
        try:
            identities = {
                str(identity) for target, source in json.loads(path.read_text()) for identity in (target, source)
            }
        except (OSError, ValueError, TypeError) as error:
            raise RecordsError(f'{path}: expected a list of pairs like ["071", "054"] ({error})') from error
        for identity in sorted(identities):
            if split_of.setdefault(identity, split) != split:
                raise RecordsError(f"{path}: identity {identity} is in {split_of[identity]}.json too; get them anew")
    return split_of


def _folders(root: Path, compression: str) -> list[tuple[str, str, Path]]:
    """(youtube or actors, forgery or "" for originals, folder of videos) of all that are there."""
    known = [(kind, "", root / "original_sequences" / kind) for kind in ("youtube", "actors")]
    for forgery in FORGERIES:
        kind = "actors" if forgery == _ACTORS_FORGERY else "youtube"
        known.append((kind, forgery, root / "manipulated_sequences" / forgery))
    there = [(kind, forgery, folder / compression / "videos") for kind, forgery, folder in known]
    return [entry for entry in there if entry[2].is_dir()]


def _nothing_found(root: Path, compression: str) -> str:
    present = sorted({path.parent.name for path in root.glob("*_sequences/*/*/videos")} & set(COMPRESSIONS))
    if present:
        return f"{root}: nothing at compression {compression}; there is {', '.join(present)}"
    return f"{root}: no original_sequences/ or manipulated_sequences/ with videos; give the folder that holds them"


def _parse(stem: str, kind: str, label: int) -> _Name | None:
    match = _PATTERNS[kind, label].fullmatch(stem)
    return match and _Name(**{"source": "", "scene": "", **match.groupdict()})


def _split(name: _Name, kind: str, splits: dict[str, str]) -> str | None:
    """The split that target and source share, or None."""
    identities = [name.target, name.source] if name.source else [name.target]
    if kind == "actors":
        found = {split_by_hash(_identity(identity, kind)) for identity in identities}
    else:
        found = {splits.get(identity) for identity in identities}
    return found.pop() if len(found) == 1 else None


def _identity(number: str, kind: str) -> str:
    return f"actor{number}" if kind == "actors" else number


def _clip(root: Path, path: Path, name: _Name, kind: str, forgery: str, split: str, compression: str) -> Clip:
    original = root / "original_sequences" / kind / compression / "videos" / f"{name.original}{path.suffix}"
    mask = root / "manipulated_sequences" / forgery / "masks" / "videos" / path.name
    return Clip(
        path=str(path),
        video=f"{forgery or kind}/{compression}/{path.stem}",
        label=Label.FAKE if forgery else Label.REAL,
        forgery=forgery,
        split=split,
        identity=_identity(name.target, kind),
        donor=_identity(name.source, kind) if forgery else "",
        source=f"{kind}/{compression}/{name.original}" if forgery else "",
        source_path=str(original) if forgery and original.is_file() else None,
        mask_path=str(mask) if forgery and mask.is_file() else None,
        compression=compression,
    )


def _skipped(folder: Path, kind: str, unknown: list[str], split: list[str]) -> list[str]:
    findings = []
    if unknown:
        findings.append(f"{folder}: left out, not named as in this data set: {some(unknown)}")
    if split:
        why = "joins actors of two splits" if kind == "actors" else "its pair is in no split file"
        findings.append(f"{folder}: left out, {why}: {some(split)}")
    return findings


def _lacks(root: Path, clips: list[Clip], folders: list[tuple[str, str, Path]]) -> list[str]:
    """What a user would want to know before training: forgeries and splits without clips, fakes without masks."""
    findings = []
    if not any(clip.label == Label.REAL for clip in clips):
        findings.append("original_sequences: no reals at this compression")
    present = {forgery for _, forgery, _ in folders}
    known = {*FORGERIES}
    strange = [path.name for path in sorted(root.glob("manipulated_sequences/*")) if path.name not in known]
    if strange:
        findings.append(f"manipulated_sequences: left out, no known forgery: {some(strange)}")
    for forgery in FORGERIES:
        fakes = [clip for clip in clips if clip.forgery == forgery]
        if forgery not in present:
            findings.append(f"manipulated_sequences/{forgery}: absent")
        bare = [clip for clip in fakes if not clip.mask_path and not clip.source_path]
        derived = [clip for clip in fakes if not clip.mask_path and clip.source_path]
        if derived:
            findings.append(
                f"{forgery}: no mask video, so masks from the difference to the source: {some(_stems(derived))}"
            )
        if bare:
            findings.append(f"{forgery}: neither mask video nor source on disk, so no masks: {some(_stems(bare))}")
    return findings


def _stems(clips: list[Clip]) -> list[str]:
    return [clip.video.rpartition("/")[2] for clip in clips]

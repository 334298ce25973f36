"""FaceForensics++ (Roessler et al., ICCV 2019), FaceShifter and DeepFakeDetection in its official layout.

    original_sequences/{youtube,actors}/<compression>/videos/*.mp4
    manipulated_sequences/<forgery>/<compression>/videos/*.mp4
    manipulated_sequences/<forgery>/masks/videos/*.mp4
    {train,val,test}.json, here or in splits/      pairs of identities, from the authors' repository

A fake `<target>_<source>` shows the target's frames; it is in the split of its pair, as are both originals. The clips
of actors (`<actor>__<scene>`, fakes `<target>_<source>__<scene>__<key>`) have no official split: actors are split by
hash, and fakes that join actors of two splits are left out.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from dfdetect_jax import files
from dfdetect_jax.config import COMPRESSIONS
from dfdetect_jax.data.example import SPLITS, Clip, Label
from dfdetect_jax.data.finding import Finding
from dfdetect_jax.data.trees import findings as about
from dfdetect_jax.data.trees.layout import media_files
from dfdetect_jax.data.trees.listing import Listing, join
from dfdetect_jax.data.trees.splits import split_by_hash
from dfdetect_jax.errors import RecordsError
from dfdetect_jax.media.file_format import VIDEO_SUFFIXES

NAME = "faceforensics"
OPTIONS = ("compression",)
FORGERIES = ("Deepfakes", "Face2Face", "FaceSwap", "NeuralTextures", "FaceShifter", "DeepFakeDetection")
_YOUTUBE, _ACTORS = "youtube", "actors"
_ACTORS_FORGERY = "DeepFakeDetection"
_SPLITS_AT = "https://github.com/ondyari/FaceForensics/tree/master/dataset/splits"


class _Name(NamedTuple):
    """The parts of a file name. `source` is empty for originals, `scene` for clips that are not of actors."""

    target: str
    source: str
    scene: str

    @property
    def original(self) -> str:
        """Stem of the clip whose frames these are."""
        return f"{self.target}__{self.scene}" if self.scene else self.target


class _Folder(NamedTuple):
    """A folder of videos: of YouTube or of actors, and of a forgery, "" for originals."""

    kind: str
    forgery: str
    path: Path


_PATTERNS = {
    (_YOUTUBE, Label.REAL): re.compile(r"(?P<target>\d{3})"),
    (_YOUTUBE, Label.FAKE): re.compile(r"(?P<target>\d{3})_(?P<source>\d{3})"),
    (_ACTORS, Label.REAL): re.compile(r"(?P<target>\d{2})__(?P<scene>.+)"),
    (_ACTORS, Label.FAKE): re.compile(r"(?P<target>\d{2})_(?P<source>\d{2})__(?P<scene>.+)__[A-Z0-9]{8}"),
}


def find_clips(root: Path, compression: str = "c23") -> Listing:
    """Lists the clips of one compression level, with source and mask where they are on disk.

    Raises:
        RecordsError: `root` is no FaceForensics++ tree, has nothing at this compression, or its split files are
            missing or unreadable.
    """
    root = Path(root).absolute()
    folders = _folders(root, compression)
    if not folders:
        raise RecordsError(_nothing_found(root, compression))
    split_of = read_splits(root) if any(folder.kind == _YOUTUBE for folder in folders) else {}
    listing = join(_folder(root, folder, split_of, compression) for folder in folders)
    return Listing(listing.clips, [*listing.findings, *_tree_findings(root, listing.clips, folders)])


def read_splits(root: Path) -> dict[str, str]:
    """Identity to split, from the official lists of pairs in `root` or `root`/splits.

    Raises:
        RecordsError: a list is missing or unreadable, or an identity is in two of them.
    """
    split_of: dict[str, str] = {}
    for split in SPLITS:
        places = [root / f"{split}.json", root / "splits" / f"{split}.json"]
        path = next((place for place in places if place.is_file()), None)
        if path is None:
            raise RecordsError(f"{root}: no {split}.json, here or in splits/; get the three lists from {_SPLITS_AT}")
        try:
            pairs = files.read_json(path)
            identities = {str(identity) for target, source in pairs for identity in (target, source)}
        except (OSError, ValueError, TypeError) as error:
            raise RecordsError(
                f'{path}: expected a list of pairs like ["071", "054"] ({error}); download it again'
            ) from error
        for identity in sorted(identities):
            if split_of.setdefault(identity, split) != split:
                other = split_of[identity]
                raise RecordsError(f"{path}: identity {identity} is in {other}.json too; download the lists again")
    return split_of


def _folders(root: Path, compression: str) -> list[_Folder]:
    """All folders of videos that exist at this compression."""
    candidates = [_Folder(kind, "", root / "original_sequences" / kind) for kind in (_YOUTUBE, _ACTORS)]
    for forgery in FORGERIES:
        kind = _ACTORS if forgery == _ACTORS_FORGERY else _YOUTUBE
        candidates.append(_Folder(kind, forgery, root / "manipulated_sequences" / forgery))
    folders = [folder._replace(path=folder.path / compression / "videos") for folder in candidates]
    return [folder for folder in folders if folder.path.is_dir()]


def _nothing_found(root: Path, compression: str) -> str:
    present = sorted({path.parent.name for path in root.glob("*_sequences/*/*/videos")} & set(COMPRESSIONS))
    if present:
        return f"{root}: nothing at compression {compression}; it has {', '.join(present)}; give --compression"
    return f"{root}: no original_sequences/ or manipulated_sequences/ with videos; give the folder that holds them"


def _folder(root: Path, folder: _Folder, split_of: dict[str, str], compression: str) -> Listing:
    where = str(folder.path.relative_to(root))
    files = media_files(folder.path, VIDEO_SUFFIXES)
    findings = [] if files else [about.warning(f"{where}: no videos")]
    clips, misnamed, unsplit = [], [], []
    for path in files:
        name = _parse(path.stem, folder)
        split = _split(name, folder.kind, split_of) if name else None
        if name is None:
            misnamed.append(path.stem)
        elif split is None:
            unsplit.append(path.stem)
        else:
            clips.append(_clip(root, path, name, folder, split, compression))
    findings += about.warnings(where, about.MISNAMED, misnamed)
    if folder.kind == _ACTORS:
        return Listing(clips, findings + about.notes(where, "left out, joins actors of two splits", unsplit))
    return Listing(clips, findings + about.warnings(where, "left out, its pair is in no split file", unsplit))


def _parse(stem: str, folder: _Folder) -> _Name | None:
    match = _PATTERNS[folder.kind, Label.FAKE if folder.forgery else Label.REAL].fullmatch(stem)
    return _Name(**{"source": "", "scene": "", **match.groupdict()}) if match else None


def _split(name: _Name, kind: str, split_of: dict[str, str]) -> str | None:
    """The split that target and source share, or None."""
    numbers = [name.target, name.source] if name.source else [name.target]
    splits: set[str | None] = {split_of.get(number) for number in numbers}
    if kind == _ACTORS:
        splits = {split_by_hash(_identity(number, kind)) for number in numbers}
    return splits.pop() if len(splits) == 1 else None


def _identity(number: str, kind: str) -> str:
    return f"actor{number}" if kind == _ACTORS else number


def _clip(root: Path, path: Path, name: _Name, folder: _Folder, split: str, compression: str) -> Clip:
    kind, forgery = folder.kind, folder.forgery
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


def _tree_findings(root: Path, clips: Sequence[Clip], folders: Sequence[_Folder]) -> list[Finding]:
    """Findings about missing forgeries and masks, and about folders that are not read."""
    manipulated = "manipulated_sequences"
    findings = about.other_folders(root / manipulated, FORGERIES)
    present = {folder.forgery for folder in folders}
    findings += [about.note(f"{manipulated}/{forgery}: absent") for forgery in FORGERIES if forgery not in present]
    findings += about.other_folders(root, ("original_sequences", manipulated, "splits"))
    for forgery in FORGERIES:
        derived = [c.video for c in clips if c.forgery == forgery and c.source_path and not c.mask_path]
        findings += about.notes(forgery, "no mask video, so masks are the difference to the source", derived)
    return findings + about.fakes_without_mask(clips)

"""The lists of DeepfakeBench (Yan et al., NeurIPS 2023), whose pictures of faces are read where they lie.

    {DATASET: {LABEL: {"train"|"val"|"test": {VIDEO: {"label": LABEL, "frames": [...], "masks": [...]}}}}}

In the FaceForensics++ family a compression level stands between split and videos. Paths may hold backslashes, start
with a folder of the machine that wrote them, or with "./datasets/rgb/": leading folders that do not exist below `root`
are dropped. Frames are put in the order of the numbers in their names. A mask belongs to the frame of the same file
name; a fake's frame without one has an unknown mask, not an empty one. Where validation repeats the test videos, it is
left out, and made anew from training people.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from dfdetect_jax import files
from dfdetect_jax.config import BENCHMARK, COMPRESSIONS
from dfdetect_jax.data.catalog.folder import identity_of
from dfdetect_jax.data.example import SPLITS, Clip, Label
from dfdetect_jax.data.finding import Finding, name_list
from dfdetect_jax.data.trees import findings as about
from dfdetect_jax.data.trees.layout import in_frame_order
from dfdetect_jax.data.trees.listing import Listing, by_name
from dfdetect_jax.data.trees.splits import with_validation
from dfdetect_jax.errors import RecordsError

LARGEST_LIST = 2**30  # bytes; of FaceForensics++ it has 90 MB
NAME = BENCHMARK
OPTIONS = ("json", "compression")
FORGERY_OF = {
    "FF-DF": "Deepfakes",
    "FF-F2F": "Face2Face",
    "FF-FS": "FaceSwap",
    "FF-NT": "NeuralTextures",
    "FF-FH": "FaceShifter",
    "DFD_fake": "DeepFakeDetection",
    "CelebDFv1_fake": "Celeb-synthesis",
    "CelebDFv2_fake": "Celeb-synthesis",
    "DFDCP_FakeA": "method_A",
    "DFDCP_FakeB": "method_B",
    "DFDC_Fake": "DFDC",
    "DF_fake": "DeeperForensics",
    "UADFV_Fake": "UADFV",
}
"""Forgery of each of the benchmark's labels for fakes; that of another label is the label itself."""
# Target, donor and, of Celeb-DF and DFD, the scene that both versions of a clip share.
_SWAP = re.compile(r"(?P<target>id\d+|\d{2,})_(?P<donor>id\d+|\d{2,})(?P<scene>_.+?)?(__[A-Z0-9]{8})?")
_PROBES = 50  # listed pictures that are looked for below `root` before the search is given up


class _Entry(NamedTuple):
    """One video of the list."""

    dataset: str
    label: str
    split: str
    compression: str
    video: str
    frames: list[str]
    masks: list[str]

    @property
    def name(self) -> str:
        """Unique among all entries of one split."""
        return "/".join(part for part in (self.dataset, self.label, self.compression, self.video) if part)


def find_clips(root: Path, json: str, compression: str = "c23") -> Listing:
    """Lists the videos of a JSON file, with their frames' pictures below `root`.

    Raises:
        RecordsError: the file is missing or not of this form; or none of its first pictures is below `root`.
    """
    root = Path(root).absolute()
    if not json:
        raise RecordsError(f"{NAME}: expected the benchmark's list of videos, found none; give --json FILE")
    if not root.is_dir():
        raise RecordsError(f"{root}: no such folder; expected the one that the paths in {json} start from")
    entries = _read(Path(json).expanduser(), compression)
    starts = {dataset: _first_part(root, dataset, entries) for dataset in {entry.dataset for entry in entries}}
    reals = {(entry.dataset, entry.video): entry.name for entry in entries if _is_real(entry.label)}
    clips = [_clip(root, entry, starts[entry.dataset], reals) for entry in entries if entry.frames]
    listing = _without_repeats(clips)
    return Listing(by_name(listing.clips), _entry_findings(entries) + listing.findings)


def _read(path: Path, compression: str) -> list[_Entry]:
    try:
        datasets = files.read_json(path, LARGEST_LIST)
        levels = [
            (dataset, label, split, videos)
            for dataset, labels in datasets.items()
            for label, splits in labels.items()
            for split, videos in splits.items()
        ]
        entries = [entry for level in levels for entry in _entries(*level, compression)]
    except FileNotFoundError:
        raise RecordsError(f"{path}: no such file; expected DeepfakeBench's JSON list of videos") from None
    except (OSError, ValueError, TypeError, AttributeError, KeyError) as error:
        expected = "DeepfakeBench's form, {DATASET: {LABEL: {split: {video: {frames: [...]}}}}}"
        raise RecordsError(f"{path}: expected {expected}, found another ({error!r}); give such a list") from error
    if not entries:
        present = sorted({key for *_, videos in levels for key in videos} & set(COMPRESSIONS))
        raise RecordsError(
            f"{path}: no videos at compression {compression}; it has {', '.join(present) or 'none'}; give --compression"
        )
    return entries


def _entries(dataset: str, label: str, split: str, videos: dict[str, Any], compression: str) -> Iterator[_Entry]:
    """The videos of one split, at `compression` where there are several levels."""
    if split not in SPLITS:
        raise KeyError(f"split {split!r}")
    by_level = bool(videos) and set(videos) <= set(COMPRESSIONS)
    for video, values in (videos.get(compression, {}) if by_level else videos).items():
        frames, masks = (list(dict.fromkeys(values.get(key) or [])) for key in ("frames", "masks"))
        if not all(isinstance(path, str) and _parts(path) and "\0" not in path for path in (*frames, *masks)):
            raise ValueError(f"{video} lists what is no path")
        if values.get("label", label) != label:
            raise ValueError(f"{video} is listed under {label} but labelled {values['label']}")
        yield _Entry(dataset, label, split, compression if by_level else "", video, frames, masks)


def _entry_findings(entries: Sequence[_Entry]) -> list[Finding]:
    labels = {entry.label for entry in entries}
    unknown = sorted(label for label in labels if label not in FORGERY_OF and not _is_real(label))
    unmasked = sorted(e.name for e in entries if not _is_real(e.label) and len(e.masks) < len(e.frames))
    empty = sorted({entry.name for entry in entries if not entry.frames})
    findings = about.warnings("labels", "not the benchmark's, so taken for fakes", unknown)
    if not any(_is_real(label) for label in labels):
        words = 'no label ends with "real", so there are no reals'
        findings.append(about.note(words))
    findings += about.notes("masks", "fakes with frames that have no mask in the list", unmasked)
    return findings + about.warnings("frames", "left out, listed without any", empty)


def _is_real(label: str) -> bool:
    return label.lower().endswith("real")


def _parts(path: str) -> tuple[str, ...]:
    return tuple(part for part in PurePosixPath(path.replace("\\", "/")).parts if part not in ("/", ".."))


def _first_part(root: Path, dataset: str, entries: Sequence[_Entry]) -> int:
    """How many leading folders of a data set's paths do not exist below `root`.

    Raises:
        RecordsError: whatever is dropped, none of the first listed pictures is there.
    """
    pictures = [entry.frames[0] for entry in entries if entry.dataset == dataset and entry.frames][:_PROBES]
    for path in pictures:
        parts = _parts(path)
        for start in range(len(parts) - 1):
            if root.joinpath(*parts[start:]).is_file():
                return start
    if pictures:
        raise RecordsError(
            f"{root}: {dataset}: expected the listed pictures below it, such as {pictures[0]}, "
            "found none; give the folder that the list's paths start from"
        )
    return 0


def _clip(root: Path, entry: _Entry, start: int, reals: dict[tuple[str, str], str]) -> Clip:
    frames = in_frame_order(str(root.joinpath(*_parts(path)[start:])) for path in entry.frames)
    mask_of = {_parts(path)[-1].rpartition(".")[0]: path for path in entry.masks}
    masks = [mask_of.get(Path(frame).stem, "") for frame in frames]
    fake = not _is_real(entry.label)
    swap = _SWAP.fullmatch(entry.video) if fake else None
    return Clip(
        path=str(Path(frames[0]).parent),
        video=entry.name,
        label=Label.FAKE if fake else Label.REAL,
        forgery=FORGERY_OF.get(entry.label, entry.label) if fake else "",
        split=entry.split,
        identity=f"{entry.dataset}/{swap['target'] if swap else identity_of(entry.video)}",
        donor=f"{entry.dataset}/{swap['donor']}" if swap else "",
        source=reals.get((entry.dataset, f"{swap['target']}{swap['scene'] or ''}"), "") if swap else "",
        compression=entry.compression,
        frames=frames,
        masks=tuple(str(root.joinpath(*_parts(path)[start:])) if path else "" for path in masks) if fake else (),
    )


def _without_repeats(clips: list[Clip]) -> Listing:
    """Leaves out validation clips that repeat test clips; if none are left, takes validation out of training."""
    tests = {clip.video for clip in clips if clip.split == "test"}
    repeats = [clip.video for clip in clips if clip.split == "val" and clip.video in tests]
    if not repeats:
        return Listing(clips, [])
    findings = [about.note(f"val: left out, repeats test: {name_list(repeats)}")]
    clips = [clip for clip in clips if clip.split != "val" or clip.video not in tests]
    if any(clip.split == "val" for clip in clips):
        return Listing(clips, findings)
    return Listing(with_validation(clips), [*findings, about.note("val: made from training people, by hash")])

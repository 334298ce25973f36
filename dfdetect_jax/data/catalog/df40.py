"""DF40 (Yan et al., NeurIPS 2024): forty forgeries, most applied to FaceForensics++ (ff) and to Celeb-DF (cdf).

    <forgery>/ff/...             fakes from FaceForensics++
    <forgery>/cdf/...            fakes from Celeb-DF
    <forgery>/{fake,real}/...    fakes from elsewhere, with their reals: the forgeries that DF40 calls unknown
    real/..., or `--reals`       frames of the reals of FaceForensics++ and Celeb-DF, which are downloaded separately
    {train,val,test}.json        FaceForensics++'s pairs, here or in splits/

Case does not matter in these names. Each "..." is, with or without a folder frames/ before it: a folder of pictures per
clip, videos, or single pictures.

Names are read as their sources write them: "000_003" and "000" (FaceForensics++), "id0_id1_0000", "id0_0000" and
"00170" (Celeb-DF); elsewhere each name counts as a person. By DF40's protocols one trains on ff, by FaceForensics++'s
pairs, and tests on everything else; without the three lists ff is split by hash. Unknown are: which of a name's two
people a fake shows (the first is taken; either way both are in one split), how forgeries of entire faces name their
pictures, and whether the reals of two unknown forgeries are the same pictures.
"""

import dataclasses
import re
from pathlib import Path
from typing import NamedTuple

from dfdetect_jax.data.catalog.faceforensics import read_splits
from dfdetect_jax.data.example import SPLITS, Clip, Label
from dfdetect_jax.data.finding import Finding
from dfdetect_jax.data.trees import classes
from dfdetect_jax.data.trees import findings as about
from dfdetect_jax.data.trees.layout import Medium, folders_in, media_in, open_root
from dfdetect_jax.data.trees.listing import Listing, join
from dfdetect_jax.data.trees.splits import split_by_hash, split_by_identity
from dfdetect_jax.errors import RecordsError
from dfdetect_jax.media.file_format import MEDIA_SUFFIXES

NAME = "df40"
OPTIONS = ("reals",)
_FF, _CDF, _FAKE, _REAL = "ff", "cdf", "fake", "real"
_DOMAINS = (_FF, _CDF, _FAKE, _REAL)
_NAMES = {
    _FF: re.compile(r"(?P<target>\d{3})(?:_(?P<donor>\d{3}))?"),
    _CDF: re.compile(r"(?P<target>id\d+)(?:_(?P<donor>id\d+))?_(?P<scene>\d{4})|(?P<clip>\d{5})"),
}


class _Name(NamedTuple):
    """The parts of a clip's name: `domain` is that of its source, `original` the name there of the clip it shows."""

    domain: str
    identity: str
    donor: str = ""
    original: str = ""


def find_clips(root: Path, reals: str = "") -> Listing:
    """Lists the clips of all forgeries, and the reals.

    Args:
        root: the folder of the forgeries' folders.
        reals: folder of the reals of FaceForensics++ and Celeb-DF; "" for `real/` of `root`.

    Raises:
        RecordsError: no forgery's folder with `ff/`, `cdf/` or `fake/`, or `reals` or a split list is unreadable.
    """
    root = open_root(root, "<forgery>/{ff,cdf}/ or <forgery>/{fake,real}/")
    home = Path(reals).absolute() if reals else classes.folder_named(root, [_REAL]) or root / _REAL
    originals = {entry.name: entry for entry in _entries(home)}
    if reals and not originals:
        raise RecordsError(
            f"--reals {reals}: expected folders of frames, such as 000/, or videos, found none; give their parent"
        )
    real_clips = Listing([_real(entry, home) for entry in originals.values()], _other_content(home, home.name))
    folders = (path for path in folders_in(root) if path not in (home, root / "splits"))
    listing = join([real_clips, *(_forgery(folder, originals) for folder in folders)])
    if not any(clip.label == Label.FAKE for clip in listing.clips):
        raise RecordsError(f"{root}: no clips in <forgery>/ff/, cdf/ or fake/; give the folder of the forgeries")
    clips, repeated = about.first_of_each_name(listing.clips)
    split = _split_ff(root, clips)
    findings = [*listing.findings, *repeated, *split.findings]
    findings += about.fakes_without_mask(split.clips)
    return Listing(split.clips, findings)


def _entries(folder: Path) -> list[Medium]:
    frames = folder / "frames"
    return media_in(frames if frames.is_dir() else folder) if folder.is_dir() else []


def _other_content(folder: Path, where: str) -> list[Finding]:
    """Findings about folders beside frames/, or without pictures, and files that are not read."""
    if not folder.is_dir():
        return []
    if (folder / "frames").is_dir():
        return about.other_folders(folder, ["frames"], where)
    clips = [entry.path.name for entry in media_in(folder)]
    return about.other_folders(folder, clips, where) + about.other_files(folder, MEDIA_SUFFIXES, where)


def _parse(name: str, domain: str) -> _Name:
    """Reads a name by its domain; with domain "" by the first of the two that it matches."""
    for candidate in (domain,) if domain else (_FF, _CDF):
        match = _NAMES[candidate].fullmatch(name) if candidate in _NAMES else None
        if match:
            parts = match.groupdict("")
            original = parts.get("clip") or "_".join(filter(None, (parts["target"], parts.get("scene"))))
            donor = f"{candidate}/{parts['donor']}" if parts["donor"] else ""
            return _Name(candidate, f"{candidate}/{parts['target'] or original}", donor, original)
    return _Name(domain, name)


def _forgery(folder: Path, originals: dict[str, Medium]) -> Listing:
    places = {domain: classes.folder_named(folder, [domain]) for domain in _DOMAINS}
    present = {domain: place for domain, place in places.items() if place}
    if not present:
        return Listing([], [about.note(f"{folder.name}: left out, it has none of {'/, '.join(_DOMAINS)}/")])
    other = Listing([], about.other_folders(folder, [place.name for place in present.values()]))
    return join([other, *(_domain(place, domain, originals) for domain, place in present.items())])


def _domain(folder: Path, domain: str, originals: dict[str, Medium]) -> Listing:
    where = f"{folder.parent.name}/{domain}"
    entries = [(entry, _parse(entry.name, domain)) for entry in _entries(folder)]
    clips = [_clip(entry, name, where, domain, originals) for entry, name in entries]
    findings = [] if entries else [about.warning(f"{where}: no clips")]
    unknown = [entry.name for entry, name in entries if domain in _NAMES and not name.original]
    findings += about.warnings(where, "not named as in its source, so each counts as its own person", unknown)
    return Listing(clips, findings + _other_content(folder, where))


def _clip(entry: Medium, name: _Name, where: str, domain: str, originals: dict[str, Medium]) -> Clip:
    fake = domain != _REAL
    original = originals.get(name.original) if fake else None
    return Clip(
        path=str(entry.path),
        video=f"{where}/{entry.name}",
        label=Label.FAKE if fake else Label.REAL,
        forgery=where.partition("/")[0] if fake else "",
        split="train" if domain == _FF else "test",
        identity=name.identity,
        donor=name.donor,
        source=f"{_REAL}/{name.original}" if fake and name.original else "",
        source_path=str(original.path) if original and not original.frames else None,
        frames=entry.frames,
    )


def _real(entry: Medium, home: Path) -> Clip:
    name = _parse(entry.name, "")
    clip = _clip(entry, name, _REAL, _REAL, {})
    return dataclasses.replace(clip, split="train" if name.domain == _FF else "test")


def _split_ff(root: Path, clips: list[Clip]) -> Listing:
    """Splits the clips from FaceForensics++, until here all in training, by its official lists or else by hash."""
    ff = [clip for clip in clips if clip.split == "train"]
    others = Listing([clip for clip in clips if clip.split != "train"], [])
    lists = [folder / f"{split}.json" for folder in (root, root / "splits") for split in SPLITS]
    if any(path.is_file() for path in lists):
        return join([others, _split_by_lists(root, ff)])
    words = "ff: no train.json, val.json and test.json of FaceForensics++, so split by hash"
    return join([others, Listing([], [about.warning(words)] if ff else []), split_by_identity(ff)])


def _split_by_lists(root: Path, clips: list[Clip]) -> Listing:
    split_of = {f"{_FF}/{number}": split for number, split in read_splits(root).items()}
    members, unlisted = [], []
    for clip in clips:
        splits = {_official_split(person, split_of) for person in clip.people}
        split = splits.pop() if len(splits) == 1 else None
        if split:
            members.append(dataclasses.replace(clip, split=split))
        else:
            unlisted.append(clip.video)
    return Listing(members, about.warnings(_FF, "left out, its people are not in one of the split lists", unlisted))


def _official_split(person: str, split_of: dict[str, str]) -> str | None:
    """The split of a person by the lists, or by hash where the name is not one of FaceForensics++."""
    return split_of.get(person) if person.startswith(f"{_FF}/") else split_by_hash(person)

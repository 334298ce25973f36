"""DF40 (Yan et al., NeurIPS 2024): forty forgeries, most applied to FaceForensics++ (ff) and to Celeb-DF (cdf).

    <forgery>/ff/...             fakes from FaceForensics++
    <forgery>/cdf/...            fakes from Celeb-DF
    <forgery>/{fake,real}/...    fakes from elsewhere, with their reals: the forgeries that DF40 calls unknown
    real/..., or `--reals`      frames of the reals of FaceForensics++ and Celeb-DF, which come apart
    {train,val,test}.json       FaceForensics++'s pairs, here or in splits/

Each "..." is, with or without a folder frames/ before it: a folder of pictures per clip, videos, or single pictures.

Names are read as their sources give them: "000_003" and "000" (FaceForensics++), "id0_id1_0000", "id0_0000" and "00170"
(Celeb-DF); elsewhere the whole name is a person. By DF40's protocols one trains on ff, by FaceForensics++'s pairs, and
tests on all else; without the three lists ff is split by hash. What is not known: which of a name's two people a fake
shows (the first is taken; either way both stay in one split), how entire-face forgeries name what they draw, and
whether reals of two unknown forgeries are the same pictures.
"""

import dataclasses
import re
from pathlib import Path
from typing import NamedTuple

from dfdetect_jax.data.catalog import tree
from dfdetect_jax.data.catalog.faceforensics import read_splits
from dfdetect_jax.data.catalog.listing import Found
from dfdetect_jax.data.catalog.splits import split_by_hash, split_by_identity
from dfdetect_jax.data.example import SPLITS, Clip, Label
from dfdetect_jax.errors import RecordsError

NAME = "df40"
OPTIONS = ("reals",)
_FF, _CDF, _FAKE, _REAL = "ff", "cdf", "fake", "real"
_DOMAINS = (_FF, _CDF, _FAKE, _REAL)
_NAMES = {
    _FF: re.compile(r"(?P<target>\d{3})(?:_(?P<donor>\d{3}))?"),
    _CDF: re.compile(r"(?P<target>id\d+)(?:_(?P<donor>id\d+))?_(?P<scene>\d{4})|(?P<clip>\d{5})"),
}


class _Name(NamedTuple):
    """What a clip's name says: `domain` is that of its source, `original` the name there of the clip it shows."""

    domain: str
    identity: str
    donor: str = ""
    original: str = ""


def find_clips(root: Path, reals: str = "") -> Found:
    """Lists the clips of all forgeries, and the reals.

    Args:
        root: the folder of the forgeries' folders.
        reals: folder of the reals of FaceForensics++ and Celeb-DF; `real/` of `root` where not given.

    Raises:
        RecordsError: no forgery's folder with `ff/`, `cdf/` or `fake/`, or `reals` or a split list is unreadable.
    """
    root = tree.opened(root, "<forgery>/{ff,cdf}/ or <forgery>/{fake,real}/")
    home = Path(reals).absolute() if reals else root / _REAL
    originals = {entry.name: entry for entry in _entries(home)}
    if reals and not originals:
        raise RecordsError(f"--reals {reals}: expected folders of frames, such as 000/, or videos; found none in it")
    clips = [_real(entry, home) for entry in originals.values()]
    findings = _strange(home, home.name)
    for forgery in (path for path in tree.folders_in(root) if path not in (home, root / "splits")):
        found = _forgery(forgery, originals)
        clips += found.clips
        findings += found.findings
    if not any(clip.label == Label.FAKE for clip in clips):
        raise RecordsError(
            f"{root}: no <forgery>/ff/, cdf/ or fake/ with clips; give the folder of the forgeries' folders"
        )
    clips, doubled = tree.first_of_each(clips)
    found = _split_ff(root, clips)
    findings += [*doubled, *found.findings, *tree.lacking(found.clips)]
    return Found(sorted(found.clips, key=lambda clip: clip.video), findings)


def _entries(folder: Path) -> list[tree.Medium]:
    frames = folder / "frames"
    return tree.media_in(frames if frames.is_dir() else folder) if folder.is_dir() else []


def _strange(folder: Path, where: str) -> list[str]:
    """Folders beside frames/, or without pictures, and files that are not read."""
    if not folder.is_dir():
        return []
    if (folder / "frames").is_dir():
        return tree.other_folders(folder, ["frames"], where)
    read = [entry.path.name for entry in tree.media_in(folder)]
    return tree.other_folders(folder, read, where) + tree.other_files(folder, tree.MEDIA_SUFFIXES, where)


def _parse(name: str, domain: str) -> _Name:
    """Reads a name by its domain; with domain "" by whichever of the two it looks like."""
    for known in (domain,) if domain else (_FF, _CDF):
        match = _NAMES[known].fullmatch(name) if known in _NAMES else None
        if match:
            parts = match.groupdict("")
            original = parts.get("clip") or "_".join(filter(None, (parts["target"], parts.get("scene"))))
            donor = f"{known}/{parts['donor']}" if parts["donor"] else ""
            return _Name(known, f"{known}/{parts['target'] or original}", donor, original)
    return _Name(domain, name)


def _forgery(folder: Path, originals: dict[str, tree.Medium]) -> Found:
    if not any((folder / domain).is_dir() for domain in _DOMAINS):
        return Found([], [f"{folder.name}: left out, it has none of {'/, '.join(_DOMAINS)}/"])
    clips, findings = [], tree.other_folders(folder, _DOMAINS)
    for domain in _DOMAINS:
        entries = _entries(folder / domain)
        named = [(entry, _parse(entry.name, domain)) for entry in entries]
        clips += [_clip(entry, name, f"{folder.name}/{domain}", domain, originals) for entry, name in named]
        where = f"{folder.name}/{domain}"
        if (folder / domain).is_dir() and not entries:
            findings.append(f"{where}: no clips")
        unknown = [entry.name for entry, name in named if domain in _NAMES and not name.original]
        findings += tree.told(where, "not named as its source names clips, so each is a person of its own", unknown)
        findings += _strange(folder / domain, where)
    return Found(clips, findings)


def _clip(entry: tree.Medium, name: _Name, where: str, domain: str, originals: dict[str, tree.Medium]) -> Clip:
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


def _real(entry: tree.Medium, home: Path) -> Clip:
    name = _parse(entry.name, "")
    clip = _clip(entry, name, _REAL, _REAL, {})
    return dataclasses.replace(clip, split="train" if name.domain == _FF else "test")


def _split_ff(root: Path, clips: list[Clip]) -> Found:
    """Gives the clips from FaceForensics++, so far all in training, its official splits, or such by hash."""
    rest = [clip for clip in clips if clip.split != "train"]
    ours = [clip for clip in clips if clip.split == "train"]
    places = [folder / f"{split}.json" for folder in (root, root / "splits") for split in SPLITS]
    if not any(place.is_file() for place in places):
        found = split_by_identity(ours)
        told = ["ff: no train.json, val.json and test.json of FaceForensics++, so split by hash"] if ours else []
        return Found(rest + found.clips, told + found.findings)
    split_of = {f"ff/{number}": split for number, split in read_splits(root).items()}
    kept, unlisted = [], []
    for clip in ours:
        splits = {_official(name, split_of) for name in (clip.identity, clip.donor) if name}
        split = splits.pop() if len(splits) == 1 else None
        if split:
            kept.append(dataclasses.replace(clip, split=split))
        else:
            unlisted.append(clip.video)
    return Found(rest + kept, tree.left_out("ff", "its people are in no one split file", unlisted))


def _official(person: str, split_of: dict[str, str]) -> str | None:
    """The split of a person by the lists, or by hash where the name is not one of FaceForensics++'s."""
    return split_of.get(person) if person.startswith(f"{_FF}/") else split_by_hash(person)

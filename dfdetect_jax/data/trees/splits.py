"""Splits that no person, source or video crosses."""

import dataclasses
import hashlib
from collections.abc import Sequence

from dfdetect_jax.data.example import SPLITS, Clip
from dfdetect_jax.data.finding import Finding, name_list
from dfdetect_jax.data.trees.findings import note, notes, warning
from dfdetect_jax.data.trees.listing import Listing, by_name

_NEEDED = {"train": ", so nothing can be trained", "val": ", so nothing can be trained", "test": ""}
_PERCENT = {"train": 80, "val": 10, "test": 10}  # of identities, where a data set ships no split


def split_by_hash(identity: str) -> str:
    """Split of an identity where the data set ships none: 80% train, 10% val, 10% test, by SHA-256 of its name."""
    place = int.from_bytes(hashlib.sha256(identity.encode(errors="surrogateescape")).digest()[:8]) % 100
    for split in SPLITS:
        place -= _PERCENT[split]
        if place < 0:
            return split
    raise AssertionError("percentages sum to 100")


def split_by_identity(clips: Sequence[Clip]) -> Listing:
    """Gives each clip the split that `split_by_hash` gives its identity and its donor.

    Fakes that join people of two splits belong to neither and are left out.
    """
    members, crossing = [], []
    for clip in clips:
        splits = {split_by_hash(person) for person in clip.people}
        if len(splits) == 1:
            members.append(dataclasses.replace(clip, split=splits.pop()))
        else:
            crossing.append(clip.video)
    words = f"left out, joins people of two splits: {name_list(crossing)}"
    return Listing(members, [note(words)] if crossing else [])


def with_validation(clips: Sequence[Clip]) -> list[Clip]:
    """Takes validation clips out of the training ones, for data sets that ship none.

    One in ten training identities, by hash, and the clips that show only them. Fakes that join one of them with another
    identity stay in training, where `keep_apart` finds them. Clips of the other splits stay as they are.
    """

    def in_validation(clip: Clip) -> bool:
        by_hash = (split_by_hash(f"validation of {person}") for person in clip.people)
        return clip.split == "train" and all(split == "val" for split in by_hash)

    return [dataclasses.replace(clip, split="val") if in_validation(clip) else clip for clip in clips]


def keep_apart(clips: Sequence[Clip]) -> Listing:
    """Drops clips until splits share no identity, donor, source or video; the test split stays whole.

    If a person or source appears in the test split and another, the other clips are dropped; likewise in validation
    and training.
    """
    used: set[tuple[str, str]] = set()
    members, findings = [], []
    for split in reversed(SPLITS):
        ours = [clip for clip in clips if clip.split == split]
        apart = [clip for clip in ours if not used & _traces(clip)]
        dropped = [clip.video for clip in ours if used & _traces(clip)]
        others = "test" if split == "val" else "validation or test"
        findings += notes(split, f"left out, shares a person or a source with {others}", dropped)
        used |= {trace for clip in apart for trace in _traces(clip)}
        members += apart
    return Listing(by_name(members), findings)


def _traces(clip: Clip) -> set[tuple[str, str]]:
    """What may be in one split only."""
    people = {("person", person) for person in clip.people}
    return people | {("clip", name) for name in (clip.video, clip.source) if name}


def empty_splits(clips: Sequence[Clip], before: Sequence[Clip]) -> list[Finding]:
    """Findings about splits without clips.

    Args:
        clips: that are left after `keep_apart`.
        before: all clips; a split that had some is a warning, one that had none a note.
    """
    findings = []
    for split in SPLITS:
        if any(clip.split == split for clip in clips):
            continue
        if any(clip.split == split for clip in before):
            findings.append(warning(f"{split}: no clips, since each shares a person or a source with another split"))
        else:
            findings.append(note(f"{split}: no clips{_NEEDED[split]}"))
    return findings

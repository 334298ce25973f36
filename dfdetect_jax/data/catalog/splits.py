"""Splits that no person, source or video crosses."""

import dataclasses
import hashlib
from collections.abc import Sequence

from dfdetect_jax.data.catalog.listing import Found, some
from dfdetect_jax.data.example import SPLITS, Clip

_SHARES = {"train": 80, "val": 10, "test": 10}  # per cent of identities where a data set ships no split


def split_by_hash(identity: str) -> str:
    """Split of an identity where the data set ships none: 80% train, 10% val, 10% test, by SHA-256 of its name."""
    place = int.from_bytes(hashlib.sha256(identity.encode()).digest()[:8]) % 100
    for split in SPLITS:
        place -= _SHARES[split]
        if place < 0:
            return split
    raise AssertionError("shares sum to 100")


def split_by_identity(clips: Sequence[Clip]) -> Found:
    """Gives each clip the split that `split_by_hash` gives its identity and its donor.

    Fakes that join people of two splits belong to neither and are left out.
    """
    kept, left_out = [], []
    for clip in clips:
        splits = {split_by_hash(name) for name in (clip.identity, clip.donor) if name}
        if len(splits) == 1:
            kept.append(dataclasses.replace(clip, split=splits.pop()))
        else:
            left_out.append(clip.video)
    return Found(kept, [f"left out, joins people of two splits: {some(left_out)}"] if left_out else [])


def with_validation(clips: Sequence[Clip]) -> list[Clip]:
    """Takes validation clips out of the training ones, for data sets that ship none.

    One in ten training identities, by hash, and the clips that show only them. Fakes that join one of them with another
    identity stay in training, where `keep_apart` finds them. Clips of the other splits stay as they are.
    """

    def held_out(clip: Clip) -> bool:
        people = [name for name in (clip.identity, clip.donor) if name]
        return clip.split == "train" and all(split_by_hash(f"validation of {name}") == "val" for name in people)

    return [dataclasses.replace(clip, split="val") if held_out(clip) else clip for clip in clips]


def keep_apart(clips: Sequence[Clip]) -> Found:
    """Leaves out clips until splits share no identity, donor, source or video; what people publish on stays whole.

    Test clips all stay. Of validation those go that share something with test, then of training those that share
    something with either.
    """
    taken: set[tuple[str, str]] = set()
    kept, findings = [], []
    for split in reversed(SPLITS):
        there = [clip for clip in clips if clip.split == split]
        apart = [clip for clip in there if not taken & _traces(clip)]
        if len(apart) < len(there):
            left_out = [clip.video for clip in there if taken & _traces(clip)]
            others = "test" if split == "val" else "validation or test"
            findings.append(f"{split}: left out, shares a person or a source with {others}: {some(left_out)}")
        taken |= {trace for clip in apart for trace in _traces(clip)}
        kept += apart
    return Found(sorted(kept, key=lambda clip: clip.video), findings)


def _traces(clip: Clip) -> set[tuple[str, str]]:
    """What must not be met in two splits."""
    people = {("person", name) for name in (clip.identity, clip.donor) if name}
    return people | {("clip", name) for name in (clip.video, clip.source) if name}


def lacking_splits(clips: Sequence[Clip]) -> list[str]:
    """A finding per split without clips, for `Found`."""
    return [f"{split}: no clips" for split in SPLITS if not any(clip.split == split for clip in clips)]

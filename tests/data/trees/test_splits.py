"""Splits that no person and no clip crosses."""

import dataclasses
import itertools

from dfdetect_jax.data.example import Clip, Label
from dfdetect_jax.data.trees.splits import empty_splits, keep_apart, split_by_hash, split_by_identity, with_validation
from tests.data.finding_lines import lines


def real(name, split="train"):
    return Clip(path=f"/{name}", video=name, label=Label.REAL, forgery="", split=split, identity=name)


def swap(target, donor, split="train"):
    video = f"{target}_{donor}"
    fields = {"identity": target, "donor": donor, "source": target}
    return Clip(path=f"/{video}", video=video, label=Label.FAKE, forgery="swap", split=split, **fields)


def splits(listing):
    return {clip.video: clip.split for clip in listing.clips}


def test_shares_of_the_splits_by_hash_are_eight_one_and_one_tenth():
    hashed = [split_by_hash(f"person {i}") for i in range(5000)]
    assert [round(hashed.count(split) / 5000, 1) for split in ("train", "val", "test")] == [0.8, 0.1, 0.1]


def test_a_test_set_stays_whole_and_others_lose_what_they_share_with_it():
    listing = keep_apart(
        [real("a", "test"), swap("b", "c", "test"), real("c"), real("d"), swap("d", "a"), real("b", "val")]
    )
    assert splits(listing) == {"a": "test", "b_c": "test", "d": "train"}
    assert lines(listing.findings) == [
        "note: val: left out, shares a person or a source with test: b (1)",
        "note: train: left out, shares a person or a source with validation or test: c, d_a (2)",
    ]


def test_a_source_clip_does_not_cross_splits_either():
    fake = dataclasses.replace(swap("x", ""), identity="unknown", source="a")
    assert splits(keep_apart([real("a", "test"), fake])) == {"a": "test"}


def test_clips_that_share_nothing_are_left_as_they_are():
    clips = [real("a"), real("b", "val"), real("c", "test")]
    assert keep_apart(clips).clips == clips
    assert keep_apart(clips).findings == []


def test_splitting_by_identity_follows_target_and_donor():
    people = [f"p{i}" for i in range(60)]
    clips = [real(name) for name in people] + [swap(a, b) for a in people[:20] for b in people[20:40]]
    listing = split_by_identity(clips)
    assert keep_apart(listing.clips).findings == []
    assert {clip.split for clip in listing.clips if clip.donor} == {"train", "val", "test"}
    joined = sum(split_by_hash(a) != split_by_hash(b) for a in people[:20] for b in people[20:40])
    assert len(listing.clips) == 60 + 400 - joined
    (finding,) = lines(listing.findings)
    assert finding.startswith("note: left out, joins people of two splits: ")
    assert finding.endswith(f"({joined})")


def test_validation_comes_out_of_training_and_leaves_test_alone():
    people = [f"p{i}" for i in range(200)]
    clips = [*map(real, people), *(swap(a, b) for a, b in itertools.pairwise(people)), real("t", "test")]
    listing = keep_apart(with_validation(clips))
    split_of = splits(listing)
    assert split_of["t"] == "test"
    held_out = {name for name in people if split_of[name] == "val"}
    assert 10 < len(held_out) < 40
    joined = [pair for pair in itertools.pairwise(people) if len(held_out & {*pair}) == 1]
    assert listing.findings[0].words.endswith(f"({len(joined)})")
    assert sum("_" in video for video in split_of) == len(people) - 1 - len(joined)


def test_an_empty_split_is_a_note_unless_all_of_its_clips_were_dropped():
    clips = [real("a", "test"), swap("b", "a")]
    apart = keep_apart(clips).clips
    assert lines(empty_splits(apart, clips)) == [
        "warning: train: no clips, since each shares a person or a source with another split",
        "note: val: no clips, so nothing can be trained",
    ]

"""What all catalogs promise together: splits that nobody crosses, and options that reach those who take them."""

import dataclasses
import itertools

from dfdetect_jax.data import catalog
from dfdetect_jax.data.catalog.splits import keep_apart, split_by_hash, split_by_identity, with_validation
from dfdetect_jax.data.example import Clip, Label


def real(name, split="train"):
    return Clip(path=f"/{name}", video=name, label=Label.REAL, forgery="", split=split, identity=name)


def swap(target, donor, split="train"):
    video = f"{target}_{donor}"
    fields = {"identity": target, "donor": donor, "source": target}
    return Clip(path=f"/{video}", video=video, label=Label.FAKE, forgery="swap", split=split, **fields)


def splits(found):
    return {clip.video: clip.split for clip in found.clips}


def test_shares_of_the_splits_by_hash_are_eight_one_and_one_tenth():
    drawn = [split_by_hash(f"person {i}") for i in range(5000)]
    assert [round(drawn.count(split) / 5000, 1) for split in ("train", "val", "test")] == [0.8, 0.1, 0.1]


def test_a_test_set_stays_whole_and_others_lose_what_they_share_with_it():
    found = keep_apart(
        [real("a", "test"), swap("b", "c", "test"), real("c"), real("d"), swap("d", "a"), real("b", "val")]
    )
    assert splits(found) == {"a": "test", "b_c": "test", "d": "train"}
    assert found.findings == [
        "val: left out, shares a person or a source with test: b (1)",
        "train: left out, shares a person or a source with validation or test: c, d_a (2)",
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
    found = split_by_identity(clips)
    assert keep_apart(found.clips).findings == []
    assert {clip.split for clip in found.clips if clip.donor} == {"train", "val", "test"}
    joined = sum(split_by_hash(a) != split_by_hash(b) for a in people[:20] for b in people[20:40])
    assert len(found.clips) == 60 + 400 - joined
    assert f"({joined})" in found.findings[0]


def test_validation_comes_out_of_training_and_leaves_test_alone():
    people = [f"p{i}" for i in range(200)]
    clips = [*map(real, people), *(swap(a, b) for a, b in itertools.pairwise(people)), real("t", "test")]
    found = keep_apart(with_validation(clips))
    there = splits(found)
    assert there["t"] == "test"
    held_out = {name for name in people if there[name] == "val"}
    assert 10 < len(held_out) < 40
    joined = [pair for pair in itertools.pairwise(people) if len(held_out & {*pair}) == 1]
    assert found.findings[0].endswith(f"({len(joined)})")
    assert sum("_" in video for video in there) == len(people) - 1 - len(joined)


def test_options_reach_the_catalogs_that_take_them():
    options = catalog.Options(compression="raw", json="x.json")
    assert catalog.options_of("faceforensics", options) == {"compression": "raw"}
    assert catalog.options_of("folder", options) == {}

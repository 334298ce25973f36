"""Prepared data sets joined into one."""

import dataclasses
import itertools
import json

import numpy as np
import pytest

from dfdetect_jax.config import CAESettings, override
from dfdetect_jax.data.pipeline import train_batches
from dfdetect_jax.data.prepare.joining import join
from dfdetect_jax.data.records import Records, read_manifest, verify
from dfdetect_jax.errors import RecordsError
from tests.data.drawn import SIZE, real_example
from tests.evaluation.fake_runs import drawn_records, person_example


def later_example(split, number):
    return person_example(split, 100 + number)


def only_reals(split, number):
    return dataclasses.replace(real_example(split, 200 + number), video=f"{split}/{number}")


def named_records(home, name, **options):
    """Drawn records, renamed."""
    folder = drawn_records(home, name, **options)
    values = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(values | {"name": name}))
    return folder


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def members(home):
    counts = {"train": 4, "val": 4, "test": 10}
    return [named_records(home, "first"), named_records(home, "second", example_of=later_example, **counts)]


def examples(folder, split):
    source = Records(folder, split)
    return [source[i] for i in range(len(source))]


@pytest.fixture(scope="module")
def joined(home, members):
    return join(members, home)


def test_every_example_keeps_its_picture_mask_and_split(joined, members):
    for split in ("train", "val", "test"):
        together = {example["image"].tobytes(): example for example in examples(joined, split)}
        for member in members:
            for example in examples(member, split):
                same = together[example["image"].tobytes()]
                assert same["label"] == example["label"]
                np.testing.assert_array_equal(same["mask"], example["mask"])


def test_clips_of_the_same_name_stay_two(joined, members):
    videos = [{example["video"] for example in examples(folder, "test")} for folder in (joined, *members)]
    assert videos[0] == {f"first/{video}" for video in videos[1]} | {f"second/{video}" for video in videos[2]}


def test_the_joined_records_are_whole_and_named_after_their_data_sets(joined, members):
    manifest = read_manifest(joined)
    assert verify(joined) == []
    assert manifest.name == "first_and_second"
    assert manifest.crop == read_manifest(members[0]).crop
    assert manifest.examples("all") == sum(read_manifest(member).examples("all") for member in members)


def test_a_second_call_does_nothing_until_a_data_set_changes(joined, home, members):
    before = (joined / "manifest.json").stat().st_mtime_ns
    assert join(members, home) == joined
    assert (joined / "manifest.json").stat().st_mtime_ns == before


def test_each_data_set_is_balanced_by_itself_in_training(home, members, tmp_path):
    alone = named_records(home, "alone", example_of=only_reals, train=8)
    joined = join([members[0], alone], tmp_path)
    values = {"data.image_size": SIZE, "augment.self_blend.share": 0.125, "train.batch_size": 8}
    batches = itertools.islice(train_batches(joined, override(CAESettings(), values)), 12)
    rows = [(place, label) for batch in batches for place, label in zip(batch["place"], batch["label"], strict=True)]
    datasets = Records(joined, "train").datasets
    for name, share_of_all in (("first", 0.5), ("alone", 0.5)):
        labels = [label for place, label in rows if datasets[place] == name]
        assert len(labels) / len(rows) == pytest.approx(share_of_all, abs=0.02)
        assert np.mean(labels) == pytest.approx(0.5, abs=0.02)


def test_data_sets_of_one_name_are_refused(members, home):
    with pytest.raises(RecordsError, match="first twice"):
        join([members[0], members[0]], home)

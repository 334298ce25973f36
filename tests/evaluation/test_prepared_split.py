import dataclasses

import pytest

from dfdetect_jax.config import Crop
from dfdetect_jax.evaluation.prepared_split import PreparedSplit, crop_difference, data_key
from tests.evaluation.fake_runs import drawn_records, fake_run


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    return drawn_records(tmp_path_factory.mktemp("data"), train=6, test=10)


def test_only_splits_other_than_test_are_part_of_the_key():
    assert data_key("forge", "test") == "forge"
    assert data_key("forge", "val") == "forge:val"


def test_frames_are_those_of_the_split_up_to_a_limit(records):
    split = PreparedSplit(key="drawn", folder=records)
    assert (split.frames(), split.frames(4), split.frames(100)) == (10, 4, 10)
    assert PreparedSplit(key="drawn", folder=records, split="train").frames() == 6


def test_other_crops_than_in_training_are_noted(tmp_path, records):
    run = fake_run(tmp_path, records)
    assert crop_difference(run, records) is None
    other = dataclasses.replace(run, crop=Crop(size=99, margin=2.0, face_detector="mtcnn"))
    note = crop_difference(other, records)
    assert "margin 1.3 (trained on 2.0)" in note
    assert "face_detector haar (trained on mtcnn)" in note
    assert "size" not in note

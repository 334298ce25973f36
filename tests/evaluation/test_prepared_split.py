import dataclasses

import pytest

from dfdetect_jax.config import Crop
from dfdetect_jax.errors import SettingsError
from dfdetect_jax.evaluation.prepared_split import PreparedSplit, apart, crop_difference, data_key, find_splits
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
    assert PreparedSplit(key="drawn", folder=records, split="all").frames() == 16


def test_a_data_set_may_name_its_own_split(records):
    home = str(records.parents[2])
    found = find_splits(["drawn:all", "drawn", "drawn:train", f"{records}:train"], "test", home)
    assert [(each.key, each.split, each.folder) for each in found] == [
        ("drawn:all", "all", records),
        ("drawn", "test", records),
        ("drawn:train", "train", records),
        ("drawn/32px:train", "train", records),
    ]


def test_a_folder_with_a_colon_in_its_name_is_a_folder(tmp_path):
    folder = drawn_records(tmp_path / "mine:all", test=2)
    assert apart(str(folder), "val") == (str(folder), "val")
    assert apart(str(tmp_path / "mine:all"), "val") == (str(tmp_path / "mine:all"), "val")
    assert apart("mine:all", "val", str(tmp_path)) == ("mine:all", "val")
    assert apart("mine:all", "val") == ("mine", "all")


def test_a_split_that_does_not_exist_is_refused_with_the_nearest():
    with pytest.raises(SettingsError, match=r'split of drawn: expected one of train, val, test, all, .* mean "test"'):
        apart("drawn:tests", "test")
    with pytest.raises(SettingsError, match="split: expected one of train, val, test, all"):
        apart("drawn", "every")


def test_other_crops_than_in_training_are_noted(tmp_path, records):
    run = fake_run(tmp_path, records)
    assert crop_difference(run, records) is None
    other = dataclasses.replace(run, crop=Crop(size=99, margin=2.0, face_detector="mtcnn"))
    note = crop_difference(other, records)
    assert "margin 1.3 (trained on 2.0)" in note
    assert "face_detector haar (trained on mtcnn)" in note
    assert "size" not in note

from pathlib import Path

import pytest

from dfdetect_jax.data.catalog import wilddeepfake
from dfdetect_jax.data.example import Label
from dfdetect_jax.errors import RecordsError
from tests.data import sample_trees
from tests.data.finding_lines import lines


def clips_of(tree):
    return {clip.video: clip for clip in wilddeepfake.find_clips(tree).clips}


def test_a_sequence_is_a_clip_and_its_group_a_person_of_that_folder_alone(tmp_path):
    sample_trees.wilddeepfake(tmp_path)
    clips = clips_of(tmp_path)
    real, fake = clips["real_test/3/real/1"], clips["fake_test/3/fake/1"]
    assert (real.label, real.split, real.identity) == (Label.REAL, "test", "real_test/3")
    assert (fake.label, fake.split, fake.identity) == (Label.FAKE, "test", "fake_test/3")
    assert clips["real_train/3/real/1"].identity == "real_train/3"
    assert [Path(file).name for file in fake.frames] == ["0.png", "1.png", "2.png"]


def test_the_official_test_set_stays_whole_and_validation_comes_out_of_training(tmp_path):
    sample_trees.wilddeepfake(tmp_path)
    splits = [clip.split for clip in clips_of(tmp_path).values()]
    assert splits.count("test") == 20
    assert splits.count("train") + splits.count("val") == 120
    assert 0 < splits.count("val") < 40


@pytest.mark.parametrize("name", ["real_train/7/12", "real_train/7/real/frames/12"])
def test_what_lies_between_group_and_sequence_does_not_matter(tmp_path, name):
    sample_trees.put(tmp_path, f"{name}/0.png", f"{name}/.cache/0.png")
    assert clips_of(tmp_path)[name].identity == "real_train/7"


def test_folders_that_are_no_sequence_are_warnings(tmp_path):
    sample_trees.wilddeepfake(tmp_path)
    sample_trees.put(tmp_path, "real_train/5/fake/9/0.png", "fake_train/6/fake/notes/a.txt", "fake_test/8/0.png")
    findings = lines(wilddeepfake.find_clips(tmp_path).findings)
    assert "warning: real_train: left out, not real by the names of their folders: 5/fake/9 (1)" in findings
    assert "warning: fake_train: left out, not a <group>/.../<sequence> with pictures: 6/fake/notes (1)" in findings
    assert "warning: fake_test: left out, not a <group>/.../<sequence> with pictures: 8 (1)" in findings


def test_an_absent_set_is_noted_and_packed_archives_are_refused(tmp_path):
    sample_trees.put(tmp_path, "real_train/1/real/1/0.png")
    assert "note: fake_test: absent" in lines(wilddeepfake.find_clips(tmp_path).findings)
    (tmp_path / "real_train/1/real/1/0.png").rename(tmp_path / "real_train/1.tar.gz")
    with pytest.raises(RecordsError, match="unpack the archives"):
        wilddeepfake.find_clips(tmp_path)


def test_groups_that_are_links_are_followed_but_not_in_circles(tmp_path):
    sample_trees.put(tmp_path, "disk/7/real/12/0.png", "tree/fake_test/1/fake/1/0.png")
    (tmp_path / "tree/real_train").mkdir()
    (tmp_path / "tree/real_train/7").symlink_to(tmp_path / "disk/7")
    (tmp_path / "tree/real_train/7/real/12/back").symlink_to(tmp_path / "disk/7")
    assert sorted(clips_of(tmp_path / "tree")) == ["fake_test/1/fake/1", "real_train/7/real/12"]

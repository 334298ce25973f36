from collections import Counter
from pathlib import Path

import pytest

from dfdetect_jax.data.catalog import folder
from dfdetect_jax.data.trees.splits import split_by_hash
from dfdetect_jax.errors import RecordsError
from tests.data.finding_lines import lines
from tests.data.sample_trees import folder_by_splits, put


@pytest.fixture
def tree(tmp_path):
    put(tmp_path, "real/id0_0000.mp4", "real/id1_0003.jpg", "swap/id0_id1_0000.mp4", "swap/id1_id0_0003.PNG")
    put(tmp_path, "masks/swap/id0_id1_0000.png")
    return tmp_path


def test_folders_decide_on_reals_fakes_and_masks(tree):
    clips = {clip.video: clip for clip in folder.find_clips(tree).clips}
    assert {video: clip.forgery for video, clip in clips.items()} == {
        "real/id0_0000": "",
        "real/id1_0003": "",
        "swap/id0_id1_0000": "swap",
        "swap/id1_id0_0003": "swap",
    }
    assert clips["swap/id0_id1_0000"].mask_path == str(tree / "masks/swap/id0_id1_0000.png")
    assert clips["swap/id1_id0_0003"].mask_path is None


@pytest.mark.parametrize(
    ("stem", "identity"),
    [("id0_id1_0000", "id0"), ("519_515", "519"), ("IMG_1234", "IMG_1234"), ("000001", "000001"), ("ann", "ann")],
)
def test_the_identity_is_the_first_part_of_the_name_if_it_holds_a_digit(stem, identity):
    assert folder.identity_of(stem) == identity


def test_all_of_one_identity_share_a_split(tree):
    for clip in folder.find_clips(tree).clips:
        assert clip.split == split_by_hash(clip.identity)


def test_other_content_is_reported(tree):
    (tree / "real/more").mkdir()
    (tree / "empty").mkdir()
    put(tree, "swap/notes.txt", "real/id0_0000.jpg")
    listing = folder.find_clips(tree)
    assert [Path(clip.path).name for clip in listing.clips if clip.video == "real/id0_0000"] == ["id0_0000.jpg"]
    assert lines(listing.findings) == [
        "warning: empty: no photographs or videos",
        "warning: real: left out, folders that hold no pictures themselves: more (1)",
        "note: swap: left out, neither pictures nor videos: notes.txt (1)",
        "warning: several files share a stem, only the first is read: real/id0_0000 (1)",
        "note: swap: neither mask nor source on disk, so no masks: swap/id1_id0_0003 (1)",
    ]


def test_a_folder_of_pictures_is_one_clip_with_the_masks_of_its_frames(tree):
    put(tree, "swap/519_515/10.png", "swap/519_515/9.png", "real/519/000.jpg", "masks/swap/519_515/9.png")
    clips = {clip.video: clip for clip in folder.find_clips(tree).clips}
    fake, real = clips["swap/519_515"], clips["real/519"]
    assert [Path(file).name for file in fake.frames] == ["9.png", "10.png"]
    assert fake.masks == (str(tree / "masks/swap/519_515/9.png"), "")
    assert (real.frames, real.masks) == ((str(tree / "real/519/000.jpg"),), ())
    assert (fake.identity, fake.donor, fake.source, fake.split) == ("519", "", "", real.split)


@pytest.mark.parametrize("name", ["val", "valid", "validation"])
def test_train_and_test_folders_are_the_splits_and_number_anew(tmp_path, name):
    put(tmp_path, "train/real/1.jpg", "train/gan/1.jpg", f"{name}/real/1.jpg", "test/real/1.jpg", "test/gan/1.jpg")
    put(tmp_path, "train/masks/gan/1.png")
    listing = folder.find_clips(tmp_path)
    clips = {clip.video: clip for clip in listing.clips}
    assert {clip.video: (clip.split, clip.identity) for clip in listing.clips} == {
        "train/real/1": ("train", "train/1"),
        "train/gan/1": ("train", "train/1"),
        "val/real/1": ("val", "val/1"),
        "test/real/1": ("test", "test/1"),
        "test/gan/1": ("test", "test/1"),
    }
    assert clips["train/gan/1"].mask_path == str(tmp_path / "train/masks/gan/1.png")
    assert f"warning: in {name}/: no fakes: training and most metrics need both" in lines(listing.findings)


def test_without_validation_folder_one_tenth_of_the_training_identities_is_taken(tmp_path):
    folder_by_splits(tmp_path)
    splits = Counter(clip.split for clip in folder.find_clips(tmp_path).clips)
    assert splits["test"] == 20
    assert splits["train"] + splits["val"] == 80
    assert 0 < splits["val"] < 30


def test_a_forgery_may_be_called_train_where_real_is_beside_it(tmp_path):
    put(tmp_path, "real/1.jpg", "train/1.jpg", "test/1.jpg")
    assert {clip.forgery for clip in folder.find_clips(tmp_path).clips} == {"", "train", "test"}


def test_a_folder_without_media_is_refused(tmp_path):
    (tmp_path / "real").mkdir()
    with pytest.raises(RecordsError, match="no photographs or videos"):
        folder.find_clips(tmp_path)
    with pytest.raises(RecordsError, match="no such folder"):
        folder.find_clips(tmp_path / "absent")

import os
from collections import Counter
from pathlib import Path

import pytest

from dfdetect_jax.data import catalog
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


@pytest.mark.parametrize("name", ["val", "valid", "Validation", "dev"])
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
    findings = catalog.find_clips("folder", tmp_path, catalog.Options()).findings
    assert "warning: val: no fakes: most metrics need both" in lines(findings)


def test_without_validation_folder_one_tenth_of_the_training_identities_is_taken(tmp_path):
    folder_by_splits(tmp_path)
    splits = Counter(clip.split for clip in folder.find_clips(tmp_path).clips)
    assert splits["test"] == 20
    assert splits["train"] + splits["val"] == 80
    assert 0 < splits["val"] < 30


@pytest.mark.parametrize(
    ("real", "fake"),
    [("Real", "Fake"), ("0_real", "1_fake"), ("ORIGINALS", "fakes"), ("Au", "Tp"), ("training_real", "training_fake")],
)
def test_the_usual_names_of_reals_are_understood_and_all_others_are_forgeries(tmp_path, real, fake):
    put(tmp_path, f"{real}/1.jpg", f"{fake}/1.jpg", f"Masks/{fake.lower()}/1.png")
    clips = {clip.video: clip for clip in folder.find_clips(tmp_path).clips}
    assert {video: clip.forgery for video, clip in clips.items()} == {f"{real}/1": "", f"{fake}/1": fake}
    assert clips[f"{fake}/1"].mask_path == str(tmp_path / f"Masks/{fake.lower()}/1.png")


def test_splits_and_their_reals_are_known_in_whatever_case(tmp_path):
    put(tmp_path, "Training/Real/1.jpg", "Training/Fake/1.jpg", "TESTING/real/1.jpg", "TESTING/fake/1.jpg")
    clips = folder.find_clips(tmp_path).clips
    assert {(clip.split, clip.forgery) for clip in clips if clip.split == "test"} == {("test", ""), ("test", "fake")}
    assert {clip.forgery for clip in clips if clip.split != "test"} == {"", "Fake"}


@pytest.mark.parametrize(
    ("folders", "words"),
    [
        (["0", "1"], "expected a folder of reals, named real, original, authentic or alike, found 0, 1; give --real_"),
        (["photos", "gan"], "found gan, photos; give --real_folder NAME, or NAME,NAME, or --allow_one_class"),
        (["real", "original", "gan"], "expected one folder of reals, found original, real; give --real_folder NAME"),
        (["Real", "YouTube-real", "gan"], "expected one folder of reals, found Real, YouTube-real; give"),
        (["train/real", "val/real"], "expected folders for training and test, found train, val; rename one to test"),
        (["train/photos", "test/photos"], "train: expected a folder of reals"),
        (["train/real", "test/real", "original"], r"expected reals here or in train/, found both \(original\)"),
    ],
)
def test_a_tree_whose_reals_are_unclear_is_refused_in_one_line(tmp_path, folders, words):
    put(tmp_path, *(f"{name}/1.jpg" for name in folders))
    with pytest.raises(RecordsError, match=words) as refusal:
        folder.find_clips(tmp_path)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("suffix", ["PNG", "jpg", "bmp"])
def test_a_mask_may_have_any_suffix_that_pictures_have_and_png_goes_first(tmp_path, suffix):
    put(tmp_path, "real/a.jpg", "swap/b.jpg", "swap/c.jpg", "swap/d/1.jpg")
    put(tmp_path, f"masks/swap/b.{suffix}", f"masks/swap/c.{suffix}", "masks/swap/c.png", f"masks/swap/d/1.{suffix}")
    clips = {clip.video: clip for clip in folder.find_clips(tmp_path).clips}
    assert clips["swap/b"].mask_path == str(tmp_path / f"masks/swap/b.{suffix}")
    assert clips["swap/c"].mask_path.lower() == str(tmp_path / "masks/swap/c.png").lower()
    assert clips["swap/d"].masks == (str(tmp_path / f"masks/swap/d/1.{suffix}"),)


def test_the_user_names_the_folders_of_the_reals(tmp_path):
    put(tmp_path, "Celeb-real/1.jpg", "YouTube-real/2.jpg", "real/3.jpg", "0/4.jpg")
    for chosen in ("0", "Celeb-real, YouTube-real"):
        clips = folder.find_clips(tmp_path, chosen).clips
        names = {name.strip() for name in chosen.split(",")}
        assert {clip.video.partition("/")[0] for clip in clips if not clip.forgery} == names
    with pytest.raises(RecordsError, match="expected the folder reel with media in it, found 0, Celeb-real"):
        folder.find_clips(tmp_path, "reel")


def test_fakes_alone_are_read_if_they_are_meant(tmp_path):
    put(tmp_path, "gan/1.jpg", "Real-ESRGAN/1.jpg")
    clips = folder.find_clips(tmp_path, allow_one_class=True).clips
    assert {clip.forgery for clip in clips} == {"gan", "Real-ESRGAN"}


def test_a_forgery_may_be_called_train_where_real_is_beside_it(tmp_path):
    put(tmp_path, "real/1.jpg", "train/1.jpg", "test/1.jpg")
    assert {clip.forgery for clip in folder.find_clips(tmp_path).clips} == {"", "train", "test"}


def test_a_folder_without_media_is_refused(tmp_path):
    (tmp_path / "real").mkdir()
    with pytest.raises(RecordsError, match="no photographs or videos"):
        folder.find_clips(tmp_path)
    with pytest.raises(RecordsError, match="no such folder"):
        folder.find_clips(tmp_path / "absent")


def test_videos_beside_the_pictures_of_a_clip_are_named(tree):
    put(tree, "swap/mixed/1.png", "swap/mixed/clip.mp4")
    expected = "warning: swap: left out, videos beside pictures that are the frames of a clip: mixed/clip.mp4 (1)"
    assert expected in lines(folder.find_clips(tree).findings)


def test_names_that_are_no_text_are_left_out_with_a_word(tree):
    os.rename(tree / "real/id1_0003.jpg", os.fsencode(tree) + b"/real/caf\xe9.jpg")
    listing = catalog.find_clips("folder", tree, catalog.Options())
    assert "real/id0_0000" in {clip.video for clip in listing.clips}
    assert rf"warning: {tree.name}: left out, expected names in UTF-8, rename the files: real/caf\udce9 (1)" in lines(
        listing.findings
    )

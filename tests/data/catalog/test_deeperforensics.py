import pytest

from dfdetect_jax.data.catalog import deeperforensics
from dfdetect_jax.data.example import Label
from dfdetect_jax.errors import RecordsError
from tests.data import sample_trees
from tests.data.finding_lines import lines


@pytest.fixture
def tree(tmp_path):
    return tmp_path / "df"


@pytest.fixture
def reals(tree):
    return sample_trees.deeperforensics(tree)["reals"]


def clips_of(tree, reals):
    return {clip.video: clip for clip in deeperforensics.find_clips(tree, reals).clips}


def test_a_swap_shows_a_clip_of_faceforensics_with_an_actors_face(tree, reals):
    fake = clips_of(tree, reals)["reenact_postprocess/001_W001"]
    assert (fake.label, fake.forgery, fake.split) == (Label.FAKE, "reenact_postprocess", "train")
    assert (fake.identity, fake.donor, fake.source) == ("001", "W001", "youtube/c23/001")
    assert fake.source_path == f"{reals}/original_sequences/youtube/c23/videos/001.mp4"


def test_reals_belong_to_the_split_of_their_targets_swaps_and_others_are_left_out(tree, reals):
    clips = clips_of(tree, reals)
    ours = {clip.identity: clip.split for clip in clips.values() if clip.label == Label.REAL}
    assert ours == {
        f"{number:03d}": "train" if number < 28 else "val" if number < 33 else "test" for number in range(40)
    }
    assert clips["youtube/c23/030"].compression == "c23"


def test_a_target_of_two_splits_goes_with_the_later_one(tree, reals):
    path = tree / "lists/splits/train.txt"
    path.write_text(f"{path.read_text()}038_M001.mp4\n")
    assert clips_of(tree, reals)["youtube/c23/038"].split == "test"


def test_the_reals_may_lie_in_the_tree_itself(tree, reals):
    sample_trees.put(tree, "original_sequences/youtube/c23/videos/005.mp4")
    assert clips_of(tree, "")["youtube/c23/005"].split == "train"


def test_without_reals_the_option_is_named(tree, reals):
    findings = lines(deeperforensics.find_clips(tree).findings)
    folder = "original_sequences/youtube/c23/videos"
    assert f"warning: {folder}: absent; give the folder of FaceForensics++ with --reals" in findings
    with pytest.raises(RecordsError, match=r"--reals .*: expected FaceForensics\+\+'s folder"):
        deeperforensics.find_clips(tree, str(tree))


def test_names_in_lists_may_lack_the_suffix(tree, reals):
    path = tree / "lists/splits/test.txt"
    path.write_text(path.read_text().replace(".mp4", ""))
    assert clips_of(tree, reals)["end_to_end/035_W023"].split == "test"


def test_swaps_outside_the_lists_and_absent_variants_are_reported(tree, reals):
    sample_trees.put(tree, "manipulated_videos/end_to_end/999_M001.mp4", "manipulated_videos/mine/999_M001.mp4")
    findings = lines(deeperforensics.find_clips(tree, reals).findings)
    assert "warning: manipulated_videos/end_to_end: left out, in no list of lists/splits: 999_M001 (1)" in findings
    assert "note: manipulated_videos: left out, folders that are not part of this data set: mine (1)" in findings
    assert "note: manipulated_videos/end_to_end_level_1: absent" in findings


def test_a_missing_or_damaged_list_is_named(tree, reals):
    (tree / "lists/splits/val.txt").write_text("000_M000.mp4\n")
    with pytest.raises(RecordsError, match=r"val\.txt: 000_M000 is in train\.txt too"):
        deeperforensics.find_clips(tree)
    (tree / "lists/splits/val.txt").write_text("end_to_end\n")
    with pytest.raises(RecordsError, match=r'val\.txt: expected names like "000_M101\.mp4", found "end_to_end"'):
        deeperforensics.find_clips(tree)
    (tree / "lists/splits/val.txt").unlink()
    with pytest.raises(RecordsError, match=r"val\.txt: expected a list of swaps, one name a line \(no such file\)"):
        deeperforensics.find_clips(tree)

import json

import pytest

from dfdetect_jax.data.catalog import faceforensics
from dfdetect_jax.data.trees.splits import split_by_hash
from dfdetect_jax.errors import RecordsError
from tests.data.finding_lines import lines
from tests.data.sample_trees import put

PAIRS = {"train": [["000", "003"]], "val": [["001", "002"]], "test": [["004", "005"]]}


@pytest.fixture
def tree(tmp_path):
    (tmp_path / "splits").mkdir()
    for split, pairs in PAIRS.items():
        (tmp_path / "splits" / f"{split}.json").write_text(json.dumps(pairs))
    for number in ("000", "001", "002", "003"):
        put(tmp_path, f"original_sequences/youtube/c23/videos/{number}.mp4")
    for name in ("000_003", "003_000", "001_002", "004_005"):
        put(tmp_path, f"manipulated_sequences/Deepfakes/c23/videos/{name}.mp4")
    put(tmp_path, "manipulated_sequences/Deepfakes/masks/videos/000_003.mp4")
    return tmp_path


def clips_of(tree, **options):
    return {clip.video: clip for clip in faceforensics.find_clips(tree, **options).clips}


def test_fakes_and_their_originals_follow_the_official_pairs(tree):
    splits = {video: clip.split for video, clip in clips_of(tree).items()}
    assert splits == {
        "youtube/c23/000": "train",
        "youtube/c23/001": "val",
        "youtube/c23/002": "val",
        "youtube/c23/003": "train",
        "Deepfakes/c23/000_003": "train",
        "Deepfakes/c23/003_000": "train",
        "Deepfakes/c23/001_002": "val",
        "Deepfakes/c23/004_005": "test",
    }


def test_a_fake_knows_its_target_its_source_and_its_mask(tree):
    fake = clips_of(tree)["Deepfakes/c23/000_003"]
    assert (fake.label, fake.forgery, fake.identity, fake.source) == (1, "Deepfakes", "000", "youtube/c23/000")
    assert fake.source_path == str(tree / "original_sequences/youtube/c23/videos/000.mp4")
    assert fake.mask_path == str(tree / "manipulated_sequences/Deepfakes/masks/videos/000_003.mp4")


def test_a_source_that_is_not_on_disk_is_named_but_has_no_path(tree):
    fake = clips_of(tree)["Deepfakes/c23/004_005"]
    assert (fake.source, fake.source_path, fake.mask_path) == ("youtube/c23/004", None, None)


def test_split_files_may_lie_at_the_root(tree):
    for path in (tree / "splits").iterdir():
        path.rename(tree / path.name)
    assert len(clips_of(tree)) == 8


def test_a_missing_split_file_is_named_with_where_to_get_it(tree):
    (tree / "splits" / "val.json").unlink()
    with pytest.raises(
        RecordsError, match=r"no val\.json, here or in splits/; get the three lists from https://github"
    ):
        faceforensics.find_clips(tree)


@pytest.mark.parametrize("text", ["{", "[1, 2]", '[["000"]]', '{"a": 1}'])
def test_a_damaged_split_file_is_named(tree, text):
    (tree / "splits" / "test.json").write_text(text)
    with pytest.raises(RecordsError, match=r"test\.json: expected a list of pairs"):
        faceforensics.find_clips(tree)


def test_an_identity_in_two_split_files_is_refused(tree):
    (tree / "splits" / "test.json").write_text('[["004", "000"]]')
    with pytest.raises(RecordsError, match=r"identity 000 is in train\.json too"):
        faceforensics.find_clips(tree)


def test_clips_outside_the_official_pairs_or_misnamed_are_left_out_with_a_warning(tree):
    put(tree, "manipulated_sequences/Deepfakes/c23/videos/000_001.mp4", "original_sequences/youtube/c23/videos/cat.mp4")
    listing = faceforensics.find_clips(tree)
    assert len(listing.clips) == 8
    findings = lines(listing.findings)
    fakes, reals = "manipulated_sequences/Deepfakes/c23/videos", "original_sequences/youtube/c23/videos"
    assert f"warning: {fakes}: left out, its pair is in no split file: 000_001 (1)" in findings
    assert f"warning: {reals}: left out, not named as in this data set: cat (1)" in findings


def test_empty_absent_and_other_folders_and_missing_masks_are_reported(tree):
    put(tree, "manipulated_sequences/Mine/c23/videos/000_003.mp4")
    (tree / "manipulated_sequences/Face2Face/c23/videos").mkdir(parents=True)
    findings = lines(faceforensics.find_clips(tree).findings)
    assert "warning: manipulated_sequences/Face2Face/c23/videos: no videos" in findings
    assert "note: manipulated_sequences/FaceSwap: absent" in findings
    assert "note: manipulated_sequences: left out, folders that are not part of this data set: Mine (1)" in findings
    derived = "Deepfakes/c23/001_002, Deepfakes/c23/003_000 (2)"
    assert f"note: Deepfakes: no mask video, so masks are the difference to the source: {derived}" in findings


def test_a_missing_compression_is_answered_with_those_on_disk(tree):
    with pytest.raises(RecordsError, match="nothing at compression c40; it has c23"):
        faceforensics.find_clips(tree, "c40")


def test_a_folder_of_something_else_is_refused(tmp_path):
    with pytest.raises(RecordsError, match="give the folder that holds them"):
        faceforensics.find_clips(tmp_path)


def test_actors_are_split_by_hash_and_no_fake_joins_two_splits(tmp_path):
    for target in range(1, 29):
        put(tmp_path, f"original_sequences/actors/c23/videos/{target:02d}__walk.mp4")
        for source in range(1, 29):
            name = f"{target:02d}_{source:02d}__walk__ABCD1234.mp4"
            put(tmp_path, f"manipulated_sequences/DeepFakeDetection/c23/videos/{name}")
    clips = faceforensics.find_clips(tmp_path).clips
    fakes = [clip for clip in clips if clip.label]
    assert {clip.split for clip in fakes} == {"train", "val", "test"}
    for clip in fakes:
        target, source = clip.video.rpartition("/")[2][:5].split("_")
        assert clip.split == split_by_hash(f"actor{target}") == split_by_hash(f"actor{source}")
        assert clip.source_path.endswith(f"{target}__walk.mp4")

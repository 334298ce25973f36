import json
from collections import Counter
from pathlib import Path

import pytest

from dfdetect_jax.data import catalog
from dfdetect_jax.data.example import Label
from dfdetect_jax.data.trees.splits import split_by_hash
from dfdetect_jax.errors import RecordsError
from tests.data import benchmark_tree
from tests.data.finding_lines import lines


def find(root, file, **options):
    return catalog.find_clips("deepfakebench", root, catalog.Options(json=str(file), **options))


def rewrite(file, change):
    """Applies `change` to the list's content."""
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content))


@pytest.fixture
def ffpp(tmp_path):
    return benchmark_tree.write_faceforensics(tmp_path)


@pytest.mark.parametrize("slash", ["/", "\\"])
def test_both_slashes_lead_to_the_pictures(tmp_path, slash):
    listing = find(tmp_path, benchmark_tree.write_faceforensics(tmp_path, slash))
    assert listing.findings == []
    assert Counter((clip.split, clip.label) for clip in listing.clips) == {
        (split, label): 2 for split in ("train", "val", "test") for label in (Label.REAL, Label.FAKE)
    }
    for clip in listing.clips:
        assert [Path(frame).name for frame in clip.frames] == ["000.png", "010.png", "020.png"]
        assert all(Path(frame).is_file() for frame in clip.frames)


def test_a_fake_has_its_usual_forgery_its_people_its_source_and_its_masks(tmp_path, ffpp):
    (fake,) = (clip for clip in find(tmp_path, ffpp).clips if clip.video.endswith("071_054"))
    assert fake.video == "FaceForensics++/FF-DF/c23/071_054"
    assert (fake.label, fake.forgery, fake.compression) == (Label.FAKE, "Deepfakes", "c23")
    assert (fake.identity, fake.donor) == ("FaceForensics++/071", "FaceForensics++/054")
    assert fake.source == "FaceForensics++/FF-real/c23/071"
    assert all(Path(mask).is_file() and "/masks/" in mask for mask in fake.masks)
    assert [fake.frame_number(i) for i in range(3)] == [0, 10, 20]


def test_the_given_compression_is_read(tmp_path, ffpp):
    assert all("/c40/" in clip.frames[0] for clip in find(tmp_path, ffpp, compression="c40").clips)
    with pytest.raises(RecordsError, match="no videos at compression raw; it has c23, c40"):
        find(tmp_path, ffpp, compression="raw")


@pytest.mark.parametrize("prefix", ["./datasets/rgb/", "D:\\data\\", "/home/someone/rgb/"])
def test_folders_of_the_machine_that_wrote_the_list_are_cut_off(tmp_path, ffpp, prefix):
    text = ffpp.read_text().replace('"FaceForensics++\\\\', json.dumps(prefix)[:-1] + "FaceForensics++\\\\")
    ffpp.write_text(text)
    assert all(Path(clip.frames[0]).is_file() for clip in find(tmp_path, ffpp).clips)


def test_the_root_may_be_the_data_sets_own_folder(tmp_path, ffpp):
    assert len(find(tmp_path / "FaceForensics++", ffpp).clips) == 12


def test_a_frame_is_masked_by_the_mask_of_its_name_and_one_without_has_none(tmp_path, ffpp):
    def lose_one(content):
        content["FaceForensics++"]["FF-DF"]["train"]["c23"]["071_054"]["masks"].pop(0)

    rewrite(ffpp, lose_one)
    listing = find(tmp_path, ffpp)
    (fake,) = (clip for clip in listing.clips if clip.video.endswith("071_054"))
    assert [Path(mask).name if mask else "" for mask in fake.masks] == ["", "010.png", "020.png"]
    unmasked = "fakes with frames that have no mask in the list"
    assert lines(listing.findings) == [f"note: masks: {unmasked}: FaceForensics++/FF-DF/c23/071_054 (1)"]


def test_without_levels_and_with_validation_equal_to_test_it_is_left_out_and_made_from_training(tmp_path):
    listing = find(tmp_path, benchmark_tree.write_celebdf(tmp_path, people=40))
    assert any(line.startswith("note: val: left out, repeats test: ") for line in lines(listing.findings))
    assert "note: val: made from training people, by hash" in lines(listing.findings)
    of = {split: [clip for clip in listing.clips if clip.split == split] for split in ("train", "val", "test")}
    assert len(of["test"]) == 4
    assert of["val"]
    people = {split: {name for clip in of[split] for name in clip.people} for split in of}
    assert not people["train"] & people["val"]
    assert not people["test"] & (people["train"] | people["val"])


def test_numbers_in_names_order_the_listed_frames_and_their_masks(tmp_path):
    file = benchmark_tree.write_faceforensics(tmp_path)
    before = {clip.video: clip.frames for clip in find(tmp_path, file).clips}

    def shuffled(content):
        for splits in content["FaceForensics++"].values():
            for levels in splits.values():
                for entry in levels["c23"].values():
                    entry["frames"].reverse()

    rewrite(file, shuffled)
    assert {clip.video: clip.frames for clip in find(tmp_path, file).clips} == before


def test_labels_that_the_benchmark_does_not_have_are_a_warning(tmp_path):
    entry = benchmark_tree.video_entry(tmp_path, "Novel_Fake", "Novel", "7")
    file = benchmark_tree.write_list(tmp_path, "Novel", {"Novel_Fake": {"train": {"7": entry}}})
    listing = find(tmp_path, file)
    assert [(clip.forgery, clip.identity) for clip in listing.clips] == [("Novel_Fake", "Novel/7")]
    findings = lines(listing.findings)
    assert "warning: labels: not the benchmark's, so taken for fakes: Novel_Fake (1)" in findings
    assert any(line.startswith('note: no label ends with "real", so there are no reals') for line in findings)


def test_videos_without_frames_are_left_out_with_a_warning(tmp_path, ffpp):
    def empty(content):
        content["FaceForensics++"]["FF-real"]["train"]["c23"]["071"]["frames"] = []

    rewrite(ffpp, empty)
    listing = find(tmp_path, ffpp)
    expected = "warning: frames: left out, listed without any: FaceForensics++/FF-real/c23/071 (1)"
    assert expected in lines(listing.findings)
    assert len(listing.clips) == 11


@pytest.mark.parametrize("text", ["", "[]", '{"a": 1}', '{"a": {"FF-real": {"dev": {"v": {"frames": []}}}}}'])
def test_another_file_than_such_a_list_is_refused_in_one_line(tmp_path, ffpp, text):
    ffpp.write_text(text)
    with pytest.raises(RecordsError, match=r"expected DeepfakeBench's form|no videos at compression") as error:
        find(tmp_path, ffpp)
    assert "\n" not in str(error.value)


def test_a_video_labelled_otherwise_than_its_list_is_refused(tmp_path, ffpp):
    def mislabel(content):
        content["FaceForensics++"]["FF-real"]["train"]["c23"]["071"]["label"] = "FF-DF"

    rewrite(ffpp, mislabel)
    with pytest.raises(RecordsError, match="071 is listed under FF-real but labelled FF-DF"):
        find(tmp_path, ffpp)


def test_a_missing_list_a_wrong_root_and_pictures_elsewhere_are_refused(tmp_path, ffpp):
    with pytest.raises(RecordsError, match="found none; give --json FILE"):
        find(tmp_path, "")
    with pytest.raises(RecordsError, match="no such file"):
        find(tmp_path, tmp_path / "none.json")
    with pytest.raises(RecordsError, match="no such folder"):
        find(tmp_path / "none", ffpp)
    (tmp_path / "empty").mkdir()
    with pytest.raises(RecordsError, match="expected the listed pictures below it, such as FaceForensics"):
        find(tmp_path / "empty", ffpp)


def test_a_shared_scene_names_the_source_of_actors(tmp_path):
    real, fake = "01__exit_phone_room", "01_02__exit_phone_room__9LU6KJ2X"
    labels = {
        label: {"train": {video: benchmark_tree.video_entry(tmp_path, label, f"DFD/{label}", video)}}
        for label, video in (("DFD_real", real), ("DFD_fake", fake))
    }
    listing = find(tmp_path, benchmark_tree.write_list(tmp_path, "DFD", labels))
    (clip,) = (clip for clip in listing.clips if clip.label == Label.FAKE)
    assert (clip.identity, clip.donor, clip.source) == ("DFD/01", "DFD/02", f"DFD/DFD_real/{real}")


def test_splitting_by_identity_is_possible_here_too(tmp_path):
    listing = find(tmp_path, benchmark_tree.write_celebdf(tmp_path, people=40), splits="identity")
    for clip in listing.clips:
        assert {split_by_hash(name) for name in clip.people} == {clip.split}

import json

import pytest

from dfdetect_jax.data.catalog import dfdc
from dfdetect_jax.data.example import Label
from dfdetect_jax.data.trees.splits import split_by_hash
from dfdetect_jax.errors import RecordsError
from tests.data import sample_trees
from tests.data.finding_lines import lines


@pytest.fixture
def tree(tmp_path):
    sample_trees.dfdc(tmp_path)
    return tmp_path


def clips_of(root):
    return {clip.video: clip for clip in dfdc.find_clips(root).clips}


def test_parts_are_split_by_their_numbers_whatever_their_metadata_says(tree):
    assert {video.split("/")[0]: clip.split for video, clip in clips_of(tree).items()} == {
        "dfdc_train_part_0": "train",
        "dfdc_train_part_34": "train",
        "dfdc_train_part_35": "val",
        "dfdc_train_part_39": "val",
        "dfdc_train_part_40": "test",
        "dfdc_train_part_49": "test",
        "test": "test",
    }


def test_a_fake_goes_with_its_original(tree):
    fake = clips_of(tree)["dfdc_train_part_0/fake1real0x2"]
    assert (fake.label, fake.forgery, fake.identity) == (Label.FAKE, "DFDC", "real0x2")
    assert fake.source == "dfdc_train_part_0/real0x2"
    assert fake.source_path == str(tree / "dfdc_train_part_0/real0x2.mp4")


def test_in_the_test_sets_table_one_is_fake(tree):
    clips = clips_of(tree)
    assert [clips[f"test/test{i}"].label for i in range(4)] == [Label.REAL, Label.FAKE, Label.REAL, Label.FAKE]


def test_videos_of_the_test_set_may_lie_beside_the_table(tree):
    for path in (tree / "test/videos").iterdir():
        path.rename(tree / "test" / path.name)
    assert sum(video.startswith("test/") for video in clips_of(tree)) == 6


def test_a_single_part_may_be_the_root(tree):
    clips = clips_of(tree / "dfdc_train_part_39")
    assert len(clips) == 18
    assert {clip.split for clip in clips.values()} == {"val"}


def test_another_folder_of_that_form_is_split_by_the_hash_of_the_original(tree):
    (tree / "dfdc_train_part_0").rename(tree / "train_sample_videos")
    clips = clips_of(tree / "train_sample_videos")
    assert all(clip.split == split_by_hash(clip.identity) for clip in clips.values())
    assert len({clip.split for clip in clips.values()}) > 1


def test_an_original_of_another_part_is_found_there(tree):
    sample_trees.put(tree, "dfdc_train_part_0/stray.mp4")
    path = tree / "dfdc_train_part_0/metadata.json"
    entries = json.loads(path.read_text()) | {"stray.mp4": {"label": "FAKE", "original": "real34x0.mp4"}}
    path.write_text(json.dumps(entries))
    assert clips_of(tree)["dfdc_train_part_0/stray"].source == "dfdc_train_part_34/real34x0"


def test_videos_outside_the_lists_and_unknown_parts_are_warnings(tree):
    (tree / "test/videos/test3.mp4").unlink()
    sample_trees.put(tree, "dfdc_train_part_0/unknown.mp4", "dfdc_train_part_50/a.mp4")
    (tree / "dfdc_train_part_50/metadata.json").write_text("{}")
    findings = lines(dfdc.find_clips(tree).findings)
    assert "warning: test/labels.csv: listed but absent: test3 (1)" in findings
    assert "warning: dfdc_train_part_0: left out, not in metadata.json: unknown (1)" in findings
    assert "warning: dfdc_train_part_50: left out, parts have the numbers 0 to 49" in findings


@pytest.mark.parametrize(
    "text",
    [
        *("{", "[]", '{"a.mp4": {"label": "1"}}', '{"a.mp4": "FAKE"}', '{"a.mp4": {"label": ["FAKE"]}}'),
        *('{"a.mp4": {"label": "FAKE", "original": ["b.mp4"]}}', '{"a.mp4": {"label": "FAKE", "original": 1}}'),
        '{"a.mp4": {"label": "FAKE", "original": "%s"}}' % ("x" * 5000),
    ],
)
def test_damaged_metadata_is_named(tree, text):
    (tree / "dfdc_train_part_0/metadata.json").write_text(text)
    with pytest.raises(RecordsError, match=r"dfdc_train_part_0/metadata\.json: .*expected"):
        dfdc.find_clips(tree)


@pytest.mark.parametrize("text", ["name,label\na.mp4,1\n", "filename,label\na.mp4,Label.FAKE\n", '"' + "x" * 200_000])
def test_a_damaged_table_is_named(tree, text):
    (tree / "test/labels.csv").write_text(text)
    with pytest.raises(RecordsError, match=r'labels\.csv: expected "filename,label" with 0 for real and 1 for fake'):
        dfdc.find_clips(tree)

import json

import pytest

from dfdetect_jax.data.catalog import dfdc_preview
from dfdetect_jax.data.example import Label
from dfdetect_jax.errors import RecordsError
from tests.data import trees


@pytest.fixture
def tree(tmp_path):
    trees.dfdc_preview(tmp_path)
    return tmp_path


def add(tree, name, **entry):
    path = tree / "dataset.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {name: entry}))


def clips_of(tree):
    return {clip.video: clip for clip in dfdc_preview.find_clips(tree).clips}


def test_labels_sets_and_methods_are_those_of_the_list(tree):
    clips = clips_of(tree)
    real, fake = clips["original_videos/133/133_A_001"], clips["method_A/133_134_A/133_33"]
    assert (real.label, real.forgery, real.split) == (Label.REAL, "", "test")
    assert (fake.label, fake.forgery, fake.split) == (Label.FAKE, "method_A", "test")
    assert sum(clip.split == "test" for clip in clips.values()) == 8 * 3


def test_people_are_read_from_the_entry_or_else_from_the_path(tree):
    clips = clips_of(tree)
    assert clips["original_videos/133/133_A_001"].identity == "133"
    assert (clips["method_A/133_134_A/133_33"].identity, clips["method_A/133_134_A/133_33"].donor) == ("133", "134")
    assert (clips["method_B/33/some_33"].identity, clips["method_B/33/some_33"].donor) == ("133", "134")


def test_validation_comes_out_of_training(tree):
    assert {clip.split for clip in clips_of(tree).values()} == {"train", "val", "test"}


def test_a_clip_of_nobody_told_is_a_person_of_its_own(tree):
    add(tree, "method_A/mask/x.mp4", label="fake", set="test")
    trees.put(tree, "method_A/mask/x.mp4")
    found = dfdc_preview.find_clips(tree)
    clip = next(clip for clip in found.clips if clip.video == "method_A/mask/x")
    assert (clip.identity, clip.donor) == ("method_A/mask/x", "")
    assert "dataset.json: no person told, so each is one of its own: method_A/mask/x.mp4 (1)" in found.findings


def test_what_the_list_and_the_disk_do_not_share_is_told(tree):
    (tree / "original_videos/100/100_A_001.mp4").unlink()
    trees.put(tree, "method_B/new/x.mp4", "more/x.mp4")
    told = dfdc_preview.find_clips(tree).findings
    assert "dataset.json: listed but absent: original_videos/100/100_A_001.mp4 (1)" in told
    assert f"{tree.name}: left out, not in dataset.json: method_B/new/x.mp4 (1)" in told
    assert f"{tree.name}: left out, folders not of this data set: more (1)" in told


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("method_A/1/x.mp4", "FAKE"),
        ("method_A/1/x.mp4", "real"),
        ("original_videos/1/x.mp4", "fake"),
        ("method_A/../../x.mp4", "fake"),
        ("method_A", "fake"),
        ("/etc/x.mp4", "fake"),
    ],
)
def test_an_entry_of_another_form_is_refused(tree, name, label):
    add(tree, name, label=label, set="train")
    with pytest.raises(RecordsError, match=r"dataset\.json: expected"):
        dfdc_preview.find_clips(tree)

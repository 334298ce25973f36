import json

import pytest

from dfdetect_jax.data.catalog import dfdc_preview
from dfdetect_jax.data.example import Label
from dfdetect_jax.errors import RecordsError
from tests.data import sample_trees
from tests.data.finding_lines import lines


@pytest.fixture
def tree(tmp_path):
    sample_trees.dfdc_preview(tmp_path)
    return tmp_path


def add(tree, name, **entry):
    path = tree / "dataset.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {name: entry}))


def clips_of(tree):
    return {clip.video: clip for clip in dfdc_preview.find_clips(tree).clips}


def test_labels_sets_and_forgeries_are_those_of_the_list(tree):
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


def test_a_clip_without_a_named_person_is_its_own_which_is_a_warning(tree):
    add(tree, "method_A/mask/x.mp4", label="fake", set="test")
    sample_trees.put(tree, "method_A/mask/x.mp4")
    listing = dfdc_preview.find_clips(tree)
    clip = next(clip for clip in listing.clips if clip.video == "method_A/mask/x")
    assert (clip.identity, clip.donor) == ("method_A/mask/x", "")
    nameless = "no person named, so each clip counts as its own person"
    assert f"warning: dataset.json: {nameless}: method_A/mask/x.mp4 (1)" in lines(listing.findings)


def test_videos_outside_the_list_are_a_warning(tree):
    sample_trees.put(tree, "method_B/new/x.mp4")
    findings = lines(dfdc_preview.find_clips(tree).findings)
    assert f"warning: {tree.name}: left out, not in dataset.json: method_B/new/x.mp4 (1)" in findings


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("method_A/1/x.mp4", "FAKE"),
        ("method_A/1/x.mp4", "real"),
        ("original_videos/1/x.mp4", "fake"),
        ("method_A/../../x.mp4", "fake"),
        ("method_A", "fake"),
        ("/etc/x.mp4", "fake"),
        ("method_A/1/x.mp4", ["fake"]),
        ("method_A/1/" + "x" * 5000, "fake"),
        ("method_A/" + "x/" * 5000, "fake"),
    ],
)
def test_an_entry_of_another_form_is_refused(tree, name, label):
    add(tree, name, label=label, set="train")
    with pytest.raises(RecordsError, match=r"dataset\.json: expected"):
        dfdc_preview.find_clips(tree)

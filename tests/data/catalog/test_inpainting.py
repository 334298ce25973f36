import pytest

from dfdetect_jax.data.catalog import inpainting
from dfdetect_jax.data.example import Label
from dfdetect_jax.data.trees.splits import split_by_hash
from dfdetect_jax.errors import RecordsError
from tests.data import sample_trees
from tests.data.finding_lines import lines


def clips_of(tree, **options):
    return {clip.video: clip for clip in inpainting.find_clips(tree, **options).clips}


def test_what_was_made_of_a_photograph_goes_with_it(tmp_path):
    sample_trees.inpainting(tmp_path)
    clips = clips_of(tmp_path)
    real, fake = clips["real/004"], clips["gl/004"]
    assert (real.label, fake.label, fake.forgery) == (Label.REAL, Label.FAKE, "gl")
    assert (fake.source, fake.source_path) == ("real/004", str(tmp_path / "real/004.jpg"))
    assert real.split == fake.split == clips["contextatten/004"].split == split_by_hash("004")
    assert len(clips) == 120


@pytest.mark.parametrize("mask", ["gl/masks/a.png", "masks/gl/a.png", "gl/a_mask.png"])
@pytest.mark.parametrize("picture", ["gl/a.jpg", "gl/images/a.jpg"])
def test_masks_and_pictures_are_found_in_each_of_their_places(tmp_path, picture, mask):
    sample_trees.put(tmp_path, picture, mask, "original/a.png")
    clips = clips_of(tmp_path)
    assert set(clips) == {"real/a", "gl/a"}
    assert (clips["gl/a"].path, clips["gl/a"].mask_path) == (str(tmp_path / picture), str(tmp_path / mask))


def test_the_photographs_may_lie_elsewhere(tmp_path):
    sample_trees.put(tmp_path, "set/gl/a.png", "set/gl/masks/a.png", "photographs/a.jpg", "photographs/b.jpg")
    clips = clips_of(tmp_path / "set", reals=str(tmp_path / "photographs"))
    assert set(clips) == {"real/a", "real/b", "gl/a"}
    with pytest.raises(RecordsError, match=r"--reals .*: expected a folder of photographs"):
        inpainting.find_clips(tmp_path / "set", reals=str(tmp_path / "nowhere"))


def test_photographs_that_are_not_used_are_a_warning(tmp_path):
    sample_trees.put(tmp_path, "gl/a.png", "real/a.jpg", "original/a.jpg")
    why = f"left out, the photographs are those of {tmp_path / 'real'}: original (1)"
    assert f"warning: {tmp_path.name}: {why}" in lines(inpainting.find_clips(tmp_path).findings)


def test_masks_without_picture_and_pictures_without_mask_are_reported(tmp_path):
    sample_trees.put(tmp_path, "real/a.jpg", "gl/a.png", "gl/b.png", "gl/c_mask.png", "gl/a_mask.png")
    sample_trees.put(tmp_path, "masks/other/e.png", "empty/notes.txt")
    findings = lines(inpainting.find_clips(tmp_path).findings)
    assert 'warning: gl: "_mask" of no picture: c (1)' in findings
    assert "note: gl: no mask of their own: b (1)" in findings
    assert "note: gl: neither mask nor source on disk, so no masks: gl/b (1)" in findings
    assert "note: masks: left out, folders that are not part of this data set: other (1)" in findings
    assert "warning: empty: no pictures" in findings

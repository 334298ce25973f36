import pytest

from dfdetect_jax.data.catalog import forged_images
from dfdetect_jax.data.example import Label
from dfdetect_jax.data.trees.splits import split_by_hash
from tests.data import sample_trees
from tests.data.finding_lines import lines


def clips_of(tree):
    return {clip.video: clip for clip in forged_images.find_clips(tree).clips}


@pytest.mark.parametrize("authentic", ["authentic", "Au", "real"])
@pytest.mark.parametrize("tampered", ["tampered", "Tp", "forged", "fake"])
@pytest.mark.parametrize("mask", ["masks/a.png", "Gt/a_gt.png", "gt/a_mask.jpg"])
def test_folders_go_by_any_of_their_usual_names(tmp_path, authentic, tampered, mask):
    sample_trees.put(tmp_path, f"{authentic}/b.jpg", f"{tampered}/a.jpg", mask)
    clips = clips_of(tmp_path)
    assert set(clips) == {"authentic/b", "tampered/a"}
    assert (clips["authentic/b"].label, clips["tampered/a"].label) == (Label.REAL, Label.FAKE)
    assert (clips["tampered/a"].forgery, clips["tampered/a"].mask_path) == ("tampered", str(tmp_path / mask))


def test_the_authentic_picture_of_the_same_stem_is_the_source_and_shares_the_split(tmp_path):
    sample_trees.put(tmp_path, "authentic/a.jpg", "tampered/a.png", "tampered/b.png", "masks/b.png")
    clips = clips_of(tmp_path)
    fake = clips["tampered/a"]
    assert (fake.source, fake.source_path) == ("authentic/a", str(tmp_path / "authentic/a.jpg"))
    assert (fake.identity, fake.split) == ("a", split_by_hash("a"))
    assert (clips["tampered/b"].source, clips["tampered/b"].source_path) == ("", None)


def test_a_format_that_is_not_read_is_a_warning_and_a_missing_mask_a_note(tmp_path):
    sample_trees.put(tmp_path, "Au/b.jpg", "Tp/a.jpg", "Tp/c.jpg", "Tp/d.jxl", "Gt/a_gt.png")
    assert lines(forged_images.find_clips(tmp_path).findings) == [
        "warning: Tp: left out, pictures or videos in a format that is not read here: d.jxl (1)",
        "note: Tp: no mask of their own: c (1)",
        "note: tampered: neither mask nor source on disk, so no masks: tampered/c (1)",
    ]

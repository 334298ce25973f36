from dfdetect_jax.data.catalog import uadfv
from dfdetect_jax.data.example import Label
from dfdetect_jax.data.trees.splits import split_by_hash
from tests.data import sample_trees
from tests.data.finding_lines import lines


def test_a_fake_goes_with_the_real_of_its_number(tmp_path):
    sample_trees.uadfv(tmp_path)
    clips = {clip.video: clip for clip in uadfv.find_clips(tmp_path).clips}
    real, fake = clips["real/0007"], clips["fake/0007_fake"]
    assert (real.label, fake.label, fake.forgery) == (Label.REAL, Label.FAKE, "UADFV")
    assert real.identity == fake.identity == "0007"
    assert real.split == fake.split == split_by_hash("0007")
    assert (fake.source, fake.source_path) == ("real/0007", str(tmp_path / "real/0007.mp4"))


def test_misnamed_videos_are_a_warning_and_folders_of_frames_a_note(tmp_path):
    sample_trees.uadfv(tmp_path)
    sample_trees.put(tmp_path, "fake/0008.mp4", "real/frames/0000/000.png")
    assert lines(uadfv.find_clips(tmp_path).findings) == [
        "note: real: left out, folders that are not part of this data set: frames (1)",
        "warning: fake: left out, not named as in this data set: 0008 (1)",
    ]

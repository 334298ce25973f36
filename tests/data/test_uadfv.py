from dfdetect_jax.data.catalog import uadfv
from dfdetect_jax.data.catalog.splits import split_by_hash
from dfdetect_jax.data.example import Label
from tests.data import trees


def test_a_fake_goes_with_the_real_of_its_number(tmp_path):
    trees.uadfv(tmp_path)
    clips = {clip.video: clip for clip in uadfv.find_clips(tmp_path).clips}
    real, fake = clips["real/0007"], clips["fake/0007_fake"]
    assert (real.label, fake.label, fake.forgery) == (Label.REAL, Label.FAKE, "UADFV")
    assert real.identity == fake.identity == "0007"
    assert real.split == fake.split == split_by_hash("0007")
    assert (fake.source, fake.source_path) == ("real/0007", str(tmp_path / "real/0007.mp4"))


def test_what_is_misnamed_or_without_source_is_told(tmp_path):
    trees.uadfv(tmp_path)
    (tmp_path / "real/0007.mp4").unlink()
    trees.put(tmp_path, "fake/0008.mp4", "real/frames/0000/000.png")
    told = uadfv.find_clips(tmp_path).findings
    assert "UADFV: neither mask nor source on disk, so no masks: fake/0007_fake (1)" in told
    assert "fake: left out, not named as in this data set: 0008 (1)" in told
    assert "real: left out, folders not of this data set: frames (1)" in told

import pytest

from dfdetect_jax.data.catalog import df40
from dfdetect_jax.data.catalog.splits import split_by_hash
from dfdetect_jax.data.example import Label
from dfdetect_jax.errors import RecordsError
from tests.data import trees


@pytest.fixture
def tree(tmp_path):
    trees.df40(tmp_path)
    return tmp_path


def clips_of(tree, **options):
    return {clip.video: clip for clip in df40.find_clips(tree, **options).clips}


def test_a_clip_is_a_folder_of_pictures_with_or_without_frames_before_it(tree):
    clips = clips_of(tree)
    ff, cdf = clips["simswap/ff/000_001"], clips["simswap/cdf/id0_id1_0000"]
    assert ff.frames == tuple(str(tree / f"simswap/ff/frames/000_001/{name}.png") for name in ("000", "001"))
    assert len(cdf.frames) == 2
    assert (ff.label, ff.forgery, cdf.forgery) == (Label.FAKE, "simswap", "simswap")


def test_single_pictures_and_videos_are_clips_too(tree):
    trees.put(tree, "dit/ff/007.png", "dit/cdf/00012.png")
    clips = clips_of(tree)
    assert (clips["dit/ff/007"].frames, clips["dit/ff/007"].identity) == ((), "ff/007")
    assert clips["heygen/fake/clip0"].path == str(tree / "heygen/fake/clip0.mp4")


def test_people_are_those_of_the_sources_names(tree):
    clips = clips_of(tree)
    people = {video: (clip.identity, clip.donor, clip.source) for video, clip in clips.items()}
    assert people["simswap/ff/000_001"] == ("ff/000", "ff/001", "real/000")
    assert people["simswap/cdf/id0_id1_0000"] == ("cdf/id0", "cdf/id1", "real/id0_0000")
    assert people["heygen/fake/clip0"] == ("clip0", "", "")
    assert people["real/000"] == ("ff/000", "", "")
    assert people["real/id0_0000"] == ("cdf/id0", "", "")
    assert people["real/00003"] == ("cdf/00003", "", "")


def test_ff_is_split_by_the_official_pairs_and_all_else_is_test(tree):
    clips = clips_of(tree)
    splits = {video: clip.split for video, clip in clips.items()}
    assert (splits["simswap/ff/000_001"], splits["real/000"]) == ("train", "train")
    assert (splits["simswap/ff/030_031"], splits["real/030"]) == ("val", "val")
    assert (splits["simswap/ff/038_039"], splits["real/038"]) == ("test", "test")
    assert {clip.split for video, clip in clips.items() if "/ff/" not in video and "real/0" not in video} == {"test"}


def test_without_the_lists_ff_is_split_by_hash_of_both_people(tree):
    for path in (tree / "splits").iterdir():
        path.unlink()
    found = df40.find_clips(tree)
    for clip in found.clips:
        if clip.video.startswith("simswap/ff/"):
            assert clip.split == split_by_hash(clip.identity) == split_by_hash(clip.donor)
    assert any("so split by hash" in finding for finding in found.findings)
    assert any("joins people of two splits" in finding for finding in found.findings)


def test_reals_of_an_unknown_method_are_its_own(tree):
    clip = clips_of(tree)["heygen/real/clip0"]
    assert (clip.label, clip.forgery, clip.identity) == (Label.REAL, "", "clip0")


def test_a_source_that_is_a_video_is_there_to_compare_with_but_frames_are_not(tree):
    assert clips_of(tree)["simswap/ff/000_001"].source_path is None
    (tree / "real/000/000.png").unlink()
    trees.put(tree, "real/000.mp4")
    assert clips_of(tree)["simswap/ff/000_001"].source_path == str(tree / "real/000.mp4")


def test_reals_may_lie_in_a_folder_of_their_own(tree, tmp_path_factory):
    reals = tmp_path_factory.mktemp("reals")
    (tree / "real").rename(reals / "frames")
    assert clips_of(tree, reals=str(reals))["real/000"].path == str(reals / "frames/000")
    with pytest.raises(RecordsError, match=r"--reals .*expected folders of frames"):
        df40.find_clips(tree, reals=str(tree / "nowhere"))


def test_what_is_not_understood_is_told(tree):
    trees.put(tree, "simswap/ff/frames/odd/0.png", "simswap/ff/frames/000_030/0.png", "simswap/other/x/0.png")
    trees.put(tree, "simswap/ff/landmarks/000_001/0.npy", "empty/ff/notes.txt")
    found = df40.find_clips(tree)
    told = found.findings
    assert next(clip.split for clip in found.clips if clip.video == "simswap/ff/odd") == split_by_hash("odd")
    named = "not named as its source names clips, so each is a person of its own"
    assert f"simswap/ff: {named}: odd (1)" in told
    assert "ff: left out, its people are in no one split file: simswap/ff/000_030 (1)" in told
    assert "simswap: left out, folders not of this data set: other (1)" in told
    assert "simswap/ff: left out, folders not of this data set: landmarks (1)" in told
    assert "empty/ff: no clips" in told
    assert "empty/ff: left out, not of a kind that is read: notes.txt (1)" in told

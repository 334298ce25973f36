import pytest

from dfdetect_jax.data.catalog import df40
from dfdetect_jax.data.example import Label
from dfdetect_jax.data.trees.splits import split_by_hash
from dfdetect_jax.errors import RecordsError
from tests.data import sample_trees
from tests.data.finding_lines import lines


@pytest.fixture
def tree(tmp_path):
    sample_trees.df40(tmp_path)
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
    sample_trees.put(tree, "dit/ff/007.png", "dit/cdf/00012.png")
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
    listing = df40.find_clips(tree)
    for clip in listing.clips:
        if clip.video.startswith("simswap/ff/"):
            assert clip.split == split_by_hash(clip.identity) == split_by_hash(clip.donor)
    findings = lines(listing.findings)
    lists = "train.json, val.json and test.json of FaceForensics++"
    assert f"warning: ff: no {lists}, so split by hash" in findings
    assert any(line.startswith("note: left out, joins people of two splits: ") for line in findings)


def test_reals_of_an_unknown_forgery_are_its_own(tree):
    clip = clips_of(tree)["heygen/real/clip0"]
    assert (clip.label, clip.forgery, clip.identity) == (Label.REAL, "", "clip0")


def test_a_source_that_is_a_video_is_there_to_compare_with_but_frames_are_not(tree):
    assert clips_of(tree)["simswap/ff/000_001"].source_path is None
    (tree / "real/000/000.png").unlink()
    sample_trees.put(tree, "real/000.mp4")
    assert clips_of(tree)["simswap/ff/000_001"].source_path == str(tree / "real/000.mp4")


def test_reals_may_lie_in_a_folder_of_their_own(tree, tmp_path_factory):
    reals = tmp_path_factory.mktemp("reals")
    (tree / "real").rename(reals / "frames")
    assert clips_of(tree, reals=str(reals))["real/000"].path == str(reals / "frames/000")
    with pytest.raises(RecordsError, match=r"--reals .*expected folders of frames"):
        df40.find_clips(tree, reals=str(tree / "nowhere"))


def test_names_folders_and_files_that_are_not_understood_are_reported(tree):
    sample_trees.put(tree, "simswap/ff/frames/odd/0.png", "simswap/ff/frames/000_030/0.png", "simswap/other/x/0.png")
    sample_trees.put(tree, "simswap/ff/landmarks/000_001/0.npy", "empty/ff/notes.txt")
    listing = df40.find_clips(tree)
    findings = lines(listing.findings)
    assert next(clip.split for clip in listing.clips if clip.video == "simswap/ff/odd") == split_by_hash("odd")
    assert "warning: simswap/ff: not named as in its source, so each counts as its own person: odd (1)" in findings
    outside = "left out, its people are not in one of the split lists"
    assert f"warning: ff: {outside}: simswap/ff/000_030 (1)" in findings
    assert "note: simswap: left out, folders that are not part of this data set: other (1)" in findings
    assert "note: simswap/ff: left out, folders that are not part of this data set: landmarks (1)" in findings
    assert "warning: empty/ff: no clips" in findings
    assert "note: empty/ff: left out, neither pictures nor videos: notes.txt (1)" in findings

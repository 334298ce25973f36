import pytest

from dfdetect_jax.data import catalog
from dfdetect_jax.data.catalog import celebdf
from dfdetect_jax.data.example import Label
from dfdetect_jax.errors import RecordsError
from tests.data import sample_trees
from tests.data.finding_lines import lines


@pytest.fixture
def tree(tmp_path):
    sample_trees.celebdf(tmp_path)
    return tmp_path


def clips_of(tree):
    return {clip.video: clip for clip in celebdf.find_clips(tree).clips}


def test_one_in_the_official_list_is_real(tree):
    clips = clips_of(tree)
    assert clips["Celeb-real/id0_0000"].label == Label.REAL
    assert clips["YouTube-real/00007"].label == Label.REAL
    assert clips["Celeb-synthesis/id1_id2_0000"].label == Label.FAKE
    assert {video for video, clip in clips.items() if clip.split == "test"} == {
        "Celeb-real/id0_0000",
        "Celeb-real/id3_0001",
        "Celeb-synthesis/id1_id2_0000",
        "Celeb-synthesis/id4_id5_0000",
        "YouTube-real/00007",
    }


def test_a_fake_shows_the_first_celebrity_with_the_face_of_the_second(tree):
    fake = clips_of(tree)["Celeb-synthesis/id4_id5_0000"]
    assert (fake.identity, fake.donor, fake.forgery) == ("id4", "id5", "Celeb-synthesis")
    assert (fake.source, fake.source_path) == ("Celeb-real/id4_0000", str(tree / "Celeb-real/id4_0000.mp4"))


def test_a_clip_from_youtube_is_a_person_of_its_own(tree):
    assert clips_of(tree)["YouTube-real/00003"].identity == "YouTube-real/00003"


def test_nobody_of_the_test_list_is_trained_on_and_the_alternative_is_named(tree):
    listing = catalog.find_clips("celebdf", tree, catalog.Options())
    others = {name for clip in listing.clips if clip.split != "test" for name in clip.people}
    assert not others & {"id0", "id1", "id2", "id3", "id4", "id5"}
    (advice,) = [line for line in lines(listing.findings) if "--splits identity" in line]
    assert advice.startswith("note: ")


@pytest.mark.parametrize("line", ["0 YouTube-real/00001.mp4", "1 Celeb-synthesis/id7_id8_0000.mp4"])
def test_a_list_in_which_one_is_fake_is_refused(tree, line):
    with (tree / "List_of_testing_videos.txt").open("a") as file:
        file.write(line)
    with pytest.raises(RecordsError, match="in this list 1 is real and 0 fake, found"):
        celebdf.find_clips(tree)


def test_a_damaged_or_missing_list_is_named(tree):
    (tree / "List_of_testing_videos.txt").write_text("YouTube-real/00001.mp4 1\n")
    with pytest.raises(RecordsError, match=r'expected lines like "1 YouTube-real/00170\.mp4", found "YouTube'):
        celebdf.find_clips(tree)
    (tree / "List_of_testing_videos.txt").unlink()
    with pytest.raises(RecordsError, match=r"List_of_testing_videos\.txt: expected .* \(no such file\)"):
        celebdf.find_clips(tree)


def test_misnamed_videos_and_other_files_are_reported(tree):
    sample_trees.put(tree, "Celeb-real/holiday.mp4", "YouTube-real/notes.txt", "YouTube-real/00001.rm")
    findings = lines(celebdf.find_clips(tree).findings)
    assert "warning: Celeb-real: left out, not named as in this data set: holiday (1)" in findings
    unread = "left out, pictures or videos in a format that is not read here: 00001.rm (1)"
    assert f"warning: YouTube-real: {unread}" in findings
    assert "note: YouTube-real: left out, neither pictures nor videos: notes.txt (1)" in findings


def test_an_absent_folder_is_noted(tree):
    for path in (tree / "YouTube-real").iterdir():
        path.unlink()
    (tree / "YouTube-real").rmdir()
    assert "note: YouTube-real: absent" in lines(celebdf.find_clips(tree).findings)

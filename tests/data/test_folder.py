import pytest

from dfdetect_jax.data.catalog import folder
from dfdetect_jax.data.catalog.base import split_by_hash
from dfdetect_jax.errors import RecordsError


@pytest.fixture
def tree(tmp_path):
    for name in ("real/id0_0000.mp4", "real/id1_0003.jpg", "swap/id0_id1_0000.mp4", "swap/id1_id0_0003.PNG"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "masks/swap").mkdir(parents=True)
    (tmp_path / "masks/swap/id0_id1_0000.png").touch()
    return tmp_path


def test_reals_fakes_and_masks_are_told_apart_by_their_folders(tree):
    clips = {clip.video: clip for clip in folder.find_clips(tree).clips}
    assert {video: clip.method for video, clip in clips.items()} == {
        "real/id0_0000": "",
        "real/id1_0003": "",
        "swap/id0_id1_0000": "swap",
        "swap/id1_id0_0003": "swap",
    }
    assert clips["swap/id0_id1_0000"].mask_path == str(tree / "masks/swap/id0_id1_0000.png")
    assert clips["swap/id1_id0_0003"].mask_path is None


@pytest.mark.parametrize(
    ("stem", "identity"),
    [("id0_id1_0000", "id0"), ("519_515", "519"), ("IMG_1234", "IMG_1234"), ("000001", "000001"), ("ann", "ann")],
)
def test_the_identity_is_the_first_part_of_the_name_if_it_holds_a_digit(stem, identity):
    assert folder.identity_of(stem) == identity


def test_all_of_one_identity_share_a_split(tree):
    for clip in folder.find_clips(tree).clips:
        assert clip.split == split_by_hash(clip.identity)


def test_hashed_splits_have_the_shares_that_are_documented():
    splits = [split_by_hash(str(number)) for number in range(5000)]
    assert splits.count("train") / 5000 == pytest.approx(0.8, abs=0.02)
    assert splits.count("val") / 5000 == pytest.approx(0.1, abs=0.02)


def test_oddities_are_told_in_words(tree):
    (tree / "swap/notes.txt").touch()
    (tree / "real/more").mkdir()
    (tree / "empty").mkdir()
    (tree / "real/id0_0000.jpg").touch()
    (tree / "masks/swap/nobody.png").touch()
    told = folder.find_clips(tree).findings
    assert "swap: 1 files are neither photographs nor videos by their names" in told
    assert "real: 1 folders below it are not read; move their files up" in told
    assert "empty: no photographs or videos" in told
    assert "several files share a stem, only the first is read: real/id0_0000 (1)" in told
    assert "swap: 1 of 2 without masks/swap/<stem>.png" in told
    assert "masks: 1 belong to no fake, such as masks/swap/nobody.png" in told


def test_a_folder_without_media_is_refused(tmp_path):
    (tmp_path / "real").mkdir()
    with pytest.raises(RecordsError, match="no photographs or videos"):
        folder.find_clips(tmp_path)
    with pytest.raises(RecordsError, match="no such folder"):
        folder.find_clips(tmp_path / "absent")

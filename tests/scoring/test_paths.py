import collections
import os

import pytest

from dfdetect_jax.scoring.folder_search import Why
from dfdetect_jax.scoring.media_frames import Unreadable
from dfdetect_jax.scoring.paths import media_files
from dfdetect_jax.shares import Share


@pytest.fixture
def archive(tmp_path, monkeypatch):
    """The current folder, with photographs by their names in two folders."""
    for name in ("a.jpg", "b.jpg", "deeper/c.jpg", "deeper/d.jpg", "deeper/text"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("text")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_path_comes_once_however_it_is_written(archive):
    passed_over = collections.Counter()
    paths = ["a.jpg", "./a.jpg", str(archive / "a.jpg"), "b.jpg"]
    assert list(media_files(paths, passed_over=passed_over)) == ["a.jpg", "b.jpg"]
    assert passed_over == {Why.SAME_FILE: 2}


def test_a_file_comes_once_however_many_links_lead_to_it(archive):
    (archive / "link").symlink_to(".")
    (archive / "deeper" / "link.jpg").symlink_to("../a.jpg")
    passed_over = collections.Counter()
    paths = media_files(["link", ".", "deeper"], passed_over=passed_over)
    assert list(paths) == ["link/a.jpg", "link/b.jpg", "link/deeper/c.jpg", "link/deeper/d.jpg"]
    assert passed_over == {Why.SAME_FOLDER: 3, Why.SAME_FILE: 1, Why.NO_MEDIUM: 1}


def test_hard_links_are_two_files(archive):
    os.link("a.jpg", "hard.jpg")
    assert list(media_files(["a.jpg", "hard.jpg"])) == ["a.jpg", "hard.jpg"]


def test_a_given_folder_without_media_is_reported(archive):
    (archive / "empty").mkdir()
    (archive / "texts").mkdir()
    (archive / "texts" / "README").write_text("text")
    reports = list(media_files(["empty", "texts"]))
    assert [report.path for report in reports] == ["empty", "texts"]
    assert all("expected photographs or videos in this folder" in report.reason for report in reports)


@pytest.mark.parametrize("path", ["absent.jpg", "x" * 5000 + ".jpg", "nul\0.jpg"])
def test_a_given_path_that_is_no_file_is_left_to_the_reader(path, archive):
    assert list(media_files([path])) == [path]


def test_a_file_stays_in_its_share_as_the_archive_grows(archive):
    def shares():
        return [set(media_files(["."], Share(index, 3))) for index in range(3)]

    before = shares()
    for name in ("0.jpg", "aa.jpg", "deeper/0.jpg"):
        (archive / name).touch()
    after = shares()
    assert all(old <= new for old, new in zip(before, after, strict=True))
    assert sum(map(len, after)) == len(set.union(*after)) == 7


def test_every_entry_is_counted_or_comes_in_one_share(archive):
    (archive / ".hidden").touch()
    (archive / "broken.jpg").symlink_to("nowhere")
    whole, parts, entries = collections.Counter(), collections.Counter(), []
    for index in range(3):
        entries += media_files(["."], Share(index, 3), parts)
    assert sorted(map(str, entries)) == sorted(map(str, media_files(["."], passed_over=whole)))
    assert Unreadable("./broken.jpg", "can't be opened (a link to what doesn't exist)") in entries
    assert parts.pop(Why.OTHER_SHARE) == 2 * len(entries)
    assert parts == whole == {Why.HIDDEN: 1, Why.NO_MEDIUM: 1}

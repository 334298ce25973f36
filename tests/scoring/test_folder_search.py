import collections
import os
import tempfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from dfdetect_jax.media.drawing import marked
from dfdetect_jax.scoring.folder_search import Why, counts_in_words, search
from dfdetect_jax.scoring.media_frames import Unreadable
from dfdetect_jax.scoring.path_set import PathSet

PNG = cv2.imencode(".png", np.zeros((2, 2, 3), np.uint8))[1].tobytes()


def entries(folder):
    """Of each entry its path below `folder`, and whether it is scored, why it is passed over or can't be read."""
    outcomes = {}
    for entry in search(str(folder), PathSet()):
        path, outcome = (entry, "scored") if isinstance(entry, str) else entry
        assert path not in outcomes
        outcomes[os.path.relpath(path, folder)] = outcome
    return outcomes


@pytest.mark.parametrize(
    "name", ["IMG_1.HEIC", "x.tif", "x.gif", "clip.wmv", "clip.m2ts", "x.JPG", "text.mp4", "a.png"]
)
def test_a_picture_or_video_by_its_name_is_left_to_the_reader(name, tmp_path):
    (tmp_path / name).write_text("text")
    assert entries(tmp_path) == {name: "scored"}


@pytest.mark.parametrize(
    "content",
    [
        PNG,
        b"GIF89a" + bytes(20),
        b"II*\0" + bytes(20),
        b"\0\0\0\x18ftypheic" + bytes(20),
        b"\0\0\0\x0cJXL \r\n\x87\n",
        b"DKIF\0\0" + bytes(20),
        b"\0\0\0\x01\x67" + bytes(20),
        b"qoif" + bytes(20),
        b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c" + bytes(20),
        (b"\x47" + bytes(187)) * 3,
    ],
)
@pytest.mark.parametrize("name", ["0001", "clip.dat", "clip.ts"])
def test_a_picture_or_video_by_its_content_is_left_to_the_reader(content, name, tmp_path):
    (tmp_path / name).write_bytes(content)
    assert entries(tmp_path) == {name: "scored"}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("README", b"text"),
        ("empty", b""),
        ("index.ts", b"export const x: number = 1;\n"),
        ("sound.m4a", b"\0\0\0\x18ftypM4A " + bytes(20)),
        ("sound.mp3", b"ID3\x03" + bytes(400)),
    ],
)
def test_what_is_no_medium_is_passed_over(name, content, tmp_path):
    (tmp_path / name).write_bytes(content)
    assert entries(tmp_path) == {name: Why.NO_MEDIUM}


def test_pictures_of_this_program_and_hidden_entries_are_passed_over(tmp_path):
    (tmp_path / "x.jpg.01234567.png").write_bytes(marked(PNG))
    (tmp_path / "renamed").write_bytes(marked(PNG))
    (tmp_path / ".x.jpg").touch()
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "x.jpg").touch()
    expected = {"x.jpg.01234567.png": Why.DRAWING, "renamed": Why.DRAWING, ".x.jpg": Why.HIDDEN, ".git": Why.HIDDEN}
    assert entries(tmp_path) == expected


def test_links_are_followed_and_loops_end(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a.jpg").touch()
    archive = tmp_path / "archive"
    archive.mkdir()
    for name, target in (
        ("link", "../elsewhere"),
        ("second", "../elsewhere"),
        ("round", ".."),
        ("b.jpg", "link/a.jpg"),
    ):
        (archive / name).symlink_to(target)
    assert entries(archive) == {
        "b.jpg": "scored",
        "link/a.jpg": "scored",
        "round/archive": Why.SAME_FOLDER,
        "round/elsewhere": Why.SAME_FOLDER,
        "second": Why.SAME_FOLDER,
    }


def test_links_that_lead_nowhere_are_named(tmp_path):
    (tmp_path / "broken").symlink_to("nowhere")
    (tmp_path / "itself.jpg").symlink_to("itself.jpg")
    reasons = entries(tmp_path)
    assert "a link to what doesn't exist" in reasons["broken"]
    assert "symbolic links" in reasons["itself.jpg"]


def test_pipes_are_not_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    os.mkfifo(tmp_path / "pipe.ts")
    assert entries(tmp_path) == {"pipe": Why.NO_MEDIUM, "pipe.ts": Why.NO_MEDIUM}


def test_files_come_before_folders_and_both_by_name(tmp_path):
    names = ["b.jpg", "c.jpg", "a/z.jpg", "a/deep/0.jpg", "b/y.jpg"]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert list(entries(tmp_path)) == names


@pytest.fixture
def locked():
    """A folder with a locked folder and a locked file in it, searched by someone who is not root."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "locked").mkdir()
        (root / "locked" / "x.jpg").touch()
        for path in (root / "x.jpg", root / "noname"):
            path.write_text("text")
        user = os.geteuid() or 65534
        for path in (root, *root.iterdir()):
            os.chown(path, user, -1)
        for name in ("locked", "x.jpg", "noname"):
            (root / name).chmod(0)
        before = os.geteuid()
        os.seteuid(user)
        yield root
        (root / "locked").chmod(0o700)
        os.seteuid(before)


def test_what_is_locked_is_named_since_it_may_be_a_medium(locked):
    expected = {"locked": "can't be opened (Permission denied)", "noname": "scored", "x.jpg": "scored"}
    assert entries(locked) == expected


def test_a_folder_that_breaks_off_is_named(tmp_path, monkeypatch):
    class Broken:
        def __enter__(self):
            raise OSError(5, "Input/output error")

        def __exit__(self, *_):
            pass

    monkeypatch.setattr(os, "scandir", lambda path: Broken())
    assert list(search("archive", PathSet())) == [Unreadable("archive", "can't be opened (Input/output error)")]


def test_a_folder_deeper_than_a_path_may_be_long_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for _ in range(21):
        os.mkdir("x" * 200)
        os.chdir("x" * 200)
    Path("a.jpg").touch()
    ((path, reason),) = entries(tmp_path).items()
    assert len(path) > 3800
    assert reason == "can't be opened (File name too long)"


def test_counts_are_one_line():
    counts = collections.Counter({Why.HIDDEN: 3, Why.NO_MEDIUM: 1, Why.DRAWING: 0})
    assert counts_in_words(counts) == "passed over: 1 file that is no photograph or video, 3 hidden files and folders"
    assert counts_in_words(collections.Counter()) == ""

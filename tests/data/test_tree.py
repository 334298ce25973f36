from pathlib import Path

import pytest

from dfdetect_jax.data.catalog import tree
from dfdetect_jax.errors import RecordsError
from tests.data.trees import put


def test_lists_saved_on_windows_are_read_alike(tmp_path):
    (tmp_path / "list.txt").write_bytes(b"\xef\xbb\xbf1 a.mp4\r\n\r\n0 b.mp4\r\n")
    assert tree.read_lines(tmp_path / "list.txt", "lines") == ["1 a.mp4", "0 b.mp4"]
    (tmp_path / "list.json").write_bytes(b'\xef\xbb\xbf{"a": {"label": 1}}')
    assert tree.read_entries(tmp_path / "list.json", "entries") == {"a": {"label": 1}}


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"[1]", b'{"a": 1}'])
def test_a_file_of_another_kind_is_refused_by_name(tmp_path, content):
    (tmp_path / "list.json").write_bytes(content)
    with pytest.raises(RecordsError, match=r"list\.json: expected entries"):
        tree.read_entries(tmp_path / "list.json", "entries")


def test_media_are_files_and_folders_of_pictures_one_level_deep(tmp_path):
    put(tmp_path, "b.mp4", "a.JPG", "notes.txt", ".hidden.jpg", "clip.1/2.png", "clip.1/10.png", ".cache/1.png")
    put(tmp_path, "deep/er/1.png", "videos/c.mp4")
    found = tree.media_in(tmp_path)
    assert [(entry.name, [Path(file).name for file in entry.frames]) for entry in found] == [
        ("a", []),
        ("b", []),
        ("clip.1", ["2.png", "10.png"]),
    ]


def test_what_is_not_media_is_told_by_name(tmp_path):
    put(tmp_path, "a.jpg", "notes.txt", ".DS_Store", "other/x", ".cache/x", "known/x")
    assert tree.other_files(tmp_path, tree.MEDIA_SUFFIXES, "here") == [
        "here: left out, not of a kind that is read: notes.txt (1)"
    ]
    assert tree.other_folders(tmp_path, ["known"], "here") == [
        "here: left out, folders not of this data set: other (1)"
    ]

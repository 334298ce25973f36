from pathlib import Path

import pytest

from dfdetect_jax.data.trees import layout
from dfdetect_jax.errors import RecordsError
from tests.data.sample_trees import put


def test_lists_saved_on_windows_are_read_alike(tmp_path):
    (tmp_path / "list.txt").write_bytes(b"\xef\xbb\xbf1 a.mp4\r\n\r\n0 b.mp4\r\n")
    assert layout.read_lines(tmp_path / "list.txt", "lines") == ["1 a.mp4", "0 b.mp4"]
    (tmp_path / "list.json").write_bytes(b'\xef\xbb\xbf{"a": {"label": 1}}')
    assert layout.read_entries(tmp_path / "list.json", "entries") == {"a": {"label": 1}}


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"[1]", b'{"a": 1}'])
def test_a_file_of_another_kind_is_refused_by_name(tmp_path, content):
    (tmp_path / "list.json").write_bytes(content)
    with pytest.raises(RecordsError, match=r"list\.json: expected entries"):
        layout.read_entries(tmp_path / "list.json", "entries")


@pytest.mark.parametrize(
    "names",
    [
        ["frame1.jpg", "frame2.png", "frame9.jpg", "frame10.jpg", "frame11.jpg"],
        ["1.png", "2.png", "010.png", "100.png"],
        ["t1_2.png", "t1_10.png", "t2_1.png", "t10.png"],
    ],
)
def test_numbers_in_names_order_frames(tmp_path, names):
    put(tmp_path, *(f"clip7/{name}" for name in names))
    assert [Path(file).name for file in layout.frame_files(tmp_path / "clip7")] == names


def test_media_are_files_and_folders_of_pictures_one_level_deep(tmp_path):
    put(tmp_path, "b.mp4", "a.JPG", "notes.txt", ".hidden.jpg", "clip.1/2.png", "clip.1/10.png", ".cache/1.png")
    put(tmp_path, "deep/er/1.png", "videos/c.mp4")
    entries = layout.media_in(tmp_path)
    assert [(entry.name, [Path(file).name for file in entry.frames]) for entry in entries] == [
        ("a", []),
        ("b", []),
        ("clip.1", ["2.png", "10.png"]),
    ]

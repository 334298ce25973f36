import os
import threading

import pytest

from dfdetect_jax.errors import SettingsError
from dfdetect_jax.scoring.paths import PathSet, listed_paths, media_files


def test_a_path_comes_once_however_it_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert list(media_files(["a.jpg", "./a.jpg", str(tmp_path / "a.jpg"), "b.jpg"])) == ["a.jpg", "b.jpg"]


def test_a_set_of_paths_stays_right_beyond_its_first_block():
    paths = PathSet(block=4)
    assert all(paths.add(f"{i}.jpg") for i in range(11))
    assert len(paths) == 11
    assert not any(paths.add(f"{i}.jpg") for i in range(11))
    assert "11.jpg" not in paths


def test_a_list_has_a_path_per_line_and_its_ends_do_not_matter(tmp_path):
    (tmp_path / "list").write_bytes(b"a.jpg\n\nwith space.jpg\r\n\xff.jpg\nlast.jpg")
    assert list(listed_paths(str(tmp_path / "list"))) == [
        "a.jpg",
        "with space.jpg",
        os.fsdecode(b"\xff.jpg"),
        "last.jpg",
    ]


def test_a_long_list_is_split_into_lines_across_blocks(tmp_path):
    names = [f"{i}.jpg" for i in range(100)]
    (tmp_path / "list").write_text("\n".join(names))
    assert list(listed_paths(str(tmp_path / "list"), block=7)) == names


def test_a_list_is_read_as_its_lines_come(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    more = threading.Event()

    def write():
        with open(pipe, "w") as file:
            file.write("a.jpg\n")
            file.flush()
            more.wait(10)
            file.write("b.jpg\n")

    threading.Thread(target=write, daemon=True).start()
    paths = listed_paths(str(pipe))
    assert next(paths) == "a.jpg"
    more.set()
    assert list(paths) == ["b.jpg"]


@pytest.mark.parametrize("source", ["absent", "."])
def test_a_list_that_cannot_be_read_is_refused(source, tmp_path):
    with pytest.raises(SettingsError, match="expected a list of paths"):
        list(listed_paths(str(tmp_path / source)))

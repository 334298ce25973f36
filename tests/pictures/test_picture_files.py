import os
import tempfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from dfdetect_jax.errors import RunError
from dfdetect_jax.media.drawing import is_drawing
from dfdetect_jax.pictures.picture_files import check_folder, picture_name, write_png


def test_two_files_of_one_name_have_two_pictures():
    assert len({picture_name(path) for path in ("x/a.png", "x/deeper/a.png", "x/b.avi")}) == 3
    assert picture_name("x/a.png") == picture_name("x/../x/a.png")


@pytest.mark.parametrize("name", ["\N{CJK UNIFIED IDEOGRAPH-6F22}" * 82 + ".jpg", "\udcff" * 250, "a" * 255])
def test_a_pictures_name_is_never_longer_than_a_file_system_allows(name):
    assert len(os.fsencode(picture_name(name))) <= 255
    assert picture_name(name)[:50] == name[:50]


def test_a_folder_that_can_be_made_is_a_place_for_pictures_and_is_not_made_yet(tmp_path):
    check_folder(tmp_path)
    check_folder(tmp_path / "deep" / "out")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def read_only():
    """A folder of a user who is not root and may not write to it."""
    before = os.geteuid()
    with tempfile.TemporaryDirectory() as folder:
        os.chown(folder, before or 65534, -1)
        os.chmod(folder, 0o500)
        os.seteuid(before or 65534)
        yield Path(folder)
        os.chmod(folder, 0o700)
        os.seteuid(before)


def test_a_place_that_cannot_be_written_to_is_refused(read_only):
    with pytest.raises(RunError, match=f"{read_only} can't be written to; give another --out, or --pictures none$"):
        check_folder(read_only / "predictions")


def test_a_file_is_no_place_for_pictures(tmp_path):
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file", tmp_path / "file" / "out"):
        with pytest.raises(RunError, match="give another --out, or --pictures none"):
            check_folder(place)


def test_a_picture_is_written_whole_in_its_own_colours(tmp_path):
    picture = np.zeros((4, 5, 3), np.uint8)
    picture[..., 0] = 200
    for drawing in (False, True):
        write_png(tmp_path / "deeper" / "a.png", picture, drawing=drawing)
        assert cv2.imread(str(tmp_path / "deeper" / "a.png"))[0, 0].tolist() == [0, 0, 200]
        assert [path.name for path in (tmp_path / "deeper").iterdir()] == ["a.png"]
        assert is_drawing(tmp_path / "deeper" / "a.png") == drawing


def test_a_place_that_cant_be_written_to_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="expected a place to write"):
        write_png(tmp_path / "file" / "a.png", np.zeros((2, 2, 3), np.uint8))

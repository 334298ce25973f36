"""Files are written whole or not at all."""

import hashlib
import os

import pytest

from dfdetect_jax import files


def test_a_file_is_replaced_whole_and_its_folder_made(tmp_path):
    path = tmp_path / "new" / "a.json"
    for values in ({"a": 1}, {"b": [2.5, None]}):
        files.write_json(path, values)
    assert path.read_text() == '{\n  "b": [\n    2.5,\n    null\n  ]\n}\n'
    assert os.listdir(path.parent) == ["a.json"]


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.txt"
    files.write_text(path, "old")
    with pytest.raises(IsADirectoryError), files.replacing(path) as partial:
        (partial.write_text("half"), tmp_path.write_text("a folder"))
    with pytest.raises(ValueError, match="not JSON compliant"):
        files.write_json(path, {"a": float("nan")})
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_a_name_as_long_as_the_system_allows_can_be_written(tmp_path):
    files.write_text(tmp_path / ("a" * 255), "x")
    assert os.listdir(tmp_path) == ["a" * 255]


def test_a_name_that_is_no_text_is_written_readably(tmp_path):
    files.write_text(tmp_path / "a", "name \udcff")
    assert (tmp_path / "a").read_bytes() == b"name ?"


def test_the_digest_is_that_of_the_bytes(tmp_path):
    (tmp_path / "a").write_bytes(b"x" * 100_000)
    assert files.sha256_file(tmp_path / "a") == hashlib.sha256(b"x" * 100_000).hexdigest()

import pytest

from dfdetect_jax.errors import RunError
from dfdetect_jax.evaluation.run_names import short_names


def test_names_have_as_many_folders_as_make_them_distinct(tmp_path):
    assert short_names([tmp_path / "a", tmp_path / "b"]) == ["a", "b"]
    assert short_names([tmp_path / "cae/0", tmp_path / "lae/0"]) == ["cae/0", "lae/0"]


def test_a_folder_given_twice_is_rejected(tmp_path):
    with pytest.raises(RunError, match="expected each run once"):
        short_names([tmp_path / "a", tmp_path / "." / "a"])

import os

import pytest

from dfdetect_jax.devices.kept_files import FOLDER, keep, read_kept

pytestmark = pytest.mark.skipif(not hasattr(os, "getuid"), reason="nothing is kept where files have no owners")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv(FOLDER, str(tmp_path / "programs"))
    return tmp_path / "programs"


@pytest.fixture
def kept(folder):
    """The file that holds b"content" for "origin"."""
    keep("origin", b"content")
    (path,) = folder.iterdir()
    return path


def test_what_is_kept_is_read_by_what_it_was_made_from(kept):
    assert read_kept("origin") == b"content"
    assert read_kept("another origin") is None


def test_nothing_is_kept_without_a_folder(tmp_path, monkeypatch):
    monkeypatch.delenv(FOLDER, raising=False)
    keep("origin", b"content")
    assert read_kept("origin") is None


def test_only_this_user_can_read_and_write_what_is_kept(kept, folder):
    assert (kept.stat().st_mode & 0o777, folder.stat().st_mode & 0o777) == (0o600, 0o700)


@pytest.mark.parametrize("mode", [0o620, 0o602])
def test_a_file_or_folder_that_others_can_write_is_refused(kept, folder, mode):
    kept.chmod(mode)
    assert read_kept("origin") is None
    kept.chmod(0o600)
    assert read_kept("origin") == b"content"
    folder.chmod(0o100 | mode)
    assert read_kept("origin") is None


def test_a_file_of_another_user_is_refused(kept, monkeypatch):
    monkeypatch.setattr(os, "getuid", lambda: kept.stat().st_uid + 1)
    assert read_kept("origin") is None


def test_a_link_is_refused(kept, tmp_path):
    kept.rename(tmp_path / "elsewhere")
    kept.symlink_to(tmp_path / "elsewhere")
    assert read_kept("origin") is None


@pytest.mark.parametrize("damage", [lambda whole: whole[:-1], lambda whole: whole + b"x", lambda whole: b""])
def test_a_damaged_file_is_refused(kept, damage):
    kept.write_bytes(damage(kept.read_bytes()))
    assert read_kept("origin") is None


def test_a_file_under_another_name_is_refused(kept, folder):
    keep("other", b"other content")
    (other,) = set(folder.iterdir()) - {kept}
    other.write_bytes(kept.read_bytes())
    assert read_kept("other") is None


def test_the_oldest_are_removed(folder, monkeypatch):
    monkeypatch.setattr("dfdetect_jax.devices.kept_files._MOST", 2)
    for age, name in enumerate("abcd"):
        keep(name, b"content")
        for path in folder.iterdir():
            os.utime(path, (path.stat().st_mtime - 10,) * 2)
        assert read_kept(name) == b"content", age
    assert read_kept("a") is None

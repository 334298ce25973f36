"""What is an address, and where its copies are."""

from pathlib import Path

import pytest

from dfdetect_jax.errors import SettingsError
from dfdetect_jax.stores import address


@pytest.mark.parametrize("place", ["gs://bkt/runs/cae", "s3://bkt", "az://bkt/x", Path("gs://bkt/runs")])
def test_an_address_is_no_local_path(place):
    assert address.is_address(place)
    with pytest.raises(SettingsError, match="--flag: expected a local path, found "):
        address.local(place, "--flag", "copy it")


@pytest.mark.parametrize("place", ["runs/cae", "/gs://x", "", "C:/runs", Path("runs/gs:")])
def test_all_else_is_local(place):
    assert not address.is_address(place)
    assert address.local(place, "--flag", "copy it") == str(place or "")


def test_slashes_do_not_tell_addresses_apart():
    alike = {address.joined(each) for each in ("gs://bkt/a/b", "gs://bkt//a/b/", str(Path("gs://bkt/a/b")))}
    assert alike == {"gs://bkt/a/b"}
    assert address.joined("gs://bkt/", "a", "b") == "gs://bkt/a/b"


def test_copies_are_in_the_users_cache_apart_by_address_and_use(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    copies = [address.kept_copy(*each) for each in (("a", "gs://bkt/x"), ("b", "gs://bkt/x"), ("a", "s3://bkt/x"))]
    assert len(set(copies)) == 3
    assert all(copy.is_relative_to(tmp_path) and copy.name == "x" for copy in copies)
    assert address.kept_copy("a", "gs://bkt").name == "bkt"

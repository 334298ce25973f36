"""Objects in emulated stores are written, read, listed and deleted by their keys."""

import pytest

from dfdetect_jax.errors import SettingsError, StoreError
from dfdetect_jax.stores import bucket as buckets
from dfdetect_jax.stores.bucket import Bucket
from tests import emulators

SCHEMES = pytest.mark.parametrize("scheme", ["gs", "s3"])


@SCHEMES
def test_what_is_written_is_read_and_listed(scheme):
    bucket = Bucket(emulators.fresh_address(scheme))
    contents = {"config.json": b"{}", "checkpoints/2/a b#é": b"\0\xff" * 10, "empty": b""}
    for key, content in contents.items():
        bucket.write(key, content)
    assert bucket.names() == sorted(contents)
    assert {key: bucket.read(key) for key in contents} == contents
    assert bucket.names("checkpoints/") == ["checkpoints/2/a b#é"]
    assert bucket.read("missing") is None


@SCHEMES
def test_folders_are_uploaded_and_downloaded(scheme, tmp_path):
    bucket = Bucket(emulators.fresh_address(scheme))
    (tmp_path / "here/deep").mkdir(parents=True)
    (tmp_path / "here/deep/file").write_bytes(b"1")
    bucket.upload(["deep/file"], tmp_path / "here")
    bucket.download(bucket.names(), tmp_path / "there")
    assert (tmp_path / "there/deep/file").read_bytes() == b"1"


@SCHEMES
def test_what_consoles_make_for_folders_is_not_listed(scheme):
    address = emulators.fresh_address(scheme)
    Bucket(address.rpartition("/")[0]).write(address.rpartition("/")[2] + "/", b"")
    Bucket(address).write("deep/", b"")
    Bucket(address).write("deep/file", b"1")
    assert Bucket(address).names() == ["deep/file"]


@SCHEMES
def test_only_what_is_listed_by_a_prefix_is_deleted(scheme):
    bucket = Bucket(emulators.fresh_address(scheme))
    for key in ("1/a", "1/b", "10/a"):
        bucket.write(key, b"")
    bucket.delete_all([*bucket.names("1/"), "missing"])
    assert bucket.names() == ["10/a"]
    bucket.delete("10/a")
    assert bucket.names() == []


@SCHEMES
def test_of_two_who_replace_an_object_one_is_refused(scheme):
    bucket = Bucket(emulators.fresh_address(scheme))
    absent = bucket.stamped("key").generation
    first = bucket.replace("key", b"1", absent)
    assert bucket.replace("key", b"2", absent) is None
    assert bucket.stamped("key") == (b"1", first)
    second = bucket.replace("key", b"2", first)
    assert bucket.replace("key", None, first) is None
    assert bucket.replace("key", None, second) is not None
    assert bucket.read("key") is None


def test_a_key_that_leads_out_of_the_folder_is_refused(tmp_path):
    bucket = Bucket(emulators.fresh_address("s3"))
    with pytest.raises(StoreError, match=r"expected keys that name files, found '\.\./up'"):
        bucket.download(["../up"], tmp_path)


@SCHEMES
def test_a_bucket_that_is_not_there_is_named_in_a_line(scheme):
    emulators.fresh_address(scheme)
    with pytest.raises(StoreError, match=f"^{scheme}://other/runs: can't be written: there is no bucket other; check"):
        Bucket(f"{scheme}://other/runs").write("key", b"")


def test_a_store_that_can_not_be_reached_is_named_in_a_line(monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setitem(buckets.RETRIES, "max_retries", 1)
    with pytest.raises(StoreError, match=r"^s3://nowhere/runs: can't be listed: .*connect.*; check the network"):
        Bucket("s3://nowhere/runs").names()


@pytest.mark.parametrize("address", ["az://b/x", "gs://", "gs:///x", "s3://b/../x", "https://b/x"])
def test_other_addresses_are_refused(address):
    with pytest.raises(SettingsError, match=r"expected gs://BUCKET/FOLDER|found no name of a bucket"):
        Bucket(address)

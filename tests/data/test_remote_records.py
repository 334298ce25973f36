"""Records in a bucket are copied once, whole, under the digest of their manifest."""

import shutil

import pytest

from dfdetect_jax.data import remote_records
from dfdetect_jax.data.record_folders import locate
from dfdetect_jax.data.records import MANIFEST, Records, read_manifest, verify
from dfdetect_jax.errors import RecordsError, StoreError
from dfdetect_jax.evaluation.prepared_split import find_splits
from dfdetect_jax.stores.bucket import Bucket
from tests import emulators, trained


@pytest.fixture(params=["gs", "s3"])
def home(request, tmp_path, monkeypatch):
    """The address of a folder of prepared data sets that has one, "forge"; this machine has no copy of it."""
    address = emulators.fresh_address(request.param)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "preparer"))
    place = remote_records.workplace(address) / "forge/40px-16/1.0.0"
    shutil.copytree(trained.folders()[1], place)
    assert remote_records.publish(place, address) == f"{address}/forge/40px-16/1.0.0"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "reader"))
    return address


def test_a_copy_has_every_byte_of_the_records(home, monkeypatch):
    copy, original = locate("forge", home), trained.folders()[1]
    assert verify(copy) == []
    assert {path.name: path.read_bytes() for path in copy.iterdir()} == {
        path.name: path.read_bytes() for path in original.iterdir()
    }
    assert copy.parts[-3:] == ("forge", "40px-16", "1.0.0")
    assert len(Records(copy, "train")) == 16
    monkeypatch.setenv("TFDS_DATA_DIR", home)
    assert locate("forge") == locate("forge/40px-16") == locate(f"{home}/forge") == copy
    assert [(each.key, each.folder) for each in find_splits([f"{home}/forge:val"], "test")] == [
        ("forge/40px-16:val", copy)
    ]


def test_a_copy_that_was_cut_off_is_completed(home):
    copy = locate("forge", home)
    partial = copy.parents[2] / "partial"
    shutil.move(copy, partial)
    kept = {path.name: path.stat().st_mtime_ns for path in partial.iterdir() if path.name != MANIFEST}
    (partial / "clips.jsonl").write_text("half")
    assert locate("forge", home) == copy
    assert verify(copy) == []
    again = {path.name for path in copy.iterdir() if path.stat().st_mtime_ns != kept.get(path.name)}
    assert again == {MANIFEST, "clips.jsonl"}


def test_a_cache_on_a_disk_without_locks_is_said_in_a_line(home, no_locks):  # in this order: records are made first
    with pytest.raises(StoreError, match=r"expected a file system with locks, .*; set XDG_CACHE_HOME"):
        locate("forge", home)


def test_a_file_that_is_not_the_manifests_is_refused(home):
    Bucket(f"{home}/forge/40px-16/1.0.0").write("features.json", b"{}")
    with pytest.raises(RecordsError, match=rf"^{home}/forge/40px-16/1.0.0/features.json: expected the file that"):
        locate("forge", home)


def test_records_without_a_manifest_are_none(home):
    bucket = Bucket(f"{home}/forge/40px-16/1.0.0")
    manifest = bucket.read(MANIFEST)
    bucket.delete(MANIFEST)
    with pytest.raises(RecordsError, match="expected prepared records, found none; check the address"):
        locate("forge", home)
    bucket.write(MANIFEST, manifest.replace(b'"name": "forge"', b'"name": "../../up"'))
    with pytest.raises(RecordsError, match="expected names of folders"):
        locate("forge", home)


def test_who_prepares_knows_what_is_there(home, tmp_path, monkeypatch):
    place = remote_records.workplace(home)
    stub = place / "forge/40px-16/1.0.0"
    assert read_manifest(stub) == read_manifest(trained.folders()[1])
    assert remote_records.publish(stub, home) == f"{home}/forge/40px-16/1.0.0"
    (stub / MANIFEST).write_text("{}")
    with pytest.raises(RecordsError, match="found others; give another --name or --out, or remove them"):
        remote_records.publish(stub, home)

"""What a command writes to an address is uploaded when it is whole."""

import pytest

from dfdetect_jax.errors import StoreError
from dfdetect_jax.stores.bucket import Bucket
from dfdetect_jax.stores.output import written
from tests import emulators


def test_what_was_written_is_at_the_address():
    address = emulators.fresh_address("gs")
    with written(address, new=True, last="sums") as folder:
        (folder / "deep").mkdir(parents=True)
        (folder / "deep/report.html").write_text("page")
        (folder / "sums").write_text("digests")
    assert Bucket(address).names() == ["deep/report.html", "sums"]
    with pytest.raises(StoreError, match="expected a new or empty folder, found one with content"):
        written(address, new=True).__enter__()


def test_nothing_is_uploaded_by_what_failed():
    address = emulators.fresh_address("s3")
    output = written(address)
    folder = output.__enter__()
    folder.mkdir()
    (folder / "half").write_text("")
    with pytest.raises(KeyError):
        output.gen.throw(KeyError())
    assert Bucket(address).names() == []


def test_a_local_folder_is_written_to_where_it_is(tmp_path):
    with written(str(tmp_path)) as folder:
        assert folder == tmp_path

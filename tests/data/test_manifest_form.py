"""A manifest of a stranger is refused in one line, whatever it holds."""

import json

import numpy as np
import pytest

from dfdetect_jax.data import records
from dfdetect_jax.errors import RecordsError
from tests.data.drawn import write_records


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_records(tmp_path_factory.mktemp("home") / "records", {"train": 3, "val": 2})


def with_values(folder, tmp_path, **values):
    """A folder with another manifest beside the same files."""
    other = tmp_path / "records"
    other.mkdir()
    for path in folder.iterdir():
        (other / path.name).write_bytes(path.read_bytes())
    manifest = json.loads((folder / records.MANIFEST).read_text())
    (other / records.MANIFEST).write_text(json.dumps({**manifest, **values}))
    return other


@pytest.mark.parametrize(
    "values",
    [
        {"shards": 3},
        {"shards": {"train": [1]}},
        {"shards": {"train": ["../../etc/passwd"]}},
        {"shards": {"train": ["/etc/passwd"]}},
        {"shards": {"trian": []}},
        {"shards": {"train": ["x" * 5000]}},
        {"sha256": {"../x": "0"}},
        {"counts": {"train": {"swap": {"clips": 1}}}},
        {"counts": {"train": {"swap": {"examples": "many"}}}},
        {"forgeries": [1]},
        {"forgery_field": "x" * 5000},
        {"settings": {"crop": {"size": 10**9}}},
        {"settings": {"crop": 3}},
        {"settings": {"crop": {"size": 64}, "encoding": ["raw"]}},
        {"name": None},
    ],
    ids=lambda values: str(values)[:60],
)
def test_a_manifest_of_another_form_is_refused(folder, tmp_path, values):
    with pytest.raises(RecordsError, match=r"not a manifest that this version reads") as line:
        records.read_manifest(with_values(folder, tmp_path, **values))
    assert "\n" not in str(line.value)
    assert len(str(line.value)) < 2100


def test_an_index_of_other_records_is_refused(folder, tmp_path):
    other = with_values(folder, tmp_path)
    np.save(other / "index-train.npy", np.zeros(1, records.INDEX_DTYPE))
    with pytest.raises(RecordsError, match="expected 3 rows, found"):
        _ = records.Records(other, "train").labels
    with (other / "index-train.npy").open("r+b") as file:  # a header that promises more than there is
        head = file.read(128).replace(b"(1,)", b"(9000000000,)", 1)
        file.seek(0)
        file.write(head)
    with pytest.raises(RecordsError, match="can't be read"):
        _ = records.Records(other, "train").labels


def test_forgeries_that_the_index_does_not_know_are_refused(folder, tmp_path):
    with pytest.raises(RecordsError, match=r"manifest.json with the forgeries of the index"):
        _ = records.Records(with_values(folder, tmp_path, forgeries=[]), "train").forgeries

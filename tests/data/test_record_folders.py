import pytest

from dfdetect_jax.data import record_folders
from dfdetect_jax.data.records import VERSION
from dfdetect_jax.errors import RecordsError
from tests.data.drawn import write_records


def test_records_are_located_by_name_config_and_folder(drawn):
    home = drawn.parents[2]
    for name in ("drawn", "drawn/32px", str(drawn), str(drawn.parent)):
        assert record_folders.locate(name, home) == drawn


def test_a_name_that_is_not_prepared_is_answered_with_the_names_that_are(drawn):
    with pytest.raises(RecordsError, match=r"drwan: no prepared records of that name in .*, which has drawn"):
        record_folders.locate("drwan", drawn.parents[2])


def test_several_variants_are_listed(tmp_path):
    for config in ("c23-32px", "c40-32px"):
        write_records(tmp_path / "drawn" / config / VERSION, {"val": 2})
    with pytest.raises(RecordsError, match=r"expected one variant, found c23-32px/1\.0\.0, c40-32px/1\.0\.0"):
        record_folders.locate("drawn", tmp_path)


def test_the_home_of_records_is_the_argument_then_the_environment_then_the_home_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "from_environment"))
    assert record_folders.records_home(tmp_path) == tmp_path
    assert record_folders.records_home() == tmp_path / "from_environment"
    monkeypatch.delenv("TFDS_DATA_DIR")
    assert record_folders.records_home().name == "tensorflow_datasets"

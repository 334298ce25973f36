"""Which records a run trains on."""

import json
import shutil

import pytest

from dfdetect_jax.data.pipeline import train_batches
from dfdetect_jax.data.records import read_manifest
from dfdetect_jax.errors import RecordsError
from dfdetect_jax.training.source import find_records
from tests.conftest import tiny_settings
from tests.data import benchmark_tree
from tests.trained import folders


def test_the_embedded_set_is_made_once_at_the_size_of_the_network():
    _, made = folders()
    data = tiny_settings(data__data_dir=str(made.parents[2])).data
    before = (made / "manifest.json").stat().st_mtime_ns
    assert find_records(data) == made
    assert (made / "manifest.json").stat().st_mtime_ns == before
    assert read_manifest(made).crop.size == data.image_size


def test_a_data_set_is_found_by_its_folder():
    _, made = folders()
    assert find_records(tiny_settings(data__name=str(made)).data) == made


def test_several_data_sets_are_joined(tmp_path):
    _, made = folders()
    renamed = tmp_path / "other"
    shutil.copytree(made, renamed)
    values = json.loads((made / "manifest.json").read_text())
    (renamed / "manifest.json").write_text(json.dumps(values | {"name": "other"}))
    data = tiny_settings(data__name=f"{made},{renamed}", data__data_dir=str(tmp_path / "out")).data
    assert read_manifest(find_records(data)).name == "forge_and_other"


def test_a_data_set_that_was_never_prepared_is_asked_for_in_one_line(tmp_path):
    data = tiny_settings(data__name="faceforensics", data__data_dir=str(tmp_path)).data
    with pytest.raises(RecordsError, match="prepare") as error:
        find_records(data)
    assert "\n" not in str(error.value)


def test_deepfakebenchs_pictures_are_trained_on_where_they_lie(tmp_path):
    settings = tiny_settings(
        data__name="deepfakebench",
        data__data_dir=str(tmp_path / "out"),
        data__root=str(tmp_path),
        data__json=str(benchmark_tree.write_faceforensics(tmp_path)),
        data__image_size=32,
    )
    folder = find_records(settings.data)
    assert read_manifest(folder).settings["encoding"] == "linked"
    assert find_records(settings.data) == folder
    batches = iter(train_batches(folder, settings))
    batch = next(batches)
    assert batch["image"].shape == (settings.train.batch_size, 32, 32, 3)
    assert set(batch["label"]) == {0, 1}
    batches.close()

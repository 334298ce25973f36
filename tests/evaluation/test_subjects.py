import json
import shutil

import pytest

from dfdetect_jax.errors import RecordsError, RunError
from dfdetect_jax.evaluation.subjects import open_subjects
from dfdetect_jax.run.folder import CONFIG
from tests import trained


def test_runs_have_short_names_and_data_are_found_where_the_first_was_trained(tmp_path):
    cae, records = trained.folders()
    again = shutil.copytree(cae, tmp_path / "again")
    runs, data = open_subjects([cae, str(again)], ["forge:all"])
    assert {name: run.folder for name, run in runs.items()} == {"run": cae.resolve(), "again": again.resolve()}
    assert [(each.key, each.folder) for each in data] == [("forge:all", records)]
    with pytest.raises(RecordsError, match="no prepared records"):
        open_subjects([cae], ["forge"], data_dir=str(tmp_path))


def test_crops_that_differ_from_those_of_the_training_are_noted_once(tmp_path):
    folder, records = trained.folders()
    assert open_subjects([folder], ["forge"]).notes == []
    other = shutil.copytree(folder, tmp_path / "other")
    config = json.loads((other / CONFIG).read_text())
    config["data"]["crop"]["margin"] = 2.9
    (other / CONFIG).write_text(json.dumps(config))
    (note,) = open_subjects([folder, other], ["forge", "forge:val"]).notes
    assert str(records) in note
    assert "(trained on 2.9)" in note


def test_a_run_given_twice_is_refused():
    folder, _ = trained.folders()
    with pytest.raises(RunError, match="found it twice"):
        open_subjects([folder, folder], ["forge"])

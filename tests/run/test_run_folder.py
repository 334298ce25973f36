import dataclasses
import json
import logging

import chex
import jax
import pytest

from dfdetect_jax.devices.kept_files import FOLDER
from dfdetect_jax.errors import RunError, SettingsError
from dfdetect_jax.run import folder
from tests import trained


def with_results(run, **results):
    info = {**run.info, "checkpoint": {**run.info["checkpoint"], **results}}
    return dataclasses.replace(run, info=info, threshold=results["threshold"])


def test_a_run_whose_scores_are_all_equal_has_a_note(caplog, monkeypatch):
    run = trained.opened()
    assert folder.COLLAPSED in with_results(run, val_auc=0.5, threshold=0.5).notes
    assert folder.COLLAPSED not in with_results(run, val_auc=0.5, threshold=0.4).notes
    assert folder.COLLAPSED not in with_results(run, val_auc=None, threshold=0.5).notes
    equal = {**run.info["checkpoint"], "val_auc": 0.5, "threshold": 0.5}
    monkeypatch.setattr(folder, "restore_variables", lambda *args: (run.variables, equal))
    with caplog.at_level(logging.WARNING):
        folder.open_run(run.folder)
    assert folder.COLLAPSED in caplog.text


def test_settings_of_another_version_are_refused_with_the_file_and_the_setting(tmp_path):
    info = json.loads((trained.folders()[0] / folder.CONFIG).read_text())
    info["settings"]["train"]["shiny"] = 1
    (tmp_path / folder.CONFIG).write_text(json.dumps(info))
    with pytest.raises(SettingsError, match=r"config\.json: no setting config\.train\.shiny.*another version") as line:
        folder.open_run(tmp_path)
    assert "\n" not in str(line.value)


def test_checkpoints_of_another_network_are_refused_in_one_line(monkeypatch):
    def restore(*args):
        raise ValueError("User-provided restore item and on-disk value metadata tree structures do not match:\n...")

    monkeypatch.setattr(folder, "restore_variables", restore)
    with pytest.raises(RunError, match=r"expected checkpoints of the network that config\.json describes") as line:
        folder.open_run(trained.folders()[0])
    assert "\n" not in str(line.value)


def test_a_network_is_traced_for_its_shapes_once_for_all_processes(tmp_path, monkeypatch):
    monkeypatch.setenv(FOLDER, str(tmp_path / "programs"))
    first = folder.open_run(trained.folders()[0])
    localizes = first.localizes
    monkeypatch.setattr(jax, "eval_shape", None)
    second = folder.open_run(trained.folders()[0])
    assert second.localizes == localizes
    chex.assert_trees_all_equal(first.variables, second.variables)

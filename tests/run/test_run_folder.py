import dataclasses
import json
import logging
import os

import chex
import jax
import pytest

from dfdetect_jax.devices.kept_files import FOLDER
from dfdetect_jax.errors import RecordsError, RunError, SettingsError
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


def deeper(values, path, value):
    """A copy of nested dicts with another value at a path of names."""
    name, *rest = path
    return {**values, name: deeper(values[name], rest, value) if rest else value}


CONFIGS = {
    "list": ([], "found no settings"),
    "empty": ({}, "found no settings"),
    "no_settings": ((("settings",), None), "found no settings"),
    "no_method": ((("settings",), {}), "found no settings.method"),
    "no_data": ((("data",), {}), "found no data.crop"),
    "crop_of_numbers": ((("data", "crop"), 3), "found no data.crop"),
    "seen_of_numbers": ((("data", "seen"), [1]), "found no data.seen"),
    "no_folder": ((("data", "folder"), None), "found no data.folder"),
    "image_size": ((("settings", "data", "image_size"), 10**9), "data.image_size: expected at most"),
    "crop_size": ((("data", "crop", "size"), 10**9), "crop.size: expected at most 4096"),
    "margin": ((("data", "crop", "margin"), 1e300), r"crop.margin: expected 1 to 3, found 1e\+300"),
    "width": ((("settings", "model", "width"), 8.0), "a network of at most 500 million numbers, found one of"),
    "widths": ((("settings", "model", "decoder_widths"), [8] * 5000), "at most 10 channel counts"),
    "blocks": ((("settings", "model", "middle_blocks"), 10**9), "middle_blocks: expected at most 64"),
    "huge_integer": ((("settings", "model", "width"), 10**400), "expected float, found a larger integer"),
    "lines": ((("settings", "model", "latent"), "a\nb"), r'found "a\\nb"'),
    "long": ((("settings", "model", "latent"), "x" * 10**6), r'found "x+\.\.\."'),
}


@pytest.mark.parametrize("name", CONFIGS)
def test_a_config_of_a_stranger_is_refused_in_one_line_before_anything_is_built(name, tmp_path):
    change, words = CONFIGS[name]
    info = json.loads((trained.folders()[0] / folder.CONFIG).read_text())
    (tmp_path / folder.CONFIG).write_text(json.dumps(deeper(info, *change) if isinstance(change, tuple) else change))
    with pytest.raises((RunError, SettingsError), match=words) as line:
        folder.open_run(tmp_path)
    assert "\n" not in str(line.value)
    assert len(str(line.value)) < 600


@pytest.mark.parametrize("text", ["", "{", "[" * 10**5, '{"a": NaN}', '{"a": 1e999}', "\xff"])
def test_a_config_that_is_no_json_is_refused_in_one_line(text, tmp_path):
    (tmp_path / folder.CONFIG).write_text(text, encoding="latin-1")
    with pytest.raises(RunError, match=r"config\.json: expected JSON, found ") as line:
        folder.open_run(tmp_path)
    assert "\n" not in str(line.value)


def test_a_config_that_is_a_pipe_does_not_hang(tmp_path):
    os.mkfifo(tmp_path / folder.CONFIG)
    with pytest.raises(RunError):
        folder.open_run(tmp_path)


@pytest.mark.parametrize("place", ["../../secret", "relative/folder", "/a/../b"])
def test_records_outside_are_not_looked_for(place):
    run = trained.opened()
    elsewhere = dataclasses.replace(run, info=deeper(run.info, ("data", "folder"), place))
    with pytest.raises(RecordsError, match=r"expected an absolute data.folder"):
        folder.records_of(elsewhere)


def test_a_network_is_traced_for_its_shapes_once_for_all_processes(tmp_path, monkeypatch):
    monkeypatch.setenv(FOLDER, str(tmp_path / "programs"))
    first = folder.open_run(trained.folders()[0])
    localizes = first.localizes
    monkeypatch.setattr(jax, "eval_shape", None)
    second = folder.open_run(trained.folders()[0])
    assert second.localizes == localizes
    chex.assert_trees_all_equal(first.variables, second.variables)

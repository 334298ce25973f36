import dataclasses
import json
import shutil

import numpy as np
import pytest

from dfdetect_jax.data.pipeline import eval_batches
from dfdetect_jax.evaluation import frozen
from dfdetect_jax.evaluation.metrics.calibration import fit_temperature
from dfdetect_jax.evaluation.metrics.localization import THRESHOLDS
from dfdetect_jax.run.folder import Run
from tests import trained


@pytest.fixture
def run(tmp_path):
    """The shared LAE, with a run folder of its own."""
    folder, _ = trained.lae_folders()
    shutil.copytree(folder, tmp_path / "run")
    return dataclasses.replace(trained.opened_lae(), folder=tmp_path / "run")


def test_temperature_and_threshold_of_maps_come_from_the_validation_split(run):
    chosen = frozen.choose(run, trained.lae_folders()[1])
    scores, labels = [], []
    size = run.settings.data.image_size
    for batch in eval_batches(trained.lae_folders()[1], "val", batch_size=4, image_size=size, forgeries=run.seen):
        valid = batch["valid"] > 0
        scores += run.score(batch["image"])[valid].tolist()
        labels += batch["label"][valid].tolist()
    assert chosen.temperature == pytest.approx(fit_temperature(np.array(scores), np.array(labels)), rel=1e-3)
    assert chosen.attention_threshold in THRESHOLDS
    assert chosen.why == ""


def test_they_are_kept_with_the_run_and_read_back(run, monkeypatch):
    before = frozen.chosen(run)
    monkeypatch.setattr(frozen, "choose", None)
    assert frozen.chosen(run) == before


def test_another_checkpoint_has_them_chosen_anew(run):
    frozen.chosen(run)
    kept = json.loads((run.folder / frozen.FILE).read_text())
    (run.folder / frozen.FILE).write_text(json.dumps(kept | {"step": -1, "temperature": 9.0}))
    assert frozen.chosen(run).temperature != 9.0


def test_without_the_training_data_nothing_is_made_up(run):
    (run.folder / frozen.FILE).unlink(missing_ok=True)
    moved = dataclasses.replace(
        run, info={**run.info, "data": {**run.info["data"], "folder": "/nowhere/gone/40px/1.0.0"}}
    )
    chosen = frozen.chosen(moved)
    assert (chosen.temperature, chosen.attention_threshold) == (1.0, None)
    assert "not in place" in chosen.why


def test_a_method_without_maps_has_no_threshold_of_maps():
    assert frozen.chosen(trained.opened()).attention_threshold is None
    assert isinstance(trained.opened(), Run)

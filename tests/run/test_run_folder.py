import dataclasses
import logging

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

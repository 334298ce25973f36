import contextlib
import io
import json
import subprocess
import sys

import pytest
from sklearn.metrics import roc_auc_score

from dfdetect_jax import evaluate
from dfdetect_jax.data import records as records_
from dfdetect_jax.errors import RecordsError
from dfdetect_jax.evaluation import frame_scores
from tests import trained


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """(metrics.json, scores.csv, the printed table) of one call on the embedded set's test split."""
    out = tmp_path_factory.mktemp("report")
    run, _ = trained.folders()
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert evaluate.main(["--run", str(run), "--data", "forge", "--out", str(out)]) == 0
    metrics = json.loads((out / "metrics.json").read_text())
    return metrics, frame_scores.read_scores(out / "scores.csv"), printed.getvalue()


def test_every_frame_of_the_split_is_scored_once(report):
    _, scores, _ = report
    records = records_.Records(trained.folders()[1], "test")
    assert sorted(scores.video) == sorted(records[i]["video"] for i in range(len(records)))
    assert set(scores.split) == {"test"}
    assert set(scores.dataset) == {"forge"}


def test_scores_are_those_of_the_run(report):
    _, scores, _ = report
    records = records_.Records(trained.folders()[1], "test")
    for i in (0, len(records) - 1):
        expected = trained.opened().predict(records[i]["image"][None]).score[0]
        row = scores.video == records[i]["video"]
        assert scores.score[row] == pytest.approx(expected, abs=1e-5)


def test_the_figures_follow_from_the_scores(report):
    metrics, scores, _ = report
    assert metrics["threshold"] == trained.opened().threshold
    frame = metrics["data"]["forge"]["frame"]
    assert frame["auc"] == roc_auc_score(scores.label, scores.score)
    assert frame["accuracy"] == ((scores.score >= metrics["threshold"]) == scores.label).mean()


def test_methods_left_out_of_training_are_marked_unseen(report):
    metrics, _, table = report
    by_method = metrics["data"]["forge"]["by_method"]
    assert {name for name, figures in by_method.items() if figures["seen"]} == set(trained.opened().seen)
    assert not all(figures["seen"] for figures in by_method.values())
    for name, figures in by_method.items():
        row = next(line for line in table.splitlines() if name in line)
        assert ("unseen" in row) is not figures["seen"]
        assert f"{figures['frame']['auc']:.3f}" in row


def test_another_split_stands_under_its_own_name(tmp_path):
    run, records = trained.folders()
    evaluate.main(["--run", str(run), "--data", str(records), "--split", "val", "--out", str(tmp_path)])
    assert list(json.loads((tmp_path / "metrics.json").read_text())["data"]) == [f"{records}:val"]


def test_data_that_is_missing_is_said_before_anything_is_scored(tmp_path):
    run, _ = trained.folders()
    with pytest.raises(RecordsError, match="elsewhere"):
        evaluate.main(["--run", str(run), "--data", "forge", "elsewhere", "--out", str(tmp_path)])
    assert not list(tmp_path.iterdir())


def test_a_wrong_run_is_one_line_and_status_2(tmp_path):
    command = [sys.executable, "-m", "dfdetect_jax.evaluate", "--run", str(tmp_path), "--data", "forge"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1

"""benchmarks/reproduce.py compares the metrics of `evaluate` with published figures."""

import json
import runpy

import pytest

from dfdetect_jax.errors import RunError
from dfdetect_jax.evaluation.metrics.detection_metrics import BootstrapIntervals, DetectionMetrics
from tests.documents import ROOT

SCRIPT = runpy.run_path(str(ROOT / "benchmarks" / "reproduce.py"))
main, compare = SCRIPT["main"], SCRIPT["compare"]


def metrics_of(**aucs: float | None) -> dict:
    return {"data": {name: {"frame": {"auc": auc, "auc_ci": [auc or 0, 1.0]}} for name, auc in aucs.items()}}


def write(folder, metrics):
    path = folder / "metrics.json"
    path.write_text(json.dumps(metrics))
    return str(path)


@pytest.mark.parametrize(
    ("data", "auc", "agrees"),
    [
        ("faceforensics", 0.95, True),
        ("faceforensics", 0.94, False),
        ("celebdf", 0.70, True),
        ("celebdf", 0.80, False),  # better is a difference, too
        ("dfdc", 0.66, True),
    ],
)
def test_a_figure_agrees_within_the_tolerance(data, auc, agrees, tmp_path, capsys):
    assert main([write(tmp_path, metrics_of(**{data: auc}))]) == (0 if agrees else 1)
    row = capsys.readouterr().out.splitlines()[-1]
    assert row.startswith(data)
    assert row.endswith("agrees" if agrees else "differs")


def test_the_tolerance_and_the_detector_can_be_chosen(tmp_path):
    file = write(tmp_path, metrics_of(celebdf=0.80))
    assert main([file, "--tolerance", "0.1"]) == 0
    assert main([file, "--detector", "UCF"]) == 0


def test_other_data_sets_and_undefined_figures_are_left_out():
    (only,) = compare(metrics_of(celebdf=0.7, forge=0.9, dfdc=None), "Xception")
    assert (only.data, only.published) == ("celebdf", 0.7365)


@pytest.mark.parametrize("metrics", [metrics_of(forge=0.9), {"runs": {}}])
def test_metrics_without_a_comparison_are_refused(metrics):
    with pytest.raises(RunError, match="expected"):
        compare(metrics, "Xception")


def test_the_page_shows_the_figures_of_the_script():
    page = (ROOT / "docs" / "reproduce.md").read_text()
    for detector, figures in SCRIPT["PUBLISHED"].items():
        assert f"| {detector} | {' | '.join(f'{figure:.4f}' for figure in figures)} |" in page


def test_metrics_as_they_are_written_are_read():
    intervals = BootstrapIntervals(bounds={"auc": (0.6, 0.8)}, resamples=9, resamples_left_out=0, clusters=2)
    frame = DetectionMetrics(n_real=2, n_fake=2, auc=0.7, intervals=intervals).as_json()
    (only,) = compare({"data": {"celebdf": {"frame": frame}}}, "Xception")
    assert (only.ours, only.interval) == (0.7, [0.6, 0.8])

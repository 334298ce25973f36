import contextlib
import io
import json
import os
import re
import subprocess
import sys

import pytest
from sklearn.metrics import roc_auc_score

from dfdetect_jax import evaluate
from dfdetect_jax.data import records as records_
from dfdetect_jax.errors import RecordsError, SettingsError
from dfdetect_jax.evaluation.metrics import frame_scores
from dfdetect_jax.evaluation.stress.corruptions import CORRUPTIONS
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
    assert frame["auc"] == pytest.approx(roc_auc_score(scores.label, scores.score), abs=1e-12)
    low, high = frame["auc_ci"]
    assert low <= frame["auc"] <= high
    assert frame["accuracy"] == ((scores.score >= metrics["threshold"]) == scores.label).mean()


def test_methods_left_out_of_training_are_marked_unseen(report):
    metrics, _, table = report
    by_forgery = metrics["data"]["forge"]["by_forgery"]
    assert {name for name, figures in by_forgery.items() if figures["seen"]} == set(trained.opened().seen)
    assert not all(figures["seen"] for figures in by_forgery.values())
    for name, figures in by_forgery.items():
        row = next(line for line in table.splitlines() if name in line)
        assert ("unseen" in row) is not figures["seen"]
        assert f"{figures['frame']['auc']:.3f}" in row


def test_another_split_stands_under_its_own_name(tmp_path):
    run, records = trained.folders()
    evaluate.main(["--run", str(run), "--data", str(records), "--split", "val", "--out", str(tmp_path)])
    assert list(json.loads((tmp_path / "metrics.json").read_text())["data"]) == ["forge/40px-16:val"]


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


@pytest.fixture(scope="module")
def together(tmp_path_factory):
    """(folder, metrics.json, the printed text) of two runs on one data set, under two distortions and an attack."""
    out = tmp_path_factory.mktemp("together") / "report"
    (cae, records), (lae, _) = trained.folders(), trained.lae_folders()
    arguments = ["--run", cae, lae, "--data", records, "--out", out, "--resamples", 40]
    arguments += ["--robustness", "jpeg", "contrast", "--attacks", "fgsm", "--max_frames", 8]
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert evaluate.main(list(map(str, arguments))) == 0
    return out, json.loads((out / "metrics.json").read_text()), printed.getvalue()


def test_several_runs_stand_side_by_side_each_against_the_first(together):
    out, metrics, printed = together
    first, second = metrics["runs"]
    (pair,) = metrics["paired"]
    assert (pair["a"], pair["b"]) == (second, first)
    data = pair["data"]
    aucs = [metrics["runs"][name]["data"][data]["frame"]["auc"] for name in (second, first)]
    assert pair["frame"]["auc"]["difference"] == pytest.approx(aucs[0] - aucs[1])
    assert f"{second} against {first} on {data}: frame AUC {aucs[0] - aucs[1]:+.3f} [" in printed
    for name in metrics["runs"]:
        assert json.loads((out / name / "metrics.json").read_text()) == metrics["runs"][name]
        assert (out / name / "scores.csv").is_file()


def test_distortions_and_attacks_are_measured_on_the_frames_requested_for(together):
    _, metrics, _ = together
    for run in metrics["runs"].values():
        (summary,) = run["data"].values()
        assert list(summary["robustness"]["corruptions"]) == ["jpeg", "contrast"]
        assert summary["robustness"]["n"] == summary["attacks"]["fgsm"]["n"] == 8
        assert [level["epsilon"] for level in summary["attacks"]["fgsm"]["epsilons"]] == [1, 2, 4, 8]


def test_maps_have_intervals_and_a_threshold_from_validation(together):
    _, metrics, _ = together
    lae = next(run for run in metrics["runs"].values() for data in run["data"].values() if data["localization"])
    (summary,) = lae["data"].values()
    assert summary["localization"]["best_from"] == "validation"
    assert (
        summary["localization"]["iou_ci"][0] <= summary["localization"]["iou"] <= summary["localization"]["iou_ci"][1]
    )


def test_the_page_tells_the_same_numbers_and_loads_nothing(together):
    out, metrics, _ = together
    page = (out / "report.html").read_text()
    for run in metrics["runs"].values():
        (summary,) = run["data"].values()
        assert f"{summary['frame']['auc']:.3f}" in page
    assert len(page) < 5e6
    assert not re.search(r'(src|href)="(?!data:|#)', page)


def test_training_data_are_told_as_a_leak_in_the_table(tmp_path, capsys):
    run, records = trained.folders()
    arguments = ["--run", run, "--data", records, "--split", "train", "--out", tmp_path, "--resamples", 0]
    evaluate.main(list(map(str, arguments)))
    printed = capsys.readouterr().out
    assert "! leakage" in printed
    assert "LEAKAGE: these are the data that it was trained on" in " ".join(printed.split())
    assert "these are the data that it was trained on" in (tmp_path / "report.html").read_text()


def test_several_runs_need_a_folder_for_their_report():
    with pytest.raises(SettingsError, match="--out: expected a folder"):
        evaluate.main(["--run", "a", "b", "--data", "forge"])


@pytest.mark.parametrize("flag", ["--resamples=-1", "--max_frames=0"])
def test_numbers_that_can_not_be_are_refused(flag):
    with pytest.raises(SettingsError, match="expected at least"):
        evaluate.main(["--run", "a", "--data", "forge", flag])


@pytest.mark.slow
def test_eight_devices_score_as_one(report, tmp_path):
    run, _ = trained.folders()
    command = [
        sys.executable,
        "-m",
        "dfdetect_jax.evaluate",
        "--run",
        str(run),
        "--data",
        "forge",
        "--out",
        str(tmp_path),
    ]
    environment = {**os.environ, "XLA_FLAGS": "--xla_force_host_platform_device_count=8"}
    subprocess.run([*command, "--resamples", "0"], check=True, capture_output=True, env=environment)
    _, alone, _ = report
    sharded = frame_scores.read_scores(tmp_path / "scores.csv")
    assert (sharded.video == alone.video).all()
    assert len(sharded) % 8  # the last batch is padded
    assert sharded.score == pytest.approx(alone.score, abs=1e-6)


@pytest.mark.parametrize("flags", [["--robustness", "jpg"], ["--attacks", "cw"]])
def test_a_corruption_or_attack_that_there_is_not_is_told_before_anything_is_scored(flags):
    run, records = trained.folders()
    with pytest.raises(SettingsError, match=r"expected one of|did you mean"):
        evaluate.main(["--run", str(run), "--data", str(records), *flags])


def test_without_a_video_codec_the_other_corruptions_are_measured(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "av", None)
    arguments = evaluate._arguments(["--run", "a", "--data", "b", "--robustness"])
    assert set(CORRUPTIONS) - set(evaluate._stress(arguments).corruptions) == {"video"}
    assert "note: without video compression" in capsys.readouterr().err

import contextlib
import io
import json
import os
import re
import subprocess
import sys

import pytest
from sklearn.metrics import roc_auc_score

from dfdetect_jax.data import records as records_
from dfdetect_jax.errors import RecordsError, RunError, SettingsError
from dfdetect_jax.evaluate import main, parse
from dfdetect_jax.evaluate import stress_of as requested_stress
from dfdetect_jax.evaluation.metrics import frame_scores
from dfdetect_jax.evaluation.stress.protocol import ATTACKS, CORRUPTIONS
from tests import trained


def evaluated(out, *arguments):
    """What one call prints; the report goes to `out`."""
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert main([*map(str, arguments), "--out", str(out)]) == 0
    return printed.getvalue()


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """(folder, metrics.json, scores.csv, the printed tables) of an LAE on its test split, with every option."""
    out = tmp_path_factory.mktemp("report")
    run, _ = trained.lae_folders()
    stress = ["--robustness", "jpeg", "contrast", "--attacks", "fgsm", "--max_frames", 8]
    printed = evaluated(out, "--run", run, "--data", "forge", "--adapt", *stress)
    return out, json.loads((out / "metrics.json").read_text()), frame_scores.read_scores(out / "scores.csv"), printed


def test_every_frame_of_the_split_is_scored_once(report):
    _, _, scores, _ = report
    records = records_.Records(trained.lae_folders()[1], "test")
    assert sorted(scores.video) == sorted(records[i]["video"] for i in range(len(records)))
    assert set(scores.split) == {"test"}
    assert set(scores.dataset) == {"forge"}


def test_scores_are_those_of_the_run(report):
    _, _, scores, _ = report
    records = records_.Records(trained.lae_folders()[1], "test")
    for i in (0, len(records) - 1):
        expected = trained.opened_lae().predict(records[i]["image"][None]).score[0]
        row = scores.video == records[i]["video"]
        assert scores.score[row] == pytest.approx(expected, abs=1e-5)


def test_thresholds_of_other_ways_are_measured_beside_the_frozen_one(report):
    _, metrics, _, printed = report
    frame, (frozen, twins, *_) = metrics["data"]["forge"]["frame"], metrics["data"]["forge"]["thresholds"]["ways"]
    assert (frozen["name"], frozen["threshold"]) == ("frozen", metrics["threshold"])
    assert frozen["balanced_accuracy"] == frame["balanced_accuracy"]
    assert "self-blended twins" in twins["looks_at"]
    assert "from self-blended" in printed


def test_the_metrics_are_those_of_the_scores(report):
    _, metrics, scores, _ = report
    assert metrics["threshold"] == trained.opened_lae().threshold
    frame = metrics["data"]["forge"]["frame"]
    assert frame["auc"] == pytest.approx(roc_auc_score(scores.label, scores.score), abs=1e-12)
    low, high = frame["auc_ci"]
    assert low <= frame["auc"] <= high
    assert frame["accuracy"] == ((scores.score >= metrics["threshold"]) == scores.label).mean()


def test_forgeries_left_out_of_training_are_marked_unseen(report):
    _, metrics, _, printed = report
    by_forgery = metrics["data"]["forge"]["by_forgery"]
    assert {name for name, group in by_forgery.items() if group["seen"]} == set(trained.opened_lae().seen)
    assert not all(group["seen"] for group in by_forgery.values())
    for name, group in by_forgery.items():
        row = next(line for line in printed.splitlines() if name in line)
        assert ("unseen" in row) is not group["seen"]
        assert f"{group['frame']['auc']:.3f}" in row


def test_corruptions_and_attacks_are_measured_on_as_many_frames_as_requested(report):
    values = report[1]["data"]["forge"]
    assert list(values["robustness"]["corruptions"]) == ["jpeg", "contrast"]
    assert values["robustness"]["n"] == values["attacks"]["fgsm"]["n"] == 8
    assert [level["epsilon"] for level in values["attacks"]["fgsm"]["epsilons"]] == [1, 2, 4, 8]


def test_maps_have_intervals_and_a_threshold_from_validation(report):
    maps = report[1]["data"]["forge"]["localization"]
    assert maps["best_from"] == "validation"
    assert maps["iou_ci"][0] <= maps["iou"] <= maps["iou_ci"][1]


def test_the_page_shows_the_same_numbers_and_loads_nothing(report):
    out, metrics, _, _ = report
    page = (out / "report.html").read_text()
    assert f"{metrics['data']['forge']['frame']['auc']:.3f}" in page
    assert f"{metrics['data']['forge']['localization']['pixel_auc']:.3f}" in page
    assert len(page) < 5e6
    assert not re.search(r'(src|href)="(?!data:|#)', page)


@pytest.fixture(scope="module")
def on_training_data(tmp_path_factory):
    """(metrics.json, the page, the printed table) of one call on the training split, given by its folder."""
    out = tmp_path_factory.mktemp("training")
    run, records = trained.lae_folders()
    printed = evaluated(out, "--run", run, "--data", f"{records}:train", "--resamples", 0)
    return json.loads((out / "metrics.json").read_text()), (out / "report.html").read_text(), printed


def test_another_split_and_a_folder_have_keys_of_their_own(on_training_data):
    assert list(on_training_data[0]["data"]) == ["forge/32px-16:train"]


def test_training_data_are_reported_as_a_leak(on_training_data):
    metrics, page, printed = on_training_data
    warning = metrics["data"]["forge/32px-16:train"]["leakage"]["warning"]
    assert "measured on its own training data" in warning
    assert "! leakage" in printed
    assert f"LEAKAGE: {warning}" in " ".join(printed.split())
    assert warning in page


def test_data_that_are_missing_are_reported_before_anything_is_scored(tmp_path):
    run, _ = trained.lae_folders()
    with pytest.raises(RecordsError, match="elsewhere"):
        main(["--run", str(run), "--data", "forge", "elsewhere", "--out", str(tmp_path)])
    assert not list(tmp_path.iterdir())


def test_a_data_set_given_twice_is_rejected(tmp_path):
    run, records = trained.lae_folders()
    with pytest.raises(SettingsError, match="found forge/32px-16 twice"):
        main(["--run", str(run), "--data", str(records), str(records), "--out", str(tmp_path)])


def test_a_folder_that_is_no_run_is_rejected(tmp_path):
    with pytest.raises(RunError, match="expected a run folder"):
        main(["--run", str(tmp_path), "--data", "forge"])


def test_several_runs_are_compared_with_the_first(tmp_path):
    (cae, records), (lae, _) = trained.folders(), trained.lae_folders()
    printed = evaluated(tmp_path, "--run", cae, lae, "--data", records, "--resamples", 40)
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    first, second = metrics["runs"]
    (pair,) = metrics["paired"]
    assert (pair["a"], pair["b"]) == (second, first)
    data = pair["data"]
    aucs = [metrics["runs"][name]["data"][data]["frame"]["auc"] for name in (second, first)]
    assert pair["frame"]["auc"]["difference"] == pytest.approx(aucs[0] - aucs[1])
    assert f"{second} against {first} on {data}: frame AUC {aucs[0] - aucs[1]:+.3f} [" in printed
    for name in metrics["runs"]:
        assert json.loads((tmp_path / name / "metrics.json").read_text()) == metrics["runs"][name]
        assert (tmp_path / name / "scores.csv").is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--run", "a", "b", "--data", "forge"], "--out: expected a folder"),
        (["--run", "a", "--data", "forge", "--resamples=-1"], "--resamples: expected at least 0"),
        (["--run", "a", "--data", "forge", "--max_frames=0"], "--max_frames: expected at least 1"),
        (["--run", "a"], "--data"),
        (["--run", "a", "--data", "forge", "--by", "frame"], "invalid choice"),
        (["--run", "a", "--data", "forge", "--split", "every"], "choose from 'train', 'val', 'test', 'all'|from train"),
    ],
)
def test_a_wrong_command_line_is_rejected(arguments, message):
    with pytest.raises(SettingsError, match=message):
        main(arguments)


@pytest.mark.parametrize(
    ("flags", "message"),
    [(["--robustness", "jpg"], 'did you mean "jpeg"'), (["--attacks", "cw"], "expected one of fgsm, pgd")],
)
def test_an_unknown_corruption_or_attack_is_rejected_before_anything_is_opened(flags, message):
    with pytest.raises(SettingsError, match=message):
        main(["--run", "nowhere", "--data", "forge", *flags])


def stress_of(*flags):
    return requested_stress(parse(["--run", "a", "--data", "b", *flags]))


def test_without_names_all_corruptions_and_attacks_are_measured():
    stress = stress_of("--robustness", "--attacks", "--max_frames", "9")
    assert (stress.corruptions, stress.attacks, stress.max_frames) == (tuple(CORRUPTIONS), ATTACKS, 9)
    assert (stress_of().corruptions, stress_of().attacks) == ((), ())


def test_without_a_video_codec_the_other_corruptions_are_measured(monkeypatch, capsys):
    monkeypatch.setattr("dfdetect_jax.evaluation.stress.codecs.ENCODER", "none")
    assert set(CORRUPTIONS) - set(stress_of("--robustness").corruptions) == {"video"}
    assert "note: without video compression" in capsys.readouterr().err
    with pytest.raises(SettingsError, match="PyAV"):
        stress_of("--robustness", "video")


def test_a_wrong_command_line_and_help_are_answered_without_jax():
    code = """
import sys
from dfdetect_jax.errors import SettingsError
from dfdetect_jax.evaluate import main
for arguments in (["--help"], ["--run", "a"], ["--run", "a", "--data", "b", "--robustness", "jpg", "--attacks", "cw"]):
    try:
        main(arguments)
    except (SystemExit, SettingsError):
        pass
print([name for name in ("jax", "matplotlib", "tensorflow_datasets", "grain", "rich") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    assert "--max_frames" in done.stdout


@pytest.mark.slow
def test_eight_devices_score_as_one(report, tmp_path):
    run, _ = trained.lae_folders()
    command = [sys.executable, "-m", "dfdetect_jax.evaluate", "--run", str(run), "--data", "forge"]
    command += ["--out", str(tmp_path)]
    environment = {**os.environ, "XLA_FLAGS": "--xla_force_host_platform_device_count=8"}
    subprocess.run([*command, "--resamples", "0"], check=True, capture_output=True, env=environment)
    _, _, alone, _ = report
    sharded = frame_scores.read_scores(tmp_path / "scores.csv")
    assert (sharded.video == alone.video).all()
    assert len(sharded) % 8  # the last batch is padded
    assert sharded.score == pytest.approx(alone.score, abs=1e-6)

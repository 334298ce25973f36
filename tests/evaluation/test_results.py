"""The schema of metrics.json: its keys, in their order."""

import json

from dfdetect_jax.evaluation.comparison import compare_runs
from dfdetect_jax.evaluation.metrics.bootstrap import Resampling
from dfdetect_jax.evaluation.metrics.detection_metrics import METRICS, BootstrapIntervals, VideoMetrics
from tests.evaluation.made_results import attack, heat, localization, robustness, run_result, thresholds
from tests.evaluation.scored import clips

COUNTS = ["n", "n_real", "n_fake"]
NAMES = [
    "auc",
    "ap",
    "eer",
    "eer_nearest",
    "tpr_at_fpr_1",
    "tpr_at_fpr_0_1",
    "accuracy",
    "balanced_accuracy",
    "tpr",
    "fpr",
    "brier",
    "log_loss",
    "ece",
    "brier_calibrated",
    "log_loss_calibrated",
    "ece_calibrated",
]
INTERVALS = [*(f"{name}_ci" for name in NAMES), "resamples", "resamples_left_out", "clusters"]
FRAME = [*COUNTS, *NAMES, "why", *INTERVALS]
VIDEO = [*COUNTS, *NAMES, "why", "dfb_compat", *INTERVALS, "dfb_compat_ci"]
MAPS = ["pixel_auc", "pixel_ap", "iou", "f1", "best_threshold", "iou_best", "f1_best", "pointing"]
MAP_INTERVALS = ["pixel_auc_ci", "pixel_ap_ci", "iou_ci", "f1_ci", "iou_best_ci", "f1_best_ci", "pointing_ci"]
FAKES = ["n", "n_without_mask", "n_empty_mask", "forged_share", *MAPS, "best_from"]
REALS = ["n_real", "real_attention", "real_area"]


def evaluation_of(*names):
    """Equal runs with everything that can be measured."""
    result = run_result(
        clips(people=2),
        localization=localization("a", "a", "b"),
        heat=heat(),
        robustness=robustness(),
        attacks={"pgd": attack()},
        thresholds=thresholds(),
    )
    return compare_runs("all", dict.fromkeys(names, result), Resampling(resamples=10))


def test_of_one_run():
    values = evaluation_of("run").as_json()
    assert list(values) == ["threshold", "temperature", "notes", "data"]
    assert list(values["data"]) == ["set"]
    assert json.loads(json.dumps(values, allow_nan=False)) == values


def test_of_a_data_set():
    values = evaluation_of("run").as_json()["data"]["set"]
    assert list(values) == [
        "frame",
        "video",
        "by_forgery",
        "localization",
        "leakage",
        "heat",
        "robustness",
        "attacks",
        "thresholds",
    ]
    assert list(values["heat"]) == ["reconstruction error", "class activation"]
    assert list(values["frame"]) == FRAME
    assert list(values["video"]) == VIDEO
    assert list(values["by_forgery"]) == ["a", "b"]
    assert list(values["by_forgery"]["a"]) == ["seen", "frame", "video", "localization"]
    assert list(values["by_forgery"]["a"]["frame"]) == FRAME
    assert list(values["leakage"]) == ["identities", "videos", "files", "warning", "note"]


def test_without_stress_or_intervals_their_keys_are_missing():
    values = run_result(resamples=0).metrics.as_json()["data"]["set"]
    assert list(values) == ["frame", "video", "by_forgery", "localization", "leakage"]
    assert list(values["frame"]) == [*COUNTS, *NAMES, "why"]
    assert list(values["video"]) == [*COUNTS, *NAMES, "why", "dfb_compat"]
    assert values["localization"] is values["by_forgery"]["a"]["localization"] is None


def test_reasons_are_beside_what_they_explain():
    intervals = BootstrapIntervals(
        bounds=dict.fromkeys(METRICS), resamples=1, resamples_left_out=0, clusters=1, why="one cluster"
    )
    reasons = {"why": "few", "why_no_dfb_compat": "one label", "why_no_dfb_compat_interval": "several clusters"}
    video = VideoMetrics(n_real=1, n_fake=1, dfb_compat=None, intervals=intervals, **reasons)
    values, beside = [*COUNTS, *NAMES, "why"], ["dfb_compat_ci", "why_no_dfb_compat_ci"]
    assert list(video.as_json()) == [*values, "dfb_compat", "why_no_dfb_compat", *INTERVALS, "why_no_ci", *beside]
    assert [reason.rpartition(": ")[2] for reason in video.reasons] == [
        "few",
        "one cluster",
        "one label",
        "several clusters",
    ]


def test_of_maps():
    values = evaluation_of("run").as_json()["data"]["set"]
    of_all, of_forgery = values["localization"], values["by_forgery"]["a"]["localization"]
    assert list(of_all) == [*FAKES, "baselines", *REALS, *MAP_INTERVALS]
    assert list(of_forgery) == [*FAKES, "baselines", *MAP_INTERVALS]
    assert list(of_all["baselines"]) == ["random", "centre"]
    assert list(of_all["baselines"]["random"]) == ["pixel_auc", "pixel_ap", "pointing"]
    assert list(of_all["baselines"]["centre"]) == [*MAPS, "sigma"]
    unknown = run_result(localization=localization("a", has_mask=False)).metrics.as_json()["data"]["set"][
        "localization"
    ]
    assert list(unknown) == [*FAKES, "baselines", "why", *REALS]
    assert {unknown[name] for name in (*MAPS, "forged_share", "best_from", "baselines")} == {None}


def test_of_stress():
    values = evaluation_of("run").as_json()["data"]["set"]
    of_robustness, of_attack = values["robustness"], values["attacks"]["pgd"]
    assert list(of_robustness) == ["n", "of", "seed", "notes", "parameters", "clean", "corruptions"]
    level = ["level", "parameter", "psnr"]
    plain = [*COUNTS, *NAMES]
    assert list(of_robustness["clean"]) == [*level, "psnr_why", *plain, *INTERVALS, "video"]
    assert list(of_robustness["corruptions"]["blur"][4]) == [*level, *plain, *INTERVALS, "video"]
    assert list(of_attack) == ["attack", "steps", "seed", "n", "of", "note", "clean", "epsilons"]
    assert list(of_attack["epsilons"][0]) == ["epsilon", "step_size", "fakes_called_real", *plain, "video", "both"]
    assert list(of_attack["epsilons"][0]["both"]) == plain


def test_of_several_runs():
    values = evaluation_of("x", "y").as_json()
    assert list(values) == ["runs", "paired", "seeds"]
    assert list(values["runs"]) == ["x", "y"]
    (pair,) = values["paired"]
    counts = ["n", "clusters", "resamples", "resamples_left_out"]
    assert list(pair) == ["a", "b", "data", *counts, "frame", "video"]
    assert list(pair["frame"]) == list(pair["video"]) == NAMES
    assert list(pair["frame"]["auc"]) == ["a", "b", "difference", "difference_ci", "p"]
    spread = values["seeds"]["x, y"]["set"]
    assert list(spread) == ["frame", "video", "by_forgery"]
    assert list(spread["frame"]) == NAMES
    assert list(spread["video"]) == [*NAMES, "dfb_compat"]
    assert list(spread["by_forgery"]["a"]) == ["frame", "video"]
    assert list(spread["frame"]["auc"]) == ["mean", "sd", "ci", "n"]
    assert json.loads(json.dumps(values, allow_nan=False)) == values


def test_every_metric_is_in_the_schema():
    assert list(METRICS) == NAMES
    assert list(VideoMetrics.NAMES) == [*NAMES, "dfb_compat"]

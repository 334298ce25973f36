import dataclasses

import pytest

from dfdetect_jax.evaluation.leakage import Leakage
from dfdetect_jax.evaluation.metrics.paired import Difference, PairedComparison
from dfdetect_jax.evaluation.report import words
from tests.evaluation.made_results import (
    corruption_level,
    data_set_metrics,
    detection_metrics,
    evaluation,
    heat,
    robustness,
    run_metrics,
    run_result,
)
from tests.evaluation.scored import clips, rows, scores_of


def findings(frames, resamples=0, **options):
    return " ".join(words.findings(run_metrics({"set": data_set_metrics(frames, resamples=resamples, **options)})))


def limitations(**options):
    return " ".join(words.limitations(evaluation(first=run_result(**options))))


def test_the_first_sentence_names_runs_and_data():
    assert words.opening(evaluation()) == "This page reports the run first on 1 data set: set."
    both = evaluation(a=run_result(keys=("x", "y")), b=run_result(keys=("x", "y")))
    assert words.opening(both) == "This page reports 2 runs on 2 data sets: x, y."


def test_the_auc_is_reported_with_its_interval_and_against_chance():
    metrics = data_set_metrics(clips(), resamples=20)
    auc, (low, high) = metrics.frame.auc, metrics.frame.interval("auc")
    video = f"{metrics.video.auc:.3f} [{{:.2f}}, {{:.2f}}]".format(*metrics.video.interval("auc"))
    expected = f"On set the AUC is {auc:.3f} [{low:.2f}, {high:.2f}] over 48 frames and {video} over 24 videos."
    assert findings(clips(), resamples=20).startswith(expected)
    wrong_way_round = clips().replace(score=1 - clips().score)
    assert "worse than chance" in findings(wrong_way_round)
    assert "worse than chance" not in findings(clips())
    assert "not clearly better than chance" in findings(scores_of(("", 0.4), ("a", 0.4)))


def test_of_many_data_sets_the_extremes_are_reported():
    aucs = {"x": ((0.1, 0.2), 1.0), "y": ((0.1, 0.6), 0.75), "z": ((0.6, 0.95), 0.25)}
    data = {
        key: data_set_metrics(scores_of(*(("", real) for real in reals), ("a", 0.5), ("a", 0.9)))
        for key, (reals, _) in aucs.items()
    }
    assert [data[key].frame.auc for key in aucs] == [auc for _, auc in aucs.values()]
    text = " ".join(words.findings(run_metrics(data)))
    assert "Over 3 data sets the frame AUC ranges from 0.250 to 1.000." in text
    assert "On y the AUC" not in text


def test_seen_and_unseen_forgeries_have_their_means():
    frames = scores_of(("", 0.5), ("a", 0.9), ("b", 0.1), ("c", 0.9))
    text = findings(frames, seen=("a",))
    assert "1.000 for seen forgeries (1 forgery on 1 data set)" in text
    assert "0.500 for unseen forgeries (2 forgeries on 1 data set)" in text
    assert "The hardest unseen forgery is b on set: 0.000." in text


def test_calibration_and_threshold_are_reported():
    metrics = data_set_metrics(clips())
    text = findings(clips())
    assert f"expected calibration error is {metrics.frame.ece:.3f} on set" in text
    assert f"{metrics.frame.ece_calibrated:.3f} after scaling with temperature 2.00" in text
    assert f"classifies as fake: {metrics.frame.tpr:.0%} of fakes and {metrics.frame.fpr:.0%} of reals on set" in text
    assert ("false alarms" in text) == (metrics.frame.fpr > 0.25)
    assert "More than a quarter of reals are false alarms on set" in findings(scores_of(("", 0.9), ("a", 0.9)))


def test_the_worst_corruption_is_named():
    text = findings(clips(), robustness=robustness("blur"))
    assert "Under blur at the highest level, the frame AUC on set is 0.650 [0.60, 0.70]; clean it is 0.900." in text


def test_of_one_class_the_share_called_fake_is_the_finding():
    assert findings(scores_of(("", 0.1), ("", 0.7))) == (
        "More than a quarter of reals are false alarms on set: choose another threshold there. "
        "On set 0.500 of 2 frames, all real, are called fake at the threshold: false alarms."
    )
    frames = rows(("x", "a", 0.1), ("x", "a", 0.7), ("y", "a", 0.9))
    shares = "0.667 of 3 frames and 0.500 of 2 videos"
    assert findings(frames) == f"On set {shares}, all fake, are called fake at the threshold: the detection rate."


@pytest.mark.parametrize(("forgery", "what", "worst"), [("", "reals", "highest"), ("a", "fakes", "lowest")])
def test_of_one_class_the_worst_corruption_is_that_of_the_share_called_fake(forgery, what, worst):
    def level(number, share):
        rate = {"tpr": share} if forgery else {"fpr": share}
        return dataclasses.replace(corruption_level(number, None), frame=detection_metrics(None, **rate))

    measured = dataclasses.replace(
        robustness(), clean=level(0, 0.5), corruptions={"blur": [level(5, 0.2)], "noise": [level(5, 0.7)]}
    )
    text = findings(scores_of((forgery, 0.1)), robustness=measured)
    name, share = ("blur", 0.2) if forgery else ("noise", 0.7)
    expected = (
        f"the share of {what} called fake on set is {share:.3f}, the {worst} of 2 corruptions; clean it is 0.500."
    )
    assert f"Under {name} at the highest level, {expected}" in text


def test_maps_that_were_not_learnt_are_compared_with_a_fixed_spot():
    expected = "reconstruction error 0.800, class activation 0.800; of a fixed spot in the middle of every crop 0.950."
    assert f"On set the pixel AUC of maps is: {expected}" in findings(clips(), heat=heat())
    assert "pixel AUC of maps" not in findings(clips())


def test_leakage_names_run_and_data_set():
    leakage = Leakage(identities=0, videos=2, files=0, warning="shares 2 videos", note="a note")
    leaking = evaluation(first=run_result(leakage=leakage), second=run_result())
    assert words.leaks(leaking) == ["first on set: shares 2 videos"]
    assert "first on set: a note" in words.limitations(leaking)
    assert words.leaks(evaluation()) == []


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({}, "first: trained in a hurry"),
        ({}, "TPR at 1% FPR is unreliable with fewer than 100 real frames: set (16)."),
        ({}, "trained with one seed"),
        ({"resamples": 0}, "first on set: the AUC has no interval: none was requested."),
        ({"frames": clips(people=1)}, "the AUC has no interval: all rows are of one cluster"),
        ({"frames": clips(people=3)}, "the AUC's interval is wide"),
        ({"frames": clips(forgeries=("",))}, "first on set: no fakes were scored"),
    ],
)
def test_limitations(options, sentence):
    assert sentence in limitations(**options)


def test_with_several_seeds_the_variation_between_trainings_is_known():
    several = dataclasses.replace(evaluation(), seeds={"x, y": {}})
    assert not any("one seed" in sentence for sentence in words.limitations(several))


@pytest.mark.parametrize(
    ("bounds", "verdict"),
    [
        ((0.01, 0.05), "ranks better than"),
        ((-0.05, -0.01), "ranks worse than"),
        ((-0.01, 0.03), "does not clearly differ from"),
    ],
)
def test_a_pair_is_judged_by_the_interval_of_its_difference(bounds, verdict):
    auc = Difference(a=0.5 + sum(bounds) / 2, b=0.5, interval=bounds, p=0.1)
    counts = {"n": 8, "clusters": 4, "resamples": 20, "resamples_left_out": 0}
    pair = PairedComparison(a="second", b="first", data="set", frame={"auc": auc}, video={"auc": auc}, **counts)
    (sentence,) = words.comparisons(dataclasses.replace(evaluation(), paired=[pair]))
    assert f"On set, second {verdict} first: frame AUC {sum(bounds) / 2:+.3f} [{bounds[0]:.3f}" in sentence


@pytest.mark.parametrize(
    ("label", "verdict"), [("fpr", "calls fewer reals fake than"), ("tpr", "calls fewer fakes fake than")]
)
def test_a_pair_on_one_class_is_judged_by_the_share_called_fake(label, verdict):
    undefined, rate = Difference(a=None, b=None), Difference(a=0.1, b=0.3, interval=(-0.3, -0.1), p=0.1)
    values = dict.fromkeys(("auc", "fpr", "tpr"), undefined) | {label: rate}
    counts = {"n": 8, "clusters": 4, "resamples": 20, "resamples_left_out": 20}
    pair = PairedComparison(a="second", b="first", data="set", frame=values, video=values, **counts)
    (sentence,) = words.comparisons(dataclasses.replace(evaluation(), paired=[pair]))
    assert f"second {verdict} first: frame {label.upper()} -0.200 [-0.300, -0.100]" in sentence


def test_a_pair_without_an_interval_is_not_judged():
    undefined = {"auc": Difference(a=None, b=0.5, why="needs a label that was not scored")}
    counts = {"n": 8, "clusters": 4, "resamples": 20, "resamples_left_out": 0}
    pair = PairedComparison(a="second", b="first", data="set", frame=undefined, video=undefined, **counts)
    assert words.comparisons(dataclasses.replace(evaluation(), paired=[pair])) == []

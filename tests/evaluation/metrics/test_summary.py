import json

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from dfdetect_jax.errors import RunError
from dfdetect_jax.evaluation.metrics import bootstrap, detection, frame_scores
from dfdetect_jax.evaluation.metrics.summary import choose_threshold, summarize
from tests.evaluation.scored import rows


def random_case(seed, n=60, levels=None):
    """Scores and labels; with `levels`, scores take that few values, so that many are tied."""
    rng = np.random.default_rng(seed)
    labels = np.concatenate([[0, 1], rng.integers(0, 2, n - 2)])
    scores = np.clip(rng.normal(0.4 + 0.2 * labels, 0.2), 0, 1)
    return (np.round(scores * levels) / levels if levels else scores), labels


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_scores_that_are_no_numbers_are_refused(bad):
    scores, labels = np.array([0.1, bad, 0.9]), np.array([0, 1, 1])
    with pytest.raises(RunError, match="1 of 3"):
        choose_threshold(scores, labels)


def test_the_threshold_of_separable_scores_is_in_the_middle_of_the_gap():
    assert choose_threshold(np.array([0.1, 0.3, 0.7, 0.8]), np.array([0, 0, 1, 1])) == pytest.approx(0.5)


def test_of_equally_good_thresholds_the_one_in_the_widest_gap_is_taken():
    # real .1 | fake .2 | real .9 | fake 1.0: cutting after .1 and after .9 are both 3/4 right; both gaps are .1 wide
    # until the last fake moves away.
    labels = np.array([0, 1, 0, 1])
    assert choose_threshold(np.array([0.10, 0.20, 0.60, 1.0]), labels) == pytest.approx(0.8)
    assert choose_threshold(np.array([0.10, 0.50, 0.90, 1.0]), labels) == pytest.approx(0.3)


@pytest.mark.parametrize("levels", [None, 6])
@pytest.mark.parametrize("seed", range(8))
def test_no_other_threshold_has_a_higher_balanced_accuracy(seed, levels):
    scores, labels = random_case(seed, n=40, levels=levels)
    chosen = choose_threshold(scores, labels)
    assert scores.min() < chosen < scores.max()
    best = max(balanced_accuracy_score(labels, scores >= cut) for cut in np.unique(scores))
    assert balanced_accuracy_score(labels, scores >= chosen) == pytest.approx(best)


def test_unequal_classes_weigh_the_same_in_the_threshold():
    # By plain accuracy everything would be called fake.
    scores = np.array([0.2, *np.linspace(0.5, 0.9, 20), 0.1])
    labels = np.array([0, *[1] * 20, 1])
    assert 0.2 < choose_threshold(scores, labels) < 0.5


def test_neighbouring_floats_are_still_told_apart():
    low, high = np.float64(0.5), np.nextafter(np.float64(0.5), 1)
    chosen = choose_threshold(np.array([low, high]), np.array([0, 1]))
    assert low < chosen <= high


@pytest.mark.parametrize(("scores", "labels"), [([], []), ([0.2, 0.9], [1, 1]), ([0.4, 0.4], [0, 1])])
def test_scores_that_cant_tell_leave_the_classifiers_own_threshold(scores, labels):
    assert choose_threshold(np.array(scores), np.array(labels, int)) == 0.5


def test_each_method_is_measured_against_all_reals():
    frames = rows(("r1", "", 0.3), ("r2", "", 0.5), ("x1", "x", 0.9), ("y1", "y", 0.4), ("y1", "y", 0.1))
    summary = summarize(frames, threshold=0.45, seen=("x",))
    assert set(summary) == {"frame", "video", "by_forgery", "localization"}
    assert list(summary["by_forgery"]) == ["x", "y"]
    x, y = summary["by_forgery"]["x"], summary["by_forgery"]["y"]
    assert (x["seen"], y["seen"]) == (True, False)
    assert (x["frame"]["auc"], x["frame"]["n"]) == (1.0, 3)
    assert (y["frame"]["auc"], y["frame"]["n"]) == (0.25, 4)
    assert (y["video"]["auc"], y["video"]["n"]) == (0.0, 3)
    assert (summary["frame"]["n"], summary["video"]["n"]) == (5, 4)
    assert summary["frame"]["accuracy"] == 0.4
    assert summary["localization"] is x["localization"] is None


def test_an_empty_split_gives_reasons_and_no_numbers():
    summary = summarize(frame_scores.concatenate([]), threshold=0.5, seen=())
    assert summary["by_forgery"] == {}
    assert summary["frame"]["auc"] is summary["video"]["auc"] is None
    assert summary["video"]["why"] == "nothing was scored"


def made(people=12, seed=0, forgeries=("", "x", "y")):
    """Three frames of a clip per person and forgery; scores lean towards the label."""
    rng = np.random.default_rng(seed)
    entries = [(p, m, f) for p in range(people) for m in forgeries for f in range(3)]
    scores = 1 / (1 + np.exp(-np.array([1.5 * (m != "") for _, m, _ in entries]) - rng.normal(size=len(entries))))
    names = [f"{m}/{p:03d}_swap" if m else f"real/{p:03d}" for p, m, _ in entries]
    kinds, people_of = [m for _, m, _ in entries], np.array([f"{p:03d}" for p, _, _ in entries])
    return rows(*zip(names, kinds, scores, strict=True)).replace(identity=people_of)


def test_intervals_stand_beside_every_figure_of_every_level():
    frames = made()
    plain = summarize(frames, 0.5, ("x",), temperature=1.5)
    summary = summarize(frames, 0.5, ("x",), temperature=1.5, resamples=200)
    for with_ci, without in ((summary, plain), *((summary["by_forgery"][m], plain["by_forgery"][m]) for m in "xy")):
        for level in ("frame", "video"):
            figures = with_ci[level]
            names = [*detection.FIGURES, *(["dfb_compat"] if level == "video" else [])]
            alike = {name: value for name, value in without[level].items() if name != "why"}
            assert {name: figures[name] for name in alike} == pytest.approx(alike, abs=1e-12)
            assert figures["why"] == without[level]["why"]
            for name in names:
                low, high = figures[f"{name}_ci"]
                assert low <= high
            assert figures["auc_ci"][0] <= figures["auc"] <= figures["auc_ci"][1]
            assert (figures["resamples"], figures["resamples_left_out"], figures["clusters"]) == (200, 0, 12)
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary


def test_the_same_seed_gives_the_same_intervals_and_order_of_rows_does_not_matter_to_figures():
    frames = made()
    again = summarize(frames, 0.5, (), resamples=50, seed=3)
    assert summarize(frames, 0.5, (), resamples=50, seed=3) == again
    assert summarize(frames, 0.5, (), resamples=50, seed=4) != again
    turned = summarize(frames[::-1], 0.5, ())
    for level in ("frame", "video"):
        for name in detection.FIGURES:
            assert turned[level][name] == pytest.approx(again[level][name])


def test_video_auc_for_comparison_joins_clips_of_one_name():
    # Two forgeries of clip 7 are one fake of score .5; a real and a fake named 9 are one real of .7.
    frames = rows(("x/7", "x", 0.9), ("y/7", "y", 0.1), ("real/8", "", 0.6), ("real/9", "", 0.4), ("x/9", "x", 1.0))
    summary = summarize(frames, 0.5, ())
    assert summary["video"]["auc"] == pytest.approx(4 / 6)
    assert summary["video"]["dfb_compat"] == 0.0
    only = summarize(frames[1:][[2, 3]], 0.5, ())["video"]
    assert (only["auc"], only["dfb_compat"]) == (1.0, None)
    assert "no fakes" in only["why_no_dfb_compat"]


def test_folders_that_join_people_have_no_interval_and_say_so():
    frames = made()
    joined = frames.replace(video=np.array([f"{name}/clip" for name in frames.video]))
    video = summarize(joined, 0.5, (), resamples=20)["video"]
    assert video["dfb_compat_ci"] is None
    assert "join several clusters" in video["why_no_dfb_compat_ci"]


def test_one_person_or_one_label_leaves_no_interval():
    one = summarize(made(people=1), 0.5, (), resamples=20)["frame"]
    assert one["auc"] is not None
    assert one["auc_ci"] is one["brier_ci"] is None
    assert "one cluster" in one["why_no_ci"]
    frames = made()
    fakes = summarize(frames[frames.label == 1], 0.5, (), resamples=20)["frame"]
    assert fakes["auc_ci"] is fakes["fpr_ci"] is fakes["auc"] is None
    assert fakes["resamples_left_out"] == 20
    assert fakes["brier_ci"][0] < fakes["brier"] < fakes["brier_ci"][1]
    empty = summarize(frame_scores.concatenate([]), 0.5, (), resamples=20)
    assert empty["frame"]["auc_ci"] is empty["video"]["dfb_compat_ci"] is None
    assert empty["video"]["why"] == "nothing was scored"


def test_intervals_of_a_method_are_those_of_the_same_draws_repeated_row_by_row():
    frames = made(people=6)
    low, high = summarize(frames, 0.5, (), resamples=30, seed=5)["by_forgery"]["y"]["frame"]["auc_ci"]
    people = bootstrap.clusters(frames)
    aucs = []
    for counts in np.concatenate(list(bootstrap.draws(6, 30, seed=5))):
        kept = np.repeat(np.arange(len(frames)), counts[people].astype(int))
        drawn = frames[kept[frames.forgery[kept] != "x"]]
        aucs.append(roc_auc_score(drawn.label, drawn.score))
    assert (low, high) == pytest.approx(np.percentile(aucs, [2.5, 97.5]))

import numpy as np
import pytest
from scipy.optimize import brentq
from sklearn.metrics import average_precision_score, balanced_accuracy_score, roc_auc_score, roc_curve

from dfdetect_jax.errors import RecordsError, RunError
from dfdetect_jax.evaluation import frame_scores, metrics


def rows(*entries, dataset="set", split="test"):
    """FrameScores from (video, method, score) triples; method "" is real."""
    videos, methods, scores = zip(*entries, strict=True)
    return frame_scores.from_columns(
        {
            "dataset": [dataset] * len(entries),
            "split": [split] * len(entries),
            "method": methods,
            "video": videos,
            "identity": ["p"] * len(entries),
            "frame": range(len(entries)),
            "label": [int(method != "") for method in methods],
            "score": scores,
        }
    )


def random_case(seed, n=60, levels=None):
    """Scores and labels; with `levels`, scores take that few values, so that many are tied."""
    rng = np.random.default_rng(seed)
    labels = np.concatenate([[0, 1], rng.integers(0, 2, n - 2)])
    scores = np.clip(rng.normal(0.4 + 0.2 * labels, 0.2), 0, 1)
    return (np.round(scores * levels) / levels if levels else scores), labels


def test_a_hand_worked_case():
    # Of the four pairs (fake, real) three are in order. Precision at the fakes: 1/1 and 2/3.
    figures = metrics.detection(np.array([0.9, 0.6, 0.7, 0.1]), np.array([1, 1, 0, 0]), threshold=0.65)
    assert figures["auc"] == 0.75
    assert figures["ap"] == pytest.approx((1 + 2 / 3) / 2)
    assert figures["accuracy"] == 0.5
    assert (figures["tpr"], figures["fpr"]) == (0.5, 0.5)
    assert (figures["n"], figures["n_real"], figures["n_fake"]) == (4, 2, 2)
    assert "why" not in figures


def test_a_tied_pair_counts_half():
    figures = metrics.detection(np.array([0.5, 0.5]), np.array([0, 1]), threshold=0.5)
    assert figures["auc"] == 0.5
    assert figures["eer"] == 0.5


@pytest.mark.parametrize("levels", [None, 4, 10])
@pytest.mark.parametrize("seed", range(5))
def test_auc_and_ap_are_those_of_scikit_learn(seed, levels):
    scores, labels = random_case(seed, levels=levels)
    figures = metrics.detection(scores, labels, threshold=0.5)
    assert figures["auc"] == roc_auc_score(labels, scores)
    assert figures["ap"] == average_precision_score(labels, scores)
    assert figures["accuracy"] == np.mean((scores >= 0.5) == labels)


@pytest.mark.parametrize(
    ("scores", "labels", "expected"),
    [
        ([0.1, 0.2, 0.8, 0.9], [0, 0, 1, 1], 0.0),
        ([0.8, 0.9, 0.1, 0.2], [0, 0, 1, 1], 1.0),
        ([0.9, 0.6, 0.7, 0.1], [1, 1, 0, 0], 0.5),
        # One of three reals stands above all fakes: the curve runs (0,0) (1/3,0) (1/3,1), crossing 1 - x at 1/3.
        ([0.9, 0.2, 0.1, 0.5, 0.6], [0, 0, 0, 1, 1], 1 / 3),
        # All scores equal: one straight line from (0,0) to (1,1).
        ([0.3, 0.3, 0.3], [0, 1, 1], 0.5),
    ],
)
def test_equal_error_rate_of_worked_cases(scores, labels, expected):
    assert metrics.equal_error_rate(np.array(scores), np.array(labels)) == pytest.approx(expected)


@pytest.mark.parametrize("levels", [None, 4, 10])
@pytest.mark.parametrize("seed", range(5))
def test_equal_error_rate_is_where_the_interpolated_curve_crosses(seed, levels):
    scores, labels = random_case(seed, levels=levels)
    false_positive, true_positive, _ = roc_curve(labels, scores)
    # Along the curve's length rather than over FPR, where vertical pieces have no single value.
    length = np.concatenate([[0], np.cumsum(np.diff(false_positive) + np.diff(true_positive))])
    at = brentq(lambda s: np.interp(s, length, false_positive) + np.interp(s, length, true_positive) - 1, 0, length[-1])
    assert metrics.equal_error_rate(scores, labels) == pytest.approx(np.interp(at, length, false_positive), abs=1e-9)


@pytest.mark.parametrize(
    ("labels", "reason"), [([], "nothing"), ([0, 0], "no fakes"), ([1, 1], "no reals")], ids=["none", "reals", "fakes"]
)
def test_what_cant_be_had_is_none_with_a_reason(labels, reason):
    figures = metrics.detection(np.full(len(labels), 0.7), np.array(labels, int), threshold=0.5)
    assert figures["auc"] is figures["ap"] is figures["eer"] is None
    assert reason in figures["why"]
    assert figures["accuracy"] == (np.mean(labels) if labels else None)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_scores_that_are_no_numbers_are_refused(bad):
    scores, labels = np.array([0.1, bad, 0.9]), np.array([0, 1, 1])
    with pytest.raises(RunError, match="1 of 3"):
        metrics.detection(scores, labels, threshold=0.5)
    with pytest.raises(RunError, match="1 of 3"):
        metrics.choose_threshold(scores, labels)


def test_the_threshold_of_separable_scores_is_in_the_middle_of_the_gap():
    assert metrics.choose_threshold(np.array([0.1, 0.3, 0.7, 0.8]), np.array([0, 0, 1, 1])) == pytest.approx(0.5)


def test_of_equally_good_thresholds_the_one_in_the_widest_gap_is_taken():
    # real .1 | fake .2 | real .9 | fake 1.0: cutting after .1 and after .9 are both 3/4 right; both gaps are .1 wide
    # until the last fake moves away.
    labels = np.array([0, 1, 0, 1])
    assert metrics.choose_threshold(np.array([0.10, 0.20, 0.60, 1.0]), labels) == pytest.approx(0.8)
    assert metrics.choose_threshold(np.array([0.10, 0.50, 0.90, 1.0]), labels) == pytest.approx(0.3)


@pytest.mark.parametrize("levels", [None, 6])
@pytest.mark.parametrize("seed", range(8))
def test_no_other_threshold_has_a_higher_balanced_accuracy(seed, levels):
    scores, labels = random_case(seed, n=40, levels=levels)
    chosen = metrics.choose_threshold(scores, labels)
    assert scores.min() < chosen < scores.max()
    best = max(balanced_accuracy_score(labels, scores >= cut) for cut in np.unique(scores))
    assert balanced_accuracy_score(labels, scores >= chosen) == pytest.approx(best)


def test_unequal_classes_weigh_the_same_in_the_threshold():
    # By plain accuracy everything would be called fake.
    scores = np.array([0.2, *np.linspace(0.5, 0.9, 20), 0.1])
    labels = np.array([0, *[1] * 20, 1])
    assert 0.2 < metrics.choose_threshold(scores, labels) < 0.5


def test_neighbouring_floats_are_still_told_apart():
    low, high = np.float64(0.5), np.nextafter(np.float64(0.5), 1)
    chosen = metrics.choose_threshold(np.array([low, high]), np.array([0, 1]))
    assert low < chosen <= high


@pytest.mark.parametrize(("scores", "labels"), [([], []), ([0.2, 0.9], [1, 1]), ([0.4, 0.4], [0, 1])])
def test_scores_that_cant_tell_leave_the_classifiers_own_threshold(scores, labels):
    assert metrics.choose_threshold(np.array(scores), np.array(labels, int)) == 0.5


def test_a_video_scores_the_mean_of_its_frames():
    videos = metrics.video_scores(rows(("b", "", 0.2), ("a", "swap", 1.0), ("b", "", 0.4), ("a", "swap", 0.5)))
    assert videos.video.tolist() == ["b", "a"]
    assert videos.score == pytest.approx([0.3, 0.75])
    assert videos.frame.tolist() == [2, 2]
    assert videos.label.tolist() == [0, 1]


def test_clips_with_one_stem_of_two_methods_or_two_data_sets_stay_apart():
    one = rows(("Deepfakes/000_003", "Deepfakes", 0.9), ("FaceSwap/000_003", "FaceSwap", 0.1))
    assert len(metrics.video_scores(one)) == 2
    both = frame_scores.concatenate([rows(("000", "", 0.9), dataset="x"), rows(("000", "", 0.1), dataset="y")])
    assert metrics.video_scores(both).score.tolist() == [0.9, 0.1]


def test_a_video_with_two_labels_is_refused():
    with pytest.raises(RecordsError, match="video a"):
        metrics.video_scores(rows(("a", "", 0.2), ("a", "swap", 0.3)))


def test_each_method_is_measured_against_all_reals():
    frames = rows(("r1", "", 0.3), ("r2", "", 0.5), ("x1", "x", 0.9), ("y1", "y", 0.4), ("y1", "y", 0.1))
    summary = metrics.summarize(frames, threshold=0.45, seen=("x",))
    assert set(summary) == {"frame", "video", "by_method", "localization"}
    assert list(summary["by_method"]) == ["x", "y"]
    x, y = summary["by_method"]["x"], summary["by_method"]["y"]
    assert (x["seen"], y["seen"]) == (True, False)
    assert (x["frame"]["auc"], x["frame"]["n"]) == (1.0, 3)
    assert (y["frame"]["auc"], y["frame"]["n"]) == (0.25, 4)
    assert (y["video"]["auc"], y["video"]["n"]) == (0.0, 3)
    assert (summary["frame"]["n"], summary["video"]["n"]) == (5, 4)
    assert summary["frame"]["accuracy"] == 0.4
    assert summary["localization"] is x["localization"] is None


def test_an_empty_split_gives_reasons_and_no_numbers():
    summary = metrics.summarize(frame_scores.concatenate([]), threshold=0.5, seen=())
    assert summary["by_method"] == {}
    assert summary["frame"]["auc"] is summary["video"]["auc"] is None
    assert summary["video"]["why"] == "nothing was scored"

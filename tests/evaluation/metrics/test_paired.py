"""Paired comparisons, pinned to normal theory, and the rows that two runs share."""

import numpy as np
import pytest
from scipy import stats

from dfdetect_jax.errors import RunError
from dfdetect_jax.evaluation.metrics import bootstrap, frame_scores
from dfdetect_jax.evaluation.metrics.bootstrap import Resampling
from dfdetect_jax.evaluation.metrics.detection import PreparedScores, measure_detection
from dfdetect_jax.evaluation.metrics.detection_metrics import METRICS
from dfdetect_jax.evaluation.metrics.paired import RunScores, compare_paired
from tests.evaluation.scored import by_person, correlated_scores


def compared(a, b, resamples=1000, threshold_a=0.5, threshold_b=0.5, temperature_b=1.0):
    return compare_paired(
        RunScores(run="first", frames=a, threshold=threshold_a),
        RunScores(run="second", frames=b, threshold=threshold_b, temperature=temperature_b),
        "set",
        Resampling(resamples=resamples),
    )


def pair_of_runs(gain, seed=3):
    """Two runs on the same frames; the second's scores are the first's, the fakes moved up by `gain` logits."""
    rng = np.random.default_rng(seed)
    scores, labels, people = correlated_scores(30, 4, shift=1.0, rng=rng)
    logits = np.log(scores / (1 - scores)) + rng.normal(scale=0.3, size=len(scores)) + gain * labels
    return by_person(scores, labels, people), by_person(1 / (1 + np.exp(-logits)), labels, people)


def test_a_run_is_no_different_from_itself():
    a, _ = pair_of_runs(0)
    result = compared(a, a, resamples=200)
    for differences in (result.frame, result.video):
        assert set(differences) == set(METRICS)
        for each in differences.values():
            assert (each.difference, each.interval, each.p) == (0.0, (0.0, 0.0), 1.0)
    assert (result.n, result.clusters, result.resamples, result.resamples_left_out) == (240, 30, 200, 0)
    assert (result.a, result.b, result.data) == ("first", "second", "set")


def test_a_made_difference_is_found_and_noise_is_not():
    a, b = pair_of_runs(gain=0.7)
    result = compared(a, b)
    auc = result.frame["auc"]
    assert auc.difference == auc.a - auc.b < 0
    assert auc.interval[1] < 0
    assert auc.p == result.video["auc"].p == pytest.approx(2 / 1001)
    # Shifts of people move both runs alike, so the difference is known far better than either AUC.
    people = bootstrap.clusters(a)
    prepared = PreparedScores(a.score, a.label, 0.5, clusters=people)
    low, high = bootstrap.intervals(bootstrap.resample([prepared], 30, 500)[0], prepared).bounds["auc"]
    assert np.ptp(auc.interval) < 0.7 * (high - low)
    assert compared(*pair_of_runs(gain=0)).frame["auc"].p > 0.05


def test_p_is_that_of_a_normal_difference():
    a, b = pair_of_runs(gain=0.08)
    brier = compared(a, b, resamples=4000).frame["brier"]
    gaps = (a.score - a.label) ** 2 - (b.score - b.label) ** 2
    means = np.bincount(bootstrap.clusters(a), gaps) / 8
    z = means.mean() / (means.std() / np.sqrt(30))
    assert brier.difference == pytest.approx(means.mean())
    assert 0.01 < brier.p < 0.9
    assert brier.p == pytest.approx(2 * stats.norm.sf(abs(z)), abs=0.05)


def test_runs_are_compared_on_the_frames_that_both_have_in_any_order():
    a, b = pair_of_runs(gain=0.5)
    order = np.random.default_rng(0).permutation(len(b))
    result = compared(a[40:], b[order], threshold_a=0.4, threshold_b=0.6, temperature_b=2.0, resamples=50)
    assert result.n == 200
    of_a = measure_detection(a.score[40:], a.label[40:], 0.4)
    of_b = measure_detection(b.score[40:], b.label[40:], 0.6, 2.0)
    for name, difference in result.frame.items():
        assert difference.a == pytest.approx(of_a.value(name))
        assert difference.b == pytest.approx(of_b.value(name))


def test_one_person_leaves_differences_without_intervals():
    a, b = pair_of_runs(0.5)
    auc = compared(a[:8], b[:8], resamples=20).frame["auc"]
    assert auc.difference is not None
    assert auc.interval is auc.p is None
    assert "one cluster" in auc.why


def test_runs_that_cant_be_compared_are_rejected_in_one_line():
    a, b = pair_of_runs(0)
    with pytest.raises(RunError, match="found none"):
        compared(a, b.replace(dataset=np.array(["other"] * len(b))))
    with pytest.raises(RunError, match="one label per frame"):
        compared(a, b.replace(label=1 - b.label))
    with pytest.raises(RunError, match="second: expected one score per frame"):
        compared(a, frame_scores.concatenate([b, b]))


def test_one_label_leaves_undefined_differences():
    a, b = pair_of_runs(0.5)
    fakes = a.label == 1
    differences = compared(a[fakes], b[fakes], resamples=50).frame
    undefined = dict.fromkeys(("a", "b", "difference", "difference_ci", "p"))
    expected = undefined | {"why": "needs a label that was not scored"}
    assert differences["auc"].as_json() == differences["fpr"].as_json() == expected
    assert differences["log_loss"].difference > 0

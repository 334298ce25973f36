"""The bootstrap, pinned to closed forms, to SciPy's, and to the coverage of its intervals."""

import numpy as np
import pytest
from scipy import stats

from dfdetect_jax.errors import RecordsError
from dfdetect_jax.evaluation.metrics import bootstrap, frame_scores
from dfdetect_jax.evaluation.metrics.detection import PreparedScores
from dfdetect_jax.evaluation.metrics.detection_metrics import METRICS
from tests.evaluation.scored import by_person, correlated_scores

PLACE = {name: i for i, name in enumerate(METRICS)}


def resampled(scores, labels, clusters, resamples, seed=0):
    prepared = PreparedScores(scores, labels, 0.5, clusters=clusters)
    return bootstrap.resample([prepared], clusters.max() + 1, resamples, seed)[0]


def test_a_resample_has_as_many_clusters_as_there_are_and_all_are_equally_likely():
    counts = np.concatenate(list(bootstrap.multiplicities(20, 4000)))
    assert counts.shape == (4000, 20)
    assert (counts.sum(axis=1) == 20).all()
    assert counts.mean(axis=0) == pytest.approx(np.ones(20), abs=0.07)
    assert counts.var(axis=0) == pytest.approx(np.full(20, 0.95), abs=0.1)  # binomial (20, 1/20)


def test_chunks_do_not_change_the_resamples():
    whole = np.concatenate(list(bootstrap.multiplicities(7, 50, seed=2)))
    chunks = list(bootstrap.multiplicities(7, 50, seed=2, largest_chunk=40))
    assert [len(chunk) for chunk in chunks] == [5] * 10
    np.testing.assert_array_equal(np.concatenate(chunks), whole)


def test_the_spread_of_a_mean_is_the_standard_error_of_cluster_means():
    scores, labels, people = correlated_scores(40, 5, shift=2.0, rng=np.random.default_rng(0))
    values = resampled(scores, labels, people, 4000)[:, PLACE["brier"]]
    means = np.bincount(people, (scores - labels) ** 2) / 10
    assert values.std() == pytest.approx(means.std() / np.sqrt(40), rel=0.05)
    assert values.mean() == pytest.approx(means.mean(), rel=0.01)


def test_resampling_frames_instead_of_people_underestimates_the_spread():
    scores, labels, people = correlated_scores(40, 5, shift=2.0, rng=np.random.default_rng(0))
    by_people = resampled(scores, labels, people, 500)[:, PLACE["tpr"]].std()
    assert resampled(scores, labels, np.arange(400), 500)[:, PLACE["tpr"]].std() < 0.6 * by_people


def test_the_spread_of_an_auc_of_independent_frames_is_delongs():
    rng = np.random.default_rng(1)
    labels = np.repeat([0, 1], [150, 250])
    scores = 1 / (1 + np.exp(-labels - rng.normal(size=400)))
    values = resampled(scores, labels, np.arange(400), 3000)[:, PLACE["auc"]]
    won = scores[labels == 1][:, None] > scores[labels == 0]
    delong = won.mean(axis=1).var(ddof=1) / 250 + won.mean(axis=0).var(ddof=1) / 150
    assert values.std() == pytest.approx(np.sqrt(delong), rel=0.05)


def test_intervals_of_independent_frames_are_those_of_scipy():
    rng = np.random.default_rng(2)
    labels = rng.integers(0, 2, 120)
    scores = 1 / (1 + np.exp(-labels - rng.normal(size=120)))
    values = resampled(scores, labels, np.arange(120), 4000)
    statistics = {
        "auc": lambda y, p: stats.mannwhitneyu(p[y == 1], p[y == 0]).statistic / (y.sum() * (1 - y).sum()),
        "brier": lambda y, p: np.mean((p - y) ** 2),
        "accuracy": lambda y, p: np.mean((p >= 0.5) == y),
    }
    for name, statistic in statistics.items():
        theirs = stats.bootstrap(
            (labels, scores), statistic, paired=True, vectorized=False, n_resamples=1000, method="percentile", rng=rng
        ).confidence_interval
        width = theirs.high - theirs.low
        assert bootstrap.percentile_interval(values[:, PLACE[name]]) == pytest.approx(
            [theirs.low, theirs.high], abs=0.12 * width
        )


def test_95_per_cent_intervals_hold_the_truth_about_that_often():
    # Seeds 0 to 199: 30 people, two clips of 3 frames each. A fake stands above a real of someone else, 29 pairs of
    # 30, with probability Phi(1 / sqrt(2 (1 + 1))), above one's own with Phi(1 / sqrt(2)); above 0.5 with the same.
    own = stats.norm.cdf(1 / np.sqrt(2))
    truths = {"auc": 29 / 30 * stats.norm.cdf(1 / 2) + 1 / 30 * own, "tpr": own}
    held = dict.fromkeys(truths, 0)
    for seed in range(200):
        scores, labels, people = correlated_scores(30, 3, shift=1.0, rng=np.random.default_rng(seed))
        values = resampled(scores, labels, people, 200, seed)
        for name, truth in truths.items():
            low, high = bootstrap.percentile_interval(values[:, PLACE[name]])
            held[name] += low <= truth <= high
    assert all(0.90 <= count / 200 <= 0.99 for count in held.values())


def test_resamples_with_one_label_are_left_out_and_counted():
    scores, labels, people = np.array([0.2, 0.4, 0.9]), np.array([0, 0, 1]), np.arange(3)
    prepared = PreparedScores(scores, labels, 0.5, clusters=people)
    values = bootstrap.resample([prepared], 3, 500)[0]
    intervals = bootstrap.intervals(values, prepared)
    one_label = np.isnan(values[:, PLACE["auc"]])
    assert intervals.resamples_left_out == one_label.sum()
    assert one_label.mean() == pytest.approx((2 / 3) ** 3 + (1 / 3) ** 3, abs=0.06)  # no fake, or no real
    assert intervals.bounds["auc"] == (1.0, 1.0)
    assert not np.isnan(values[:, PLACE["brier"]]).any()
    assert np.isnan(values[:, PLACE["balanced_accuracy"]]).sum() == one_label.sum()


def test_one_cluster_has_no_intervals_and_says_why():
    prepared = PreparedScores(np.array([0.2, 0.9]), np.array([0, 1]), 0.5, clusters=np.zeros(2, int))
    intervals = bootstrap.intervals(bootstrap.resample([prepared], 1, 20)[0], prepared)
    assert set(intervals.bounds.values()) == {None}
    assert "one cluster" in intervals.why


def test_clusters_are_people_or_videos_of_one_data_set():
    one = by_person([0.1] * 4, [0, 1, 0, 0], ["p", "p", "q", "q"], videos=["a", "b", "c", "d"])
    both = frame_scores.concatenate([one, one.replace(dataset=np.array(["other"] * 4))])
    assert bootstrap.clusters(both).tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert bootstrap.clusters(both, "video").tolist() == list(range(8))
    with pytest.raises(ValueError, match="identity or video"):
        bootstrap.clusters(one, "frame")


def test_a_video_of_two_people_can_be_resampled_by_video_alone():
    mixed = by_person([0.1, 0.2], [0, 0], ["p", "q"], videos=["a", "a"])
    with pytest.raises(RecordsError, match="video a: expected one identity"):
        bootstrap.clusters(mixed)
    assert bootstrap.clusters(mixed, "video").tolist() == [0, 0]

"""The bootstrap, held to closed forms, to SciPy's, and to how often its intervals hold the truth."""

import numpy as np
import pytest
from scipy import stats

from dfdetect_jax.errors import RecordsError, RunError
from dfdetect_jax.evaluation.metrics import bootstrap, frame_scores
from dfdetect_jax.evaluation.metrics.detection import FIGURES, Detection, detection

PLACE = {name: i for i, name in enumerate(FIGURES)}


def table(scores, labels, people, videos=None, dataset="set"):
    """FrameScores; a video per person and label unless named."""
    n = len(scores)
    names = [f"{person}/{label}" for person, label in zip(people, labels, strict=True)] if videos is None else videos
    columns = {
        "dataset": [dataset] * n,
        "split": ["test"] * n,
        "forgery": ["swap" if label else "" for label in labels],
    }
    columns |= {"video": names, "identity": [str(person) for person in people], "frame": range(n), "label": labels}
    return frame_scores.from_columns(columns | {"score": scores})


def made(people, frames, shift, rng, separation=1.0):
    """Each person has a real and a fake clip of `frames` frames, all moved by the person's own normal shift."""
    person, label, _ = (place.ravel() for place in np.indices((people, 2, frames)))
    logits = separation * label + shift * rng.normal(size=people)[person] + rng.normal(size=person.size)
    return 1 / (1 + np.exp(-logits)), label, person


def resampled(scores, labels, clusters, resamples, seed=0):
    prepared = Detection(scores, labels, 0.5, clusters=clusters)
    return bootstrap.resample([prepared], clusters.max() + 1, resamples, seed)[0]


def test_draws_are_of_as_many_clusters_as_there_are_and_all_as_likely():
    drawn = np.concatenate(list(bootstrap.draws(20, 4000)))
    assert drawn.shape == (4000, 20)
    assert (drawn.sum(axis=1) == 20).all()
    assert drawn.mean(axis=0) == pytest.approx(np.ones(20), abs=0.07)
    assert drawn.var(axis=0) == pytest.approx(np.full(20, 0.95), abs=0.1)  # binomial (20, 1/20)


def test_draws_come_in_parts_that_are_the_same_whole(monkeypatch):
    whole = np.concatenate(list(bootstrap.draws(7, 50, seed=2)))
    monkeypatch.setattr(bootstrap, "_CHUNK", 40)
    parts = list(bootstrap.draws(7, 50, seed=2))
    assert [len(part) for part in parts] == [5] * 10
    np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_the_spread_of_a_mean_is_the_standard_error_of_cluster_means():
    scores, labels, people = made(40, 5, shift=2.0, rng=np.random.default_rng(0))
    drawn = resampled(scores, labels, people, 4000)[:, PLACE["brier"]]
    means = np.bincount(people, (scores - labels) ** 2) / 10
    assert drawn.std() == pytest.approx(means.std() / np.sqrt(40), rel=0.05)
    assert drawn.mean() == pytest.approx(means.mean(), rel=0.01)


def test_frames_taken_for_people_would_look_far_surer_than_they_are():
    scores, labels, people = made(40, 5, shift=2.0, rng=np.random.default_rng(0))
    by_people = resampled(scores, labels, people, 500)[:, PLACE["tpr"]].std()
    assert resampled(scores, labels, np.arange(400), 500)[:, PLACE["tpr"]].std() < 0.6 * by_people


def test_the_spread_of_an_auc_of_independent_frames_is_delongs():
    rng = np.random.default_rng(1)
    labels = np.repeat([0, 1], [150, 250])
    scores = 1 / (1 + np.exp(-labels - rng.normal(size=400)))
    drawn = resampled(scores, labels, np.arange(400), 3000)[:, PLACE["auc"]]
    won = scores[labels == 1][:, None] > scores[labels == 0]
    delong = won.mean(axis=1).var(ddof=1) / 250 + won.mean(axis=0).var(ddof=1) / 150
    assert drawn.std() == pytest.approx(np.sqrt(delong), rel=0.05)


def test_intervals_of_independent_frames_are_those_of_scipy():
    rng = np.random.default_rng(2)
    labels = rng.integers(0, 2, 120)
    scores = 1 / (1 + np.exp(-labels - rng.normal(size=120)))
    drawn = resampled(scores, labels, np.arange(120), 4000)
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
        assert bootstrap.interval(drawn[:, PLACE[name]]) == pytest.approx([theirs.low, theirs.high], abs=0.12 * width)


def test_95_per_cent_intervals_hold_the_truth_about_that_often():
    # Seeds 0 to 199: 30 people, two clips of 3 frames each. A fake stands above a real of someone else, 29 pairs of
    # 30, with probability Phi(1 / sqrt(2 (1 + 1))), above one's own with Phi(1 / sqrt(2)); above 0.5 with the same.
    own = stats.norm.cdf(1 / np.sqrt(2))
    truths = {"auc": 29 / 30 * stats.norm.cdf(1 / 2) + 1 / 30 * own, "tpr": own}
    held = dict.fromkeys(truths, 0)
    for seed in range(200):
        scores, labels, people = made(30, 3, shift=1.0, rng=np.random.default_rng(seed))
        drawn = resampled(scores, labels, people, 200, seed)
        for name, truth in truths.items():
            low, high = bootstrap.interval(drawn[:, PLACE[name]])
            held[name] += low <= truth <= high
    assert all(0.90 <= count / 200 <= 0.99 for count in held.values())


def test_draws_without_a_label_are_left_out_and_counted():
    scores, labels, people = np.array([0.2, 0.4, 0.9]), np.array([0, 0, 1]), np.arange(3)
    prepared = Detection(scores, labels, 0.5, clusters=people)
    drawn = bootstrap.resample([prepared], 3, 500)[0]
    beside = bootstrap.intervals(drawn, prepared)
    lacking = np.isnan(drawn[:, PLACE["auc"]])
    assert beside["resamples_left_out"] == lacking.sum()
    assert lacking.mean() == pytest.approx((2 / 3) ** 3 + (1 / 3) ** 3, abs=0.06)  # no fake, or nothing else
    assert beside["auc_ci"] == [1.0, 1.0]
    assert not np.isnan(drawn[:, PLACE["brier"]]).any()
    assert np.isnan(drawn[:, PLACE["balanced_accuracy"]]).sum() == lacking.sum()


def test_clusters_are_people_or_videos_of_one_data_set():
    one = table([0.1] * 4, [0, 1, 0, 0], ["p", "p", "q", "q"], videos=["a", "b", "c", "d"])
    both = frame_scores.concatenate([one, one.replace(dataset=np.array(["other"] * 4))])
    assert bootstrap.clusters(both).tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert bootstrap.clusters(both, "video").tolist() == list(range(8))
    with pytest.raises(ValueError, match="identity or video"):
        bootstrap.clusters(one, "frame")


def test_a_video_of_two_people_cant_be_drawn_by_people():
    mixed = table([0.1, 0.2], [0, 0], ["p", "q"], videos=["a", "a"])
    with pytest.raises(RecordsError, match="video a: expected one identity"):
        bootstrap.clusters(mixed)
    assert bootstrap.clusters(mixed, "video").tolist() == [0, 0]


def pair_of_runs(gain, seed=3):
    """Two runs on the same frames; the second's scores are the first's, the fakes moved up by `gain` logits."""
    rng = np.random.default_rng(seed)
    scores, labels, people = made(30, 4, shift=1.0, rng=rng)
    logits = np.log(scores / (1 - scores)) + rng.normal(scale=0.3, size=len(scores)) + gain * labels
    return table(scores, labels, people), table(1 / (1 + np.exp(-logits)), labels, people)


def test_a_run_is_no_different_from_itself():
    a, _ = pair_of_runs(0)
    compared = bootstrap.paired(a, a, 0.5, 0.5, resamples=200)
    for level in ("frame", "video"):
        assert set(compared[level]) == set(FIGURES)
        for figure in compared[level].values():
            assert (figure["difference"], figure["difference_ci"], figure["p"]) == (0.0, [0.0, 0.0], 1.0)
    assert (compared["n"], compared["clusters"], compared["resamples_left_out"]) == (240, 30, 0)


def test_a_made_difference_is_found_and_noise_is_not():
    a, b = pair_of_runs(gain=0.7)
    compared = bootstrap.paired(a, b, 0.5, 0.5)
    figure = compared["frame"]["auc"]
    assert figure["difference"] == figure["a"] - figure["b"] < 0
    assert figure["difference_ci"][1] < 0
    assert figure["p"] == compared["video"]["auc"]["p"] == pytest.approx(2 / 1001)
    # Shifts of people fall on both runs alike, so the difference is known far better than either figure.
    own = bootstrap.intervals(resampled(a.score, a.label, bootstrap.clusters(a), 500), Detection(a.score, a.label, 0.5))
    assert own["auc_ci"] is None  # told of rows that were not clustered
    low, high = bootstrap.interval(resampled(a.score, a.label, bootstrap.clusters(a), 500)[:, PLACE["auc"]])
    assert np.ptp(figure["difference_ci"]) < 0.7 * (high - low)
    assert bootstrap.paired(*pair_of_runs(gain=0), 0.5, 0.5)["frame"]["auc"]["p"] > 0.05


def test_p_is_that_of_a_normal_difference():
    a, b = pair_of_runs(gain=0.08)
    figure = bootstrap.paired(a, b, 0.5, 0.5, resamples=4000)["frame"]["brier"]
    gaps = (a.score - a.label) ** 2 - (b.score - b.label) ** 2
    means = np.bincount(bootstrap.clusters(a), gaps) / 8
    z = means.mean() / (means.std() / np.sqrt(30))
    assert figure["difference"] == pytest.approx(means.mean())
    assert 0.01 < figure["p"] < 0.9
    assert figure["p"] == pytest.approx(2 * stats.norm.sf(abs(z)), abs=0.05)


def test_runs_are_compared_on_the_frames_that_both_have_in_any_order():
    a, b = pair_of_runs(gain=0.5)
    order = np.random.default_rng(0).permutation(len(b))
    compared = bootstrap.paired(a[40:], b[order], 0.4, 0.6, temperature_b=2.0, resamples=50)
    assert compared["n"] == 200
    for name, figure in compared["frame"].items():
        assert figure["a"] == pytest.approx(detection(a.score[40:], a.label[40:], 0.4)[name])
        assert figure["b"] == pytest.approx(detection(b.score[40:], b.label[40:], 0.6, 2.0)[name])


def test_one_person_leaves_differences_without_intervals():
    a, b = pair_of_runs(0.5)
    figure = bootstrap.paired(a[:8], b[:8], 0.5, 0.5, resamples=20)["frame"]["auc"]
    assert figure["difference"] is not None
    assert figure["difference_ci"] is figure["p"] is None
    assert "one cluster" in figure["why"]


def test_runs_that_cant_be_compared_are_refused_in_one_line():
    a, b = pair_of_runs(0)
    with pytest.raises(RunError, match="found none"):
        bootstrap.paired(a, b.replace(dataset=np.array(["other"] * len(b))), 0.5, 0.5)
    with pytest.raises(RunError, match="one label per frame"):
        bootstrap.paired(a, b.replace(label=1 - b.label), 0.5, 0.5)
    with pytest.raises(RunError, match="found some twice"):
        bootstrap.paired(a, frame_scores.concatenate([b, b]), 0.5, 0.5)


def test_one_label_leaves_differences_that_cant_be_had_empty():
    a, b = pair_of_runs(0.5)
    fakes = a.label == 1
    figures = bootstrap.paired(a[fakes], b[fakes], 0.5, 0.5, resamples=50)["frame"]
    nothing = dict.fromkeys(("a", "b", "difference", "difference_ci", "p"))
    assert figures["auc"] == figures["fpr"] == nothing | {"why": "needs a label that was not scored"}
    assert figures["log_loss"]["difference"] > 0


def test_the_spread_over_seeds_is_students():
    values = [0.91, 0.94, 0.90, 0.95]
    spread = bootstrap.over_seeds([dict.fromkeys(FIGURES, 0.5) | {"auc": value, "n": 9} for value in values])
    assert set(spread) == set(FIGURES)
    expected = stats.t.interval(0.95, 3, np.mean(values), stats.sem(values))
    assert spread["auc"]["ci"] == pytest.approx(expected)
    assert spread["auc"]["sd"] == pytest.approx(np.std(values, ddof=1))
    assert (spread["auc"]["mean"], spread["auc"]["n"]) == (pytest.approx(0.925), 4)
    assert spread["ap"] == {"mean": 0.5, "sd": 0.0, "ci": [0.5, 0.5], "n": 4}


def test_seeds_without_a_figure_are_left_out_of_its_spread():
    runs = [{"auc": None, "accuracy": 0.5}, {"auc": 0.7, "accuracy": 0.7}]
    spread = bootstrap.over_seeds(runs)
    assert spread["auc"] == {"mean": 0.7, "sd": None, "ci": None, "n": 1, "why": "one run has it: there is no spread"}
    assert spread["accuracy"]["n"] == 2
    nothing = {"mean": None, "sd": None, "ci": None, "n": 0, "why": "no run has it"}
    assert bootstrap.over_seeds(runs[:1])["auc"] == nothing
    assert bootstrap.over_seeds([]) == {}

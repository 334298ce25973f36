"""Ways to a threshold side by side."""

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score

from dfdetect_jax.evaluation.frozen import choose_threshold, fit_temperature
from dfdetect_jax.evaluation.thresholds.ways import (
    ValidationScores,
    compare_thresholds,
    validation_frames,
    validation_scores,
)
from tests.evaluation.fake_runs import drawn_records, fake_run
from tests.evaluation.scored import clips, scores_of

SEEN = clips(("", "a"), people=20)
VALIDATION = ValidationScores(SEEN, clips(("", "self_blended"), people=20, seed=1))


def by_name(metrics):
    return {each.way.name: each for each in metrics.ways}


def test_every_way_is_measured_at_its_threshold():
    frames = clips(people=20, seed=2, dataset="other")
    metrics = compare_thresholds(frames, VALIDATION, 0.4, 1.5)
    assert list(by_name(metrics)) == ["frozen", "self-blended", "mixture", "priors", "real mode"]
    for each in metrics.ways:
        called = frames.score >= each.way.threshold
        values = each.as_json()
        assert values["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(frames.label, called))
        assert values["fpr"] == called[frames.label == 0].mean()
        assert values["fnr"] == pytest.approx(1 - called[frames.label == 1].mean())


def test_frozen_ways_look_at_validation_alone():
    twins = VALIDATION.twins
    for frames in (clips(seed=3), clips(seed=4)):
        named = by_name(compare_thresholds(frames, VALIDATION, 0.4, 1.5))
        assert named["frozen"].way[2:4] == (0.4, 1.5)
        expected = (choose_threshold(twins.score, twins.label), fit_temperature(twins.score, twins.label))
        assert named["self-blended"].way[2:4] == expected


def test_no_label_of_the_set_chooses_a_threshold_or_a_limit():
    frames = clips(people=20, seed=2)
    other = frames.replace(label=1 - frames.label)
    first, second = (compare_thresholds(each, VALIDATION, 0.4) for each in (frames, other))
    assert [each.way for each in first.ways] == [each.way for each in second.ways]
    assert [each.rule for each in first.conformal] == [each.rule for each in second.conformal]


def test_a_set_of_few_scores_is_not_adapted_to():
    metrics = compare_thresholds(scores_of(("", 0.1), ("a", 0.9)), VALIDATION, 0.4)
    assert list(by_name(metrics)) == ["frozen", "self-blended"]
    assert "fewer than 10" in metrics.as_json()["why"]


def test_scores_that_all_saturate_count_as_one():
    frames = clips(people=20, seed=2)
    lowest = frames.replace(score=frames.score * 1e-9)
    assert list(by_name(compare_thresholds(lowest, VALIDATION, 0.4))) == ["frozen", "self-blended"]
    seen = SEEN.replace(score=np.where(SEEN.label == 0, SEEN.score * 1e-9, SEEN.score))
    with_such_reals = compare_thresholds(frames, VALIDATION._replace(seen=seen), 0.4)
    assert "real mode" not in by_name(with_such_reals)


def test_sets_are_calibrated_on_the_same_data_set_where_validation_mixes_several():
    mixed = VALIDATION.seen.replace(dataset=np.repeat(["one", "two"], [40, 40]))
    halves = VALIDATION._replace(seen=mixed.replace(label=np.tile([0, 1], 40)))
    of_one = compare_thresholds(clips(dataset="one"), halves, 0.4).conformal
    assert len({each.looks_at for each in of_one}) == 3
    assert len({each.looks_at for each in compare_thresholds(clips(dataset="new"), halves, 0.4).conformal}) == 2


def test_every_frame_of_both_passes_is_counted(tmp_path):
    records, done = drawn_records(tmp_path, val=8), []
    run = fake_run(tmp_path / "run", records)
    scores = validation_scores(run, records, done.append)
    assert sum(done) == validation_frames(run, records) == sum(map(len, scores))
    assert [set(each.forgery) for each in scores] == [{"", "paste"}, {"", "self_blended"}]
    np.testing.assert_allclose(*(each.score[each.label == 0] for each in scores))

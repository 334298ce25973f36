import itertools
import math

import numpy as np
import pytest

from dfdetect_jax.active.selection import Candidates, how_many, k_centre, outside_evidence, rank
from dfdetect_jax.config.active import STRATEGIES
from dfdetect_jax.errors import RunError, SettingsError


def candidates(score, **columns) -> Candidates:
    count = len(score)
    columns = {"clips": np.array([f"clip{i}" for i in range(count)]), "outside": np.full(count, 0.5), **columns}
    return Candidates(places=10 * np.arange(count), score=np.array(score), **columns)


def rows(found) -> list[int]:
    return [choice.row for choice in found]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_strategy_of_the_settings_ranks_and_gives_a_reason(strategy):
    columns = {"features": np.eye(3), "evidence": np.eye(3), "evidence_outside": np.eye(3) / 2}
    choices = rank(candidates([0.3, 0.9, 0.6], **columns), strategy, 2)
    assert len({choice.row for choice in choices}) == 2
    assert all(choice.reason for choice in choices)


@pytest.mark.parametrize(
    ("share", "trained", "fakes", "expected"),
    [
        (0.03, 1000, 500, 30),
        (0.03, 1033, 500, 30),  # rounded down: under 3% stays under 3%
        (0.29, 100, 500, 29),  # 0.29 * 100 is 28.999999999999996 in binary
        (0.03, 10, 5, 1),
        (1.0, 100, 40, 40),
    ],
)
def test_the_share_is_of_all_training_images(share, trained, fakes, expected):
    assert how_many(share, trained, fakes) == expected


def test_hardest_takes_the_lowest_scores_and_says_which_were_taken_for_real():
    found = rank(candidates([0.9, 0.2, 0.6, 0.05]), "hardest", 3)
    assert rows(found) == [3, 1, 2]
    assert [choice.reason.split(",")[0] for choice in found] == ["taken for real"] * 2 + ["among the least sure fakes"]
    assert "0.050" in found[0].reason


def test_equal_scores_are_taken_in_the_order_of_the_records():
    assert rows(rank(candidates([0.5] * 40), "hardest", 5)) == [0, 1, 2, 3, 4]


def test_entropy_takes_the_undecided_whichever_way_they_lean():
    p = [0.9, 0.45, 0.01, 0.6, 1.0]
    entropy = [-q * math.log2(q) - (1 - q) * math.log2(1 - q) for q in p[:4]] + [0.0]
    expected = sorted(range(5), key=lambda i: -entropy[i])
    assert rows(rank(candidates(p), "entropy", 5)) == expected == [1, 3, 0, 2, 4]


def test_random_depends_on_its_seed_alone():
    some = candidates(np.linspace(0, 1, 50))
    others = candidates(np.linspace(1, 0, 50))
    first = rows(rank(some, "random", 10, seed=1))
    assert first == rows(rank(others, "random", 10, seed=1))
    assert first != rows(rank(some, "random", 10, seed=2))
    assert len(set(first)) == 10


def test_random_draws_each_fake_equally_often():
    some = candidates(np.zeros(8))
    counts = np.bincount([row for seed in range(800) for row in rows(rank(some, "random", 2, seed))], minlength=8)
    assert np.abs(counts - 200).max() < 5 * math.sqrt(800 * 0.25 * 0.75)  # five standard deviations


def test_outside_takes_those_that_look_off_the_face():
    found = rank(candidates([0.5] * 3, outside=np.array([0.2, 0.75, 0.5])), "outside", 2)
    assert rows(found) == [1, 2]
    assert "75%" in found[0].reason


def test_the_core_set_takes_the_farthest_each_time():
    points = np.random.default_rng(0).normal(size=(30, 3))
    found, distances = k_centre(points, 8)
    taken = [min(range(30), key=lambda i: math.dist(points[i], points.mean(axis=0)))]
    for row, distance in zip(found[1:], distances[1:], strict=True):
        gaps = [min(math.dist(points[i], points[j]) for j in taken) for i in range(30)]
        assert row == int(np.argmax(gaps))
        assert distance == pytest.approx(max(gaps))
        taken.append(int(row))
    assert taken == list(found)


def test_the_core_set_is_within_twice_the_best_radius():
    points = np.random.default_rng(1).normal(size=(11, 2))
    gaps = np.linalg.norm(points[:, None] - points[None], axis=-1)

    def radius(centres):
        return gaps[:, list(centres)].min(axis=1).max()

    best = min(radius(centres) for centres in itertools.combinations(range(11), 3))
    assert radius(k_centre(points, 3)[0]) <= 2 * best


def test_the_core_set_takes_no_row_twice_even_if_all_are_alike():
    assert sorted(k_centre(np.ones((5, 2)), 5)[0]) == [0, 1, 2, 3, 4]


def test_evidence_counts_by_how_far_its_channel_looks_outside():
    # Of their evidence the three channels have 1 of 4, 3.2 of 4 and 0.6 of 3 outside the face.
    evidence = np.array([[1.0, 3.0, 0.0], [3.0, 1.0, 0.0], [0.0, 0.0, 3.0], [0.0, 0.0, 0.0]])
    away = np.array([[0.2, 2.4, 0.0], [0.8, 0.8, 0.0], [0.0, 0.0, 0.6], [0.0, 0.0, 0.0]])
    some = candidates([0.5] * 4, evidence=evidence, evidence_outside=away)
    expected = [(1 * 0.25 + 3 * 0.8) / 4, (3 * 0.25 + 1 * 0.8) / 4, 0.2, 0.0]
    np.testing.assert_allclose(outside_evidence(some), expected)
    assert rows(rank(some, "channels", 3)) == [0, 1, 2]


def test_a_silent_channel_counts_for_nothing():
    evidence, away = np.array([[1.0, 0.0], [2.0, 0.0]]), np.array([[0.5, 0.0], [0.5, 0.0]])
    some = candidates([0.5] * 2, evidence=evidence, evidence_outside=away)
    np.testing.assert_allclose(outside_evidence(some), [1 / 3, 1 / 3])


def test_one_clip_gives_at_most_twice_its_part():
    # 12 hard frames of one clip, then 5 clips of 2 frames: of 6 choices among 6 clips, 2 are twice the even part.
    clips = np.array(["hard"] * 12 + [f"easy{i // 2}" for i in range(10)])
    found = rows(rank(candidates(np.arange(22) / 22, clips=clips), "hardest", 6))
    assert found == [0, 1, 12, 13, 14, 15]


def test_where_few_clips_are_left_one_gives_more_rather_than_none():
    clips = np.array(["long"] * 9 + ["short"])
    found = rows(rank(candidates(np.arange(10) / 10, clips=clips), "hardest", 10))
    assert sorted(found) == list(range(10))
    assert found == list(range(10))


def test_a_strategy_that_is_unknown_is_refused_with_the_nearest():
    with pytest.raises(SettingsError, match='did you mean "hardest"'):
        rank(candidates([0.5]), "hard", 1)


def test_scores_that_are_no_numbers_are_refused():
    with pytest.raises(RunError, match="NaN"):
        rank(candidates([0.5, math.nan]), "hardest", 1)


def points(*places) -> np.ndarray:
    return np.array([[float(place), 0.0] for place in places])


def test_diverse_chooses_among_the_hardest_alone():
    score = np.linspace(0, 1, 40)
    features = np.random.default_rng(0).normal(size=(40, 3))
    features[39] = 1000.0  # the farthest of all, and the easiest
    assert 39 in rows(rank(candidates(score, features=features), "core_set", 2))
    assert max(rows(rank(candidates(score, features=features), "diverse", 2))) < 20


def test_diverse_takes_none_twice_that_are_alike():
    features = points(0, 0, 0, 0, 5, 5, 9)
    taken = rows(rank(candidates(np.arange(7) / 10, features=features), "diverse", 3))
    assert sorted(features[taken, 0].tolist()) == [0, 5, 9]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_what_is_labelled_is_never_taken_again(strategy):
    columns = {"features": np.eye(6), "evidence": np.eye(6), "evidence_outside": np.eye(6) / 2}
    labelled = np.array([0, 3, 5])
    taken = rows(rank(candidates(np.arange(6) / 6, **columns), strategy, 3, labelled=labelled))
    assert sorted(taken) == [1, 2, 4]


def test_the_core_set_starts_from_what_is_labelled():
    features = points(0, 1, 2, 8, 10)
    taken, distances = k_centre(features, 2, pool=np.array([1, 2, 3]), labelled=np.array([0, 4]))
    assert taken.tolist() == [2, 3]  # 2 from the nearest labelled, then 8
    assert distances.tolist() == [2.0, 2.0]

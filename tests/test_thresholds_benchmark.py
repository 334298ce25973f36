"""The comparison of thresholds: its bound, its means and its intervals."""

import sys
from pathlib import Path

import numpy as np
import pytest

from dfdetect_jax.evaluation.thresholds.conformal import ConformalRule
from dfdetect_jax.evaluation.thresholds.ways import ValidationScores
from dfdetect_jax.run.frozen import FrozenValues
from tests.evaluation.scored import by_person, clips

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

import thresholds


@pytest.fixture(scope="module")
def rows():
    validation = ValidationScores(clips(seed=1), clips(("", "self_blended"), seed=2))
    data = thresholds.DataSet("run", "set", "unseen", clips(people=20, seed=3))
    return list(thresholds.way_rows(data, validation, FrozenValues(threshold=0.4, temperature=1.5)))


def test_no_way_reaches_more_than_the_highest_threshold(rows):
    assert rows[-1]["way"] == "highest"
    assert rows[-1]["balanced accuracy"] == max(row["balanced accuracy"] for row in rows)


def test_gains_are_over_the_frozen_threshold(rows):
    frozen, *others = rows
    assert frozen["way"] == "frozen"
    assert (frozen["gain"], frozen["low"], frozen["high"]) == (0, 0, 0)
    for row in others:
        assert row["gain"] == pytest.approx(row["balanced accuracy"] - frozen["balanced accuracy"])
        assert row["low"] <= row["gain"] <= row["high"]


def test_of_scores_in_the_wrong_order_the_highest_threshold_calls_nothing_fake():
    reversed_scores = by_person([0.9, 0.8, 0.2, 1.0], [0, 0, 1, 0], list("abcd"))
    assert thresholds.highest(reversed_scores).as_json()["balanced_accuracy"] == 0.5


def test_means_are_over_data_sets_of_one_kind(rows):
    def of(name, plus):
        return [{**row, "data": name, "gain": row["gain"] + plus} for row in rows]

    means = {row["way"]: row for row in thresholds.mean_rows([*of("a", 0), *of("b", 0.5)])}
    assert means["frozen"]["gain"] == 0.25
    assert means["frozen"]["data sets"] == "2"


def test_coverage_varies_with_people_and_one_person_has_no_interval():
    rule = ConformalRule(0.5, 0.5)
    scores, labels = np.tile([0.2, 0.8, 0.8], 20), np.tile([0, 1, 0], 20)
    low, high = thresholds.coverage_interval(rule, by_person(scores, labels, range(60)))
    assert low < 2 / 3 < high
    assert thresholds.coverage_interval(rule, by_person([0.2, 0.8], [0, 1], ["a", "a"])) is None

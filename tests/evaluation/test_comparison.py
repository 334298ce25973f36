import dataclasses

import pytest

from dfdetect_jax.evaluation.comparison import compare_runs, evaluate_runs, seed_spreads
from dfdetect_jax.evaluation.metrics.bootstrap import NO_INTERVALS, Resampling
from dfdetect_jax.evaluation.prepared_split import PreparedSplit
from tests.evaluation.fake_runs import Attending, drawn_records, fake_run
from tests.evaluation.made_results import provenance, run_result
from tests.evaluation.scored import scores_of


def seeded(seed, fingerprint="f1", auc=1.0, data_dir="here"):
    """A run measured on two frames, of which the fake has the higher score or (AUC 0) the lower one."""
    settings = {"seed": seed, "data": {"name": "forge", "data_dir": data_dir}}
    result = run_result(scores_of(("", 0.4), ("a", 0.6 if auc else 0.2)), resamples=0)
    return dataclasses.replace(result, provenance=provenance(settings=settings, fingerprint=fingerprint))


def test_runs_that_differ_in_the_seed_alone_are_taken_together():
    runs = {"a": seeded(0), "b": seeded(1, auc=0, data_dir="there"), "c": seeded(0, fingerprint="other data")}
    groups = seed_spreads(runs)
    assert list(groups) == ["a, b"]
    spread = groups["a, b"]["set"]
    assert spread.frame["auc"].mean == pytest.approx(0.5)
    assert spread.by_forgery["a"].video["auc"].n == 2


def test_other_settings_are_another_group():
    other = dataclasses.replace(seeded(1), provenance=provenance(settings={"seed": 1, "train": {"steps": 8}}))
    assert seed_spreads({"a": seeded(0), "b": other}) == {}


def test_a_single_run_has_no_spread():
    assert seed_spreads({"a": seeded(0)}) == {}


def test_every_run_is_compared_with_the_first_and_the_better_has_the_plus():
    worse = run_result(scores_of(("", 0.1), ("", 0.6), ("a", 0.5), ("a", 0.9)), resamples=0)
    better = run_result(scores_of(("", 0.1), ("", 0.2), ("a", 0.5), ("a", 0.9)), resamples=0)
    evaluation = compare_runs("two", {"worse": worse, "better": better}, Resampling(resamples=50, by="video"))
    (pair,) = evaluation.paired
    assert (pair.a, pair.b, pair.data) == ("better", "worse", "set")
    assert pair.frame["auc"].difference == pytest.approx(0.25)


def test_without_resamples_nothing_is_compared():
    runs = {"a": seeded(0), "b": seeded(1)}
    assert compare_runs("two", runs, NO_INTERVALS).paired == []


def test_runs_measured_on_different_data_cant_be_put_side_by_side():
    with pytest.raises(ValueError, match="same data sets"):
        compare_runs("two", {"a": run_result(keys=["x"]), "b": run_result(keys=["y"])}, NO_INTERVALS)


def test_several_runs_are_measured_on_the_same_data_each_with_its_own_progress(tmp_path):
    records = drawn_records(tmp_path)
    runs = {"a": fake_run(tmp_path / "a", records), "b": fake_run(tmp_path / "b", records, Attending)}
    names = []

    def progress(name, frames):
        names.append(name)
        return lambda done: None

    data = [PreparedSplit(key="drawn", folder=records)]
    evaluation = evaluate_runs(runs, data, Resampling(resamples=10), progress=progress)
    assert evaluation.title == "a and b"
    assert names == ["a, drawn", "b, drawn"]
    assert [pair.a for pair in evaluation.paired] == ["b"]
    assert evaluation.runs["b"].metrics.data["drawn"].localization is not None
    assert list(evaluation.seeds) == ["a, b"]  # of equal settings

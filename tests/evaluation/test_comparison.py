import dataclasses

import pytest

from dfdetect_jax.errors import RunError
from dfdetect_jax.evaluation import comparison
from tests import trained
from tests.evaluation.report.test_report_files import scores_of


def test_runs_are_called_by_as_much_of_their_path_as_tells_them_apart(tmp_path):
    assert comparison.names_of([tmp_path / "a", tmp_path / "b"]) == ["a", "b"]
    assert comparison.names_of([tmp_path / "cae/0", tmp_path / "lae/0"]) == ["cae/0", "lae/0"]
    with pytest.raises(RunError, match="expected each run once"):
        comparison.names_of([tmp_path / "a", tmp_path / "." / "a"])


def seeded(seed, **data):
    run = trained.opened()
    settings = dataclasses.replace(run.settings, seed=seed)
    return dataclasses.replace(run, settings=settings, info={**run.info, "data": {**run.info["data"], **data}})


def metrics(auc):
    figures = {"frame": {"auc": auc}, "video": {"auc": auc}}
    return {"data": {"set": {**figures, "by_forgery": {"paste": figures}}}}


def test_runs_that_differ_in_the_seed_alone_are_taken_together():
    runs = {"a": seeded(0), "b": seeded(1), "c": seeded(0, fingerprint="other data")}
    group = comparison.seeds(runs, {"a": metrics(0.8), "b": metrics(0.9), "c": metrics(0.1)})
    assert list(group) == ["a, b"]
    spread = group["a, b"]["set"]
    assert spread["frame"]["auc"]["mean"] == pytest.approx(0.85)
    assert spread["by_forgery"]["paste"]["video"]["auc"]["n"] == 2


def test_a_single_run_has_no_spread():
    assert comparison.seeds({"a": seeded(0)}, {"a": metrics(0.8)}) == {}


def test_every_run_is_compared_with_the_first_and_the_better_has_the_plus():
    worse = {"set": scores_of(("", 0.1), ("", 0.6), ("a", 0.5), ("a", 0.9))}
    better = {"set": scores_of(("", 0.1), ("", 0.2), ("a", 0.5), ("a", 0.9))}
    runs = {"worse": seeded(0), "better": seeded(1)}
    (pair,) = comparison.paired_with_first(runs, {"worse": worse, "better": better}, resamples=50, by="video", seed=0)
    assert (pair["a"], pair["b"], pair["data"]) == ("better", "worse", "set")
    assert pair["frame"]["auc"]["difference"] == pytest.approx(0.25)

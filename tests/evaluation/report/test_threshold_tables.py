"""Thresholds and conformal sets as tables."""

import io

from rich.console import Console

from dfdetect_jax.evaluation.report.terminal import plain_table
from dfdetect_jax.evaluation.report.threshold_tables import of_data_set, of_run, threshold_tables
from tests.evaluation.made_results import evaluation, run_result, thresholds
from tests.evaluation.report.table_texts import texts


def test_every_way_and_every_rule_has_a_row_with_its_figures():
    metrics = thresholds()
    ways, sets = threshold_tables({"set": metrics})
    assert texts(ways)[0] == ["set"]
    frozen, *_ = metrics.ways
    values = (
        0.5,
        frozen.detection.balanced_accuracy,
        frozen.detection.fpr,
        frozen.detection.fnr,
        frozen.detection.accuracy,
    )
    assert texts(ways)[1] == ["from frozen", *(f"{value:.3f}" for value in values), ""]
    assert len(ways.rows) == 1 + len(metrics.ways)
    marginal, *_ = metrics.conformal
    assert texts(sets)[1][1] == f"{marginal.sets.coverage:.3f}"
    assert sets.headings[0] == "conformal sets, 90%"


def test_without_them_there_is_no_table():
    assert threshold_tables({}) == []
    assert of_data_set(evaluation(), "set") == {}
    assert of_run(run_result().metrics) == {}


def test_they_are_found_by_run_and_by_data_set():
    result = run_result(thresholds=thresholds())
    assert list(of_data_set(evaluation(first=result, second=run_result()), "set")) == ["first"]
    assert list(of_run(result.metrics)) == ["set"]


def test_the_terminal_shows_the_same_rows():
    (ways, _), console = threshold_tables({"set": thresholds()}), Console(width=120, file=io.StringIO())
    console.print(plain_table(ways))
    lines = [" ".join(line.split()) for line in console.file.getvalue().splitlines()]
    assert all(" ".join(filter(None, row)) in lines for row in texts(ways))

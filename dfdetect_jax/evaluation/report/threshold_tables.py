"""Ways to a threshold as tables of cells, for the page and for the terminal."""

from collections.abc import Mapping

from dfdetect_jax.evaluation.report.cells import Cell, Row, Table, value_cell
from dfdetect_jax.evaluation.report.definitions import heading
from dfdetect_jax.evaluation.results import Evaluation, RunMetrics
from dfdetect_jax.evaluation.thresholds.ways import ConformalMetrics, ThresholdMetrics, WayMetrics

_WAYS = ("threshold", heading("balanced_accuracy"), "false alarms", "misses", heading("accuracy"), "share of fakes")
_CONFORMAL = ("coverage", "of reals", "of fakes", "labels", "uncertain", "right if certain")


def threshold_tables(metrics: Mapping[str, ThresholdMetrics]) -> list[Table]:
    """A row per way, and a row per conformal rule, under each name; no tables of nothing."""
    if not metrics:
        return []
    ways, sets = list[Row](), list[Row]()
    for name, each in metrics.items():
        ways += [Row(name, kind="run", why=[each.why] if each.why else [])]
        ways += [Row(f"from {of.way.name}", _way_cells(of), "forgery") for of in each.ways]
        sets += [Row(name, kind="run")]
        sets += [Row(f"{of.kind}, by {of.calibration}", _set_cells(of), "forgery") for of in each.conformal]
    shares = sorted({f"{1 - of.error_rate:.0%}" for each in metrics.values() for of in each.conformal})
    return [
        Table(["threshold", *_WAYS], ways),
        Table([f"conformal sets, {' or '.join(shares)}", *_CONFORMAL], sets),
    ]


def of_run(metrics: RunMetrics) -> dict[str, ThresholdMetrics]:
    """Those of one run, by data set."""
    return {key: each.thresholds for key, each in metrics.data.items() if each.thresholds is not None}


def of_data_set(evaluation: Evaluation, key: str) -> dict[str, ThresholdMetrics]:
    """Those of one data set, by run."""
    by_run = {name: run.metrics.data[key].thresholds for name, run in evaluation.runs.items()}
    return {name: each for name, each in by_run.items() if each is not None}


def _way_cells(metrics: WayMetrics) -> list[Cell]:
    of, way = metrics.detection, metrics.way
    share = Cell("") if way.share is None else value_cell(way.share)
    return [*map(value_cell, (way.threshold, of.balanced_accuracy, of.fpr, of.fnr, of.accuracy)), share]


def _set_cells(metrics: ConformalMetrics) -> list[Cell]:
    sets = metrics.sets
    uncertain = None if sets.both is None or sets.none is None else sets.both + sets.none
    values = (sets.coverage, sets.coverage_real, sets.coverage_fake, sets.size, uncertain, sets.accuracy_of_single)
    return [value_cell(value) for value in values]

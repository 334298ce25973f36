"""Tables of data sets on the page, as rows of cells; the template only lays them out."""

import dataclasses
from collections.abc import Iterator

from dfdetect_jax.evaluation.metrics import ranking
from dfdetect_jax.evaluation.metrics.detection_metrics import (
    CALIBRATED_METRICS,
    DECISION_METRICS,
    PROBABILITY_METRICS,
    DetectionMetrics,
)
from dfdetect_jax.evaluation.metrics.heat_metrics import HEAT_METRICS
from dfdetect_jax.evaluation.metrics.localization_metrics import REAL_METRICS, LocalizationMetrics
from dfdetect_jax.evaluation.metrics.summary import ForgeryMetrics, GroupMetrics
from dfdetect_jax.evaluation.report.cells import (
    Cell,
    Row,
    Table,
    count_cell,
    headline_cell,
    metric_cell,
    shade,
    value_cell,
)
from dfdetect_jax.evaluation.report.definitions import heading
from dfdetect_jax.evaluation.report.row_order import (
    BASELINES,
    data_keys,
    forgery_name,
    ordered_forgeries,
    seen_or_unseen,
)
from dfdetect_jax.evaluation.results import DataSetMetrics, Evaluation

_MAPS = ("pixel_auc", "blob_auc", "pixel_ap", "iou", "iou_best", "f1", "f1_best", "pointing")


def anchor(evaluation: Evaluation, run: str, key: str) -> str:
    """The id of a run's row under a data set."""
    return f"run-{list(evaluation.runs).index(run)}-data-{data_keys(evaluation).index(key)}"


def matrix(evaluation: Evaluation, unit: str) -> Table:
    """Runs against data sets: `headline_cell` over "frame"s or "video"s, linked to the row with all metrics."""
    rows = [
        Row(
            name,
            [
                dataclasses.replace(
                    _shaded(of_unit(metrics, unit)),
                    link=anchor(evaluation, name, key),
                    mark="" if metrics.leakage.warning is None else "leak",
                )
                for key, metrics in run.metrics.data.items()
            ],
        )
        for name, run in evaluation.runs.items()
    ]
    return Table(["run", *data_keys(evaluation)], rows)


def forgeries_matrix(evaluation: Evaluation) -> Table:
    """Forgeries of every data set against runs: `headline_cell` over frames, and which were not trained on."""
    rows = []
    for key in data_keys(evaluation):
        data_sets = [run.metrics.data[key] for run in evaluation.runs.values()]
        for forgery, _ in ordered_forgeries(data_sets[0].by_forgery):
            of_forgery = [metrics.by_forgery[forgery] for metrics in data_sets]
            cells = [
                dataclasses.replace(_shaded(metrics.frame), mark="" if metrics.seen else seen_or_unseen(metrics))
                for metrics in of_forgery
            ]
            rows.append(Row(f"{key} · {forgery_name(forgery)}", cells))
    return Table(["data · forgery", *evaluation.runs], rows)


def detection_tables(evaluation: Evaluation, key: str, unit: str) -> list[Table]:
    """All metrics of one data set over "frame"s or "video"s, in two tables that fit a page: ranking, then the rest.

    The first has both AUCs where `unit` is "frame", and DeepfakeBench's beside the video's where it is "video".
    """
    other = ("video AUC", "video", "auc") if unit == "frame" else (heading("dfb_compat"), "video", "dfb_compat")
    columns = [(f"{unit} AUC", unit, "auc"), other]
    columns += [(heading(name), unit, name) for name in ranking.METRICS if name != "auc"]
    rest = (*DECISION_METRICS, *PROBABILITY_METRICS, *CALIBRATED_METRICS)
    return [_ranking_table(evaluation, key, unit, columns), _other_table(evaluation, key, unit, rest)]


def localization_table(evaluation: Evaluation, key: str) -> Table | None:
    """How well maps show where one data set's fakes were forged; None where no run has maps."""
    rows: list[Row] = []
    for name, run in evaluation.runs.items():
        metrics = run.metrics.data[key]
        if metrics.localization is None:
            continue
        rows.append(_localization_row(name, metrics.localization, "run", []))
        rows += _baseline_rows(metrics.localization)
        for forgery, of_forgery in ordered_forgeries(metrics.by_forgery):
            if of_forgery.localization is not None:
                name_and_seen = _forgery_label(forgery, of_forgery)
                reasons = metrics.localization.reasons
                rows.append(_localization_row(name_and_seen, of_forgery.localization, "forgery", reasons))
    headings = [heading(name) for name in (*_MAPS, *REAL_METRICS)]
    return Table(["run and forgery", *headings, "masks", "left out"], rows) if rows else None


def heat_table(evaluation: Evaluation, key: str) -> Table | None:
    """How well the maps of methods without attention show where one data set's fakes were forged; None without."""
    rows: list[Row] = []
    for name, run in evaluation.runs.items():
        heat = run.metrics.data[key].heat
        for kind, maps in heat.items():
            cells = [value_cell(maps.values[metric], maps.intervals.get(metric)) for metric in HEAT_METRICS]
            why = [] if maps.why is None else [maps.why]
            rows.append(Row(f"{name} · {kind}", [*cells, count_cell(maps.n)], "run", why=why))
        for baseline, values in next((maps.baselines for maps in heat.values()), {}).items():
            cells = [value_cell(values[metric]) for metric in HEAT_METRICS]
            rows.append(Row(BASELINES[baseline], [*cells, Cell("")], "baseline"))
    headings = [heading(name) for name in HEAT_METRICS]
    return Table(["run and map", *headings, "masks"], rows) if rows else None


def of_unit(metrics: GroupMetrics, unit: str) -> DetectionMetrics:
    """The metrics over "frame"s or "video"s."""
    return metrics.frame if unit == "frame" else metrics.video


def _shaded(metrics: DetectionMetrics) -> Cell:
    return dataclasses.replace(headline_cell(metrics), colour=shade(metrics.auc))


def _ranking_table(evaluation: Evaluation, key: str, unit: str, columns: list[tuple[str, str, str]]) -> Table:
    """Counts and ranking metrics; links lead to its rows, and warnings are under them."""
    rows = []
    for row, metrics in _rows(evaluation, key, unit):
        of_rows = of_unit(metrics, unit)
        cells = [count_cell(of_rows.n_real), count_cell(of_rows.n_fake)]
        cells += [metric_cell(of_unit(metrics, its_unit), name) for _, its_unit, name in columns]
        rows.append(dataclasses.replace(row, cells=cells))
    return Table(["run and forgery", "reals", "fakes", *(name for name, *_ in columns)], rows)


def _other_table(evaluation: Evaluation, key: str, unit: str, names: tuple[str, ...]) -> Table:
    rows = [
        Row(row.name, [metric_cell(of_unit(metrics, unit), name) for name in names], row.kind)
        for row, metrics in _rows(evaluation, key, unit)
    ]
    return Table(["run and forgery", *map(heading, names)], rows)


def _rows(evaluation: Evaluation, key: str, unit: str) -> Iterator[tuple[Row, GroupMetrics]]:
    """A row without cells, and its metrics, per run and per forgery of it."""
    for name, run in evaluation.runs.items():
        metrics: DataSetMetrics = run.metrics.data[key]
        reasons = of_unit(metrics, unit).reasons
        target = anchor(evaluation, name, key) if unit == "frame" else ""
        leaks = [] if metrics.leakage.warning is None else [metrics.leakage.warning]
        yield Row(name, kind="run", anchor=target, why=reasons, leaks=leaks), metrics
        for forgery, of_forgery in ordered_forgeries(metrics.by_forgery):
            why = [reason for reason in of_unit(of_forgery, unit).reasons if reason not in reasons]
            yield Row(_forgery_label(forgery, of_forgery), kind="forgery", why=why), of_forgery


def _forgery_label(forgery: str, metrics: ForgeryMetrics) -> str:
    return f"{forgery_name(forgery)} ({seen_or_unseen(metrics)})"


def _localization_row(name: str, metrics: LocalizationMetrics, kind: str, known_reasons: list[str]) -> Row:
    values = metrics.values()
    cells = [
        value_cell(values[column], metrics.intervals.get(column)) if column in values else Cell("")
        for column in (*_MAPS, *REAL_METRICS)
    ]
    why = [reason for reason in metrics.reasons if reason not in known_reasons]
    if kind == "run" and metrics.best_threshold is not None:
        why.append(f"best: at threshold {metrics.best_threshold:.3f}, from {metrics.best_from}")
    return Row(name, [*cells, count_cell(metrics.n), count_cell(metrics.n_left_out)], kind, why=why)


def _baseline_rows(metrics: LocalizationMetrics) -> list[Row]:
    if metrics.baselines is None:
        return []
    blank = [Cell("")] * (len(REAL_METRICS) + 2)
    return [
        Row(
            BASELINES[name],
            [*(value_cell(values[column]) if column in values else Cell("") for column in _MAPS), *blank],
            "baseline",
        )
        for name, values in metrics.baselines.values().items()
    ]

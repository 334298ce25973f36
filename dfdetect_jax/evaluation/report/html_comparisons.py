"""The other tables of the page: pairs of runs, seeds, corruptions, attacks, and provenance."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from dfdetect_jax.evaluation.metrics.paired import Difference, PairedComparison
from dfdetect_jax.evaluation.metrics.seed_spread import GroupSpread, Spread
from dfdetect_jax.evaluation.report.cells import Cell, Row, Table, count_cell, headline_cell, value_cell
from dfdetect_jax.evaluation.report.definitions import heading
from dfdetect_jax.evaluation.report.formats import UNDEFINED, interval, number
from dfdetect_jax.evaluation.report.row_order import forgery_name
from dfdetect_jax.evaluation.results import Evaluation, RunResult
from dfdetect_jax.evaluation.stress.attacks import AttackLevel
from dfdetect_jax.evaluation.stress.protocol import CORRUPTIONS, LEVELS
from dfdetect_jax.evaluation.stress.robustness import CorruptionLevel

MAIN_METRICS = ("auc", "eer", "balanced_accuracy")  # visible, or one class's headline; others are collapsed


def paired_table(evaluation: Evaluation, *, main: bool) -> Table:
    """Comparisons of two runs on the same data over frames and over videos: of `MAIN_METRICS`, or of all others."""
    rows = [
        _paired_row(comparison, unit, name, difference)
        for comparison in evaluation.paired
        for unit, differences in (("frame", comparison.frame), ("video", comparison.video))
        for name, difference in differences.items()
        if (name in _main_metrics(comparison.headline)) == main
    ]
    return Table(["a − b", "data", "over", "metric", "a", "b", "difference", "p", "frames", "clusters"], rows)


def seeds_table(evaluation: Evaluation, *, main: bool) -> Table:
    """Mean and spread over runs that differ in the seed alone: `MAIN_METRICS` of data sets, or all others."""
    rows = []
    for names, by_data in evaluation.seeds.items():
        for key, spread in by_data.items():
            rows += _spread_rows(f"{names} · {key}", spread, main=main)
            if not main:
                for forgery, of_forgery in spread.by_forgery.items():
                    rows += _spread_rows(f"{names} · {key} · {forgery_name(forgery)}", of_forgery, main=None)
    return Table(["runs · data · over", "metric", "mean", "standard deviation", "95% interval", "runs"], rows)


def robustness_table(run: RunResult) -> Table:
    """The frame AUC under every corruption and level."""
    rows = []
    for key, metrics in run.metrics.data.items():
        if metrics.robustness is None:
            continue
        for name, levels in metrics.robustness.corruptions.items():
            cells = [_level_cell(level) for level in (metrics.robustness.clean, *levels)]
            rows.append(Row(f"{key} · {name}", [*cells, Cell(CORRUPTIONS[name].parameter)]))
    levels_ = [f"level {level}" for level in range(1, LEVELS + 1)]
    return Table(["corruption", "clean", *levels_, "parameter (last line)"], rows)


def attacks_table(run: RunResult) -> Table:
    """The frame AUC of fakes that were changed by a white-box attack."""
    rows: list[Row] = []
    for key, metrics in run.metrics.data.items():
        for name, result in metrics.attacks.items():
            levels = [_attack_row(f"{key} · {name}", level, result.steps) for level in (result.clean, *result.epsilons)]
            rows += [*levels[:-1], dataclasses.replace(levels[-1], why=[result.note])]
    headings = ["attack", "ε, largest change", "steps", "step, /255", "frame AUC", "video AUC", "fakes called real"]
    return Table([*headings, "frame AUC, reals attacked too"], rows)


def about_table(evaluation: Evaluation, subject: str, *, differing: bool = False) -> Table:
    """One subject of `Provenance.subjects`, a column per run; only rows that differ between runs, if requested."""
    columns = [dict(_leaves(run.provenance.subjects()[subject])) for run in evaluation.runs.values()]
    rows = []
    for name in dict.fromkeys(name for column in columns for name in column):
        values = [column.get(name, UNDEFINED) for column in columns]
        if not differing or len(set(values)) > 1:
            rows.append(Row(name or subject, [Cell(value) for value in values]))
    return Table([subject, *evaluation.runs], rows)


def _main_metrics(headline: str) -> tuple[str, ...]:
    return MAIN_METRICS if headline in MAIN_METRICS else (headline,)


def _paired_row(comparison: PairedComparison, unit: str, name: str, difference: Difference) -> Row:
    cells = [Cell(comparison.data), Cell(unit), Cell(heading(name)), value_cell(difference.a), value_cell(difference.b)]
    cells += [value_cell(difference.difference, difference.interval, interval_digits=3), value_cell(difference.p)]
    cells += [count_cell(comparison.n), count_cell(comparison.clusters)]
    return Row(f"{comparison.a} − {comparison.b}", cells)


def _spread_rows(name: str, spread: GroupSpread, *, main: bool | None) -> list[Row]:
    """Rows over frames and over videos: of `MAIN_METRICS`, of all others, or (None) of all."""
    return [
        _spread_row(f"{name} · {unit}", metric, each)
        for unit, spreads in (("frame", spread.frame), ("video", spread.video))
        for metric, each in spreads.items()
        if main is None or (metric in _main_metrics(spread.headline)) == main
    ]


def _spread_row(name: str, metric: str, spread: Spread) -> Row:
    cells = [Cell(heading(metric)), Cell(number(spread.mean)), Cell(number(spread.sd))]
    return Row(name, [*cells, Cell(interval(spread.interval) or UNDEFINED), count_cell(spread.n)])


def _level_cell(level: CorruptionLevel) -> Cell:
    return dataclasses.replace(headline_cell(level.frame), mark=_parameter(level.parameter))


def _attack_row(name: str, level: AttackLevel, steps: int) -> Row:
    cells = [Cell(f"{level.epsilon}/255"), count_cell(steps), value_cell(level.step_size, digits=2)]
    cells += [headline_cell(level.frame), headline_cell(level.video), value_cell(level.fakes_called_real)]
    return Row(name, [*cells, headline_cell(level.both)])


def _leaves(tree: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(tree, Mapping):
        for name, below in tree.items():
            yield from _leaves(below, f"{path}.{name}" if path else str(name))
    elif tree is not None:
        yield path, ", ".join(map(str, tree)) if isinstance(tree, list | tuple) else str(tree)


def _parameter(value: Any) -> str:
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)

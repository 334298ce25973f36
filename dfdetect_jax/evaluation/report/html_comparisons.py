"""The other tables of the page: pairs of runs, seeds, distortions, attacks, and what the runs were made with."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from dfdetect_jax.evaluation.report.cells import Cell, Row, Table, counted, figure
from dfdetect_jax.evaluation.report.contents import Evaluation, RunResult, measured_data, part, robustness_of, words_of
from dfdetect_jax.evaluation.report.definitions import heading
from dfdetect_jax.evaluation.report.words import NOT_HAD, interval, number

MAIN_FIGURES = ("auc", "eer", "balanced_accuracy")  # in sight; all others are folded away


def paired_table(evaluation: Evaluation, *, main: bool) -> Table:
    """Comparisons of two runs on the same data over frames and over videos: of `MAIN_FIGURES`, or of all others."""
    rows = []
    for pair in evaluation.paired:
        name = f"{part(pair, 'a') or 'a'} − {part(pair, 'b') or 'b'}"
        for unit in ("frame", "video"):
            for what, values in (part(pair, unit) or {}).items():
                if (what in MAIN_FIGURES) == main and isinstance(values, Mapping):
                    cells = [Cell(str(part(pair, "data") or "")), Cell(unit), Cell(heading(what))]
                    cells += [figure(values, each, interval_digits=3) for each in ("a", "b", "difference", "p")]
                    rows.append(Row(name, [*cells, counted(part(pair, "n")), counted(part(pair, "clusters"))]))
        if main and part(pair, "why"):
            rows.append(Row(name, [], why=words_of(pair["why"])))
    return Table(["a − b", "data", "over", "figure", "a", "b", "difference", "p", "frames", "clusters"], rows)


def seeds_table(evaluation: Evaluation, *, main: bool) -> Table:
    """Mean and spread over runs that differ in the seed alone: `MAIN_FIGURES` of data sets, or all others."""
    rows = []
    for path, spread in _spreads(evaluation.seeds):
        if (path[-1] in MAIN_FIGURES and "by_forgery" not in path) == main:
            cells = [Cell(heading(path[-1])), Cell(number(part(spread, "mean")))]
            cells += [Cell(number(part(spread, "sd"))), Cell(interval(part(spread, "ci")) or NOT_HAD)]
            name = " · ".join(step for step in path[:-1] if step != "by_forgery")
            rows.append(Row(name, [*cells, counted(part(spread, "n"))]))
    return Table(["runs · data · over", "figure", "mean", "standard deviation", "95% interval", "runs"], rows)


def robustness_table(run: RunResult) -> Table:
    """The frame AUC under every distortion and level."""
    rows = []
    for key, result in robustness_of(run):
        for name, levels in result["corruptions"].items():
            at = {part(level, "level"): level for level in [part(result, "clean"), *levels] if level}
            cells = [
                dataclasses.replace(figure(at.get(level), "auc"), mark=_parameter(part(at.get(level), "parameter")))
                for level in range(6)
            ]
            words = part(result, "parameters", name)
            rows.append(Row(" · ".join(filter(None, (key, name))), [*cells, Cell(words or "")]))
    return Table(["distortion", "clean", *(f"level {level}" for level in range(1, 6)), "parameter (last line)"], rows)


def attacks_table(run: RunResult) -> Table:
    """The frame AUC of fakes changed by an attacker who has the detector."""
    rows = []
    for key, summary in measured_data(run):
        for attack, result in (part(summary, "attacks") or {}).items():
            levels = [level for level in (part(result, "clean"), *(part(result, "epsilons") or [])) if level]
            attacked = [_attacked(f"{key} · {attack}", level, part(result, "steps")) for level in levels]
            note = words_of(part(result, "note"))
            rows += [*attacked[:-1], *(dataclasses.replace(row, why=note) for row in attacked[-1:])]
    headings = ["attack", "ε, largest change", "steps", "step, /255", "frame AUC", "video AUC", "fakes called real"]
    return Table([*headings, "frame AUC, reals attacked too"], rows)


def _attacked(name: str, level: Mapping, steps: int | None) -> Row:
    cells = [Cell(f"{part(level, 'epsilon') or 0}/255"), counted(steps), figure(level, "step_size", 2)]
    cells += [figure(level, "auc"), figure(part(level, "video"), "auc"), figure(level, "fakes_called_real")]
    return Row(name, [*cells, figure(part(level, "both"), "auc")])


def _spreads(tree: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Mapping]]:
    """Every {"mean", ...} below, with the names that lead to it."""
    for name, below in tree.items() if isinstance(tree, Mapping) else ():
        if isinstance(below, Mapping) and "mean" in below:
            yield (*path, name), below
        else:
            yield from _spreads(below, (*path, name))


def about_table(evaluation: Evaluation, subject: str, *, differing: bool = False) -> Table:
    """One subject of `RunResult.about`, a column per run; only what differs between runs, if asked."""
    columns = [dict(_leaves(part(run.about, subject))) for run in evaluation.runs.values()]
    rows = []
    for name in dict.fromkeys(name for column in columns for name in column):
        values = [column.get(name, NOT_HAD) for column in columns]
        if not differing or len(set(values)) > 1:
            rows.append(Row(name or subject, [Cell(value) for value in values]))
    return Table([subject, *evaluation.runs], rows)


def _leaves(tree: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(tree, Mapping):
        for name, below in tree.items():
            yield from _leaves(below, f"{path}.{name}" if path else str(name))
    elif tree is not None:
        yield path, ", ".join(map(str, tree)) if isinstance(tree, list | tuple) else str(tree)


def _parameter(value: Any) -> str:
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)

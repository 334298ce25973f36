"""The tables of data sets as rows of cells: which run does how well on what; the template only lays them out."""

import dataclasses
from collections.abc import Iterator, Mapping

from dfdetect_jax.evaluation.report.cells import Cell, Row, Table, counted, figure, shade
from dfdetect_jax.evaluation.report.contents import (
    Evaluation,
    data_names,
    leaks_of,
    ordered_forgeries,
    part,
    reasons_of,
)
from dfdetect_jax.evaluation.report.definitions import heading

RANKS = ("auc", "ap", "eer", "eer_nearest", "tpr_at_fpr_1", "tpr_at_fpr_0_1")
CALLS = ("accuracy", "balanced_accuracy", "tpr", "fpr")
PROBABILITIES = ("brier", "log_loss", "ece")
CALIBRATED = tuple(f"{name}_calibrated" for name in PROBABILITIES)
_MAPS = ("pixel_auc", "blob_auc", "pixel_ap", "iou", "iou_best", "f1", "f1_best", "pointing")
_ON_REALS = ("real_attention", "real_area")
_BASELINES = {"random": "noise, by expectation", "centre": "centre blob"}


def anchor(evaluation: Evaluation, run: str, data: str) -> str:
    """The id of a run's row under a data set."""
    return f"run-{list(evaluation.runs).index(run)}-data-{data_names(evaluation).index(data)}"


def matrix(evaluation: Evaluation, unit: str) -> Table:
    """Runs against data sets: the AUC over "frame"s or "video"s, linked to the row that tells more."""
    names = data_names(evaluation)
    rows = []
    for name, run in evaluation.runs.items():
        cells = []
        for key in names:
            summary = part(run.metrics, "data", key)
            auc = part(summary, unit, "auc")
            cells.append(
                dataclasses.replace(
                    figure(part(summary, unit), "auc"),
                    colour=shade(auc),
                    link=anchor(evaluation, name, key) if summary else "",
                    mark="leak" if leaks_of(summary) else "",
                )
            )
        rows.append(Row(name, cells))
    return Table(["run", *names], rows)


def forgeries_matrix(evaluation: Evaluation) -> Table:
    """Forgeries of every data set against runs: the frame AUC, and which forgeries were not trained on."""
    rows = []
    for key in data_names(evaluation):
        summaries = [part(run.metrics, "data", key) for run in evaluation.runs.values()]
        names = dict.fromkeys(forgery for summary in summaries for forgery, _ in ordered_forgeries(summary))
        for forgery in names:
            of_forgery = [part(summary, "by_forgery", forgery) for summary in summaries]
            cells = [
                dataclasses.replace(
                    figure(part(figures, "frame"), "auc"),
                    colour=shade(part(figures, "frame", "auc")),
                    mark="" if figures is None or part(figures, "seen") else "unseen",
                )
                for figures in of_forgery
            ]
            rows.append(Row(f"{key} · {forgery or 'unnamed'}", cells))
    return Table(["data · forgery", *evaluation.runs], rows)


def detection_tables(evaluation: Evaluation, key: str, unit: str) -> list[Table]:
    """All figures of one data set over "frame"s or "video"s, in two tables that fit a page: ranks, then the rest.

    The first has both AUCs where `unit` is "frame", and DeepfakeBench's beside the video's where it is "video".
    """
    other = [("video AUC", "video", "auc")] if unit == "frame" else [(heading("dfb_compat"), "video", "dfb_compat")]
    first = [(f"{unit} AUC", unit, "auc"), *other, *((heading(name), unit, name) for name in RANKS[1:])]
    rest = [(heading(name), unit, name) for name in (*CALLS, *PROBABILITIES, *CALIBRATED)]
    counts = [("reals", "n_real"), ("fakes", "n_fake")]
    return [_table(evaluation, key, unit, counts, first), _table(evaluation, key, unit, [], rest)]


def _table(
    evaluation: Evaluation, key: str, unit: str, counts: list[tuple[str, str]], columns: list[tuple[str, str, str]]
) -> Table:
    """Counts and figures; the one with counts comes first, and is what links and warnings belong to."""
    rows = []
    for row, figures in _rows(evaluation, key, unit):
        cells = [counted(part(figures, unit, name)) for _, name in counts]
        cells += [figure(part(figures, which), name) for _, which, name in columns]
        if counts:
            rows.append(dataclasses.replace(row, cells=cells, anchor=row.anchor if unit == "frame" else ""))
        else:
            rows.append(Row(row.name, cells, row.kind))
    return Table(["run and forgery", *(name for name, _ in counts), *(name for name, *_ in columns)], rows)


def localization_table(evaluation: Evaluation, key: str) -> Table | None:
    """How well maps show where one data set's fakes were forged; None where no run has maps."""
    rows = []
    for row, figures in _rows(evaluation, key, "localization"):
        located = part(figures, "localization")
        if not located:
            continue
        whole = row.kind == "run"
        beside = {"blob_auc": part(located, "baselines", "centre", "pixel_auc")}
        cells = [figure({**located, **beside}, name) for name in _MAPS]
        cells += [figure(located, name) if whole else Cell("") for name in _ON_REALS]
        cells += [counted(part(located, "n")), counted(_left_out(located))]
        why = [*row.why, *(_best_threshold(located) if whole else [])]
        rows.append(dataclasses.replace(row, cells=cells, anchor="", leaks=[], why=why))
        if whole:
            rows += [_baseline(name, values) for name, values in (part(located, "baselines") or {}).items()]
    headings = ["run and forgery", *(heading(name) for name in (*_MAPS, *_ON_REALS)), "masks", "left out"]
    return Table(headings, rows) if rows else None


def _baseline(name: str, figures: Mapping) -> Row:
    cells = [figure(figures, each) if each in figures else Cell("") for each in _MAPS]
    return Row(_BASELINES.get(name, name), [*cells, *[Cell("")] * (len(_ON_REALS) + 2)], "baseline")


def _best_threshold(located: Mapping) -> list[str]:
    threshold, source = part(located, "best_threshold"), part(located, "best_from")
    return [] if threshold is None else [f"best: at threshold {threshold:.3f}{f', from {source}' if source else ''}"]


def _rows(evaluation: Evaluation, key: str, unit: str) -> Iterator[tuple[Row, dict]]:
    """A row without cells, and its figures, per run and per forgery of it."""
    for name, run in evaluation.runs.items():
        summary = part(run.metrics, "data", key)
        if summary is None:
            yield Row(name, [], "run", why=["not measured on this data set"]), {}
            continue
        whole = reasons_of(part(summary, unit))
        if part(summary, unit) is None and unit != "localization":
            whole = ["no figures"]
        yield Row(name, [], "run", anchor(evaluation, name, key), whole, leaks_of(summary)), summary
        for forgery, figures in ordered_forgeries(summary):
            why = [words for words in reasons_of(part(figures, unit)) if words not in whole]
            seen = "seen" if part(figures, "seen") else "unseen"
            yield Row(f"{forgery or 'unnamed'} ({seen})", [], "forgery", why=why), figures


def _left_out(located: Mapping) -> int:
    return (part(located, "n_without_mask") or 0) + (part(located, "n_empty_mask") or 0)

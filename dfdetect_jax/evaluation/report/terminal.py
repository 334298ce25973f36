"""Tables for the terminal: a row per data set and a row per forgery, seen and unseen."""

import itertools
import sys
from collections.abc import Iterator, Mapping, Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from dfdetect_jax.evaluation.metrics.detection_metrics import DetectionMetrics, Interval
from dfdetect_jax.evaluation.metrics.heat_metrics import HEAT_METRICS, Values
from dfdetect_jax.evaluation.metrics.localization_metrics import LocalizationMetrics
from dfdetect_jax.evaluation.metrics.paired import Difference
from dfdetect_jax.evaluation.metrics.seed_spread import Spread
from dfdetect_jax.evaluation.metrics.summary import GroupMetrics
from dfdetect_jax.evaluation.report import cells, threshold_tables
from dfdetect_jax.evaluation.report.definitions import heading
from dfdetect_jax.evaluation.report.row_order import (
    BASELINES,
    data_keys,
    forgery_name,
    ordered_forgeries,
    seen_or_unseen,
)
from dfdetect_jax.evaluation.report.words import called_fake
from dfdetect_jax.evaluation.results import DataSetMetrics, Evaluation, RunMetrics

UNDEFINED = "-"
_FEW_REALS = 100  # with fewer, a TPR at 1% FPR is unreliable
_FILE_WIDTH = 120  # columns, where the table goes to a file or pipe
_MAPS = ("pixel_auc", "blob_auc", "pixel_ap", "iou", "iou_best", "f1", "f1_best", "pointing")


def print_evaluation(evaluation: Evaluation) -> None:
    """Prints the tables of every run on standard output, and of several runs how they compare."""
    for name, run in evaluation.runs.items():
        if len(evaluation.runs) > 1:
            print(f"\n{name}")
        print_metrics(run.metrics)
    if len(evaluation.runs) > 1:
        print()
        _console().print(matrix_table(evaluation))
    for line in comparison_lines(evaluation):
        print(line)


def print_metrics(metrics: RunMetrics) -> None:
    """Prints `detection_table`, and below it whichever there are of `heat_table`, `localization_table`, thresholds."""
    _console().print(detection_table(metrics))
    if any(of_data.heat for of_data in metrics.data.values()):
        print()
        _console().print(heat_table(metrics))
    if any(of_data.localization is not None for of_data in metrics.data.values()):
        print()
        _console().print(localization_table(metrics))
    for table in threshold_tables.threshold_tables(threshold_tables.of_run(metrics)):
        print()
        _console().print(plain_table(table))


def plain_table(table: cells.Table) -> Table:
    """A table of the page as text."""
    first, *headings = table.headings
    plain = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, caption_justify="left")
    plain.add_column(first, overflow="fold")
    for name in headings:
        plain.add_column(name.replace(" ", "\n"), justify="right")
    for row in table.rows:
        if row.kind == "run":
            plain.add_section()
        style, indent = ("bold", "") if row.kind == "run" else ("", "  ")
        plain.add_row(Text(indent + row.name, style=style), *(Text(cell.text) for cell in row.cells))
    plain.caption = Text("\n".join(f"{row.name}: {reason}" for row in table.rows for reason in row.why))
    return plain


def matrix_table(evaluation: Evaluation) -> Table:
    """Several runs side by side: a row per run, a column per data set, frame AUC with its interval.

    Of one class alone it is the share called fake, with its name.
    """
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, caption_justify="left")
    table.add_column("frame AUC", overflow="fold")
    for key in data_keys(evaluation):
        table.add_column(Text(key), justify="right")
    for name, run in evaluation.runs.items():
        table.add_row(Text(name), *(_headline(metrics.frame) for metrics in run.metrics.data.values()))
    return table


def comparison_lines(evaluation: Evaluation) -> Iterator[str]:
    """A line per pair of runs and data set, and a line per group of seeds and data set."""
    for pair in evaluation.paired:
        name = heading(pair.headline)
        frame, video = _difference(pair.frame[pair.headline]), _difference(pair.video[pair.headline])
        yield f"{pair.a} against {pair.b} on {pair.data}: frame {name} {frame}, video {name} {video}"
    for names, by_data in evaluation.seeds.items():
        for key, spread in by_data.items():
            name = heading(spread.headline)
            frame, video = _spread(spread.frame[spread.headline]), _spread(spread.video[spread.headline])
            yield f"{names} on {key}, mean over seeds: frame {name} {frame}, video {name} {video}"


def detection_table(metrics: RunMetrics) -> Table:
    """Detection metrics of every data set and forgery.

    Returns:
        A table, 100 characters wide unless names are long: frame AUC and its interval, video AUC, and of frames AP,
        EER, TPR at an FPR of 1%, accuracy at the threshold, how many reals and fakes; where a data set has one class
        alone, also the share that is called fake. Each data set has a row for all its forgeries and a row per forgery,
        those seen in training first. An undefined metric is "-", with the reason below the table.
    """
    notes = [f"AP, EER, TPR and accuracy: over frames; accuracy: at the validation threshold {metrics.threshold:.3f}"]
    one_class = any(of_data.frame.headline != "auc" for of_data in metrics.data.values())
    shares = ("called\nfake",) if one_class else ()
    headings = ("frame\nAUC", "95%", "video\nAUC", "AP", "EER", "TPR\n@1%", "accu-\nracy", *shares, "reals", "fakes")
    table = _table("data\n  forgery", headings)
    for key, of_data in metrics.data.items():
        table.add_section()
        for name, seen, group in _rows(key, of_data):
            table.add_row(name, seen, *_detection_cells(group, one_class))
        if of_data.leakage.warning is not None:
            table.add_row(Text("  ! leakage", style="bold red"), "", *[""] * len(headings))
        notes += [f"{key}: {note}" for note in _detection_notes(of_data)]
    table.caption = Text("\n".join([*notes, *metrics.notes]))
    return table


def localization_table(metrics: RunMetrics) -> Table:
    """Localization metrics of every data set with attention maps.

    Returns:
        A table, 100 characters wide unless names are long: pixel AUC beside that of the centre blob, pixel AP, IoU and
        F1 at threshold 0.5 and at the best one, pointing, mean attention on reals (of a whole data set), and how many
        fakes were measured. Rows and undefined metrics as in `detection_table`; the last rows of each data set are the
        baselines.
    """
    headings = ("pixel\nAUC", "blob\nAUC", "pixel\nAP", "IoU\n@.5", "IoU\nbest", "F1\n@.5", "F1\nbest", "point\ning")
    table = _table("where it was\n  forged", (*headings, "on\nreals", "masks"))
    notes = [
        "pixel AUC and AP: all pixels of fakes pooled; IoU, F1, pointing: means over fakes with masks",
        "blob: a fixed spot in the middle of every crop; on reals: mean attention",
    ]
    for key, of_data in metrics.data.items():
        if of_data.localization is None:
            continue
        table.add_section()
        table.add_row(Text(key, style="bold"), "", *_localization_cells(of_data.localization))
        for forgery, group in ordered_forgeries(of_data.by_forgery):
            if group.localization is not None:
                name = Text(f"  {forgery_name(forgery)}")
                table.add_row(name, seen_or_unseen(group), *_localization_cells(group.localization))
        if of_data.localization.baselines is not None:
            for baseline, values in of_data.localization.baselines.values().items():
                table.add_row(Text(f"  ({BASELINES[baseline]})"), "", *_map_cells(values))
        notes += [f"{key}: {note}" for note in _localization_notes(of_data.localization)]
    table.caption = Text("\n".join(notes))
    return table


def heat_table(metrics: RunMetrics) -> Table:
    """The maps of a method without attention beside each other, on every data set with masks; see `HeatMetrics`."""
    headings = [part for name in HEAT_METRICS for part in (heading(name).replace(" ", "\n"), "95%")]
    table = _table("where it was\n  forged", (*headings, "masks"))
    for key, of_data in metrics.data.items():
        if of_data.heat:
            table.add_section()
            table.add_row(Text(key, style="bold"))
        for kind, maps in of_data.heat.items():
            cells = [(_share(maps.values[name]), _interval(maps.intervals.get(name))) for name in HEAT_METRICS]
            table.add_row(Text(f"  {kind}"), "", *itertools.chain(*cells), str(maps.n))
        for baseline, values in _baselines(of_data).items():
            cells = [(_share(values[name]), "") for name in HEAT_METRICS]
            table.add_row(Text(f"  ({BASELINES[baseline]})"), "", *itertools.chain(*cells))
    table.caption = Text("not learnt from masks: the order of values alone is measured, over all fakes with a mask")
    return table


def _baselines(metrics: DataSetMetrics) -> Mapping[str, Values]:
    """Of any map: all are of the same fakes."""
    return next((maps.baselines for maps in metrics.heat.values()), {})


def _console() -> Console:
    """Standard output; in a file no column is cut off."""
    return Console(width=None if sys.stdout.isatty() else _FILE_WIDTH)


def _table(first: str, headings: Sequence[str]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, collapse_padding=True, caption_justify="left")
    table.add_column(first, overflow="fold")
    table.add_column("", no_wrap=True, min_width=6)
    for name in headings:
        table.add_column(name, justify="right")
    return table


def _rows(key: str, metrics: DataSetMetrics) -> Iterator[tuple[Text, str, GroupMetrics]]:
    yield Text(key, style="bold"), "", metrics
    for forgery, group in ordered_forgeries(metrics.by_forgery):
        yield Text(f"  {forgery_name(forgery)}"), seen_or_unseen(group), group


def _detection_cells(group: GroupMetrics, one_class: bool) -> list[str]:
    frame = group.frame
    shares = (group.video.auc, frame.ap, frame.eer, frame.tpr_at_fpr_1, frame.accuracy)
    called = ["" if frame.headline == "auc" else _share(frame.value(frame.headline))] if one_class else []
    counts = (str(frame.n_real), str(frame.n_fake))
    return [_share(frame.auc), _interval(frame.interval("auc")), *map(_share, shares), *called, *counts]


def _detection_notes(metrics: DataSetMetrics) -> Iterator[str]:
    frame, leakage = metrics.frame, metrics.leakage
    if frame.why is not None and (frame.auc is None or frame.n_real < _FEW_REALS):
        yield frame.why
    if frame.headline != "auc":
        yield called_fake(metrics)
    if leakage.note is not None:
        yield leakage.note
    if leakage.warning is not None:
        yield f"LEAKAGE: {leakage.warning}"


def _localization_cells(metrics: LocalizationMetrics) -> list[str]:
    on_reals = "" if metrics.reals is None else _share(metrics.reals.attention)
    return [*_map_cells(metrics.values()), on_reals, str(metrics.n)]


def _map_cells(values: Mapping[str, float | None]) -> list[str]:
    """The cells up to "pointing"; empty where `values` has no such entry."""
    return [_share(values[name]) if name in values else "" for name in _MAPS]


def _localization_notes(metrics: LocalizationMetrics) -> Iterator[str]:
    if metrics.best_threshold is not None:
        optimistic = ": optimistic" if metrics.best_from == "these images" else ""
        yield f"best is at threshold {metrics.best_threshold:.3f}, chosen on {metrics.best_from}{optimistic}"
    if metrics.n_left_out:
        yield f"fakes left out: {metrics.n_without_mask} without a mask, {metrics.n_empty_mask} with an empty mask"
    yield from metrics.reasons


def _headline(metrics: DetectionMetrics) -> str:
    name = metrics.headline
    value = f"{_share(metrics.value(name))} {_interval(metrics.interval(name))}".strip()
    return value if name == "auc" else f"{heading(name)} {value}"


def _difference(auc: Difference) -> str:
    if auc.difference is None:
        return UNDEFINED
    bounds = "" if auc.interval is None else f" [{auc.interval[0]:+.3f}, {auc.interval[1]:+.3f}]"
    return f"{auc.difference:+.3f}{bounds}"


def _spread(auc: Spread) -> str:
    bounds = "" if auc.interval is None else f" [{auc.interval[0]:.3f}, {auc.interval[1]:.3f}]"
    return f"{_share(auc.mean)}{bounds}"


def _interval(bounds: Interval | None) -> str:
    """ ".90-.94", short enough for a column."""
    return "" if bounds is None else "-".join(f"{edge:.2f}".removeprefix("0") for edge in bounds)


def _share(share: float | None) -> str:
    return UNDEFINED if share is None else f"{share:.3f}"

"""The tables that people read: one row per data set and one per forgery method, seen and unseen."""

import sys
from collections.abc import Iterator, Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

NOT_HAD = "-"
_BASELINES = {"random": "noise", "centre": "centre blob"}
_FILE_WIDTH = 120  # columns, where the table goes to a file or pipe


def print_results(metrics: dict) -> None:
    """Prints `results_table` on standard output, and `localization_table` under it; in a file no column is cut."""
    console = Console(width=None if sys.stdout.isatty() else _FILE_WIDTH)
    console.print(results_table(metrics))
    if any(summary["localization"] for summary in metrics["data"].values()):
        console.print()
        console.print(localization_table(metrics))


def results_table(metrics: dict) -> Table:
    """Lays `metrics.json` out for a terminal.

    Args:
        metrics: as `report.as_metrics` makes it.

    Returns:
        A table, 80 characters wide unless names are long, with frame AUC, video AUC, and of frames: AP, EER, accuracy
        at the threshold, how many reals and fakes. Every data set has a row for all its forgeries and one per method,
        those seen in training first. What can't be had shows as "-", with the reason under the table.
    """
    notes = [f"AP, EER and accuracy are of frames; accuracy at the validation threshold {metrics['threshold']:.3f}"]
    table = _table("data\n  forgery", ("frame\nAUC", "video\nAUC", "AP", "EER", "accu-\nracy", "reals", "fakes"))
    for key, summary in metrics["data"].items():
        table.add_section()
        for name, trained_on, figures in _rows(key, summary):
            table.add_row(name, trained_on, *_cells(figures["frame"], figures["video"]))
        if "why" in summary["frame"]:
            notes.append(f"{key}: {summary['frame']['why']}")
    notes += metrics["notes"]
    table.caption = Text("\n".join(notes))
    return table


def localization_table(metrics: dict) -> Table:
    """Lays out how well attention shows what was forged, for the data sets in `metrics.json` that have it.

    Returns:
        A table, 100 characters wide unless names are long: pixel AUC beside that of a blob in the middle of the crop,
        pixel AP, IoU and F1 at threshold 0.5 and at the best one, pointing, mean attention on reals (of a whole data
        set), and how many fakes were measured. Rows and gaps as in `results_table`; below each data set what the blob
        and noise reach on all of it.
    """
    headings = ("pixel\nAUC", "blob\nAUC", "pixel\nAP", "IoU\n@.5", "IoU\nbest", "F1\n@.5", "F1\nbest", "point\ning")
    table = _table("where it was\n  forged", (*headings, "on\nreals", "masks"))
    notes = [
        "pixel AUC and AP: all pixels of fakes pooled; IoU, F1, pointing: means over fakes with masks",
        "blob: a fixed spot in the middle of every crop; on reals: mean attention",
    ]
    for key, summary in metrics["data"].items():
        figures = summary["localization"]
        if not figures:
            continue
        table.add_section()
        for name, trained_on, row in _rows(key, summary):
            table.add_row(name, trained_on, *_localization_cells(row["localization"]))
        for name, baseline in (figures["baselines"] or {}).items():
            table.add_row(Text(f"  ({_BASELINES[name]})"), "", *_map_cells(baseline))
        notes.extend(_localization_notes(key, figures))
    table.caption = Text("\n".join(notes))
    return table


def _table(first: str, headings: Sequence[str]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, collapse_padding=True, caption_justify="left")
    table.add_column(first, overflow="fold")
    table.add_column("", no_wrap=True, min_width=6)
    for heading in headings:
        table.add_column(heading, justify="right")
    return table


def _rows(key: str, summary: dict) -> Iterator[tuple[Text, str, dict]]:
    yield Text(key, style="bold"), "", summary
    methods = summary["by_method"]
    for method in sorted(methods, key=lambda name: (not methods[name]["seen"], name)):
        yield Text(f"  {method or 'unnamed'}"), "seen" if methods[method]["seen"] else "unseen", methods[method]


def _cells(frame: dict, video: dict) -> list[str]:
    shares = (frame["auc"], video["auc"], frame["ap"], frame["eer"], frame["accuracy"])
    return [*map(_share, shares), str(frame["n_real"]), str(frame["n_fake"])]


def _localization_cells(figures: dict) -> list[str]:
    blob = figures["baselines"]["centre"]["pixel_auc"] if figures["baselines"] else None
    on_reals = _share(figures["real_attention"]) if "real_attention" in figures else ""
    return [*_map_cells(figures | {"blob_auc": blob}), on_reals, str(figures["n"])]


def _map_cells(figures: dict) -> list[str]:
    """What belongs under the table's headings up to "pointing"; empty where `figures` has no such entry."""
    names = ("pixel_auc", "blob_auc", "pixel_ap", "iou", "iou_best", "f1", "f1_best", "pointing")
    return [_share(figures[name]) if name in figures else "" for name in names]


def _localization_notes(key: str, figures: dict) -> Iterator[str]:
    if figures["best_threshold"] is not None:
        optimistic = ": optimistic" if figures["best_from"] == "these images" else ""
        chosen = f"{figures['best_threshold']:.3f}, chosen on {figures['best_from']}{optimistic}"
        yield f"{key}: best is at threshold {chosen}"
    unknown, empty = figures["n_without_mask"], figures["n_empty_mask"]
    if unknown or empty:
        yield f"{key}: fakes left out: {unknown} without a mask, {empty} with an empty one"
    if "why" in figures:
        yield f"{key}: {figures['why']}"


def _share(share: float | None) -> str:
    return NOT_HAD if share is None else f"{share:.3f}"

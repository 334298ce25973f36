"""The tables that people read: one row per data set and one per forgery, seen and unseen."""

import sys
from collections.abc import Iterator, Mapping, Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

NOT_HAD = "-"
_BASELINES = {"random": "noise", "centre": "centre blob"}
_FEW_REALS = 100  # with fewer, a TPR at 1% FPR means nothing
_FILE_WIDTH = 120  # columns, where the table goes to a file or pipe


def print_results(metrics: dict) -> None:
    """Prints `results_table` on standard output, and `localization_table` under it; in a file no column is cut."""
    console = Console(width=None if sys.stdout.isatty() else _FILE_WIDTH)
    console.print(results_table(metrics))
    if any(summary["localization"] for summary in metrics["data"].values()):
        console.print()
        console.print(localization_table(metrics))


def matrix_table(runs: Mapping[str, dict]) -> Table:
    """Lays several runs out side by side: a row per run, a column per data set, frame AUC with its interval.

    Args:
        runs: `metrics.json` of each, by name.
    """
    data = list(dict.fromkeys(key for metrics in runs.values() for key in metrics["data"]))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, caption_justify="left")
    table.add_column("frame AUC", overflow="fold")
    for key in data:
        table.add_column(Text(key), justify="right")
    for name, metrics in runs.items():
        figures = [metrics["data"].get(key, {}).get("frame", {}) for key in data]
        cells = [f"{_share(each.get('auc'))} {_interval(each.get('auc_ci'))}".strip() for each in figures]
        table.add_row(Text(name), *cells)
    return table


def print_comparison(runs: Mapping[str, dict], paired: Sequence[dict], seeds: Mapping[str, dict]) -> None:
    """Prints what several runs say together: all of them on all data, differences to the first, spread over seeds."""
    if len(runs) > 1:
        print()
        Console(width=None if sys.stdout.isatty() else _FILE_WIDTH).print(matrix_table(runs))
    for pair in paired:
        told = [f"{kind} AUC {_difference(pair[kind]['auc'])}" for kind in ("frame", "video")]
        print(f"{pair['a']} against {pair['b']} on {pair['data']}: {', '.join(told)}")
    for names, group in seeds.items():
        for data, spread in group.items():
            told = [f"{kind} AUC {_spread(spread[kind].get('auc'))}" for kind in ("frame", "video")]
            print(f"{names} on {data}, mean over seeds: {', '.join(told)}")


def _difference(figures: dict) -> str:
    if figures["difference"] is None:
        return NOT_HAD
    low, high = figures["difference_ci"] or (None, None)
    interval = f" [{low:+.3f}, {high:+.3f}]" if low is not None else ""
    return f"{figures['difference']:+.3f}{interval}"


def _spread(figures: dict | None) -> str:
    if not figures or figures["mean"] is None:
        return NOT_HAD
    low, high = figures["ci"] or (None, None)
    return f"{figures['mean']:.3f}" + (f" [{low:.3f}, {high:.3f}]" if low is not None else "")


def results_table(metrics: dict) -> Table:
    """Lays `metrics.json` out for a terminal.

    Args:
        metrics: as `report.as_metrics` makes it.

    Returns:
        A table, 100 characters wide unless names are long, with frame AUC and its interval where it was drawn, video
        AUC, and of frames: AP, EER, TPR at an FPR of 1%, accuracy at the threshold, how many reals and fakes. Every
        data set has a row for all its forgeries and one per forgery, those seen in training first. What can't be had
        shows as "-", with the reason under the table.
    """
    threshold = f"{metrics['threshold']:.3f}"
    notes = [f"AP, EER, TPR and accuracy are of frames; accuracy at the validation threshold {threshold}"]
    headings = ("frame\nAUC", "95%", "video\nAUC", "AP", "EER", "TPR\n@1%", "accu-\nracy", "reals", "fakes")
    table = _table("data\n  forgery", headings)
    for key, summary in metrics["data"].items():
        table.add_section()
        for name, trained_on, figures in _rows(key, summary):
            table.add_row(name, trained_on, *_cells(figures["frame"], figures["video"]))
        if "why" in summary["frame"] and (summary["frame"]["auc"] is None or summary["frame"]["n_real"] < _FEW_REALS):
            notes.append(f"{key}: {summary['frame']['why']}")
        leakage = summary.get("leakage") or {}
        notes += [f"{key}: {leakage['note']}"] if leakage.get("note") else []
        if warning := leakage.get("warning"):
            table.add_row(Text("  ! leakage", style="bold red"), "", *[""] * len(headings))
            notes.append(f"{key}: LEAKAGE: {warning}")
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
    forgeries = summary["by_forgery"]
    for forgery in sorted(forgeries, key=lambda name: (not forgeries[name]["seen"], name)):
        yield Text(f"  {forgery or 'unnamed'}"), "seen" if forgeries[forgery]["seen"] else "unseen", forgeries[forgery]


def _cells(frame: dict, video: dict) -> list[str]:
    shares = (video["auc"], frame["ap"], frame["eer"], frame.get("tpr_at_fpr_1"), frame["accuracy"])
    counts = (str(frame["n_real"]), str(frame["n_fake"]))
    return [_share(frame["auc"]), _interval(frame.get("auc_ci")), *map(_share, shares), *counts]


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


def _interval(edges: Sequence[float] | None) -> str:
    """ ".90-.94", short enough for a column."""
    return "" if not edges else "-".join(f"{edge:.2f}".removeprefix("0") for edge in edges)


def _share(share: float | None) -> str:
    return NOT_HAD if share is None else f"{share:.3f}"

"""The table that people read: one row per data set and one per forgery method, seen and unseen."""

import sys
from collections.abc import Iterator

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

NOT_HAD = "-"
_FILE_WIDTH = 120  # columns, where the table goes to a file or pipe


def print_results(metrics: dict) -> None:
    """Prints `results_table` on standard output; in a file or pipe no column is cut."""
    Console(width=None if sys.stdout.isatty() else _FILE_WIDTH).print(results_table(metrics))


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
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, collapse_padding=True, caption_justify="left")
    table.add_column("data\n  forgery", overflow="fold")
    table.add_column("", no_wrap=True, min_width=6)
    for heading in ("frame\nAUC", "video\nAUC", "AP", "EER", "accu-\nracy", "reals", "fakes"):
        table.add_column(heading, justify="right")
    for key, summary in metrics["data"].items():
        table.add_section()
        for name, trained_on, figures in _rows(key, summary):
            table.add_row(name, trained_on, *_cells(figures["frame"], figures["video"]))
        if "why" in summary["frame"]:
            notes.append(f"{key}: {summary['frame']['why']}")
    table.caption = Text("\n".join(notes))
    return table


def _rows(key: str, summary: dict) -> Iterator[tuple[Text, str, dict]]:
    yield Text(key, style="bold"), "", summary
    methods = summary["by_method"]
    for method in sorted(methods, key=lambda name: (not methods[name]["seen"], name)):
        yield Text(f"  {method or 'unnamed'}"), "seen" if methods[method]["seen"] else "unseen", methods[method]


def _cells(frame: dict, video: dict) -> list[str]:
    shares = (frame["auc"], video["auc"], frame["ap"], frame["eer"], frame["accuracy"])
    return [NOT_HAD if share is None else f"{share:.3f}" for share in shares] + [
        str(frame["n_real"]),
        str(frame["n_fake"]),
    ]

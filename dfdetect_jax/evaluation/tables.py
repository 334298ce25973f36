"""The table that people read: one row per data set and one per forgery method, seen and unseen."""

from collections.abc import Iterator

from rich.table import Table

NOT_HAD = "-"


def results_table(metrics: dict) -> Table:
    """Lays `metrics.json` out for a terminal.

    Args:
        metrics: as `report.as_metrics` makes it.

    Returns:
        A table with frame AUC, video AUC, and of frames: AP, EER, accuracy at the threshold, and how many reals and
        fakes. Every data set has a row for all its forgeries and one per method, those seen in training first. What
        can't be had shows as "-", with the reason under the table.
    """
    notes = [f"AP, EER and accuracy of frames; accuracy at the validation threshold {metrics['threshold']:.3f}"]
    table = Table(title="How well fakes are told from reals", title_justify="left", caption_justify="left")
    table.add_column("data", overflow="fold")
    table.add_column("forgery", overflow="fold")
    for heading in ("frame AUC", "video AUC", "AP", "EER", "accuracy", "reals", "fakes"):
        table.add_column(heading, justify="right")
    for key, summary in metrics["data"].items():
        table.add_section()
        for name, forgery, figures in _rows(key, summary):
            table.add_row(name, forgery, *_cells(figures["frame"], figures["video"]))
        if "why" in summary["frame"]:
            notes.append(f"{key}: {summary['frame']['why']}")
    table.caption = "\n".join(notes)
    return table


def _rows(key: str, summary: dict) -> Iterator[tuple[str, str, dict]]:
    yield key, "all", summary
    methods = summary["by_method"]
    for method in sorted(methods, key=lambda name: (not methods[name]["seen"], name)):
        label = f"{method or 'unnamed'} ({'seen' if methods[method]['seen'] else 'unseen'})"
        yield "", label, methods[method]


def _cells(frame: dict, video: dict) -> list[str]:
    shares = (frame["auc"], video["auc"], frame["ap"], frame["eer"], frame["accuracy"])
    return [NOT_HAD if share is None else f"{share:.3f}" for share in shares] + [
        f"{frame['n_real']:,}",
        f"{frame['n_fake']:,}",
    ]

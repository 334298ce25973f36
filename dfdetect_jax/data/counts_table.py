"""The contents of prepared or audited data, as tables and lines for the terminal."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import rich.console
import rich.table
from rich.text import Text

from dfdetect_jax.errors import one_line

_CLIPS_SHOWN = 20  # the largest number of clips with a row each


def counts_table(title: str, counts: Mapping[str, Mapping[str, Mapping[str, int | None]]]) -> rich.console.Group:
    """{split: {forgery: {"clips": n, ...}}}, `""` for reals, as a table with a row per split and forgery under a title.

    The columns are those of the first row; without rows the table is empty. None, for what does not apply, is shown as
    a dash.
    """
    columns = list(next((row for forgeries in counts.values() for row in forgeries.values()), {}))
    table = rich.table.Table("split", "forgery")
    for column in columns:
        table.add_column(column, justify="right")
    for split, forgeries in counts.items():
        for forgery, row in forgeries.items():
            cells = (_cell(row[column]) for column in columns)
            table.add_row(split, _shown(forgery or "real"), *cells)
        table.add_section()
    # Not the table's own title, which is folded to the table's width: paths are longer.
    return rich.console.Group(Text(title, no_wrap=True, overflow="ignore", end="\n"), table)


def _cell(count: int | None) -> str:
    return "-" if count is None else f"{count:,}"


def report_lines(reports: Sequence[dict[str, Any]]) -> Iterable[rich.table.Table | str]:
    """The remarks about clips: a row for each clip where they are few, else the number of clips with each remark.

    Args:
        reports: `ClipReport`s as dicts, from `records.read_clips`.
    """
    if not any(report["words"] for report in reports):
        return []
    return [_reports_table(reports)] if len(reports) <= _CLIPS_SHOWN else list(_remark_counts(reports))


def _reports_table(reports: Sequence[dict[str, Any]]) -> rich.table.Table:
    table = rich.table.Table("clip", "split", "frames", "remarks")
    for report in reports:
        frames = f"{report['got']}/{report['asked']}"
        table.add_row(_shown(report["clip"]), report["split"], frames, _shown("; ".join(report["words"])))
    return table


def _shown(text: str) -> Text:
    """Text of files' names, in which "[x]" is no markup and ":x:" no picture."""
    return Text(one_line(text))


def _remark_counts(reports: Sequence[dict[str, Any]]) -> Iterator[str]:
    """A line per kind of remark, the most frequent first."""
    clips_of: dict[str, list[str]] = defaultdict(list)
    examples: dict[str, str] = {}
    for report in reports:
        for words in report["words"]:
            kind = re.sub(r"\d+(\.\d+)?", "#", words)  # "no face in 3 of 32 frames" and "in 4 of 32" are one kind
            clips_of[kind].append(report["clip"])
            examples.setdefault(kind, words)
    for kind, clips in sorted(clips_of.items(), key=lambda item: -len(item[1])):
        such_as = "such as: " if kind != examples[kind] and len(clips) > 1 else ""
        names = f"{', '.join(clips[:3])}{', ...' if len(clips) > 3 else ''}"
        yield one_line(f"{such_as}{examples[kind]}: {len(clips)} clips ({names})")

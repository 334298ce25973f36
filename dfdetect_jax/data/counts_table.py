"""What prepared or audited data holds, as tables and words for the terminal."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

import rich.console
import rich.table
import rich.text

_LISTED = 20  # clips that are told one by one


def counts_table(title: str, counts: dict) -> rich.console.Group:
    """{split: {forgery: {"clips": n, ...}}}, `""` for reals, as a table with a row per split and forgery under a title.

    The columns are the first row's. None is told as a dash: it doesn't apply.
    """
    columns = list(next(iter(next(iter(counts.values())).values())))
    table = rich.table.Table("split", "forgery")
    for column in columns:
        table.add_column(column, justify="right")
    for split, forgeries in counts.items():
        for forgery, count in forgeries.items():
            cells = ("-" if count[column] is None else f"{count[column]:,}" for column in columns)
            table.add_row(split, forgery or "real", *cells)
        table.add_section()
    # Not the table's own title, which is folded to the table's width: paths are longer.
    return rich.console.Group(rich.text.Text(title, no_wrap=True, overflow="ignore", end="\n"), table)


def clip_words(reports: Sequence[dict]) -> Iterable[rich.table.Table | str]:
    """What became of clips: each where they are few, else how many share the same words.

    Args:
        reports: `ClipReport`s as dicts, from `records.read_clips`.
    """
    told = [report for report in reports if report["words"]]
    if told and len(reports) <= _LISTED:
        table = rich.table.Table("clip", "split", "frames", "what became of it")
        for report in reports:
            frames = f"{report['got']}/{report['asked']}"
            table.add_row(report["clip"], report["split"], frames, "; ".join(report["words"]))
        yield table
        return
    clips_of, first = defaultdict(list), {}
    for report in told:
        for words in report["words"]:
            kind = re.sub(r"\d+(\.\d+)?", "#", words)  # "no face in 3 of 32 frames" and "in 4 of 32" are one kind
            clips_of[kind].append(report["clip"])
            first.setdefault(kind, words)
    for kind, clips in sorted(clips_of.items(), key=lambda item: -len(item[1])):
        such_as = "such as: " if kind != first[kind] and len(clips) > 1 else ""
        yield f"{such_as}{first[kind]}: {len(clips)} clips ({', '.join(clips[:3])}{', ...' if len(clips) > 3 else ''})"

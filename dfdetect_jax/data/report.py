"""What prepared or audited data holds, as tables and words for the terminal."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

import rich.table

_LISTED = 20  # clips that are told one by one


def counts_table(title: str, counts: dict) -> rich.table.Table:
    """{split: {method: {"clips": n, ...}}}, `""` for reals, as a table with a row per split and method."""
    columns = list(next(iter(next(iter(counts.values())).values())))
    table = rich.table.Table("split", "method", *columns, title=title, title_justify="left")
    for split, methods in counts.items():
        for method, count in methods.items():
            table.add_row(split, method or "real", *(str(count[column]) for column in columns))
    return table


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
    clips_of = defaultdict(list)
    for report in told:
        for words in report["words"]:
            clips_of[words].append(report["clip"])
    for words, clips in sorted(clips_of.items(), key=lambda item: -len(item[1])):
        yield f"{words}: {len(clips)} clips ({', '.join(clips[:3])}{', ...' if len(clips) > 3 else ''})"

"""Writes the figures of docs/reliability.md from the JSON files of the commands that measure them.

    python benchmarks/reliability_figures.py [--fuzz FILE] [--kill FILE] [--soak FILE] [--isolation FILE] [--guard FILE]

A table whose file is not given stays as it is.
"""

import argparse
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[1] / "docs" / "reliability.md"


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table in Markdown."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def fuzz(results: list[dict[str, Any]]) -> str:
    rows = []
    for result in results:
        outcomes = result["outcomes"]
        others = sum(count for word, count in outcomes.items() if word not in ("read", "refused"))
        counts = (result["files"], outcomes.get("read", 0), outcomes.get("refused", 0), others)
        memory = f"{result['before MB']}, {result['peak MB']}"
        rows.append((result["target"], *(f"{count:,}" for count in counts), memory, f"{result['slowest s']:.2f}"))
    columns = ("files of", "files", "read", "refused in one line", "anything else", "MB before, at most", "longest, s")
    return table(columns, rows)


def kill(results: dict[str, Any]) -> str:
    rows = []
    for r in rows_of(results):
        answers = "" if r.get("lost") is None else f"{r['acknowledged']:,}, {r['lost']:,}"
        rows.append((r["work"], r["runs"], r["kills"], r["within a save"], f"{r['equal']} of {r['runs']}", answers))
    columns = ("command", "runs", "kills", "of them within a save", "ends equal bit for bit")
    return table((*columns, "answers acknowledged before, lost"), rows)


def soak(results: dict[str, Any]) -> str:
    rows = rows_of(results)
    chosen = [rows[0], rows[len(rows) // 2], rows[-1]]
    columns = ("files", "MB", "open files", "threads", "tasks")
    return table(columns, [[f"{row[name]:,.0f}" for name in columns] for row in chosen])


def isolation(results: dict[str, Any]) -> str:
    rows = [
        (r["files"], r["work"], "yes" if r["isolated"] else "no", f"{r['files/s']:.1f}", f"{r['MB']:.0f}")
        for r in rows_of(results)
    ]
    return table(("files", "work", "isolated", "files/s", "MB of the process"), rows)


def guard(results: dict[str, Any]) -> str:
    columns = ("arm", "s/step", "CPU s/step", "times ours")
    names = {"this library", "without the guard"}
    rows = [(r["arm"], *(f"{r[name]:.4g}" for name in columns[1:])) for r in rows_of(results) if r["arm"] in names]
    return table(columns, rows)


def rows_of(results: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows that `measure.report` wrote."""
    return results["rows"]


TABLES: dict[str, Callable[[Any], str]] = {
    "fuzz": fuzz,
    "kill": kill,
    "soak": soak,
    "isolation": isolation,
    "guard": guard,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in TABLES:
        parser.add_argument(f"--{name}", metavar="FILE")
    args = vars(parser.parse_args())
    page = PAGE.read_text()
    for name, make in TABLES.items():
        if args[name]:
            block = f"<!-- {name} -->\n{make(json.loads(Path(args[name]).read_text()))}\n<!-- end -->"
            page = re.sub(rf"<!-- {name} -->\n.*?<!-- end -->", lambda _, block=block: block, page, flags=re.DOTALL)
    PAGE.write_text(page)


if __name__ == "__main__":
    main()

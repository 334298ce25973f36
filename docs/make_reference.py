"""Writes the pages that follow from the code: `python docs/make_reference.py`.

docs/settings.md from the settings' dataclasses, docs/metrics.md from the definitions of the report, docs/card.md from
the detector that comes with the package.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from dfdetect_jax import methods
from dfdetect_jax.config.describe import Described, describe
from dfdetect_jax.evaluation.report.definitions import DEFINITIONS, OTHER_DEFINITIONS
from dfdetect_jax.exchange import released
from dfdetect_jax.methods import registry

FOLDER = Path(__file__).parent
_NOTE = "<!-- Written by docs/make_reference.py. -->"


def settings_page() -> str:
    """docs/settings.md: what every method has, then what each method adds or starts with."""
    by_method = {name: describe(methods.defaults(name)) for name in methods.names() if _is_ours(name)}
    common = [each for each in next(iter(by_method.values())) if all(each in rows for rows in by_method.values())]
    sections = {"Every method": common}
    for name, rows in by_method.items():
        sections[name.upper()] = [each for each in rows if each not in common]
    return "\n".join(
        [
            _NOTE,
            "",
            "# Settings",
            "",
            "On the command line each is `--config.NAME=VALUE`. `dfdetect train --list_settings` lists them,",
            "with `--config FILE` as in a preset. In Python they are frozen dataclasses of `dfdetect_jax.config`.",
            "",
            *(line for name, rows in sections.items() for line in _section(name, rows)),
        ]
    )


def _is_ours(method: str) -> bool:
    return registry.find(method).settings.__module__.startswith("dfdetect_jax.config.")


def _section(name: str, rows: Iterable[Described]) -> list[str]:
    cells = [[f"`{each.path}`", _value(each.value), each.meaning] for each in rows if each.path != "method"]
    return [f"## {name}", "", *table(["setting", "default", "meaning"], cells), ""]


def _value(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)


def metrics_page() -> str:
    """docs/metrics.md: every figure of the report."""
    rows = [[f"`{name}`", heading, meaning] for name, heading, meaning in DEFINITIONS]
    others = [list(row) for row in OTHER_DEFINITIONS]
    return "\n".join(
        [
            _NOTE,
            "",
            "# Every figure, defined",
            "",
            "By the name in `metrics.json`, beside `NAME_ci`, its interval, and the heading in `report.html`.",
            "",
            *table(["name", "heading", "definition"], rows),
            "",
            "## Words",
            "",
            *table(["word", "meaning"], others),
            "",
        ]
    )


def table(head: list[str], rows: Iterable[list[str]]) -> list[str]:
    """The lines of a Markdown table."""
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return ["| " + " | ".join(head) + " |", "|" + "---|" * len(head), *lines]


def card_page() -> str:
    """docs/card.md: the model card of the released detector, with a title of its own."""
    card = (released.FOLDER / "README.md").read_text(encoding="utf-8")
    card = card.replace("|\n- ", "|\n\n- ")  # without the empty line the site takes the list for rows of the table
    lines = [f"{line}text" if line == "```" and number % 2 == 0 else line for number, line in _fences(card)]
    return "\n".join([_NOTE, "", "# The released detector", *lines[1:], ""])


def _fences(text: str) -> Iterator[tuple[int, str]]:
    """The lines, each with the number of fences before it."""
    count = 0
    for line in text.splitlines():
        yield count, line
        count += line == "```"


PAGES = {"settings.md": settings_page, "metrics.md": metrics_page, "card.md": card_page}

if __name__ == "__main__":
    for file, page in PAGES.items():
        (FOLDER / file).write_text(page(), encoding="utf-8")
        print(FOLDER / file)

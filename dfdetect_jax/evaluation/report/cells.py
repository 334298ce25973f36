"""What a table of the page is made of: rows of cells, each a figure with its interval."""

import dataclasses
from collections.abc import Mapping

from matplotlib import colormaps
from matplotlib.colors import to_hex

from dfdetect_jax.evaluation.report.contents import part
from dfdetect_jax.evaluation.report.words import NOT_HAD, interval, number

_CHANCE, _SCALE = 0.5, colormaps["Blues"]
_DARKEST = 0.55  # of the scale: black figures stay legible on it, on paper too


@dataclasses.dataclass(frozen=True)
class Cell:
    """One figure: its words, its interval under it, a background, where it links to, and what stands behind it."""

    text: str
    interval: str = ""
    colour: str = ""
    link: str = ""
    mark: str = ""


@dataclasses.dataclass(frozen=True)
class Row:
    """A row: what it is of, its cells, and under it why something is missing or must not be trusted.

    Attributes:
        kind: "run" (of a whole data set), "forgery", "baseline" or "".
        anchor: what links lead to.
        why, leaks: sentences.
    """

    name: str
    cells: list[Cell]
    kind: str = ""
    anchor: str = ""
    why: list[str] = dataclasses.field(default_factory=list)
    leaks: list[str] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True)
class Table:
    """Headings, the first of which stands over the rows' names, and rows."""

    headings: list[str]
    rows: list[Row]


def figure(figures: Mapping | None, name: str, digits: int = 3, interval_digits: int = 2) -> Cell:
    """The cell of one figure with its interval."""
    return Cell(number(part(figures, name), digits), interval(part(figures, f"{name}_ci"), interval_digits))


def shade(auc: float | None) -> str:
    """A background that darkens from an AUC of 0.5 or less (white) to 1: "#rrggbb"; "" for None."""
    if auc is None:
        return ""
    share = max(0.0, (auc - _CHANCE) / (1 - _CHANCE))
    return to_hex(_SCALE(_DARKEST * share)) if share else "#ffffff"


def counted(count: int | None) -> Cell:
    """The cell of a number of things."""
    return Cell(NOT_HAD if count is None else f"{count:,}")

"""The parts of a table on the page: rows of cells, each a value with its interval."""

import dataclasses
from collections.abc import Sequence

from matplotlib import colormaps
from matplotlib.colors import to_hex

from dfdetect_jax.evaluation.metrics.detection_metrics import DetectionMetrics, Interval
from dfdetect_jax.evaluation.report.definitions import heading
from dfdetect_jax.evaluation.report.formats import interval, number

_CHANCE, _SCALE = 0.5, colormaps["Blues"]
_DARKEST = 0.55  # of the scale: black text stays legible on it, on paper too


@dataclasses.dataclass(frozen=True)
class Cell:
    """One value.

    Attributes:
        text: the value.
        interval: under it.
        colour: of the background.
        link: the anchor that the value links to.
        mark: a word behind it.
    """

    text: str
    interval: str = ""
    colour: str = ""
    link: str = ""
    mark: str = ""


@dataclasses.dataclass(frozen=True)
class Row:
    """One row.

    Attributes:
        name: what it is about.
        cells: behind the name.
        kind: "run" (of a whole data set), "forgery", "baseline" or "".
        anchor: for links to it.
        why: under it, why values are undefined or unreliable, a sentence each.
        leaks: under it, warnings of leakage.
    """

    name: str
    cells: Sequence[Cell] = ()
    kind: str = ""
    anchor: str = ""
    why: Sequence[str] = ()
    leaks: Sequence[str] = ()


@dataclasses.dataclass(frozen=True)
class Table:
    """Headings, the first of which is over the rows' names, and rows."""

    headings: Sequence[str]
    rows: Sequence[Row]


def value_cell(
    value: float | None, bounds: Interval | None = None, *, digits: int = 3, interval_digits: int = 2
) -> Cell:
    """The cell of a value with its interval."""
    return Cell(number(value, digits), interval(bounds, interval_digits))


def metric_cell(metrics: DetectionMetrics, name: str) -> Cell:
    """The cell of a metric with its interval."""
    return value_cell(metrics.value(name), metrics.interval(name))


def headline_cell(metrics: DetectionMetrics) -> Cell:
    """The cell of the AUC; of one class alone that of the share called fake, with its name: "FPR 0.031"."""
    cell, name = metric_cell(metrics, metrics.headline), metrics.headline
    return cell if name == "auc" else dataclasses.replace(cell, text=f"{heading(name)} {cell.text}")


def count_cell(count: int) -> Cell:
    """The cell of a number of things."""
    return Cell(f"{count:,}")


def shade(auc: float | None) -> str:
    """A background that darkens from an AUC of 0.5 or less (white) to 1: "#rrggbb"; "" for None."""
    if auc is None:
        return ""
    share = max(0.0, (auc - _CHANCE) / (1 - _CHANCE))
    return to_hex(_SCALE(_DARKEST * share)) if share else "#ffffff"

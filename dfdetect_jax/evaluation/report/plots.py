"""Diagrams of scores: ROC, DET, reliability, histograms, robustness; `as_svg` renders any of them.

Figures are made without pyplot, so that no global state remains. Colours are of Okabe and Ito's set, distinct for all
common kinds of colour vision; lines also differ in their dashes, for print without colour.
"""

import io
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.special import ndtri
from sklearn.metrics import det_curve, roc_auc_score, roc_curve

from dfdetect_jax.data.example import Label
from dfdetect_jax.evaluation.metrics.calibration import BINS, calibrate, reliability
from dfdetect_jax.evaluation.metrics.frame_scores import FrameScores
from dfdetect_jax.evaluation.stress.robustness import CorruptionLevel
from dfdetect_jax.pictures.canvas import COLOURS, GREY, place_axes
from dfdetect_jax.scoring.decision import Verdict

LINES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)), (0, (1, 1)))
MOST_POINTS = 300  # of a curve; more are not visible
_DET_TICKS = np.array([0.001, 0.01, 0.05, 0.2, 0.5, 0.8, 0.95, 0.99])
_LONGEST_NAME = 23
_HEADLINES = {"auc": "frame AUC", "fpr": "reals called fake", "tpr": "fakes called fake"}
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",  # letters stay letters: small, sharp, and in the reader's own fonts
    "svg.hashsalt": "dfdetect_jax",  # the same figure is the same bytes
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def both_labels(scores: FrameScores) -> bool:
    """Whether there are fakes and reals among `scores`: curves need both."""
    return bool((scores.label == Label.FAKE).any() and (scores.label == Label.REAL).any())


@matplotlib.rc_context(_STYLE)
def roc(curves: Mapping[str, FrameScores], *, logarithmic: bool = False) -> Figure:
    """ROC curves of several sets of scores, each with both labels, with their AUCs.

    Args:
        curves: by the name in the legend.
        logarithmic: put the false positive rate on a logarithmic axis, which enlarges low rates.
    """
    most_reals = max((int((each.label == Label.REAL).sum()) for each in curves.values()), default=0)
    lowest = 1e-4 if most_reals >= 5000 else 1e-3
    figure, axes = _square(len(curves))
    for place, (name, scores) in enumerate(curves.items()):
        fpr, tpr, _ = roc_curve(scores.label, scores.score)
        across = np.log10(np.maximum(fpr, lowest)) / -np.log10(lowest) if logarithmic else fpr
        kept = thinned(across, tpr)
        _line(axes, np.maximum(fpr, lowest)[kept] if logarithmic else fpr[kept], tpr[kept], place, name, scores)
    if logarithmic:
        chance = np.geomspace(lowest, 1, 50)
        axes.plot(chance, chance, color=GREY, linewidth=0.7)
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(lambda rate, place: f"{rate:g}")
    else:
        axes.plot([0, 1], [0, 1], color=GREY, linewidth=0.7)
    axes.set(xlim=(lowest if logarithmic else -0.01, 1), ylim=(0, 1.01), ylabel="fakes called fake (TPR)")
    axes.set_xlabel("reals called fake (FPR)" + (", logarithmic" if logarithmic else ""))
    axes.grid(color="#e4e4e4", linewidth=0.6)
    _legend(figure, axes)
    return figure


@matplotlib.rc_context(_STYLE)
def det(curves: Mapping[str, FrameScores]) -> Figure:
    """Detection error trade-off: missed fakes against false alarms, both on normal-deviate axes, as `roc` otherwise.

    Source: Martin et al., The DET curve in assessment of detection task performance, Eurospeech 1997.
    """
    figure, axes = _square(len(curves))
    low, high = ndtri(_DET_TICKS[[0, -1]])
    for place, (name, scores) in enumerate(curves.items()):
        rates = det_curve(scores.label, scores.score)[:2]
        x, y = (ndtri(np.clip(rate, 1e-9, 1 - 1e-9)) for rate in rates)
        kept = thinned(np.clip(x, low, high) / (high - low), np.clip(y, low, high) / (high - low))
        _line(axes, x[kept], y[kept], place, name, scores)
    axes.plot([low, high], [low, high], color=GREY, linewidth=0.7)
    labels = [f"{tick:.3g}" for tick in _DET_TICKS * 100]
    axes.set_xticks(ndtri(_DET_TICKS), labels)
    axes.set_yticks(ndtri(_DET_TICKS), labels)
    axes.set(xlim=(low, high), ylim=(low, high), xlabel="reals called fake, %", ylabel="fakes missed, %")
    axes.grid(color="#e4e4e4", linewidth=0.6)
    _legend(figure, axes)
    return figure


@matplotlib.rc_context(_STYLE)
def reliability_diagram(scores: FrameScores, temperature: float) -> Figure:
    """Share of fakes against mean score in each of 15 equal bins, raw and calibrated, and how many rows are in each.

    Args:
        scores: at least one row.
        temperature: of `calibrate`; 1 shows the raw scores alone.
    """
    figure = Figure(figsize=(3.3, 3.9))
    axes, below = place_axes(figure, 0.6, 0.1, 2.6, 2.3), place_axes(figure, 0.6, 2.5, 2.6, 0.65)
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=0.7)
    kinds = [("raw", scores.score, "#D55E00", "o-")]
    if temperature != 1:
        kinds.append(("calibrated", calibrate(scores.score, temperature), "#0072B2", "s--"))
    for place, (name, values, colour, style) in enumerate(kinds):
        mean, fakes, count = reliability(values, scores.label)
        filled = count > 0
        axes.plot(mean[filled], fakes[filled], style, color=colour, markersize=4, linewidth=1.2, label=name)
        width = 1 / BINS / len(kinds)
        left = np.arange(BINS) / BINS + place * width
        below.bar(left[filled], count[filled], width * 0.9, align="edge", color=colour)
    axes.set(xlim=(0, 1), ylim=(-0.02, 1.02), ylabel="share of fakes")
    axes.set_xticks(np.linspace(0, 1, 6), [])
    below.set(xlim=(0, 1), yscale="log", xlabel="score", ylabel="frames")
    below.set_ylim(0.7, max(10, 2 * len(scores)))
    below.minorticks_off()
    below.yaxis.set_major_formatter(lambda count, place: f"{count:g}")
    _legend(figure, axes, below)
    return figure


@matplotlib.rc_context(_STYLE)
def histogram(scores: FrameScores, threshold: float) -> Figure:
    """Scores of reals and of fakes, each as shares of its own number in 20 equal bins, and the threshold."""
    figure = Figure(figsize=(3.3, 2.85))
    axes = place_axes(figure, 0.6, 0.1, 2.6, 1.75)
    edges = np.linspace(0, 1, 21)
    for verdict, label, width in ((Verdict.REAL, Label.REAL, 0.8), (Verdict.FAKE, Label.FAKE, 1.8)):
        values = scores.score[scores.label == label]
        if len(values):
            shares, words = np.histogram(values, edges)[0] / len(values), f"{verdict}, {len(values):,} frames"
            fill: dict[str, Any] = {"facecolor": f"{COLOURS[verdict]}40", "fill": True} if label == Label.REAL else {}
            axes.stairs(shares, edges, edgecolor=COLOURS[verdict], linewidth=width, label=words, **fill)
    axes.axvline(threshold, color="black", linestyle="--", linewidth=1, label=f"threshold {threshold:.3f}")
    axes.set(xlim=(-0.01, 1.01), ylim=(0, None), xlabel="score (1 = fake)", ylabel="share of its label")
    _legend(figure, axes)
    return figure


@matplotlib.rc_context(_STYLE)
def robustness_curve(name: str, levels: Mapping[str, Sequence[CorruptionLevel]]) -> Figure:
    """The frame AUC against the level of one corruption, a line with its 95% band per run.

    Of one class alone it is the share that is called fake.

    Args:
        name: of the corruption.
        levels: by run, from clean (0) to the harshest; those with an undefined value are left out.
    """
    metric = next((run[0].frame.headline for run in levels.values() if run), "auc")
    figure = Figure(figsize=(3.3, 2.6 + 0.18 * len(levels)))
    axes = place_axes(figure, 0.6, 0.35, 2.6, 1.75)
    lowest = 0.5 if metric == "auc" else 0.0
    for place, of_run in enumerate(levels.values()):
        points = [(each.level, each.frame.value(metric), each.frame.interval(metric)) for each in of_run]
        x = [level for level, value, _ in points if value is not None]
        y = [value for _, value, _ in points if value is not None]
        bounds = [interval or (value, value) for _, value, interval in points if value is not None]
        colour = LINES[place % len(LINES)]
        axes.plot(x, y, color=colour, linestyle=DASHES[place % len(DASHES)], marker="o", markersize=3)
        axes.fill_between(x, *np.reshape(bounds, (-1, 2)).T, color=colour, alpha=0.15, linewidth=0)
        lowest = min([lowest, *y, *(low for low, _ in bounds)])
    if metric == "auc":
        axes.axhline(0.5, color=GREY, linewidth=0.7)
    axes.set(xlim=(-0.1, 5.1), ylim=(max(0, lowest - 0.03), 1.01), xlabel="level (0 = clean)")
    axes.set_ylabel(_HEADLINES[metric])
    axes.set_title(short(name), fontsize=10, parse_math=False)
    _legend(figure, axes, names=[short(run) for run in levels])
    return figure


def as_svg(figure: Figure) -> bytes:
    """The figure as an SVG file, the same bytes each time."""
    buffer = io.BytesIO()
    with matplotlib.rc_context(_STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")  # the font may lack a name's script; browsers substitute
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    return buffer.getvalue()


def thinned(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Indices of a curve's points: int [at most 300 + 1], evenly spaced along its length; always both ends."""
    if len(x) <= MOST_POINTS:
        return np.arange(len(x))
    along = np.concatenate([[0], np.cumsum(np.hypot(np.diff(x), np.diff(y)))])
    return np.unique(np.append(np.searchsorted(along, np.linspace(0, along[-1], MOST_POINTS)), len(x) - 1))


def short(name: str) -> str:
    """A name for a legend: printable, and without its middle where it is long."""
    name = "".join(letter if letter.isprintable() else "?" for letter in name)
    half = (_LONGEST_NAME - 1) // 2
    return name if len(name) <= _LONGEST_NAME else f"{name[:half]}…{name[-half:]}"


def _square(lines: int) -> tuple[Figure, Axes]:
    """Square axes with room below for the axis and a legend of `lines` lines."""
    figure = Figure(figsize=(3.3, 3.2 + 0.165 * lines))
    return figure, place_axes(figure, 0.6, 0.1, 2.6, 2.6)


def _line(axes: Axes, x: np.ndarray, y: np.ndarray, place: int, name: str, scores: FrameScores) -> None:
    label = f"AUC {roc_auc_score(scores.label, scores.score):.3f}, {short(name)}"
    style = DASHES[(place + place // len(LINES)) % len(DASHES)]
    axes.plot(x, y, color=LINES[place % len(LINES)], linestyle=style, linewidth=1.5, label=label)


def _legend(figure: Figure, axes: Axes, lowest: Axes | None = None, names: Sequence[str] | None = None) -> None:
    """The names of the lines below the lowest axis."""
    box = (lowest or axes).get_position()
    below = box.y0 - 0.42 / figure.get_figheight()
    if names is None:
        handles, labels = axes.get_legend_handles_labels()
    else:  # labels that start with "_" would be left out
        handles, labels = list(axes.lines[: len(names)]), list(names)
    legend = figure.legend(
        handles,
        labels,
        loc="upper left",
        bbox_to_anchor=(box.x0 - 0.02, below),
        fontsize=8,
        frameon=False,
        borderpad=0,
        handlelength=2.0,
        labelspacing=0.25,
    )
    for text in legend.get_texts():
        text.set_parse_math(False)

"""Renders the page: sentences, tables, diagrams and examples in one HTML file that loads nothing."""

import base64
import dataclasses
import re
from collections.abc import Collection
from typing import Any

import jinja2
import markupsafe
from matplotlib.figure import Figure

from dfdetect_jax.evaluation.metrics.frame_scores import FrameScores
from dfdetect_jax.evaluation.report import html_comparisons, html_tables, plots, threshold_tables, words
from dfdetect_jax.evaluation.report.cells import Table
from dfdetect_jax.evaluation.report.definitions import DEFINITIONS, OTHER_DEFINITIONS
from dfdetect_jax.evaluation.report.example_pictures import BUDGET, examples_of
from dfdetect_jax.evaluation.report.row_order import data_keys
from dfdetect_jax.evaluation.results import Evaluation, RunResult
from dfdetect_jax.evaluation.stress.robustness import CorruptionLevel

LARGEST = 4_800_000  # bytes of the page
LEAST_FOR_EXAMPLES = 200_000
MOST_DIAGRAMS = 16  # reliability diagrams, and as many histograms: of a run on a data set, some 50 kB together


@dataclasses.dataclass(frozen=True)
class Diagram:
    """A picture as a data URI, and its description for people who can't see it."""

    uri: str
    alt: str
    width: int


def render(evaluation: Evaluation, *, largest: int = LARGEST, most_diagrams: int = MOST_DIAGRAMS) -> str:
    """The page as text. It loads nothing, runs no script, and escapes every name that comes from outside.

    Args:
        evaluation: what it shows.
        largest: bytes of the page without the captions of examples; their pictures get what the rest leaves, but at
            least `LEAST_FOR_EXAMPLES`.
        most_diagrams: pairs of run and data set with a reliability diagram and a histogram.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("dfdetect_jax.evaluation.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["breakable"] = _breakable
    template, content = environment.get_template("report.html"), _content(evaluation, most_diagrams)
    without = template.render(**content, examples={}, examples_left_out=0)
    room = max(LEAST_FOR_EXAMPLES, largest - len(without.encode(errors="replace")))
    views = {(name, key): views for name, run in evaluation.runs.items() for key, views in run.examples.items()}
    examples, left_out = examples_of(views, min(BUDGET, room))
    return template.render(**content, examples=examples, examples_left_out=left_out)


def _content(evaluation: Evaluation, most_diagrams: int) -> dict[str, Any]:
    """What the template shows, except for the examples, which get the remaining room."""
    keys, runs = data_keys(evaluation), evaluation.runs
    pairs = [(name, key) for key in keys for name in runs]
    shown = pairs[:most_diagrams]
    return {
        "evaluation": evaluation,
        "opening": words.opening(evaluation),
        "findings": {name: words.findings(run.metrics) for name, run in runs.items()},
        "comparisons": words.comparisons(evaluation),
        "leaks": words.leaks(evaluation),
        "limitations": words.limitations(evaluation),
        "matrices": {unit: html_tables.matrix(evaluation, unit) for unit in ("frame", "video")},
        "forgeries": html_tables.forgeries_matrix(evaluation) if len(runs) > 1 else None,
        "data": [_data_set(evaluation, key) for key in keys],
        "runs": [_run(name, run, {key for of, key in shown if of == name}) for name, run in runs.items()],
        "diagrams_left_out": len(pairs) - len(shown),
        "robustness": _robustness(evaluation),
        "paired": [html_comparisons.paired_table(evaluation, main=main) for main in (True, False)],
        "seeds": [html_comparisons.seeds_table(evaluation, main=main) for main in (True, False)],
        "differing": html_comparisons.about_table(evaluation, "settings", differing=True) if len(runs) > 1 else None,
        "about": _about(evaluation),
        "definitions": [*DEFINITIONS, *(("", *each) for each in OTHER_DEFINITIONS)],
    }


def _data_set(evaluation: Evaluation, key: str) -> dict[str, Any]:
    return {
        "name": key,
        "frame": html_tables.detection_tables(evaluation, key, "frame"),
        "video": html_tables.detection_tables(evaluation, key, "video"),
        "localization": html_tables.localization_table(evaluation, key),
        "heat": html_tables.heat_table(evaluation, key),
        "thresholds": threshold_tables.threshold_tables(threshold_tables.of_data_set(evaluation, key)),
    }


def _run(name: str, run: RunResult, shown: Collection[str]) -> dict[str, Any]:
    """One run's part; reliability diagrams and histograms of the data sets in `shown` alone."""
    threshold, temperature = run.metrics.threshold, run.metrics.temperature
    curves = {key: scores for key, scores in run.scores.items() if plots.both_labels(scores)}
    scores = {key: each for key, each in run.scores.items() if key in shown}
    robustness = [metrics.robustness for metrics in run.metrics.data.values() if metrics.robustness is not None]
    return {
        "name": name,
        "temperature": temperature,
        "curves": _curves(name, curves) if curves else [],
        "without_curves": [key for key in run.scores if key not in curves],
        "reliability": {
            key: _diagram(plots.reliability_diagram(each, temperature), f"reliability of {name} on {key}")
            for key, each in scores.items()
        },
        "histograms": {
            key: _diagram(plots.histogram(each, threshold), f"scores of {name} on {key}, reals and fakes")
            for key, each in scores.items()
        },
        "robustness": html_comparisons.robustness_table(run),
        "robustness_notes": dict.fromkeys(note for result in robustness for note in result.notes),
        "attacks": html_comparisons.attacks_table(run),
    }


def _curves(name: str, scores: dict[str, FrameScores]) -> list[Diagram]:
    return [
        _diagram(plots.roc(scores), f"ROC curves of {name} over frames"),
        _diagram(plots.roc(scores, logarithmic=True), f"ROC curves of {name}, low false positive rates enlarged"),
        _diagram(plots.det(scores), f"DET curves of {name} over frames"),
    ]


def _robustness(evaluation: Evaluation) -> list[Diagram]:
    """A diagram per data set and corruption, with all runs."""
    curves: dict[tuple[str, str], dict[str, list[CorruptionLevel]]] = {}
    for name, run in evaluation.runs.items():
        for key, metrics in run.metrics.data.items():
            if metrics.robustness is not None:
                for corruption, levels in metrics.robustness.corruptions.items():
                    curves.setdefault((key, corruption), {})[name] = [metrics.robustness.clean, *levels]
    return [
        _diagram(plots.robustness_curve(f"{name}, {key}", levels), f"scores under {name} on {key}, by level")
        for (key, name), levels in curves.items()
    ]


def _about(evaluation: Evaluation) -> list[Table]:
    subjects = next(iter(evaluation.runs.values())).provenance.subjects()
    tables = [html_comparisons.about_table(evaluation, subject) for subject in subjects]
    return [table for table in tables if table.rows]


def _breakable(name: str) -> markupsafe.Markup:
    """A name, escaped, whose line may break between its parts."""
    return markupsafe.Markup(re.sub(r"([_/·]|\.(?=\D))", r"\1<wbr>", str(markupsafe.escape(name))))


def _diagram(figure: Figure, alt: str) -> Diagram:
    uri = f"data:image/svg+xml;base64,{base64.b64encode(plots.as_svg(figure)).decode()}"
    return Diagram(uri, alt, round(figure.get_figwidth() * 96))

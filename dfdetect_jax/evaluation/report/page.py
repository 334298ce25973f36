"""The page put together: sentences, tables, diagrams and examples into one template, and that into one file."""

import base64
import dataclasses
import os
import re
from collections.abc import Collection
from pathlib import Path

import jinja2
import markupsafe
from matplotlib.figure import Figure

from dfdetect_jax.errors import RunError
from dfdetect_jax.evaluation.report import html_comparisons, html_tables, plots, words
from dfdetect_jax.evaluation.report.cells import Table
from dfdetect_jax.evaluation.report.contents import Evaluation, RunResult, data_names, part, robustness_of, words_of
from dfdetect_jax.evaluation.report.definitions import DEFINITIONS, OTHER_DEFINITIONS
from dfdetect_jax.evaluation.report.example_pictures import BUDGET, examples_of

_LARGEST = 4_800_000  # bytes of the page
_LEAST_FOR_EXAMPLES = 200_000
_MOST_DIAGRAMS = 16  # reliability diagrams, and as many histograms: of a run on a data set, some 50 kB together
_ABOUT = ("settings", "fingerprints", "versions", "commit")


@dataclasses.dataclass(frozen=True)
class Diagram:
    """A picture as a data URI, and what it shows, in words, for whoever can't see it."""

    uri: str
    alt: str
    width: int


def write_page(path: str | os.PathLike, evaluation: Evaluation) -> None:
    """Writes the page of `evaluation` as HTML, whole or not at all; makes the folder.

    Raises:
        RunError: the file can't be written.
    """
    path = Path(path)
    partial = path.with_name(path.name + ".partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # A file's name may hold bytes that are no text, which Python reads as lone surrogates.
        partial.write_text(render(evaluation), encoding="utf-8", errors="replace")
        os.replace(partial, path)
    except OSError as error:
        raise RunError(f"{path}: expected a place to write the page to; {error.strerror or error}") from error


def render(evaluation: Evaluation) -> str:
    """The page as text. It loads nothing, runs no script, and escapes every name that comes from outside."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("dfdetect_jax.evaluation.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["breakable"] = _breakable
    template, content = environment.get_template("report.html"), _content(evaluation)
    without = template.render(**content, examples={}, examples_left_out=0)
    budget = min(BUDGET, max(_LEAST_FOR_EXAMPLES, _LARGEST - len(without.encode(errors="replace"))))
    examples, left_out = examples_of(
        {(name, key): views for name, run in evaluation.runs.items() for key, views in (run.examples or {}).items()},
        budget,
    )
    return template.render(**content, examples=examples, examples_left_out=left_out)


def _content(evaluation: Evaluation) -> dict:
    """What the template shows, but for the examples, which get what room is left."""
    names, runs = data_names(evaluation), evaluation.runs
    pairs = [(name, key) for key in names for name, run in runs.items() if len((run.scores or {}).get(key, ()))]
    drawn = set(pairs[:_MOST_DIAGRAMS])
    return {
        "evaluation": evaluation,
        "opening": words.opening(evaluation),
        "findings": {name: words.findings(run) for name, run in runs.items()},
        "comparisons": words.comparisons(evaluation),
        "leaks": words.leaks(evaluation),
        "cautions": words.cautions(evaluation),
        "matrices": {unit: html_tables.matrix(evaluation, unit) for unit in ("frame", "video")} if names else {},
        "forgeries": html_tables.forgeries_matrix(evaluation) if len(runs) > 1 else None,
        "data": [_data_set(evaluation, key) for key in names],
        "runs": [_run(name, run, {key for of, key in drawn if of == name}) for name, run in runs.items()],
        "diagrams_left_out": len(pairs) - len(drawn),
        "robustness": _robustness(evaluation),
        "paired": [html_comparisons.paired_table(evaluation, main=main) for main in (True, False)],
        "seeds": [html_comparisons.seeds_table(evaluation, main=main) for main in (True, False)],
        "differing": html_comparisons.about_table(evaluation, "settings", differing=True) if len(runs) > 1 else None,
        "about": _about(evaluation),
        "definitions": [*DEFINITIONS, *(("", *each) for each in OTHER_DEFINITIONS)],
    }


def _data_set(evaluation: Evaluation, key: str) -> dict:
    return {
        "name": key,
        "frame": html_tables.detection_tables(evaluation, key, "frame"),
        "video": html_tables.detection_tables(evaluation, key, "video"),
        "localization": html_tables.localization_table(evaluation, key),
    }


def _run(name: str, run: RunResult, drawn: Collection[str]) -> dict:
    """One run's part; reliability and histogram of the data sets in `drawn` alone."""
    threshold, temperature = part(run.metrics, "threshold"), part(run.metrics, "temperature")
    scores = {key: each for key, each in (run.scores or {}).items() if len(each)}
    curves = {key: each for key, each in scores.items() if plots.both_labels(each)}
    diagrams = []
    if curves:
        diagrams = [
            _diagram(plots.roc(curves), f"ROC curves of {name} over frames"),
            _diagram(plots.roc(curves, logarithmic=True), f"ROC curves of {name}, few false alarms enlarged"),
            _diagram(plots.det(curves), f"DET curves of {name} over frames"),
        ]
    return {
        "name": name,
        "threshold": threshold,
        "temperature": temperature,
        "curves": diagrams,
        "without_curves": [key for key in scores if key not in curves],
        "reliability": {
            key: _diagram(plots.reliability_diagram(each, temperature), f"reliability of {name} on {key}")
            for key, each in scores.items()
            if key in drawn
        },
        "histograms": {
            key: _diagram(plots.histogram(each, threshold), f"scores of {name} on {key}, reals and fakes")
            for key, each in scores.items()
            if key in drawn
        },
        "robustness": html_comparisons.robustness_table(run),
        "robustness_notes": dict.fromkeys(
            note for _, result in robustness_of(run) for note in words_of(part(result, "notes"))
        ),
        "attacks": html_comparisons.attacks_table(run),
    }


def _robustness(evaluation: Evaluation) -> list[Diagram]:
    """A diagram per data set and distortion, with all runs that were measured under it."""
    curves: dict[tuple[str, str], dict[str, list]] = {}
    for name, run in evaluation.runs.items():
        for key, result in robustness_of(run):
            for distortion, levels in result["corruptions"].items():
                points = [part(result, "clean"), *levels]
                curves.setdefault((key, distortion), {})[name] = [point for point in points if point]
    return [
        _diagram(
            plots.robustness_curve(f"{distortion}, {key}", levels),
            f"frame AUC under {distortion} on {key}, by level",
        )
        for (key, distortion), levels in curves.items()
    ]


def _about(evaluation: Evaluation) -> list[Table]:
    subjects = dict.fromkeys((*_ABOUT, *(subject for run in evaluation.runs.values() for subject in run.about or {})))
    made = [html_comparisons.about_table(evaluation, subject) for subject in subjects]
    return [table for table in made if table.rows]


def _breakable(name: str) -> markupsafe.Markup:
    """A name, escaped, whose line may break where its parts join."""
    return markupsafe.Markup(re.sub(r"([_/·]|\.(?=\D))", r"\1<wbr>", str(markupsafe.escape(name))))


def _diagram(figure: Figure, alt: str) -> Diagram:
    uri = f"data:image/svg+xml;base64,{base64.b64encode(plots.as_svg(figure)).decode()}"
    return Diagram(uri, alt, round(figure.get_figwidth() * 96))

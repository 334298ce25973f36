"""Writes a report: `metrics.json`, `scores.csv` and `report.html`."""

import os
from pathlib import Path

from dfdetect_jax import files
from dfdetect_jax.errors import RunError
from dfdetect_jax.evaluation.metrics.frame_scores import concatenate, write_scores
from dfdetect_jax.evaluation.report.page import render
from dfdetect_jax.evaluation.results import Evaluation, RunResult

METRICS, SCORES, PAGE = "metrics.json", "scores.csv", "report.html"


def write_report(folder: str | os.PathLike[str], evaluation: Evaluation) -> None:
    """Writes each file atomically; a report that is there already is replaced.

    Of one run, `folder` has all three files. Of several, it has the page and `metrics.json` of all together, and a
    folder per run with its `metrics.json` and `scores.csv`.

    Raises:
        RunError: the folder can't be written to.
    """
    folder, runs = Path(folder), evaluation.runs
    try:
        for name, result in runs.items():
            _write_run(folder if len(runs) == 1 else folder / name, result)
        if len(runs) > 1:
            files.write_json(folder / METRICS, evaluation.as_json())
        files.write_text(folder / PAGE, render(evaluation))
    except OSError as error:
        raise RunError(
            f"{folder}: expected a folder to write the report to, found none ({error.strerror or error}); name another"
        ) from error


def _write_run(folder: Path, result: RunResult) -> None:
    write_scores(folder / SCORES, concatenate(list(result.scores.values())))
    files.write_json(folder / METRICS, result.metrics.as_json())

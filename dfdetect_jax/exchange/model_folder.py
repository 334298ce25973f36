"""A model folder: a detector in a form that needs neither its run folder nor trust in where it comes from.

    config.json           settings, crop, thresholds, temperature, see `description`
    weights.safetensors   variables, see `weights_file`
    README.md             the model card
    SHA256SUMS            digests of the others, see `sealed_folder`

The format "jax" has programs beside the weights, "onnx" a network in their place. Opening one runs no code from it.
"""

import contextlib
import dataclasses
import importlib
import json
import os
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from dfdetect_jax import files
from dfdetect_jax.errors import RunError
from dfdetect_jax.evaluation.frozen import frozen_values
from dfdetect_jax.evaluation.metrics.frame_scores import read_scores
from dfdetect_jax.evaluation.report.report_files import METRICS, SCORES
from dfdetect_jax.exchange.card import CardFacts, model_card, read_card
from dfdetect_jax.exchange.description import describe
from dfdetect_jax.exchange.onnx_run import OnnxRun
from dfdetect_jax.exchange.payload import Payload
from dfdetect_jax.exchange.sealed_folder import CARD, SUMS, read_file, read_sums, seal
from dfdetect_jax.exchange.verdict_table import VerdictShares, verdict_shares
from dfdetect_jax.run.folder import CONFIG, Run
from dfdetect_jax.run.frozen import VALIDATION, as_json
from dfdetect_jax.scoring.decision import DecisionRule, decision_rule

REPORT = "report"
_WRITERS = {
    "safetensors": "payload.write_variables",
    "jax": "jax_program.write_programs",
    "onnx": "onnx_model.write_network",
}


def write_model(
    run: Run,
    folder: str | os.PathLike[str],
    form: str = "safetensors",
    dtype: str = "",
    notes: Sequence[str] = (),
    title: str = "",
) -> Path:
    """Exports a detector as a model folder, whole or not at all.

    Args:
        run: an opened run; or a model, whose card's verdicts, figures and notes are kept.
        folder: made; may exist only if it is empty.
        form: one of `description.FORMATS`.
        dtype: of the stored kernels, "float32" or "float16"; "" for the smaller one that changes no value.
        notes: sentences for the card that the run folder can't know: licences of the data, intended use.
        title: of the card; "" for that of the model's, or the folder's name.

    Returns:
        The folder, absolute.

    Raises:
        RunError: the folder has content or can't be written, a weight is beyond the range of `dtype`, the method can't
            be exported in this format, or the detector is an ONNX network.
        SettingsError: a library that the format needs is not installed.
    """
    if isinstance(run, OnnxRun):
        raise RunError(
            f"{run.folder}: expected a run or a model with weights, found an ONNX network; name what it was made of"
        )
    dtype = dtype or _exact_dtype(run, form)
    folder, today, origin = Path(folder).resolve(), datetime.now(UTC).date().isoformat(), _origin(run)
    frozen = frozen_values(run)
    described = dataclasses.replace(run, info={**run.info, VALIDATION: as_json(run, frozen)})
    with _new_folder(folder) as staging:
        payload = _writer(form)(run, staging, dtype)
        rule = decision_rule(described)
        model = {"format": form, "exported": today, "made_of": origin.digest, **payload.model}
        files.write_json(staging / CONFIG, describe(run, frozen, rule, model))
        facts = CardFacts(
            name=title or origin.title or f"{folder.name}: detector of forged faces, method {run.settings.method}",
            date=today,
            rule=rule,
            metrics=_metrics_of(run.folder),
            files={**payload.files, CONFIG: "settings, crop, preprocessing, thresholds, temperature", SUMS: "digests"},
            dtype=dtype,
            usage=payload.usage,
            verdicts=_verdicts_of(run.folder, rule),
            notes=notes,
            kept=origin.kept,
            made_of=origin.digest,
        )
        files.write_text(staging / CARD, model_card(run, facts))
        seal(staging)
    return folder


def _exact_dtype(run: Run, form: str) -> str:
    """Half precision holds the weights of a model that was stored so; the other formats fold and round them anew."""
    stored = run.info.get("model", {}).get("dtype", "float32")
    return str(stored) if form == "safetensors" else "float32"


def _writer(form: str) -> Callable[[Run, Path, str], Payload]:
    module, _, name = _WRITERS[form].partition(".")
    writer: Callable[[Run, Path, str], Payload] = getattr(importlib.import_module(f"{__package__}.{module}"), name)
    return writer


class _Origin(NamedTuple):
    """The model that an export is made of: digest of its SHA256SUMS, its card's title and the sections to keep."""

    digest: str = ""
    title: str = ""
    kept: Mapping[str, Sequence[str]] = MappingProxyType({})


def _origin(run: Run) -> _Origin:
    """Empty for a run."""
    if not (run.folder / SUMS).is_file():
        return _Origin()
    card = read_file(run.folder, CARD, read_sums(run.folder)).decode("utf-8", errors="replace")
    return _Origin(files.sha256_file(run.folder / SUMS), *read_card(card))


def _metrics_of(run_folder: Path) -> dict[str, Any]:
    """The run's own metrics.json; {} where it has none."""
    try:
        metrics = json.loads((run_folder / REPORT / METRICS).read_text())
    except (OSError, ValueError):
        return {}
    return metrics if isinstance(metrics, dict) else {}


def _verdicts_of(run_folder: Path, rule: DecisionRule) -> list[VerdictShares]:
    """By the scores of the run's own report; [] where it has none."""
    scores = run_folder / REPORT / SCORES
    return verdict_shares(read_scores(scores), rule) if scores.is_file() else []


@contextlib.contextmanager
def _new_folder(folder: Path) -> Iterator[Path]:
    """A folder beside `folder` to write to, which takes its place if the block succeeds and is removed if not."""
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise RunError(f"{folder}: expected a new or empty folder, found one with content; name another with --out")
        staging = folder.with_name(f".{uuid.uuid4().hex}.partial")
        staging.mkdir(parents=True)
    except OSError as error:
        raise RunError(f"{folder}: expected a folder that can be written, found none ({error.strerror})") from error
    try:
        yield staging
        os.replace(staging, folder)
    except OSError as error:
        raise RunError(f"{folder}: can't be written ({error.strerror or error}); name another with --out") from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)

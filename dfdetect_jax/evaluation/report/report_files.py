"""A run measured on prepared data sets, and the report that keeps it: `metrics.json` and `scores.csv`."""

import dataclasses
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from dfdetect_jax.data.pipeline import eval_batches
from dfdetect_jax.data.records import locate, read_manifest
from dfdetect_jax.errors import RunError
from dfdetect_jax.evaluation.frozen import chosen
from dfdetect_jax.evaluation.leakage import leakage
from dfdetect_jax.evaluation.metrics.frame_scores import (
    FrameScores,
    concatenate,
    from_batch,
    score_frames,
    write_scores,
)
from dfdetect_jax.evaluation.metrics.localization import Localization
from dfdetect_jax.evaluation.metrics.localization_intervals import with_intervals
from dfdetect_jax.evaluation.metrics.summary import summarize
from dfdetect_jax.run.folder import Run

METRICS, SCORES = "metrics.json", "scores.csv"
_BATCH = 32  # frames decoded and scored at once


@dataclasses.dataclass(frozen=True)
class Resampling:
    """How intervals are drawn; see `bootstrap`.

    Attributes:
        resamples: how many; 0 for no intervals.
        by: "identity" or "video"; figures of maps always by identity, since sums are kept of each.
        seed: of the draws.
    """

    resamples: int = 1000
    by: str = "identity"
    seed: int = 0


def evaluate_run(
    run: Run,
    name_or_folder: str,
    split: str = "test",
    *,
    data_dir: str = "",
    resampling: Resampling = Resampling(0),
    on_progress: Callable[[int], None] = lambda frames: None,
) -> tuple[dict, FrameScores]:
    """Scores every frame of one split and sums up; where the method gives attention maps, measures them as well.

    Maps and masks are compared at the size of the network's input, in the same pass over the data.

    Args:
        run: an opened run.
        name_or_folder: prepared records, as `records.locate` takes them.
        split: "train", "val" or "test".
        data_dir: where prepared data sets are; "" means the run's own setting.
        resampling: of the intervals.
        on_progress: called with the number of frames of each batch, once it is scored.

    Returns:
        (`metrics.summarize` of the split at the run's threshold and temperature, with "leakage" as
        `leakage.leakage` tells it; the scores behind it, in the order of the records).

    Raises:
        RecordsError: no such records, or they are damaged.
        RunError: the run gives scores or maps that are no numbers.
    """
    folder = locate(name_or_folder, data_dir or run.settings.data.data_dir)
    frozen = chosen(run)
    batches = _counted(
        eval_batches(folder, split, batch_size=_BATCH, image_size=run.settings.data.image_size), on_progress
    )
    if run.localizes:
        scores, localization = _score_and_localize(run, batches, frozen.attention_threshold, resampling)
    else:
        scores, localization = score_frames(run.score, batches), None
    drawn = dataclasses.asdict(resampling)
    summary = summarize(scores, run.threshold, run.seen, localization, temperature=frozen.temperature, **drawn)
    if localization and resampling.resamples:
        _add_intervals(summary, localization, resampling)
    return summary | {"leakage": leakage(run, folder, split)}, scores


def _score_and_localize(
    run: Run, batches: Iterable[Mapping], best_threshold: float | None, resampling: Resampling
) -> tuple[FrameScores, Localization]:
    parts, localization = [], Localization(best_threshold, by_identity=resampling.resamples > 0)
    for batch in batches:
        prediction = run.localize(batch["image"])
        localization.update(prediction.attention, batch)
        parts.append(from_batch(batch, prediction.score))
    return concatenate(parts), localization


def _add_intervals(summary: dict, localization: Localization, resampling: Resampling) -> None:
    drawn = (resampling.resamples, resampling.seed)
    summary["localization"] = with_intervals(summary["localization"], localization, None, *drawn)
    for forgery, entry in summary["by_forgery"].items():
        entry["localization"] = with_intervals(entry["localization"], localization, forgery, *drawn)


def _counted(batches: Iterable[Mapping], on_progress: Callable[[int], None]) -> Iterator[Mapping]:
    for batch in batches:
        yield batch
        on_progress(int(batch["valid"].sum()))


def crop_difference(run: Run, folder: str | os.PathLike) -> str | None:
    """In words, where prepared crops were cut otherwise than those that the run was trained on; None if alike.

    The size is left out: crops are resized to the network's input.
    """
    theirs, ours = read_manifest(folder).crop, run.crop
    differing = [name for name in ("margin", "align", "face_detector") if getattr(theirs, name) != getattr(ours, name)]
    if not differing:
        return None
    parts = [f"{name} {getattr(theirs, name)} (trained on {getattr(ours, name)})" for name in differing]
    return f"{folder}: crops were cut with {', '.join(parts)}; the figures say less about the detector"


def data_key(name: str, split: str) -> str:
    """The key of a data set in `metrics.json`: its name, with the split behind it unless that is "test"."""
    return name if split == "test" else f"{name}:{split}"


def as_metrics(threshold: float, data: Mapping[str, dict], notes: Sequence[str] = (), temperature: float = 1.0) -> dict:
    """`metrics.json` from one `evaluate_run` per data set, under keys from `data_key`, and `Run.notes`."""
    return {"threshold": threshold, "temperature": temperature, "notes": list(notes), "data": dict(data)}


def metrics_of(run: Run, data: Mapping[str, dict]) -> dict:
    """`as_metrics` of a run, with all that a reader should know of it."""
    frozen = chosen(run)
    notes = [*run.notes, *filter(None, [frozen.why])]
    return as_metrics(run.threshold, data, notes, frozen.temperature)


def write_report(folder: str | os.PathLike, metrics: dict, scores: FrameScores | None) -> None:
    """Writes `metrics.json` and, if there are scores, `scores.csv` into `folder`, each whole or not at all.

    Raises:
        RunError: the folder can't be written to.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if scores is not None:
            write_scores(folder / SCORES, scores)
        partial = folder / (METRICS + ".partial")
        partial.write_text(json.dumps(metrics, indent=2, allow_nan=False) + "\n", encoding="utf-8")
        os.replace(partial, folder / METRICS)
    except OSError as error:
        raise RunError(f"{folder}: expected a folder to write the report to; {error.strerror or error}") from error

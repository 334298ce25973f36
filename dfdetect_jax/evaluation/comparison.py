"""Several runs on the same data: each against the first, frame by frame, and the spread over seeds."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from dfdetect_jax.config import to_dict
from dfdetect_jax.errors import RunError
from dfdetect_jax.evaluation.frozen import chosen
from dfdetect_jax.evaluation.metrics.bootstrap import over_seeds, paired
from dfdetect_jax.evaluation.metrics.frame_scores import FrameScores
from dfdetect_jax.run.folder import Run

Scores = Mapping[str, FrameScores]  # by data set


def names_of(folders: Sequence[str | Path]) -> list[str]:
    """A short name for each run: its folder's, with as many of the folders above as it takes to tell them apart.

    Raises:
        RunError: one is given twice.
    """
    paths = [Path(folder).resolve() for folder in folders]
    twice = next((path for i, path in enumerate(paths) if path in paths[:i]), None)
    if twice:
        raise RunError(f"{twice}: expected each run once, found it twice")
    for depth in range(1, max(len(path.parts) for path in paths) + 1):
        names = ["/".join(path.parts[-depth:]) for path in paths]
        if len(set(names)) == len(names):
            return names
    raise AssertionError("different paths differ somewhere")


def paired_with_first(runs: Mapping[str, Run], scores: Mapping[str, Scores], **drawn) -> list[dict]:
    """`bootstrap.paired` of every other run less the first, on each data set.

    Args:
        runs: by name.
        scores: by run, then by data set.
        **drawn: `resamples`, `by` and `seed` for `bootstrap.paired`.

    Returns:
        [{"a": a run, "b": the first, "data", ...}, ...]; differences are "a" less "b".

    Raises:
        RunError: two runs have no frame of a data set in common.
    """
    first, *others = runs
    frozen = {name: {"threshold": run.threshold, "temperature": chosen(run).temperature} for name, run in runs.items()}
    return [
        {"a": other, "b": first, "data": data}
        | paired(
            scores[other][data],
            frames,
            **{f"{name}_a": value for name, value in frozen[other].items()},
            **{f"{name}_b": value for name, value in frozen[first].items()},
            **drawn,
        )
        for other in others
        for data, frames in scores[first].items()
    ]


def seeds(runs: Mapping[str, Run], metrics: Mapping[str, dict]) -> dict[str, dict]:
    """Mean and spread over runs whose settings differ in the seed alone.

    Args:
        runs: by name.
        metrics: of each, as `report.as_metrics` makes it.

    Returns:
        {names of the runs, joined by commas: {NAME: {"frame", "video", "by_forgery": {FORGERY: {"frame", "video"}}}}},
        each figure as `bootstrap.over_seeds` gives it; empty where no two runs belong together.
    """
    groups: dict[str, list[str]] = {}
    for name, run in runs.items():
        groups.setdefault(_without_seed(run), []).append(name)
    return {
        ", ".join(names): {
            data: _spread([metrics[name]["data"][data] for name in names]) for data in metrics[names[0]]["data"]
        }
        for names in groups.values()
        if len(names) > 1
    }


def _spread(summaries: Sequence[dict]) -> dict:
    forgeries = summaries[0]["by_forgery"]
    by_forgery = {
        forgery: _of_kinds([summary["by_forgery"][forgery] for summary in summaries]) for forgery in forgeries
    }
    return _of_kinds(summaries) | {"by_forgery": by_forgery}


def _of_kinds(summaries: Sequence[dict]) -> dict:
    return {kind: over_seeds([summary[kind] for summary in summaries]) for kind in ("frame", "video")}


def _without_seed(run: Run) -> str:
    settings = to_dict(run.settings)
    settings.pop("seed")
    settings["data"].pop("data_dir")
    return f"{settings} {run.info['data']['fingerprint']}"

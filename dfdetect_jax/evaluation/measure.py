"""Measures one run on prepared data sets: records -> scores -> typed results."""

import functools
from collections.abc import Callable, Mapping, Sequence

from dfdetect_jax import methods
from dfdetect_jax.config import to_dict
from dfdetect_jax.data.pipeline import eval_batches
from dfdetect_jax.data.records import read_manifest
from dfdetect_jax.errors import RunError
from dfdetect_jax.evaluation.example_views import example_views
from dfdetect_jax.evaluation.frozen import FrozenValues, frozen_values
from dfdetect_jax.evaluation.leakage import measure_leakage
from dfdetect_jax.evaluation.metrics.bootstrap import Resampling
from dfdetect_jax.evaluation.metrics.frame_scores import FrameScores
from dfdetect_jax.evaluation.metrics.heat_metrics import heat_metrics
from dfdetect_jax.evaluation.metrics.summary import GroupMetrics, measure_group, summarize
from dfdetect_jax.evaluation.prepared_split import PreparedSplit, crop_difference
from dfdetect_jax.evaluation.results import DataSetMetrics, Provenance, RunMetrics, RunResult
from dfdetect_jax.evaluation.scored_split import Advance, ScoredSplit, counted, score_split
from dfdetect_jax.evaluation.stress.attacks import AttackResult, measure_attack
from dfdetect_jax.evaluation.stress.protocol import EPSILONS, LEVELS, Stress
from dfdetect_jax.evaluation.stress.robustness import Robustness, measure_robustness
from dfdetect_jax.evaluation.thresholds.ways import (
    ValidationScores,
    compare_thresholds,
    validation_frames,
    validation_scores,
)
from dfdetect_jax.run.folder import Run, records_of

Progress = Callable[[str, int], Advance]  # a name and a number of frames -> called with the frames done
Measure = Callable[[FrameScores], GroupMetrics]
_BATCH = 32  # frames decoded and scored at once


def no_progress(name: str, frames: int) -> Advance:
    """A `Progress` that shows nothing."""
    return lambda done: None


def measure_run(
    run: Run,
    data: Sequence[PreparedSplit],
    resampling: Resampling = Resampling(),  # noqa: B008 (immutable)
    stress: Stress = Stress(),  # noqa: B008 (immutable)
    progress: Progress = no_progress,
    adapt: bool = False,
) -> RunResult:
    """Measures a run on each data set.

    Args:
        run: an opened run.
        data: what it is measured on; keys are distinct.
        resampling: of the intervals.
        stress: corruptions and attacks; each level costs a pass over `max_frames`.
        progress: called before each pass; returns the function that is called as frames are done.
        adapt: also at thresholds chosen in other ways, see `thresholds.ways`; scores validation twice.

    Raises:
        RecordsError: records are missing or damaged; with `adapt` also those that the run was trained on.
        RunError: scores or maps are not finite numbers, or an attack is on a run without gradients.
        SettingsError: there is no such corruption or attack.
    """
    frozen = frozen_values(run)
    validation = _validation(run, progress) if adapt else None
    metrics: dict[str, DataSetMetrics] = {}
    scores: dict[str, FrameScores] = {}
    for each in data:
        scored = _score(run, each, frozen, resampling, progress(each.key, each.frames()))
        scores[each.key] = scored.frames
        of_split = summarize(
            scored.frames,
            frozen.threshold,
            run.seen,
            scored.localization,
            temperature=frozen.temperature,
            resampling=resampling,
        )
        measure = functools.partial(
            measure_group, threshold=frozen.threshold, temperature=frozen.temperature, resampling=resampling
        )
        metrics[each.key] = DataSetMetrics(
            **vars(of_split),
            heat={kind: heat_metrics(maps, resampling) for kind, maps in scored.heat.items()},
            leakage=measure_leakage(run, each.folder, each.split),
            robustness=_robustness(run, each, stress, measure, progress) if stress.corruptions else None,
            attacks={name: _attack(run, each, name, stress, measure, progress) for name in stress.attacks},
            thresholds=validation
            and compare_thresholds(scored.frames, validation, frozen.threshold, frozen.temperature),
        )
    return RunResult(
        metrics=_run_metrics(run, frozen, data, metrics),
        scores=scores,
        examples={each.key: example_views(run, each, scores[each.key]) for each in data},
        provenance=_provenance(run, data, resampling),
    )


def _validation(run: Run, progress: Progress) -> ValidationScores:
    records = records_of(run)
    return validation_scores(run, records, progress("validation", validation_frames(run, records)))


def _score(
    run: Run, data: PreparedSplit, frozen: FrozenValues, resampling: Resampling, advance: Advance
) -> ScoredSplit:
    size = run.settings.data.image_size
    batches = counted(eval_batches(data.folder, data.split, batch_size=_BATCH, image_size=size), advance)
    wanted = resampling.resamples > 0
    return score_split(run, batches, map_threshold=frozen.attention_threshold, by_identity=wanted)


def _robustness(run: Run, data: PreparedSplit, stress: Stress, measure: Measure, progress: Progress) -> Robustness:
    passes = 1 + LEVELS * len(stress.corruptions)
    result, _ = measure_robustness(
        run.score,
        data.folder,
        data.split,
        image_size=run.settings.data.image_size,
        measure=measure,
        corruptions=stress.corruptions,
        max_frames=stress.max_frames,
        on_progress=progress(f"{data.key}, robustness", data.frames(stress.max_frames) * passes),
    )
    return result


def _attack(
    run: Run, data: PreparedSplit, attack: str, stress: Stress, measure: Measure, progress: Progress
) -> AttackResult:
    if not run.variables:
        raise RunError(f"{run.folder}: expected a run with gradients for --attacks, found an ONNX network")
    passes = 1 + len(EPSILONS)
    result, _ = measure_attack(
        methods.build(run.settings),
        run.variables,
        run.score,
        data.folder,
        data.split,
        attack=attack,
        image_size=run.settings.data.image_size,
        measure=measure,
        max_frames=stress.max_frames,
        on_progress=progress(f"{data.key}, {attack}", data.frames(stress.max_frames) * passes),
    )
    return result


def _run_metrics(
    run: Run, frozen: FrozenValues, data: Sequence[PreparedSplit], metrics: Mapping[str, DataSetMetrics]
) -> RunMetrics:
    of_crops = dict.fromkeys(crop_difference(run, each.folder) for each in data)
    notes = (*run.notes, *filter(None, [frozen.why, *of_crops]))
    return RunMetrics(threshold=frozen.threshold, temperature=frozen.temperature, notes=notes, data=metrics)


def _provenance(run: Run, data: Sequence[PreparedSplit], resampling: Resampling) -> Provenance:
    return Provenance(
        settings=to_dict(run.settings),
        fingerprints={each.key: read_manifest(each.folder).fingerprint for each in data},
        versions=run.info.get("versions", {}),
        commit=run.info.get("commit"),
        checkpoint=run.info["checkpoint"],
        training_data=run.info["data"],
        intervals=f"{resampling.resamples} resamples by {resampling.by}, seed {resampling.seed}",
    )

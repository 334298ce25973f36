"""One pass over a split: its scores, and its maps against masks."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

import numpy as np

from dfdetect_jax.data.example import Label
from dfdetect_jax.evaluation.metrics.frame_scores import FrameScores, concatenate, from_batch
from dfdetect_jax.evaluation.metrics.heat_metrics import squashed
from dfdetect_jax.evaluation.metrics.localization import Localization
from dfdetect_jax.methods import Prediction
from dfdetect_jax.run.folder import Run
from dfdetect_jax.scoring.result import HeatKind
from dfdetect_jax.scoring.views import heat_kinds, heat_maps

Batch = Mapping[str, np.ndarray]
Advance = Callable[[int], None]


class ScoredSplit(NamedTuple):
    """A split that was scored.

    Attributes:
        frames: a row per frame, in the order of the records.
        localization: of attention maps; None for a method without.
        heat: of the other maps of a method without attention, on fakes with a mask, `squashed`; empty where there are
            none.
    """

    frames: FrameScores
    localization: Localization | None
    heat: Mapping[HeatKind, Localization]


def score_split(
    run: Run, batches: Iterable[Batch], *, map_threshold: float | None = None, by_identity: bool = False
) -> ScoredSplit:
    """Scores every frame, and compares maps with masks, at the size of the network's input, in the same pass.

    Without attention only batches with a masked fake are predicted with maps; of the others scores are enough.

    Args:
        run: an opened run.
        batches: of `data.pipeline.eval_batches`.
        map_threshold: of attention, chosen on validation.
        by_identity: keep sums per identity, for intervals.
    """
    parts: list[FrameScores] = []
    localization = Localization(map_threshold, by_identity=by_identity) if run.localizes else None
    heat: dict[HeatKind, Localization] = {}
    for batch in batches:
        if localization is not None:
            prediction = run.localize(batch["image"])
            localization.update(np.asarray(prediction.attention), batch)
        elif (masked := _masked_fakes(batch)).any():
            prediction = run.predict(batch["image"])
            _add_heat(heat, prediction, batch, masked, by_identity)
        else:
            parts.append(from_batch(batch, run.score(batch["image"])))
            continue
        parts.append(from_batch(batch, np.asarray(prediction.score)))
    return ScoredSplit(concatenate(parts), localization, heat)


def counted(batches: Iterable[Batch], advance: Advance) -> Iterator[Batch]:
    """The same batches; `advance` is called with the number of frames of each that is done."""
    for batch in batches:
        yield batch
        advance(int(batch["valid"].sum()))


def _masked_fakes(batch: Batch) -> np.ndarray:
    """The rows that can be measured: bool [N]."""
    fakes = (np.asarray(batch["valid"]) > 0) & (np.asarray(batch["label"]) == Label.FAKE)
    return fakes & np.asarray(batch["has_mask"])


def _add_heat(
    heat: dict[HeatKind, Localization], prediction: Prediction, batch: Batch, rows: np.ndarray, by_identity: bool
) -> None:
    fakes = {name: np.asarray(values)[rows] for name, values in batch.items()}
    for kind in heat_kinds(prediction):
        maps = heat_maps(prediction, batch["image"], kind)[rows]
        heat.setdefault(kind, Localization(by_identity=by_identity)).update(squashed(maps), fakes)

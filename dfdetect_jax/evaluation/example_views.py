"""Examples for the report: the most wrong and the most certain decisions, with heat map and reconstruction."""

import dataclasses
import enum
from collections.abc import Mapping
from typing import Any

import numpy as np

from dfdetect_jax.data.example import Label
from dfdetect_jax.data.pipeline import resize_mask
from dfdetect_jax.data.records import Records
from dfdetect_jax.evaluation.metrics.frame_scores import FrameScores
from dfdetect_jax.evaluation.prepared_split import PreparedSplit
from dfdetect_jax.media.crop import resize
from dfdetect_jax.run.folder import Run
from dfdetect_jax.scoring.result import HeatKind
from dfdetect_jax.scoring.views import heat_kind, heat_maps, to_uint8

PER_KIND = 4


class Kind(enum.StrEnum):
    """Why an example is shown."""

    MISSED = "missed fake"
    FALSE_ALARM = "false alarm"
    BEST = "best"


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExampleView:
    """One scored crop with what the report shows of it.

    Attributes:
        image: uint8 [S, S, 3], the network's input.
        heat: float32 [S, S], at least 0, see `scoring.views.heat_maps`.
        shows: what the heat is.
        reconstruction: uint8 [S, S, 3]; None for a method without.
        class_activation: float32 [S, S], at least 0, see `Prediction`; None for a method without.
        mask: uint8 [S, S] in {0, 255}, 255 forged; None for reals, and where it is unknown.
        label: 0 real, 1 fake.
        forgery, video, frame: as in the records; `forgery` is "" for reals.
        score: in [0, 1], higher is more likely fake.
        kind: why it is shown.
    """

    image: np.ndarray
    heat: np.ndarray
    shows: HeatKind
    reconstruction: np.ndarray | None
    mask: np.ndarray | None
    label: int
    forgery: str
    video: str
    frame: int
    score: float
    kind: Kind
    class_activation: np.ndarray | None = None


def example_views(run: Run, data: PreparedSplit, frames: FrameScores, per_kind: int = PER_KIND) -> list[ExampleView]:
    """Missed fakes, false alarms, and detected fakes with the highest scores; at most one frame of a video in each.

    Args:
        run: whose scores they are.
        data: the split that was scored.
        frames: all of its scores, in the order of its records.
        per_kind: how many of each kind; fewer where there are fewer.

    Raises:
        RecordsError: a record is damaged.
    """
    records, size = Records(data.folder, data.split), run.settings.data.image_size
    rows = [(kind, row) for kind, of_kind in choose_rows(frames, run.threshold, per_kind).items() for row in of_kind]
    if not rows:
        return []
    fields = [records[row] for _, row in rows]
    images = np.stack([resize(field["image"], size) for field in fields])
    prediction = run.predict(images)
    heats = heat_maps(prediction, images)
    pictures = None if prediction.reconstruction is None else to_uint8(np.asarray(prediction.reconstruction))
    return [
        ExampleView(
            image=images[i],
            heat=heats[i],
            shows=heat_kind(prediction),
            reconstruction=None if pictures is None else pictures[i],
            mask=_known_mask(fields[i], size),
            score=float(frames.score[row]),
            kind=kind,
            class_activation=None if prediction.class_activation is None else prediction.class_activation[i],
            **{name: fields[i][name] for name in ("label", "forgery", "video", "frame")},
        )
        for i, (kind, row) in enumerate(rows)
    ]


def choose_rows(frames: FrameScores, threshold: float, per_kind: int) -> dict[Kind, list[int]]:
    """Rows of `frames` to show, by kind: the furthest on the wrong side of the threshold first, then the best."""
    fake, positive = frames.label == Label.FAKE, frames.score >= threshold
    falling = np.argsort(-frames.score, kind="stable")
    kinds = {
        Kind.MISSED: falling[::-1][(fake & ~positive)[falling[::-1]]],
        Kind.FALSE_ALARM: falling[(~fake & positive)[falling]],
        Kind.BEST: falling[(fake & positive)[falling]],
    }
    return {kind: _of_different_videos(frames, rows, per_kind) for kind, rows in kinds.items()}


def _of_different_videos(frames: FrameScores, rows: np.ndarray, count: int) -> list[int]:
    first: dict[str, int] = {}
    for row in rows:
        first.setdefault(str(frames.video[row]), int(row))
        if len(first) == count:
            break
    return list(first.values())


def _known_mask(fields: Mapping[str, Any], size: int) -> np.ndarray | None:
    known = fields["has_mask"] and fields["label"] == Label.FAKE
    return resize_mask(fields["mask"], size) if known else None

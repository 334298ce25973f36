"""The pictures that a report shows: where a detector was most wrong, and most right."""

from pathlib import Path

import numpy as np

from dfdetect_jax.data.example import Label
from dfdetect_jax.data.records import Records
from dfdetect_jax.evaluation.metrics.frame_scores import FrameScores
from dfdetect_jax.evaluation.report.contents import BEST, FALSE_ALARM, MISSED, ExampleView
from dfdetect_jax.media.crop import resize
from dfdetect_jax.run.folder import Run
from dfdetect_jax.scoring.views import heat_kind, heat_maps, to_uint8

PER_KIND = 4


def views(run: Run, folder: Path, split: str, frames: FrameScores, per_kind: int = PER_KIND) -> list[ExampleView]:
    """Missed fakes, false alarms, and fakes found with most certainty; one frame of a video at most in each.

    Args:
        run: whose scores they are.
        folder: prepared records.
        split: that was scored.
        frames: all of its scores, in the order of its records, as `report.evaluate_run` gives them.
        per_kind: how many of each kind; fewer where there are fewer on the wrong side of the threshold.

    Raises:
        RecordsError: a record is damaged.
    """
    source, size = Records(folder, split), run.settings.data.image_size
    rows = [(kind, row) for kind, found in _chosen(frames, run.threshold, per_kind).items() for row in found]
    if not rows:
        return []
    fields = [source[row] for _, row in rows]
    images = np.stack([resize(field["image"], size) for field in fields])
    prediction = run.predict(images)
    heats = heat_maps(prediction, images)
    return [
        ExampleView(
            image=images[i],
            heat=heats[i],
            reconstruction=_picture(prediction.reconstruction, i),
            mask=_known_mask(fields[i], size),
            label=fields[i]["label"],
            forgery=fields[i]["forgery"],
            video=fields[i]["video"],
            frame=fields[i]["frame"],
            score=float(frames.score[row]),
            kind=kind,
            shows=heat_kind(prediction),
        )
        for i, (kind, row) in enumerate(rows)
    ]


def _chosen(frames: FrameScores, threshold: float, per_kind: int) -> dict[str, list[int]]:
    fake, called_fake = frames.label == Label.FAKE, frames.score >= threshold
    falling = np.argsort(-frames.score, kind="stable")
    kinds = {
        MISSED: falling[::-1][(fake & ~called_fake)[falling[::-1]]],
        FALSE_ALARM: falling[((frames.label == Label.REAL) & called_fake)[falling]],
        BEST: falling[(fake & called_fake)[falling]],
    }
    return {kind: _of_different_videos(frames, rows, per_kind) for kind, rows in kinds.items()}


def _of_different_videos(frames: FrameScores, rows: np.ndarray, count: int) -> list[int]:
    first: dict[str, int] = {}
    for row in rows:
        first.setdefault(str(frames.video[row]), int(row))
        if len(first) == count:
            break
    return list(first.values())


def _known_mask(fields: dict, size: int) -> np.ndarray | None:
    known = fields["has_mask"] and fields["label"] == Label.FAKE
    return resize(fields["mask"], size) if known else None


def _picture(reconstructions: np.ndarray | None, i: int) -> np.ndarray | None:
    return None if reconstructions is None else to_uint8(reconstructions[i])

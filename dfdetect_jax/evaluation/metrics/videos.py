"""Video scores from frame scores: the mean over a clip."""

from typing import Any

import numpy as np

from dfdetect_jax.errors import RecordsError
from dfdetect_jax.evaluation.metrics.detection import checked
from dfdetect_jax.evaluation.metrics.frame_scores import FrameScores


def video_scores(frames: FrameScores) -> FrameScores:
    """One row per video: the mean score of its frames, in order of first appearance; `frame` counts them.

    Frames belong together when data set and video name are the same; the name is the record's own ("Deepfakes/c23/
    000_003"), so equally named clips of two forgeries stay two videos. A photograph is a video of one frame.

    Raises:
        RecordsError: frames of one video carry different labels or forgeries.
        RunError: a score is not a number in [0, 1].
    """
    first, group = groups_of(frames.dataset, frames.video)
    for column, name in ((frames.label, "label"), (frames.forgery, "forgery")):
        mixed = np.flatnonzero(column != column[first][group])
        if len(mixed):
            raise RecordsError(
                f"video {frames.video[mixed[0]]}: expected one {name} for all its frames, found "
                f"{column[first][group][mixed[0]]!r} and {column[mixed[0]]!r}; prepare the data set again"
            )
    counts, means = _means(frames, group, len(first))
    return frames[first].replace(frame=counts, score=means)


def folder_scores(frames: FrameScores) -> FrameScores:
    """One row per video as DeepfakeBench groups frames, for comparison with its results.

    Frames belong together when the last part of the video's name is the same (the parent folder of its frames), so
    clips of one name, such as all forgeries of the same pair of people, become one; a group is fake when all its frames
    are. The other columns are those of each group's first frame. Source: DeepfakeBench, training/metrics/utils.py,
    `get_video_metrics`.

    Raises:
        RunError: a score is not a number in [0, 1].
    """
    first, group = folder_groups(frames)
    counts, means = _means(frames, group, len(first))
    fakes = np.bincount(group, weights=frames.label, minlength=len(first))
    return frames[first].replace(frame=counts, score=means, label=(fakes == counts).astype(frames.label.dtype))


def folder_groups(frames: FrameScores) -> tuple[np.ndarray, np.ndarray]:
    """The groups of `folder_scores`, as `groups_of` returns them."""
    folders = np.array([name.rpartition("/")[2] for name in frames.video.tolist()], np.str_)
    return groups_of(frames.dataset, folders)


def groups_of(*columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Groups of rows that are equal in all `columns`, each [N].

    >>> first, group = groups_of(np.array(["a", "b", "a"]), np.array([1, 1, 1]))
    >>> first.tolist(), group.tolist()
    ([0, 1], [0, 1, 0])

    Returns:
        The first row of each group, int [G], in order of appearance; the group of each row, int [N] in [0, G).
    """
    places: dict[tuple[Any, ...], int] = {}
    rows = zip(*(column.tolist() for column in columns), strict=True)
    group = np.array([places.setdefault(row, len(places)) for row in rows], np.int64)
    return np.unique(group, return_index=True)[1], group


def _means(frames: FrameScores, group: np.ndarray, groups: int) -> tuple[np.ndarray, np.ndarray]:
    scores, _ = checked(frames.score, frames.label)
    counts = np.bincount(group, minlength=groups)
    return counts, np.bincount(group, weights=scores, minlength=groups) / counts

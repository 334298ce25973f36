"""95% intervals from bootstrap resamples of identities or videos.

Frames of a clip, and clips of a person, are correlated: a hundred thousand frames of fifty people carry about as much
information as fifty people do. So whole clusters are resampled with replacement, as many as there are, and metrics are
computed on each resample (Field and Welsh, Bootstrapping clustered data, JRSS B 69, 2007). Intervals run from the 2.5th
to the 97.5th percentile (Efron and Tibshirani, An introduction to the bootstrap, 1993, chapter 13); with few clusters
they are too narrow.
"""

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np

from dfdetect_jax.errors import RecordsError
from dfdetect_jax.evaluation.metrics.detection import PreparedScores
from dfdetect_jax.evaluation.metrics.detection_metrics import METRICS, BootstrapIntervals, Interval
from dfdetect_jax.evaluation.metrics.frame_scores import FrameScores
from dfdetect_jax.evaluation.metrics.videos import groups_of

PERCENTILES = (2.5, 97.5)
IDENTITY, VIDEO = "identity", "video"
CLUSTERS = (IDENTITY, VIDEO)
ONE_CLUSTER = "all rows are of one cluster: intervals need two or more"
_LARGEST_CHUNK = 2**22  # multiplicities in memory at once, 32 MB


@dataclasses.dataclass(frozen=True, kw_only=True)
class Resampling:
    """How intervals are computed.

    Attributes:
        resamples: how many; 0 for no intervals.
        by: "identity" or "video", see `clusters`; metrics of maps always by identity, since sums are kept of each.
        seed: of the random numbers.
    """

    resamples: int = 1000
    by: str = IDENTITY
    seed: int = 0


NO_INTERVALS = Resampling(resamples=0)


def clusters(frames: FrameScores, by: str = IDENTITY) -> np.ndarray:
    """The cluster of each row: int [N], numbered from 0 in order of appearance.

    Args:
        frames: frames, or videos.
        by: "identity", the person shown (of a swap the target, so a photograph or clip and its forgeries are one
            cluster), or "video", where people are unknown or have one clip each. Both within a data set.

    Raises:
        RecordsError: frames of one video are of several people, so people can't be resampled.
        ValueError: `by` is neither.
    """
    if by not in CLUSTERS:
        raise ValueError(f"expected clusters by identity or video, found {by!r}")
    _, people = groups_of(frames.dataset, frames.identity)
    first, videos = groups_of(frames.dataset, frames.video)
    if by == VIDEO:
        return videos
    mixed = np.flatnonzero(people != people[first][videos])
    if len(mixed):
        raise RecordsError(
            f"video {frames.video[mixed[0]]}: expected one identity for all its frames, found "
            f"{frames.identity[first][videos][mixed[0]]!r} and {frames.identity[mixed[0]]!r}; resample by video"
        )
    return people


def multiplicities(
    count: int, resamples: int, seed: int = 0, largest_chunk: int = _LARGEST_CHUNK
) -> Iterator[np.ndarray]:
    """Resamples of `count` clusters with replacement: how often each contains each, float64 [b, count], in chunks.

    Together the chunks are a function of `count`, `resamples` and `seed` alone.
    """
    rng = np.random.default_rng(seed)
    size = max(1, largest_chunk // max(count, 1))
    for start in range(0, resamples, size):
        rows = min(size, resamples - start)
        cells = rng.integers(0, count, (rows, count)) + count * np.arange(rows)[:, None]
        yield np.bincount(cells.ravel(), minlength=rows * count).reshape(rows, count).astype(np.float64)


def resample(sets: Sequence[PreparedScores], count: int, resamples: int, seed: int = 0) -> list[np.ndarray]:
    """The metrics of every set under the same resamples of `count` clusters.

    Returns:
        For each set float64 [resamples, 16], columns as `METRICS`; NaN where a resample has one label only.
    """
    if not count:
        return [np.full((resamples, len(METRICS)), np.nan) for _ in sets]
    parts = [[each.resampled(weights) for each in sets] for weights in multiplicities(count, resamples, seed)]
    return [np.concatenate(values) for values in zip(*parts, strict=True)]


def percentile_interval(values: np.ndarray) -> Interval | None:
    """(2.5th, 97.5th percentile) of float [B] without its NaNs; None if all are NaN."""
    defined = values[~np.isnan(values)]
    if not len(defined):
        return None
    low, high = np.percentile(defined, PERCENTILES)
    return float(low), float(high)


def intervals(values: np.ndarray, scores: PreparedScores) -> BootstrapIntervals:
    """The intervals of one set of scores.

    Args:
        values: of `resample`, float64 [B, 16].
        scores: the set.
    """
    several = scores.n_clusters > 1
    bounds = {
        name: percentile_interval(column) if several else None for name, column in zip(METRICS, values.T, strict=True)
    }
    return BootstrapIntervals(
        bounds=bounds,
        resamples=len(values),
        resamples_left_out=without_ranking(values),
        clusters=scores.n_clusters,
        why=ONE_CLUSTER if scores.n_clusters == 1 else None,
    )


def without_ranking(values: np.ndarray) -> int:
    """How many resamples, rows of float64 [B, 16], have one label only."""
    return int(np.isnan(values[:, METRICS.index("auc")]).sum())

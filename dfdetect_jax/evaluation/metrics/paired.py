"""Two runs on the frames that both scored, compared under the same bootstrap resamples."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from dfdetect_jax.errors import RunError
from dfdetect_jax.evaluation.metrics import bootstrap
from dfdetect_jax.evaluation.metrics.bootstrap import Resampling
from dfdetect_jax.evaluation.metrics.detection import PreparedScores
from dfdetect_jax.evaluation.metrics.detection_metrics import METRICS, Interval, as_list, headline, without_none
from dfdetect_jax.evaluation.metrics.frame_scores import FrameScores
from dfdetect_jax.evaluation.metrics.videos import groups_of, video_scores


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunScores:
    """One run's scores of a data set, and the values that its metrics need.

    Attributes:
        run: its name.
        frames: the scores.
        threshold, temperature: chosen on validation.
    """

    run: str
    frames: FrameScores
    threshold: float
    temperature: float = 1.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Difference:
    """One metric of two runs. What is undefined is None.

    Attributes:
        a, b: the values.
        interval: of a - b.
        p: two-sided, from the share of resamples on either side of no difference: min(1, 2 (1 + min(#{d <= 0},
            #{d >= 0})) / (1 + B)), at least 2 / (1 + B).
        why: why something is undefined, or None.
    """

    a: float | None
    b: float | None
    interval: Interval | None = None
    p: float | None = None
    why: str | None = None

    @property
    def difference(self) -> float | None:
        """a - b."""
        return None if self.a is None or self.b is None else self.a - self.b

    def as_json(self) -> dict[str, Any]:
        """{"a", "b", "difference", "difference_ci", "p"}, and "why" if there is a reason."""
        values = {"a": self.a, "b": self.b, "difference": self.difference}
        return {**values, "difference_ci": as_list(self.interval), "p": self.p, **without_none(why=self.why)}


@dataclasses.dataclass(frozen=True, kw_only=True)
class PairedComparison:
    """Two runs on the frames of one data set that both scored.

    Attributes:
        a, b: names of the runs; differences are a - b.
        data: the data set.
        n: frames in common, by data set, split, video and frame.
        clusters: how many were resampled.
        resamples, resamples_left_out: as in `BootstrapIntervals`, of frames.
        frame, video: by metric of `METRICS`.
    """

    a: str
    b: str
    data: str
    n: int
    clusters: int
    resamples: int
    resamples_left_out: int
    frame: Mapping[str, Difference]
    video: Mapping[str, Difference]

    @property
    def headline(self) -> str:
        """The metric that stands for all others, see `detection_metrics.headline`."""
        return headline({name: each.difference for name, each in self.frame.items()})

    def as_json(self) -> dict[str, Any]:
        """Every field under its name."""
        names = ("a", "b", "data", "n", "clusters", "resamples", "resamples_left_out")
        units = {"frame": self.frame, "video": self.video}
        return {name: getattr(self, name) for name in names} | {
            unit: {name: difference.as_json() for name, difference in differences.items()}
            for unit, differences in units.items()
        }


def compare_paired(
    a: RunScores,
    b: RunScores,
    data: str,
    resampling: Resampling = Resampling(),  # noqa: B008 (immutable)
) -> PairedComparison:
    """Compares two runs on the frames that both scored.

    Raises:
        RecordsError: as `clusters`, `video_scores`.
        RunError: they share no frame, disagree on a label, or score a frame twice; or scores are outside [0, 1].
    """
    a, b = _with_shared_rows(a, b)
    cluster = bootstrap.clusters(a.frames, resampling.by)
    of_videos = cluster[groups_of(a.frames.dataset, a.frames.video)[0]]
    frames_a, frames_b = (_prepared(run, run.frames, cluster) for run in (a, b))
    videos_a, videos_b = (_prepared(run, video_scores(run.frames), of_videos) for run in (a, b))
    count, sets = frames_a.n_clusters, [frames_a, frames_b, videos_a, videos_b]
    resampled = bootstrap.resample(sets, count, resampling.resamples, resampling.seed)
    return PairedComparison(
        a=a.run,
        b=b.run,
        data=data,
        n=len(a.frames),
        clusters=count,
        resamples=resampling.resamples,
        resamples_left_out=bootstrap.without_ranking(resampled[0]),
        frame=_differences(frames_a, frames_b, resampled[0] - resampled[1]),
        video=_differences(videos_a, videos_b, resampled[2] - resampled[3]),
    )


def _prepared(run: RunScores, rows: FrameScores, clusters: np.ndarray) -> PreparedScores:
    return PreparedScores(rows.score, rows.label, run.threshold, run.temperature, clusters)


def _with_shared_rows(a: RunScores, b: RunScores) -> tuple[RunScores, RunScores]:
    """Both with the rows that they have in common, in the order of `a`."""
    first, key = groups_of(*(np.concatenate(columns) for columns in zip(_key(a), _key(b), strict=True)))
    key_a, key_b = key[: len(a.frames)], key[len(a.frames) :]
    for run, keys in ((a, key_a), (b, key_b)):
        if len(np.unique(keys)) < len(keys):
            raise RunError(f"{run.run}: expected one score per frame, found several of some; evaluate again")
    place = np.full(len(first), -1)
    place[key_b] = np.arange(len(b.frames))
    rows_a = np.flatnonzero(place[key_a] >= 0)
    if not len(rows_a):
        raise RunError(
            f"{a.run} and {b.run}: expected scores of the same frames, found none; evaluate both on the same data"
        )
    frames_a, frames_b = a.frames[rows_a], b.frames[place[key_a][rows_a]]
    if (frames_a.label != frames_b.label).any():
        raise RunError(f"{a.run} and {b.run}: expected one label per frame, found two of some; evaluate both again")
    return dataclasses.replace(a, frames=frames_a), dataclasses.replace(b, frames=frames_b)


def _key(run: RunScores) -> tuple[np.ndarray, ...]:
    frames = run.frames
    return frames.dataset, frames.split, frames.video, frames.frame


def _differences(a: PreparedScores, b: PreparedScores, resampled: np.ndarray) -> dict[str, Difference]:
    metrics_a, metrics_b = a.metrics(), b.metrics()
    several = a.n_clusters > 1
    return {
        name: _difference(metrics_a.value(name), metrics_b.value(name), column[~np.isnan(column)], several)
        for name, column in zip(METRICS, resampled.T, strict=True)
    }


def _difference(a: float | None, b: float | None, resampled: np.ndarray, several_clusters: bool) -> Difference:
    if a is None or b is None:
        return Difference(a=a, b=b, why="needs a label that was not scored")
    if not several_clusters:
        return Difference(a=a, b=b, why=bootstrap.ONE_CLUSTER)
    if not len(resampled):
        return Difference(a=a, b=b)
    rarer = min(int((resampled <= 0).sum()), int((resampled >= 0).sum()))
    p = min(1.0, 2 * (1 + rarer) / (1 + len(resampled)))
    return Difference(a=a, b=b, interval=bootstrap.percentile_interval(resampled), p=p)

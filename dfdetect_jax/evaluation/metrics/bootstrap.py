"""How far figures could be off: intervals by resampling people, differences between runs, spread over seeds.

Frames of a clip, and clips of a person, are alike: a hundred thousand frames of fifty people say about as much as fifty
people do. So whole clusters are drawn with replacement, as many as there are, and figures are taken of what was drawn
(Field and Welsh, Bootstrapping clustered data, JRSS B 69, 2007). Intervals run from the 2.5th to the 97.5th percentile
(Efron and Tibshirani, An introduction to the bootstrap, 1993, chapter 13); with few clusters they are too narrow.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from scipy.special import stdtrit

from dfdetect_jax.errors import RecordsError, RunError
from dfdetect_jax.evaluation.metrics.detection import FIGURES, Detection
from dfdetect_jax.evaluation.metrics.frame_scores import FrameScores
from dfdetect_jax.evaluation.metrics.videos import groups_of, video_scores

PERCENTILES = (2.5, 97.5)
_ONE_CLUSTER = "all is of one cluster: intervals need two or more"
_CHUNK = 2**22  # multiplicities held at once, 32 MB


def clusters(frames: FrameScores, by: str = "identity") -> np.ndarray:
    """The cluster of each row: int [N], numbered from 0 in order of appearance.

    Args:
        frames: frames, or videos.
        by: "identity", the person shown (of a swap the target, so a photograph or clip and its forgeries go together),
            or "video", where people are unknown or one clip of each was taken. Both within a data set.

    Raises:
        RecordsError: frames of one video are of several people, who can't be drawn apart.
        ValueError: `by` is neither.
    """
    if by not in ("identity", "video"):
        raise ValueError(f"expected clusters by identity or video, found {by!r}")
    _, people = groups_of(frames.dataset, frames.identity)
    first, videos = groups_of(frames.dataset, frames.video)
    if by == "video":
        return videos
    mixed = np.flatnonzero(people != people[first][videos])
    if len(mixed):
        raise RecordsError(
            f"video {frames.video[mixed[0]]}: expected one identity for all its frames, found "
            f"{frames.identity[first][videos][mixed[0]]!r} and {frames.identity[mixed[0]]!r}; take clusters by video"
        )
    return people


def draws(count: int, resamples: int, seed: int = 0) -> Iterator[np.ndarray]:
    """Resamples of `count` clusters with replacement: how often each was drawn, float64 [b, count], in several parts.

    All of them together are the same for the same arguments.
    """
    rng = np.random.default_rng(seed)
    size = max(1, _CHUNK // max(count, 1))
    for start in range(0, resamples, size):
        rows = min(size, resamples - start)
        cells = rng.integers(0, count, (rows, count)) + count * np.arange(rows)[:, None]
        yield np.bincount(cells.ravel(), minlength=rows * count).reshape(rows, count).astype(np.float64)


def resample(sets: Sequence[Detection], count: int, resamples: int, seed: int = 0) -> list[np.ndarray]:
    """The figures of every set under the same draws of `count` clusters.

    Returns:
        For each set float64 [resamples, 16], columns as `detection.FIGURES`; NaN where a draw lacks a label.
    """
    if not count:
        return [np.full((resamples, len(FIGURES)), np.nan) for _ in sets]
    parts = [[each.resampled(drawn) for each in sets] for drawn in draws(count, resamples, seed)]
    return [np.concatenate(figures) for figures in zip(*parts, strict=True)]


def interval(values: np.ndarray) -> list[float] | None:
    """[2.5th, 97.5th percentile] of float [B], those that are NaN left out; None if all are."""
    had = values[~np.isnan(values)]
    return [float(bound) for bound in np.percentile(had, PERCENTILES)] if len(had) else None


def intervals(figures: np.ndarray, of: Detection) -> dict:
    """What stands beside the figures of one set.

    Args:
        figures: from `resample`, float64 [B, 16].
        of: the set.

    Returns:
        "auc_ci" and so on, [low, high]; None where the figure can't be had, or where all rows are of one cluster.
        "resamples", "clusters": their numbers. "resamples_left_out": those that lack a label, and so have no part in
        figures that need both. "why_no_ci", where there is none.
    """
    bounds = [interval(column) if of.n_clusters > 1 else None for column in figures.T]
    beside = {f"{name}_ci": bound for name, bound in zip(FIGURES, bounds, strict=True)} | {
        "resamples": len(figures),
        "resamples_left_out": int(np.isnan(figures[:, FIGURES.index("auc")]).sum()),
        "clusters": of.n_clusters,
    }
    if of.n_clusters == 1:
        beside["why_no_ci"] = _ONE_CLUSTER
    return beside


def paired(
    a: FrameScores,
    b: FrameScores,
    threshold_a: float,
    threshold_b: float,
    *,
    temperature_a: float = 1.0,
    temperature_b: float = 1.0,
    resamples: int = 1000,
    by: str = "identity",
    seed: int = 0,
) -> dict:
    """Two runs on the frames that both scored, compared under the same draws of clusters.

    Returns:
        "n": frames that both have, by data set, split, video and frame. "clusters". "frame" and "video": {"auc": {"a",
        "b", "difference": a - b, "difference_ci", "p"}, ...} for all of `detection.FIGURES`. p is two-sided, from the
        share of draws on either side of no difference: min(1, 2 (1 + min(#{d <= 0}, #{d >= 0})) / (1 + B)), at
        least 2 / (1 + B). What can't be had is None, and "why" says so. "resamples", "resamples_left_out": as in
        `intervals`, of frames.

    Raises:
        RecordsError: as `clusters`, `video_scores`.
        RunError: they share no frame, disagree on a label, or name a frame twice; or scores are outside [0, 1].
    """
    a, b = _shared_rows(a, b)
    cluster = clusters(a, by)
    of_videos = cluster[groups_of(a.dataset, a.video)[0]]
    runs = ((a, threshold_a, temperature_a), (b, threshold_b, temperature_b))
    sets = [Detection(rows.score, rows.label, *chosen, cluster) for rows, *chosen in runs]
    for rows, *chosen in runs:
        videos = video_scores(rows)
        sets.append(Detection(videos.score, videos.label, *chosen, of_videos))
    count = sets[0].n_clusters
    resampled = resample(sets, count, resamples, seed)
    return {
        "n": len(a),
        "clusters": count,
        "resamples": resamples,
        "resamples_left_out": int(np.isnan(resampled[0][:, FIGURES.index("auc")]).sum()),
        "frame": _differences(sets[0], sets[1], resampled[0] - resampled[1]),
        "video": _differences(sets[2], sets[3], resampled[2] - resampled[3]),
    }


def over_seeds(runs: Sequence[dict]) -> dict[str, dict]:
    """Runs that differ in the seed alone: mean and spread of every figure.

    Args:
        runs: what `detection` returned for each.

    Returns:
        {"auc": {"mean", "sd", "ci", "n"}, ...} for each figure that is in all of `runs`: of the runs that have it, n of
        them, the mean, the sample standard deviation, and the 95% interval of the mean by Student's t with n - 1
        degrees of freedom (not cut to [0, 1]). With one run "sd" and "ci" are None, with none "mean" is too, and "why"
        says so.
    """
    names = [name for name in (*FIGURES, "dfb_compat") if runs and all(name in run for run in runs)]
    return {name: _spread(np.array([run[name] for run in runs if run[name] is not None])) for name in names}


def _spread(values: np.ndarray) -> dict:
    n = len(values)
    if n < 2:
        why = "one run has it: there is no spread" if n else "no run has it"
        return {"mean": float(values[0]) if n else None, "sd": None, "ci": None, "n": n, "why": why}
    mean, sd = float(values.mean()), float(values.std(ddof=1))
    half = float(stdtrit(n - 1, PERCENTILES[1] / 100)) * sd / np.sqrt(n)
    return {"mean": mean, "sd": sd, "ci": [float(mean - half), float(mean + half)], "n": n}


def _shared_rows(a: FrameScores, b: FrameScores) -> tuple[FrameScores, FrameScores]:
    """The rows that both have, in the order of `a`."""
    first, key = groups_of(*(np.concatenate(columns) for columns in zip(_key(a), _key(b), strict=True)))
    key_a, key_b = key[: len(a)], key[len(a) :]
    for keys, frames in ((key_a, a), (key_b, b)):
        if len(np.unique(keys)) < len(keys):
            raise RunError(
                f"{frames.dataset[0]}: expected scores of every frame once, found some twice; evaluate again"
            )
    place = np.full(len(first), -1)
    place[key_b] = np.arange(len(b))
    rows_a = np.flatnonzero(place[key_a] >= 0)
    if not len(rows_a):
        raise RunError("expected two runs with scores of the same frames, found none; evaluate both on the same data")
    a, b = a[rows_a], b[place[key_a][rows_a]]
    if (a.label != b.label).any():
        raise RunError("expected one label per frame, found others in the second run's scores; evaluate both again")
    return a, b


def _key(frames: FrameScores) -> tuple[np.ndarray, ...]:
    return frames.dataset, frames.split, frames.video, frames.frame


def _differences(a: Detection, b: Detection, resampled: np.ndarray) -> dict[str, dict]:
    figures_a, figures_b = a.figures(), b.figures()
    differences = {}
    for name, drawn in zip(FIGURES, resampled.T, strict=True):
        one, other, drawn = figures_a[name], figures_b[name], drawn[~np.isnan(drawn)]
        had = one is not None and other is not None
        beside = {"difference_ci": None, "p": None}
        if not had:
            beside["why"] = "needs a label that was not scored"
        elif a.n_clusters < 2:
            beside["why"] = _ONE_CLUSTER
        elif len(drawn):
            rarer = min(int((drawn <= 0).sum()), int((drawn >= 0).sum()))
            beside = {"difference_ci": interval(drawn), "p": min(1.0, 2 * (1 + rarer) / (1 + len(drawn)))}
        differences[name] = {"a": one, "b": other, "difference": one - other if had else None, **beside}
    return differences

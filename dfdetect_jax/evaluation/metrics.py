"""How well scores tell fakes from reals: pure functions of arrays, pinned to scikit-learn.

Everywhere `scores` is float [N], higher is more likely fake; `labels` is int [N], 0 real and 1 fake; a frame is called
fake where its score is at least the threshold. A number that can't be had (no fakes, no reals, nothing at all) is None
and the reason stands beside it under "why".
"""

from collections.abc import Collection

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from dfdetect_jax.data.example import FAKE, REAL
from dfdetect_jax.errors import RecordsError, RunError
from dfdetect_jax.evaluation.frame_scores import FrameScores
from dfdetect_jax.evaluation.localization import Localization

UNINFORMED_THRESHOLD = 0.5


def equal_error_rate(scores: np.ndarray, labels: np.ndarray) -> float:
    """Where the false positive rate equals the false negative rate, in [0, 1].

    The ROC curve has a point per distinct score; between the two neighbouring points where FPR - FNR changes sign,
    both rates are interpolated linearly. (Taking the nearest point instead, as some benchmarks do, makes the value
    depend on the number of images.) Needs both labels.
    """
    false_positive, true_positive, _ = roc_curve(labels, scores, drop_intermediate=False)
    excess = false_positive - (1.0 - true_positive)  # -1 at the first point, 1 at the last, never falling
    after = int(np.argmax(excess >= 0.0))
    before = after - 1
    share = -excess[before] / (excess[after] - excess[before])
    return float(false_positive[before] + share * (false_positive[after] - false_positive[before]))


def detection(scores: np.ndarray, labels: np.ndarray, threshold: float) -> dict:
    """The figures of one set of scores.

    Returns:
        "n", "n_real", "n_fake": counts. "auc": area under the ROC curve, ties counted half. "ap": average precision
        with fakes as positives (no interpolation, as in scikit-learn). "eer": see `equal_error_rate`. "accuracy":
        share that `threshold` calls right. "tpr", "fpr": share of fakes and of reals that it calls fake. What can't
        be had is None, and "why" says so.

    Raises:
        RunError: a score is not a finite number.
    """
    scores, labels = _checked(scores, labels)
    fakes, reals = labels == FAKE, labels == REAL
    called_fake = scores >= threshold
    figures = {
        "n": len(scores),
        "n_real": int(reals.sum()),
        "n_fake": int(fakes.sum()),
        "auc": None,
        "ap": None,
        "eer": None,
        "accuracy": float(np.mean(called_fake == fakes)) if len(scores) else None,
        "tpr": float(np.mean(called_fake[fakes])) if fakes.any() else None,
        "fpr": float(np.mean(called_fake[reals])) if reals.any() else None,
    }
    if fakes.any() and reals.any():
        figures["auc"] = float(roc_auc_score(labels, scores))
        figures["ap"] = float(average_precision_score(labels, scores))
        figures["eer"] = equal_error_rate(scores, labels)
    else:
        figures["why"] = _missing(fakes.any(), reals.any())
    return figures


def choose_threshold(scores: np.ndarray, labels: np.ndarray) -> float:
    """The threshold to call fakes by, chosen on validation scores.

    Of the midpoints between neighbouring distinct scores, the one with the highest balanced accuracy (mean of the
    shares of fakes and of reals called right); among equals the one in the widest gap, then the lowest. Where scores
    can't tell (one label only, or all scores equal) it is 0.5, the classifier's own decision.

    Raises:
        RunError: a score is not a finite number.
    """
    scores, labels = _checked(scores, labels)
    values, position = np.unique(scores, return_inverse=True)
    fakes = np.bincount(position[labels == FAKE], minlength=len(values))
    reals = np.bincount(position[labels == REAL], minlength=len(values))
    if len(values) < 2 or not fakes.sum() or not reals.sum():
        return UNINFORMED_THRESHOLD
    reals_below = np.cumsum(reals)[:-1]
    fakes_above = fakes.sum() - np.cumsum(fakes)[:-1]
    # Cross-multiplied to integers: two thresholds that are equally good compare as equal.
    goodness = reals_below * fakes.sum() + fakes_above * reals.sum()
    gaps = np.where(goodness == goodness.max(), np.diff(values), -1.0)
    best = int(np.argmax(gaps))
    middle = (values[best] + values[best + 1]) / 2
    return float(middle if middle > values[best] else values[best + 1])  # neighbouring floats have no middle


def video_scores(frames: FrameScores) -> FrameScores:
    """One row per video: the mean score of its frames, in order of first appearance; `frame` counts them.

    Frames belong together when data set and video name are the same; the name is the record's own ("Deepfakes/c23/
    000_003"), so equally named clips of two methods stay two videos. A photograph is a video of one frame.

    Raises:
        RecordsError: frames of one video carry different labels or methods.
        RunError: a score is not a finite number.
    """
    scores, _ = _checked(frames.score, frames.label)
    _, dataset = np.unique(frames.dataset, return_inverse=True)
    _, name = np.unique(frames.video, return_inverse=True)
    pair = dataset * (name.max(initial=0) + 1) + name
    _, first, group = np.unique(pair, return_index=True, return_inverse=True)
    for column in (frames.label, frames.method):
        mixed = np.flatnonzero(column != column[first][group])
        if len(mixed):
            raise RecordsError(
                f"video {frames.video[mixed[0]]}: expected one label and method for all its frames, found "
                f"{column[first][group][mixed[0]]!r} and {column[mixed[0]]!r}; prepare the data set again"
            )
    counts = np.bincount(group, minlength=len(first))
    means = np.bincount(group, weights=scores, minlength=len(first)) / np.maximum(counts, 1)
    order = np.argsort(first)
    return frames[first[order]].replace(frame=counts[order], score=means[order])


def summarize(
    frames: FrameScores, threshold: float, seen: Collection[str], localization: Localization | None = None
) -> dict:
    """One data set's entry in `metrics.json`.

    Args:
        frames: the scores of one split.
        threshold: chosen on validation; the same one serves frames and videos.
        seen: forgery methods that the model was trained on.
        localization: what was gathered of the same frames' attention maps; None for a model without them.

    Returns:
        {"frame": `detection` over frames, "video": over videos, "localization": `Localization.overall`, "by_method":
        {method: {"seen", "frame", "video", "localization": `Localization.of`}}}. A method's figures of detection are
        its fakes against all reals of the split. Without maps, "localization" is None.

    Raises:
        RecordsError, RunError: as `video_scores`.
    """
    videos = video_scores(frames)
    by_method = {}
    for method in sorted(set(frames.method[frames.label == FAKE].tolist())):
        by_method[method] = {
            "seen": method in seen,
            "frame": _against_reals(frames, method, threshold),
            "video": _against_reals(videos, method, threshold),
            "localization": None if localization is None else localization.of(method),
        }
    return {
        "frame": detection(frames.score, frames.label, threshold),
        "video": detection(videos.score, videos.label, threshold),
        "by_method": by_method,
        "localization": None if localization is None else localization.overall(),
    }


def _against_reals(rows: FrameScores, method: str, threshold: float) -> dict:
    kept = rows[(rows.label == REAL) | (rows.method == method)]
    return detection(kept.score, kept.label, threshold)


def _checked(scores: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Scores as float64 and labels, both [N].

    Raises:
        RunError: a score is not a finite number.
        ValueError: the arrays don't belong together, or a label is neither 0 nor 1.
    """
    scores, labels = np.asarray(scores, np.float64), np.asarray(labels)
    if scores.ndim != 1 or scores.shape != labels.shape:
        raise ValueError(f"expected scores and labels of one shape [N], found {scores.shape} and {labels.shape}")
    if not np.isin(labels, (REAL, FAKE)).all():
        raise ValueError(f"expected labels 0 and 1, found {np.unique(labels).tolist()}")
    bad = int((~np.isfinite(scores)).sum())
    if bad:
        raise RunError(
            f"expected finite scores, found {bad} of {len(scores)} that are not; the model has diverged: train it "
            "again with a lower optimizer.learning_rate or with optimizer.clip_norm"
        )
    return scores, labels


def _missing(any_fakes: bool, any_reals: bool) -> str:
    if not any_fakes and not any_reals:
        return "nothing was scored"
    return f"no {'fakes' if any_reals else 'reals'} were scored: auc, ap and eer need both"

"""The sentences of the page: what was measured, the main results, and their limitations."""

from collections.abc import Iterator, Mapping

from dfdetect_jax.evaluation.metrics.detection_metrics import DetectionMetrics
from dfdetect_jax.evaluation.metrics.summary import GroupMetrics
from dfdetect_jax.evaluation.report.definitions import heading
from dfdetect_jax.evaluation.report.formats import counted, interval, number, with_interval
from dfdetect_jax.evaluation.report.row_order import data_keys, forgery_name, ordered_forgeries
from dfdetect_jax.evaluation.results import DataSetMetrics, Evaluation, RunMetrics
from dfdetect_jax.evaluation.stress.robustness import Robustness

ENOUGH_REALS = {"TPR at 1% FPR": 100, "TPR at 0.1% FPR": 1000}
_CHANCE = 0.5  # AUC
_MANY_FALSE_ALARMS = 0.25
_WIDE = 0.2  # an interval this wide leaves most comparisons undecided
_HEADLINES = {"auc": "the frame AUC", "fpr": "the share of reals called fake", "tpr": "the share of fakes called fake"}
_VERDICTS = {  # of a difference above 0, and below
    "auc": ("ranks better than", "ranks worse than"),
    "fpr": ("calls more reals fake than", "calls fewer reals fake than"),
    "tpr": ("calls more fakes fake than", "calls fewer fakes fake than"),
}
Data = Mapping[str, DataSetMetrics]


def opening(evaluation: Evaluation) -> str:
    """Which runs were measured on which data."""
    runs, keys = list(evaluation.runs), data_keys(evaluation)
    which = f"the run {runs[0]}" if len(runs) == 1 else f"{len(runs)} runs"
    return f"This page reports {which} on {counted(len(keys), 'data set', 'data sets')}: {', '.join(keys)}."


def findings(metrics: RunMetrics) -> list[str]:
    """The main results of one run, a sentence each."""
    data = metrics.data
    return [
        *_ranking(data),
        *_seen_and_unseen(data),
        *_calibration(data, metrics.temperature),
        *_at_threshold(data, metrics.threshold),
        *(f"On {key} {called_fake(of_data)}." for key, of_data in data.items() if of_data.frame.headline != "auc"),
        *_robustness(data),
        *_heat(data),
    ]


def called_fake(metrics: GroupMetrics) -> str:
    """Which share of data of one class is called fake at the threshold; without a full stop."""
    frame, video, name = metrics.frame, metrics.video, metrics.frame.headline
    label, meaning = {"fpr": ("real", "false alarms"), "tpr": ("fake", "the detection rate")}[name]
    shares = f"{with_interval(frame, name)} of {counted(frame.n, 'frame', 'frames')}"
    if video.n != frame.n:
        shares += f" and {with_interval(video, name)} of {counted(video.n, 'video', 'videos')}"
    return f"{shares}, all {label}, are called fake at the threshold: {meaning}"


def leaks(evaluation: Evaluation) -> list[str]:
    """Warnings of leakage, with run and data set."""
    return [
        f"{name} on {key}: {metrics.leakage.warning}"
        for name, run in evaluation.runs.items()
        for key, metrics in run.metrics.data.items()
        if metrics.leakage.warning is not None
    ]


def comparisons(evaluation: Evaluation) -> list[str]:
    """Which run of a pair has the higher frame AUC, as far as the interval of their difference allows.

    Of one class alone, which of them calls more of it fake.
    """
    sentences = []
    for pair in evaluation.paired:
        each = pair.frame[pair.headline]
        if each.difference is None or each.interval is None:
            continue
        (low, high), (higher, lower) = each.interval, _VERDICTS[pair.headline]
        verdict = higher if low > 0 else lower if high < 0 else "does not clearly differ from"
        sentences.append(
            f"On {pair.data}, {pair.a} {verdict} {pair.b}: frame {heading(pair.headline)} {each.difference:+.3f} "
            f"{interval(each.interval, 3)} on the same frames."
        )
    return sentences


def limitations(evaluation: Evaluation) -> list[str]:
    """What limits the results, besides leakage; each once."""
    sentences = [*_few_reals(evaluation), *_undefined_or_wide(evaluation)]
    for name, run in evaluation.runs.items():
        sentences += [f"{name}: {note}" for note in run.metrics.notes]
        notes = {key: metrics.leakage.note for key, metrics in run.metrics.data.items()}
        sentences += [f"{name} on {key}: {note}" for key, note in notes.items() if note is not None]
    if not evaluation.seeds:
        sentences.append(
            "Each run was trained with one seed: intervals cover the choice of test data, not the variation between "
            "trainings."
        )
    return list(dict.fromkeys(sentences))


def _ranking(data: Data) -> Iterator[str]:
    aucs = sorted((metrics.frame.auc, key) for key, metrics in data.items() if metrics.frame.auc is not None)
    keys = [key for key, metrics in data.items() if metrics.frame.auc is not None]
    if len(aucs) > 2:
        (lowest, first), (highest, last) = aucs[0], aucs[-1]
        keys = [first, last]
        yield f"Over {len(aucs)} data sets the frame AUC ranges from {number(lowest)} to {number(highest)}."
    for key in keys:
        frame, video = data[key].frame, data[key].video
        sentence = f"On {key} the AUC is {with_interval(frame, 'auc')} over {counted(frame.n, 'frame', 'frames')}"
        if video.auc is not None and video.n != frame.n:
            sentence += f" and {with_interval(video, 'auc')} over {counted(video.n, 'video', 'videos')}"
        yield f"{sentence}.{_against_chance(frame)}"


def _seen_and_unseen(data: Data) -> Iterator[str]:
    forgeries = [
        (metrics.frame.auc, key, forgery, metrics)
        for key, of_data in data.items()
        for forgery, metrics in ordered_forgeries(of_data.by_forgery)
        if metrics.frame.auc is not None
    ]
    phrases = []
    for seen in (True, False):
        rows = [row for row in forgeries if row[3].seen == seen]
        if rows:
            mean = sum(auc for auc, *_ in rows) / len(rows)
            names = counted(len({forgery for *_, forgery, _ in rows}), "forgery", "forgeries")
            keys = counted(len({key for _, key, *_ in rows}), "data set", "data sets")
            phrases.append(f"{number(mean)} for {'seen' if seen else 'unseen'} forgeries ({names} on {keys})")
    if phrases:
        yield f"The mean frame AUC over forgeries is {' and '.join(phrases)}."
    unseen = [row for row in forgeries if not row[3].seen]
    if len(unseen) > 1:
        _, key, forgery, metrics = min(unseen, key=lambda row: row[0])
        yield (
            f"The hardest unseen forgery is {forgery_name(forgery)} on {key}: {with_interval(metrics.frame, 'auc')}."
        )


def _calibration(data: Data, temperature: float) -> Iterator[str]:
    frames = {key: metrics.frame for key, metrics in data.items() if metrics.frame.auc is not None}
    errors = sorted((frame.ece, key) for key, frame in frames.items() if frame.ece is not None)
    which = {0: "lowest ", len(errors) - 1: "highest "} if len(errors) > 1 else {0: ""}
    for place, word in which.items() if errors else ():
        _, key = errors[place]
        frame = data[key].frame
        sentence = f"The {word}expected calibration error is {with_interval(frame, 'ece')} on {key}"
        calibrated = with_interval(frame, "ece_calibrated")
        yield f"{sentence}, and {calibrated} after scaling with temperature {number(temperature, 2)}."


def _at_threshold(data: Data, threshold: float) -> Iterator[str]:
    shares, alarms = [], []
    for key, metrics in data.items():
        tpr, fpr = metrics.frame.tpr, metrics.frame.fpr
        if tpr is not None and fpr is not None:
            shares.append(f"{tpr:.0%} of fakes and {fpr:.0%} of reals on {key}")
        if fpr is not None and fpr > _MANY_FALSE_ALARMS:
            alarms.append(key)
    if shares:
        yield f"At the validation threshold {number(threshold)} it classifies as fake: {'; '.join(shares)}."
    if alarms:
        yield f"More than a quarter of reals are false alarms on {', '.join(alarms)}: choose another threshold there."


def _heat(data: Data) -> Iterator[str]:
    """Which map of a method without attention shows best what was forged, and whether a fixed spot does better."""
    for key, metrics in data.items():
        aucs = {kind: auc for kind, maps in metrics.heat.items() if (auc := maps.values["pixel_auc"]) is not None}
        if not aucs:
            continue
        shown = ", ".join(f"{kind} {number(auc)}" for kind, auc in aucs.items())
        blob = next(iter(metrics.heat.values())).baselines["centre"]["pixel_auc"]
        yield f"On {key} the pixel AUC of maps is: {shown}; of a fixed spot in the middle of every crop {number(blob)}."


def _robustness(data: Data) -> Iterator[str]:
    for key, metrics in data.items():
        if metrics.robustness is not None:
            yield from _worst_corruption(key, metrics.robustness)


def _worst_corruption(key: str, robustness: Robustness) -> Iterator[str]:
    metric = robustness.clean.frame.headline
    hardest = {name: levels[-1].frame for name, levels in robustness.corruptions.items()}
    defined = [(value, name) for name, frame in hardest.items() if (value := frame.value(metric)) is not None]
    if not defined:
        return
    extreme, word = (max, "highest") if metric == "fpr" else (min, "lowest")
    _, worst = extreme(defined, key=lambda pair: pair[0])
    of_all = "" if len(defined) == 1 else f", the {word} of {len(defined)} corruptions"
    shown, clean = with_interval(hardest[worst], metric), number(robustness.clean.frame.value(metric))
    subject = f"{_HEADLINES[metric]} on {key}"
    yield f"Under {worst} at the highest level, {subject} is {shown}{of_all}; clean it is {clean}."


def _few_reals(evaluation: Evaluation) -> Iterator[str]:
    first = next(iter(evaluation.runs.values()))
    reals = {key: metrics.frame.n_real for key, metrics in first.metrics.data.items() if metrics.frame.n_fake}
    for name, least in ENOUGH_REALS.items():
        few = [f"{key} ({count:,})" for key, count in reals.items() if 0 < count < least]
        if few:
            yield f"{name} is unreliable with fewer than {least:,} real frames: {', '.join(few)}."


def _undefined_or_wide(evaluation: Evaluation) -> Iterator[str]:
    """Runs and data sets whose AUC, or its interval, is undefined or of little use, grouped by the reason."""
    places: dict[str, list[str]] = {}
    for name, run in evaluation.runs.items():
        for key, metrics in run.metrics.data.items():
            reason = _auc_limitation(metrics.frame)
            if reason is not None:
                places.setdefault(reason, []).append(f"{name} on {key}")
    for reason, where in places.items():
        yield f"{', '.join(where)}: {reason}."


def _auc_limitation(frame: DetectionMetrics) -> str | None:
    bounds = frame.interval("auc")
    if frame.auc is None:
        return "; ".join(frame.reasons)
    if bounds is None:
        return f"the AUC has no interval: {frame.why_no_interval or 'none was requested'}"
    if bounds[1] - bounds[0] > _WIDE:
        return "the AUC's interval is wide: more people or clips are needed"
    return None


def _against_chance(frame: DetectionMetrics) -> str:
    low, high = frame.interval("auc") or (frame.auc, frame.auc)
    if low is None or high is None or low > _CHANCE:
        return ""
    return " That is worse than chance." if high < _CHANCE else " That is not clearly better than chance."

"""The page in sentences: what was measured and came out, and what a reader should be careful about."""

from collections.abc import Iterator

from dfdetect_jax.evaluation.report.contents import (
    Evaluation,
    RunResult,
    data_names,
    leaks_of,
    measured_data,
    ordered_forgeries,
    part,
    reasons_of,
    robustness_of,
    words_of,
)

NOT_HAD = "–"
ENOUGH_REALS = {"TPR at 1% FPR": 100, "TPR at 0.1% FPR": 1000}
_CHANCE = 0.5  # AUC
_MANY_FALSE_ALARMS = 0.25
_WIDE = 0.2  # an interval this wide leaves most comparisons open


def number(value: float | None, digits: int = 3) -> str:
    """ "0.912"; a dash for None."""
    return NOT_HAD if value is None else f"{value:.{digits}f}"


def interval(bounds: list | None, digits: int = 2) -> str:
    """ "[0.88, 0.94]"; empty for None."""
    return "" if not bounds or None in bounds else f"[{bounds[0]:.{digits}f}, {bounds[1]:.{digits}f}]"


def with_interval(figures: dict | None, name: str) -> str:
    """ "0.912 [0.88, 0.94]", as far as it is known."""
    return f"{number(part(figures, name))} {interval(part(figures, f'{name}_ci'))}".strip()


def opening(evaluation: Evaluation) -> str:
    """Which runs were measured on which data."""
    names = data_names(evaluation)
    if not evaluation.runs or not names:
        return "Nothing was measured."
    runs = f"the run {next(iter(evaluation.runs))}" if len(evaluation.runs) == 1 else f"{len(evaluation.runs)} runs"
    data = "one data set" if len(names) == 1 else f"{len(names)} data sets"
    return f"This page measures {runs} on {data}: {', '.join(names)}."


def findings(run: RunResult) -> list[str]:
    """What came out for one run, a sentence each; parts that weren't measured have none."""
    data = dict(measured_data(run))
    said = [*_ranking(data), *_seen_and_unseen(data), *_calibration(run), *_at_threshold(run), *_robustness(run)]
    return said or ["Nothing was measured."]


def leaks(evaluation: Evaluation) -> list[str]:
    """Warnings that test data share something with training data, with run and data set."""
    return [
        f"{name} on {key}: {warning}"
        for name, run in evaluation.runs.items()
        for key, summary in measured_data(run)
        for warning in leaks_of(summary)
    ]


def comparisons(evaluation: Evaluation) -> list[str]:
    """Which run of a pair ranks better by its frame AUC, or that their difference could be owed to the draw of data."""
    said = []
    for pair in evaluation.paired:
        auc = part(pair, "frame", "auc")
        bounds = interval(part(auc, "difference_ci"), 3)
        if part(auc, "difference") is None or not bounds:
            continue
        low, high = auc["difference_ci"]
        verdict = "ranks better than" if low > 0 else "ranks worse than" if high < 0 else "can't be told from"
        said.append(
            f"On {part(pair, 'data')}, {part(pair, 'a')} {verdict} {part(pair, 'b')}: frame AUC "
            f"{auc['difference']:+.3f} {bounds} on the same frames."
        )
    return said


def cautions(evaluation: Evaluation) -> list[str]:
    """What weakens the figures, besides leakage; each said once."""
    said = [*_few_reals(evaluation), *_missing(evaluation)]
    for name, run in evaluation.runs.items():
        said += [f"{name}: {note}" for note in words_of(part(run.metrics, "notes"))]
    if evaluation.runs and not evaluation.seeds:
        said.append(
            "Each run was trained with one seed: the intervals say how much the choice of test data matters, not how "
            "much another training with other random numbers would differ."
        )
    return list(dict.fromkeys(said))


def _ranking(data: dict) -> Iterator[str]:
    had = [(part(summary, "frame", "auc"), key) for key, summary in data.items()]
    had = sorted(pair for pair in had if pair[0] is not None)
    if len(had) > 2:
        chosen = [had[0][1], had[-1][1]]
        yield f"Over {len(had)} data sets the frame AUC runs from {number(had[0][0])} to {number(had[-1][0])}."
    else:
        chosen = [key for key in data if any(key == name for _, name in had)]
    for key in chosen:
        frame, video = part(data[key], "frame"), part(data[key], "video")
        words = f"On {key} the AUC is {with_interval(frame, 'auc')} over {part(frame, 'n') or 0:,} frames"
        if part(video, "auc") is not None and part(video, "n") != part(frame, "n"):
            words += f" and {with_interval(video, 'auc')} over {part(video, 'n') or 0:,} videos"
        yield f"{words}.{_against_chance(frame)}"


def _seen_and_unseen(data: dict) -> Iterator[str]:
    groups: dict[bool, list] = {True: [], False: []}
    for key, summary in data.items():
        for forgery, figures in ordered_forgeries(summary):
            if part(figures, "frame", "auc") is not None:
                groups[bool(part(figures, "seen"))].append((figures["frame"]["auc"], key, forgery, figures["frame"]))
    means = {seen: sum(row[0] for row in rows) / len(rows) for seen, rows in groups.items() if rows}
    phrases = [
        f"{number(means[seen])} for forgeries {'that it was trained on' if seen else 'that it never saw'} "
        f"({_count(len({row[2] for row in groups[seen]}), 'forgery')} "
        f"on {_count(len({row[1] for row in groups[seen]}), 'data set')})"
        for seen in means
    ]
    if phrases:
        yield f"The mean frame AUC over forgeries is {' and '.join(phrases)}."
    if groups[False] and len(groups[False]) > 1:
        _, key, forgery, figures = min(groups[False], key=lambda row: row[0])
        yield f"The hardest unseen forgery is {forgery or 'unnamed'} on {key}: {with_interval(figures, 'auc')}."


def _calibration(run: RunResult) -> Iterator[str]:
    data, temperature = measured_data(run), part(run.metrics, "temperature")
    rows = [(part(summary, "frame", "ece"), key, part(summary, "frame")) for key, summary in data]
    rows = sorted((row for row in rows if row[0] is not None), key=lambda row: row[0])
    if not rows:
        return
    for _, key, frame in rows[:1] if len(rows) == 1 else (rows[0], rows[-1]):
        which = "" if len(rows) == 1 else "at best " if frame is rows[0][2] else "at worst "
        words = f"Read as a probability, the score is {which}off by {with_interval(frame, 'ece')} on {key}"
        if part(frame, "ece_calibrated") is not None and temperature is not None:
            words += f", and by {with_interval(frame, 'ece_calibrated')} after temperature {number(temperature, 2)}"
        yield f"{words} (expected calibration error)."


def _at_threshold(run: RunResult) -> Iterator[str]:
    threshold, shares, alarms = part(run.metrics, "threshold"), [], []
    for key, summary in measured_data(run):
        tpr, fpr = part(summary, "frame", "tpr"), part(summary, "frame", "fpr")
        if tpr is not None and fpr is not None:
            shares.append(f"{tpr:.0%} of fakes and {fpr:.0%} of reals on {key}")
        if fpr is not None and fpr > _MANY_FALSE_ALARMS:
            alarms.append(key)
    if threshold is not None and shares:
        yield f"At the threshold {number(threshold)}, chosen on validation, it calls fake: {'; '.join(shares)}."
    if threshold is not None and alarms:
        yield f"More than a quarter of reals are false alarms on {', '.join(alarms)}: there it needs another threshold."


def _robustness(run: RunResult) -> Iterator[str]:
    for key, result in robustness_of(run):
        curves = {name: levels[-1] for name, levels in result["corruptions"].items() if levels}
        curves = {name: level for name, level in curves.items() if part(level, "auc") is not None}
        if curves:
            worst = min(curves, key=lambda name: curves[name]["auc"])
            least = "" if len(curves) == 1 else f", the least of {len(curves)} distortions"
            words = (
                f"Under {worst} at the highest level, the frame AUC on {key} is {with_interval(curves[worst], 'auc')}"
            )
            clean = part(result, "clean", "auc")
            yield f"{words}{least}{'' if clean is None else f'; clean it is {number(clean)}'}."


def _few_reals(evaluation: Evaluation) -> Iterator[str]:
    reals = {}
    for key in data_names(evaluation):
        counts = [part(run.metrics, "data", key, "frame", "n_real") for run in evaluation.runs.values()]
        reals[key] = max((count for count in counts if count is not None), default=0)
    for name, least in ENOUGH_REALS.items():
        short = [f"{key} ({count:,})" for key, count in reals.items() if 0 < count < least]
        if short:
            yield f"{name} means little with fewer than {least:,} real frames: {', '.join(short)}."


def _missing(evaluation: Evaluation) -> Iterator[str]:
    """What lacks an AUC or a useful interval of it: the runs and data sets of which the same is to be said together."""
    found: dict[str, list[str]] = {}
    for name, run in evaluation.runs.items():
        for key, summary in measured_data(run):
            frame = part(summary, "frame")
            bounds = part(frame, "auc_ci")
            if part(frame, "auc") is None:
                said = "; ".join(reasons_of(frame)) or "no figures were measured"
            elif not interval(bounds):
                why = "; ".join(words_of(part(frame, "why_no_ci"))) or "none was computed"
                said = f"the AUC has no interval: {why}"
            elif bounds[1] - bounds[0] > _WIDE:
                said = "the AUC's interval is wide: more people or clips are needed"
            else:
                continue
            found.setdefault(said, []).append(f"{name} on {key}")
    for said, where in found.items():
        yield f"{', '.join(where)}: {said}."


def _against_chance(frame: dict) -> str:
    bounds = part(frame, "auc_ci") if interval(part(frame, "auc_ci")) else [frame["auc"]] * 2
    if bounds[1] < _CHANCE:
        return " That is worse than chance."
    return " Chance alone could do that." if bounds[0] <= _CHANCE else ""


def _count(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"

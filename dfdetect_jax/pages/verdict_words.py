"""A result in words for people who do not program, none of which claims more than the detector was measured to keep."""

from collections.abc import Sequence
from typing import NamedTuple

from dfdetect_jax.run.false_alarms import FalseAlarms
from dfdetect_jax.run.folder import Run
from dfdetect_jax.scoring.decision import DecisionRule, Verdict
from dfdetect_jax.scoring.result import Result

HEADLINES = {
    Verdict.FAKE: "The detector calls it fake",
    Verdict.UNCERTAIN: "The detector can't decide",
    Verdict.REAL: "The detector sees no sign of a forgery",
    Verdict.NO_FACE: "No face was found",
}
RENDERED = "it was trained on rendered faces: on real photographs its verdicts are at chance"
_RENDERED_DATA = "forge"
_ALWAYS = (
    "A verdict is a statistical statement by one detector. It is not proof, and should not be the only ground for a "
    "decision about a person.",
    "Only faces are looked at. Other parts of the picture, its sound, its caption and its origin are not.",
)


class Explanation(NamedTuple):
    """A verdict explained.

    Attributes:
        verdict: the verdict.
        headline: in one line.
        sentences: what the score means.
        cautions: what to be careful about, the most specific first.
    """

    verdict: Verdict
    headline: str
    sentences: tuple[str, ...]
    cautions: tuple[str, ...]


def explain(run: Run, result: Result, max_fpr: float) -> Explanation:
    """Explains a result.

    Args:
        run: that gave it.
        result: of a photograph or clip.
        max_fpr: share of reals that the rule lets be called fake.
    """
    return Explanation(
        verdict=result.verdict,
        headline=HEADLINES[result.verdict],
        sentences=tuple(_sentences(result, max_fpr)),
        cautions=(*_cautions(run, result), *_ALWAYS),
    )


def false_alarms_in_words(rule: DecisionRule, max_fpr: float) -> str:
    """What false alarm rate the rule was frozen for."""
    if rule.false_alarms is None:
        return "How often it calls a real picture fake was not measured for this detector."
    reals = len(rule.false_alarms.scores)
    return (
        f"It is set to call {share_in_words(max_fpr)} real pictures fake, by {reals:,} real ones that it was not "
        "trained on. On pictures of another kind it may err more often."
    )


def share_in_words(share: float) -> str:
    """A share as people say it: 0.01 -> "about 1 in 100", 0.004 -> "about 4 in 1,000", 0.3 -> "about 30 in 100"."""
    for whole in (100, 1_000, 10_000):
        if share * whole >= 0.95:
            return f"about {round(share * whole)} in {whole:,}"
    return "fewer than 1 in 10,000"


def _sentences(result: Result, max_fpr: float) -> Sequence[str]:
    if result.score is None:
        return ["The detector judges faces alone, so it has no opinion on this file."]
    rule = result.rule
    below = f" and real below {rule.real_below:.2f}" if rule.real_below < rule.fake_from else ""
    sentences = [f"Its score is {result.score:.2f}, from 0 to 1. It says fake from {rule.fake_from:.2f} on{below}."]
    if rule.false_alarms is not None:
        sentences.append(_rarity(rule.false_alarms, result.score))
    if result.probability is not None:
        sentences.append(
            f"Calibrated probability of a fake: {result.probability:.0%}, if fakes were as frequent as among the "
            "pictures that it was checked on. Where fakes are rare, it is lower."
        )
    return [*sentences, false_alarms_in_words(rule, max_fpr)]


def _rarity(false_alarms: FalseAlarms, score: float) -> str:
    """How many reals score as high; no share is given that is smaller than one of those that were looked at."""
    if score > false_alarms.scores[-1]:
        return f"None of the {len(false_alarms.scores):,} real pictures that it was checked on scores this high."
    rate = share_in_words(false_alarms.rate(score))
    return f"Of the real pictures that it was checked on, {rate} score this high or higher."


def _cautions(run: Run, result: Result) -> Sequence[str]:
    cautions = []
    if _RENDERED_DATA in str(run.settings.data.name).split("+"):
        cautions.append(f"This detector is a demonstration: {RENDERED}.")
    cautions += [_as_sentence(note) for note in (*result.notes, *run.notes)]
    if run.seen and result.score is not None:
        names = ", ".join(run.seen[:8]) + (" and others" if len(run.seen) > 8 else "")
        cautions.append(f"It was trained on these kinds of forgery: {names}. It can miss others.")
    return list(dict.fromkeys(cautions))


def _as_sentence(note: str) -> str:
    return f"{note[:1].upper()}{note[1:]}{'' if note.endswith('.') else '.'}"

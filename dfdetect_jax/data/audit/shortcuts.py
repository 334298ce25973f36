"""Traits of files that separate reals from fakes: a detector trained on such a set learns them, and fails elsewhere."""

from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from dfdetect_jax.data.audit.file_traits import AREA, SIZE, TRAITS, traits_of
from dfdetect_jax.data.audit.outcome import Progress, no_progress
from dfdetect_jax.data.audit.sampling import sample_clips
from dfdetect_jax.data.example import Clip
from dfdetect_jax.data.finding import Finding, Severity, Subject, quantity
from dfdetect_jax.devices.host import processors

SAMPLE = 200  # reals, and fakes of each forgery, whose traits are read
# Accuracy from which a trait is reported. At 0.65, three in ten of the files would have to change to make labels alike.
_LEAST_ACCURACY = 0.65
_SHUFFLES = 999
_FORGERIES_SHOWN = 5  # in a finding

Traits = dict[str, list[dict[str, str]]]
"""By forgery, `""` for reals: `traits_of` each clip."""


def sample_traits(clips: Sequence[Clip], progress: Progress = no_progress) -> Traits:
    """Reads the traits of up to `SAMPLE` reals and as many fakes of each forgery, without those that can't be read.

    The clips are always the same ones, by a hash of their names.
    """
    by_forgery: dict[str, list[Clip]] = {forgery: [] for forgery in sorted({clip.forgery for clip in clips})}
    for clip in clips:
        by_forgery[clip.forgery].append(clip)
    sample = [clip for group in by_forgery.values() for clip in sample_clips(group, SAMPLE)]
    advance = progress("reading how files were saved", len(sample))

    def read(clip: Clip) -> dict[str, str]:
        advance()
        return traits_of(clip)

    traits: Traits = {forgery: [] for forgery in by_forgery}
    with ThreadPoolExecutor(processors()) as threads:
        for clip, values in zip(sample, threads.map(read, sample), strict=True):
            if values:
                traits[clip.forgery].append(values)
    return traits


def shortcut_findings(traits: Traits) -> list[Finding]:
    """A finding per trait that alone separates reals from the fakes of some or all forgeries."""
    findings: dict[str, Finding] = {}
    for trait in TRAITS:
        if trait == AREA and SIZE in findings:
            continue
        values = {forgery: [clip[trait] for clip in group if trait in clip] for forgery, group in traits.items()}
        reals = values.pop("", [])
        fakes = {forgery: group for forgery, group in values.items() if group}
        telling = [forgery for forgery, group in fakes.items() if accuracy(reals, group) >= _LEAST_ACCURACY]
        if not telling and accuracy(reals, _concatenate(fakes.values())) >= _LEAST_ACCURACY:
            telling = list(fakes)  # a single forgery may have too few files
        if telling:
            forgeries = "" if len(telling) == len(fakes) else f" of {_name_some(telling)}"
            words = _words(trait, reals, _concatenate(fakes[forgery] for forgery in telling), forgeries)
            findings[trait] = Finding(Subject.SHORTCUTS, Severity.WARNING, words)
    return list(findings.values())


def accuracy(reals: Sequence[str], fakes: Sequence[str]) -> float:
    """Balanced accuracy with which a trait alone separates reals from fakes.

    The best rule calls a value fake if its share among fakes is larger than among reals. Its balanced accuracy is
    (1 + V) / 2, with the total variation V = sum(|p - q|) / 2 between the shares. Few files of many values differ by
    chance, so V is compared with 999 shuffles of the labels: it counts if it is above all of them (a data set of many
    forgeries is compared some hundred times), and then as (V - C) / (1 - C), where C is their mean.

    Args:
        reals: the trait's value for each real.
        fakes: likewise.

    Returns:
        From 0.5 (no better than chance) to 1; 0.5 too where the files are too few to decide.
    """
    if not reals or not fakes:
        return 0.5
    _, codes = np.unique([*reals, *fakes], return_inverse=True)
    totals = np.bincount(codes)
    counts = np.bincount(codes[: len(reals)], minlength=len(totals))
    # Shuffling labels and counting samples the reals from all files without replacement.
    sample = np.random.default_rng(0).multivariate_hypergeometric
    shuffles = sample(totals, len(reals), size=_SHUFFLES, method="marginals")
    variation, chance = float(_variation(counts, totals)), _variation(shuffles, totals)
    if variation <= chance.max():
        return 0.5
    return float(1 + (variation - chance.mean()) / (1 - chance.mean())) / 2


def _variation(reals: np.ndarray, totals: np.ndarray) -> np.ndarray:
    """Total variation between reals and fakes, from int counts per value [..., V] of reals and [V] of all; [...]."""
    fakes = totals - reals
    shares = reals / reals.sum(axis=-1, keepdims=True) - fakes / fakes.sum(axis=-1, keepdims=True)
    return np.abs(shares).sum(axis=-1) / 2


def _words(trait: str, reals: Sequence[str], fakes: Sequence[str], forgeries: str) -> str:
    real, fake = ({value: n / len(group) for value, n in Counter(group).items()} for group in (reals, fakes))
    excess = {value: fake.get(value, 0.0) - real.get(value, 0.0) for value in {**real, **fake}}
    extremes = (min(excess, key=lambda value: excess[value]), max(excess, key=lambda value: excess[value]))
    shares = "; ".join(
        f"{real.get(value, 0):.0%} of reals and {fake.get(value, 0):.0%} of fakes: {value}" for value in extremes
    )
    return (
        f"reals and fakes{forgeries} differ in {trait} ({shares}), which alone classifies {accuracy(reals, fakes):.0%} "
        "of them correctly (50% is chance): a detector may learn it; make reals and fakes alike"
    )


def _concatenate(groups: Iterable[Sequence[str]]) -> list[str]:
    return [value for group in groups for value in group]


def _name_some(forgeries: Sequence[str]) -> str:
    if len(forgeries) > _FORGERIES_SHOWN:
        rest = quantity(len(forgeries) - _FORGERIES_SHOWN, "more forgeries")
        return f"{', '.join(forgeries[:_FORGERIES_SHOWN])} and {rest}"
    return ", ".join(forgeries)

"""Traits of files that tell reals from fakes: a detector trained on such a set learns them, and fails elsewhere."""

from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from dfdetect_jax.data.audit.finding import SHORTCUTS, WARNING, Finding, Progress, number, sampled, unseen
from dfdetect_jax.data.audit.traits import AREA, SIZE, TRAITS, traits_of
from dfdetect_jax.data.example import Clip
from dfdetect_jax.devices.host import processors

SAMPLE = 200  # reals, and fakes of each forgery, that are looked at
# Accuracy from which a trait is told. At 0.65, three in ten of the files would have to change to make labels alike.
_TOLD = 0.65
_SHUFFLES = 999
_NAMED = 5  # forgeries that a finding names

Traits = dict[str, list[dict[str, str]]]  # by forgery, "" for reals: `traits_of` each clip


def sample_traits(clips: Sequence[Clip], progress: Progress = unseen) -> Traits:
    """Reads the traits of up to `SAMPLE` reals and as many fakes of each forgery, without those that can't be read.

    The clips are always the same ones, by a hash of their names.
    """
    by_forgery = {forgery: [] for forgery in sorted({clip.forgery for clip in clips})}
    for clip in clips:
        by_forgery[clip.forgery].append(clip)
    chosen = [clip for of_forgery in by_forgery.values() for clip in sampled(of_forgery, SAMPLE)]
    advance = progress("reading how files were saved", len(chosen))

    def read(clip: Clip) -> dict[str, str]:
        advance()
        return traits_of(clip)

    traits: Traits = {forgery: [] for forgery in by_forgery}
    with ThreadPoolExecutor(processors()) as threads:
        for clip, found in zip(chosen, threads.map(read, chosen), strict=True):
            if found:
                traits[clip.forgery].append(found)
    return traits


def shortcut_findings(traits: Traits) -> list[Finding]:
    """One finding per trait that alone tells reals from the fakes of some or all forgeries."""
    findings: dict[str, Finding] = {}
    for trait in TRAITS:
        if trait == AREA and SIZE in findings:
            continue
        values = {forgery: [clip[trait] for clip in found if trait in clip] for forgery, found in traits.items()}
        reals = values.pop("", [])
        fakes = {forgery: found for forgery, found in values.items() if found}
        apart = [forgery for forgery, found in fakes.items() if accuracy(reals, found) >= _TOLD]
        if not apart and accuracy(reals, _joined(fakes.values())) >= _TOLD:  # a forgery may be too few for a verdict
            apart = list(fakes)
        if apart:
            whose = "" if len(apart) == len(fakes) else f" of {_some(apart)}"
            words = _words(trait, reals, _joined(fakes[forgery] for forgery in apart), whose)
            findings[trait] = Finding(SHORTCUTS, WARNING, words)
    return list(findings.values())


def accuracy(reals: Sequence[str], fakes: Sequence[str]) -> float:
    """How well a trait alone tells reals from fakes.

    The best rule calls a value fake if its share among fakes is larger than among reals. Its balanced accuracy is
    (1 + V) / 2, with the total variation V = sum(|p - q|) / 2 between the shares. Few files of many values differ by
    chance, so that V is compared with 999 shuffles of the labels: it counts if it is above all of them (a data set of
    many forgeries is compared some hundred times), and then as (V - C) / (1 - C), where C is their mean.

    Args:
        reals: the trait's value for each real.
        fakes: likewise.

    Returns:
        Of 0.5 (nothing beyond chance) to 1; for the files at hand 0.5 too if they are too few to tell.
    """
    if not reals or not fakes:
        return 0.5
    _, codes = np.unique([*reals, *fakes], return_inverse=True)
    both = np.bincount(codes)
    real = np.bincount(codes[: len(reals)], minlength=len(both))
    # Shuffling labels and counting draws the reals from all files without replacement.
    draw = np.random.default_rng(0).multivariate_hypergeometric
    shuffled = draw(both, len(reals), size=_SHUFFLES, method="marginals")
    found, chance = _variation(real, both), _variation(shuffled, both)
    if found <= chance.max():
        return 0.5
    return float(1 + (found - chance.mean()) / (1 - chance.mean())) / 2


def _variation(real: np.ndarray, both: np.ndarray) -> np.ndarray:
    """Total variation between reals and fakes, from int counts per value [..., V] of reals and [V] of all."""
    fake = both - real
    shares = real / real.sum(axis=-1, keepdims=True) - fake / fake.sum(axis=-1, keepdims=True)
    return np.abs(shares).sum(axis=-1) / 2


def _words(trait: str, reals: Sequence[str], fakes: Sequence[str], whose: str) -> str:
    real, fake = ({value: n / len(found) for value, n in Counter(found).items()} for found in (reals, fakes))
    excess = {value: fake.get(value, 0.0) - real.get(value, 0.0) for value in {**real, **fake}}
    usual = "; ".join(
        f"{real.get(value, 0):.0%} of reals and {fake.get(value, 0):.0%} of fakes: {value}"
        for value in (min(excess, key=excess.get), max(excess, key=excess.get))
    )
    return (
        f"reals and fakes{whose} differ in {trait} ({usual}), which alone tells {accuracy(reals, fakes):.0%} of them "
        "right (50% is chance): a detector may learn that; make them alike"
    )


def _joined(values: Iterable[Sequence[str]]) -> list[str]:
    return [value for found in values for value in found]


def _some(forgeries: Sequence[str]) -> str:
    if len(forgeries) > _NAMED:
        return f"{', '.join(forgeries[:_NAMED])} and {number(len(forgeries) - _NAMED, 'more forgeries')}"
    return ", ".join(forgeries)

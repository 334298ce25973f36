"""The audit of a data set's tree before it is prepared: every subject in turn."""

import dataclasses
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence

from dfdetect_jax.data.audit import alike, duplicates, mask_findings, shortcuts, unreadable
from dfdetect_jax.data.audit.finding import TREE, WARNING, Finding, Progress, Stage, in_order, number, unseen
from dfdetect_jax.data.catalog.listing import Found
from dfdetect_jax.data.example import SPLITS, Clip, Label


@dataclasses.dataclass(frozen=True)
class Audit:
    """What came of an audit.

    Attributes:
        counts: per split and forgery, from `clip_counts`.
        findings: in the order of `finding.in_order`.
        stages: what was looked at, in the order that it was.
    """

    counts: dict[str, dict[str, dict[str, int | None]]]
    findings: list[Finding]
    stages: list[Stage]


def audit_tree(found: Found, progress: Progress = unseen) -> Audit:
    """Looks at the clips that a catalog found.

    Time grows with the number of files that are opened; how they were saved, and masks, are looked at in samples.
    Memory is about 4 KB per clip.
    """
    clips, stages, started = found.clips, [], time.monotonic()

    def done(words: str) -> None:
        nonlocal started
        stages.append(Stage(words, time.monotonic() - started))
        started = time.monotonic()

    findings, prints = unreadable.open_clips(clips, alike.fingerprint, progress)
    done(f"opened {number(len(clips), 'clips')} with their masks and sources")
    copies = duplicates.find_copies(clips, progress)
    done(f"hashed {number(copies.hashed, 'clips')} that have the size of another")
    likes = alike.look_alike_findings(clips, prints, duplicates.across_splits(clips, copies))
    done(f"compared pictures across splits, one of each of {number(sum(p is not None for p in prints), 'clips')}")
    traits = shortcuts.sample_traits(clips, progress)
    telling = shortcuts.shortcut_findings(traits)
    fakes = sum(len(of_forgery) for forgery, of_forgery in traits.items() if forgery)
    done(f"traits of {number(len(traits.get('', [])), 'reals')} and {number(fakes, 'fakes')}")
    misfits, looked_at = mask_findings.mask_findings(clips, progress)
    done(f"looked at {number(looked_at, 'masks')}")
    told = [Finding(TREE, WARNING, words) for words in found.findings]
    told += [*findings, *duplicates.copy_findings(clips, copies), *likes, *telling, *misfits]
    return Audit(clip_counts(clips), in_order(told), stages)


def clip_counts(clips: Iterable[Clip]) -> dict[str, dict[str, dict[str, int | None]]]:
    """{split: {forgery: {"clips", "with mask", "source known", "files"}}}, `""` for reals.

    Reals have neither mask nor source: None. Files: more than clips where clips are folders of pictures.
    """
    by_place: dict[tuple[str, str], list[Clip]] = defaultdict(list)
    for clip in clips:
        by_place[clip.split, clip.forgery].append(clip)
    counts: dict = defaultdict(dict)
    for (split, forgery), group in sorted(by_place.items(), key=lambda row: (SPLITS.index(row[0][0]), row[0][1])):
        counts[split][forgery] = _counts(group)
    return dict(counts)


def _counts(group: Sequence[Clip]) -> dict[str, int | None]:
    real = all(clip.label == Label.REAL for clip in group)
    return {
        "clips": len(group),
        "with mask": None if real else sum(clip.mask_media is not None for clip in group),
        "source known": None if real else sum(clip.source_path is not None for clip in group),
        "files": sum(len(clip.frames) or 1 for clip in group),
    }

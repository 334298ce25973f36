"""The audit of a data set's tree before it is prepared: every subject in turn."""

import time
from collections import defaultdict
from collections.abc import Iterable, Sequence

from dfdetect_jax.data.audit import duplicates, look_alikes, mask_audit, readability, shortcuts
from dfdetect_jax.data.audit.outcome import Audit, Counts, Progress, Stage, no_progress
from dfdetect_jax.data.example import SPLITS, Clip, Label
from dfdetect_jax.data.finding import in_report_order, quantity
from dfdetect_jax.data.trees.listing import Listing


class _Stages:
    """Stages with the time that each took."""

    def __init__(self) -> None:
        self.stages: list[Stage] = []
        self._begin = time.monotonic()

    def end(self, words: str) -> None:
        """Ends a stage; the next one begins."""
        now = time.monotonic()
        self.stages.append(Stage(words, now - self._begin))
        self._begin = now


def audit_tree(listing: Listing, progress: Progress = no_progress) -> Audit:
    """Examines the clips of a catalog.

    Time grows with the number of files that are opened; how they were saved, and masks, are examined in samples.
    Memory is about 4 KB per clip.
    """
    clips, findings, stages = listing.clips, list(listing.findings), _Stages()
    file_findings, prints = readability.open_clips(clips, look_alikes.fingerprint, progress)
    stages.end(f"opened {quantity(len(clips), 'clips')} with their masks and sources")
    copies = duplicates.find_copies(clips, progress)
    stages.end(f"hashed {quantity(copies.hashed, 'clips')} that have the size of another")
    findings += [*file_findings, *duplicates.copy_findings(clips, copies)]
    findings += look_alikes.look_alike_findings(clips, prints, duplicates.across_splits(clips, copies))
    with_print = sum(fingerprint is not None for fingerprint in prints)
    stages.end(f"compared pictures across splits, one of each of {quantity(with_print, 'clips')}")
    traits = shortcuts.sample_traits(clips, progress)
    findings += shortcuts.shortcut_findings(traits)
    fakes = sum(len(values) for forgery, values in traits.items() if forgery)
    stages.end(f"read the traits of {quantity(len(traits.get('', [])), 'reals')} and {quantity(fakes, 'fakes')}")
    mask_findings, masks = mask_audit.mask_findings(clips, progress)
    stages.end(f"examined {quantity(masks, 'masks')}")
    return Audit(clip_counts(clips), in_report_order([*findings, *mask_findings]), stages.stages)


def clip_counts(clips: Iterable[Clip]) -> Counts:
    """{split: {forgery: {"clips", "with mask", "source known", "files"}}}, `""` for reals.

    Reals have neither mask nor source: None. Files: more than clips where clips are folders of pictures.
    """
    groups: dict[tuple[str, str], list[Clip]] = defaultdict(list)
    for clip in clips:
        groups[clip.split, clip.forgery].append(clip)
    counts: Counts = defaultdict(dict)
    for (split, forgery), group in sorted(groups.items(), key=lambda row: (SPLITS.index(row[0][0]), row[0][1])):
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

"""Masks that do not fit their clips."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from dfdetect_jax.data.audit.outcome import Progress, no_progress
from dfdetect_jax.data.audit.sampling import sample_clips
from dfdetect_jax.data.clip_masks import REFUSED, TWO_VALUED, review_mask
from dfdetect_jax.data.example import Clip, Label
from dfdetect_jax.data.finding import Finding, Severity, Subject, example_of, quantity
from dfdetect_jax.devices.host import processors
from dfdetect_jax.errors import BadMediaError

SAMPLE = 100  # masks of each forgery that are examined

_WORDS = {
    **{kind: f"{what}, so they are not used; {advice}" for kind, (what, advice) in REFUSED.items()},
    "white": "white on nearly all of the picture: correct only where the whole picture is generated",
    "grey": "partly grey: pixels of at least half brightness will count as forged",
    TWO_VALUED: "black and one dark value: that value will count as forged",
    "shorter": "with fewer frames than their clip: the frames beyond their end have no mask",
}
_SEVERITIES = {**dict.fromkeys(REFUSED, Severity.ERROR), TWO_VALUED: Severity.NOTE}


def mask_findings(clips: Sequence[Clip], progress: Progress = no_progress) -> tuple[list[Finding], int]:
    """Examines up to `SAMPLE` masks of each forgery, of a video a few frames.

    Masks that can't be read are left to `readability.open_clips`.

    Returns:
        A finding per kind of misfit, and the number of masks examined.
    """
    masked = [clip for clip in clips if clip.label == Label.FAKE and clip.mask_media]
    forgeries = sorted({clip.forgery for clip in masked})
    sample = [c for forgery in forgeries for c in sample_clips((m for m in masked if m.forgery == forgery), SAMPLE)]
    advance = progress("examining masks", len(sample))

    def examine(clip: Clip) -> dict[str, str]:
        try:
            return review_mask(clip).misfits
        except BadMediaError:
            return {}
        finally:
            advance()

    with ThreadPoolExecutor(processors()) as threads:
        results = list(zip(sample, threads.map(examine, sample), strict=True))
    findings = []
    for kind, words in _WORDS.items():
        examples = [f"{clip.video}{details[kind]}" for clip, details in results if kind in details]
        if examples:
            counts = f"{len(examples):,} of {quantity(len(sample), 'masks')} examined"
            words = f"{counts}: {words}; {example_of(examples)}"
            findings.append(Finding(Subject.MASKS, _SEVERITIES.get(kind, Severity.WARNING), words))
    return findings + _gap_findings(masked), len(sample)


def _gap_findings(masked: Sequence[Clip]) -> list[Finding]:
    """A note about folders of pictures in which only some pictures have a mask."""
    gaps = [clip for clip in masked if clip.frames and not all(clip.masks)]
    if not gaps:
        return []
    example = example_of([f"{clip.video} ({clip.masks.count('')} of {len(clip.masks)} pictures)" for clip in gaps])
    words = f"{quantity(len(gaps), 'clips')} without masks for some pictures: {example}"
    return [Finding(Subject.MASKS, Severity.NOTE, words)]

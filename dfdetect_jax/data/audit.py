"""What `check` looks for: what a data set's tree lacks before hours are spent on it, and what is wrong with records."""

import hashlib
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from dfdetect_jax.data import records
from dfdetect_jax.data.example import FAKE, REAL, SPLITS, Clip
from dfdetect_jax.errors import BadMediaError, RecordsError
from dfdetect_jax.media.image import media_kind, read_image
from dfdetect_jax.media.video import probe, read_frames

_ALIKE = 0.5  # reals and fakes "differ" in a trait if their distributions overlap by less than this share
_SAMPLE = 200  # photographs per label whose compression is compared


def clip_findings(clips: Sequence[Clip], advance: Callable[[], None] = lambda: None) -> list[str]:
    """Opens every clip, its mask and its source; returns in words what can't be read.

    Args:
        clips: to look at.
        advance: called after each, for a progress bar.
    """

    def opened(clip: Clip) -> list[str]:
        found = [_unreadable(clip, role, path) for role, path in _files(clip)]
        advance()
        return [finding for finding in found if finding]

    with ThreadPoolExecutor(os.cpu_count()) as threads:
        return [finding for found in threads.map(opened, clips) for finding in found]


def telltale_findings(clips: Sequence[Clip]) -> list[str]:
    """Traits of photographs that tell reals from fakes without looking at faces: size, format, JPEG quality.

    A detector trained on such a set learns the trait, and fails elsewhere.
    """
    photographs = defaultdict(list)
    for clip in sorted(clips, key=lambda clip: hashlib.sha256(clip.video.encode()).digest()):
        if len(photographs[clip.label]) < _SAMPLE and (trait := _traits(clip.path)):
            photographs[clip.label].append(trait)
    if not photographs[REAL] or not photographs[FAKE]:
        return []
    findings = []
    for place, name in enumerate(("size", "format and JPEG quality")):
        real, fake = (Counter(trait[place] for trait in photographs[label]) for label in (REAL, FAKE))
        overlap = sum(min(real[trait] / real.total(), fake[trait] / fake.total()) for trait in real)
        if overlap < _ALIKE:
            usual = f"reals mostly {real.most_common(1)[0][0]}, fakes {fake.most_common(1)[0][0]}"
            findings.append(f"reals and fakes differ in {name} ({usual}): a detector may learn that; make them alike")
    return findings


def clip_counts(clips: Iterable[Clip]) -> dict[str, dict[str, dict[str, int]]]:
    """{split: {method: {"clips": n}}}, `""` for reals, as in the manifest."""
    counted = Counter((clip.split, clip.method) for clip in clips)
    rows = sorted(counted.items(), key=lambda row: (SPLITS.index(row[0][0]), row[0][1]))
    counts: dict = defaultdict(dict)
    for (split, method), count in rows:
        counts[split][method] = {"clips": count}
    return counts


def record_findings(folder: str | Path) -> list[str]:
    """What is wrong with a folder of records: files that changed, identities in two splits, an index that disagrees.

    Raises:
        RecordsError: there is no readable manifest.
    """
    findings = records.verify(folder)
    if findings:
        return findings
    manifest, split_of = records.read_manifest(folder), {}
    shared = set()
    for split in manifest.shards:
        source = records.Records(folder, split)
        methods, wrong = source.methods, 0
        for i in range(len(source)):
            try:
                fields = source.names(i)
            except RecordsError as error:
                findings.append(f"{split}, record {i}: {error}")
                continue
            wrong += fields["method"] != methods[i] or fields["split"] != split
            if split_of.setdefault(fields["identity"], split) != split:
                shared.add(fields["identity"])
        if wrong:
            findings.append(f"{split}: {wrong} records are not what the index says")
    if shared:
        findings.append(f"{len(shared)} identities are in more than one split, such as {min(shared)}")
    return findings


def _files(clip: Clip) -> list[tuple[str, str]]:
    roles = (("clip", clip.path), ("mask", clip.mask_path), ("source", clip.source_path))
    return [(role, path) for role, path in roles if path]


def _unreadable(clip: Clip, role: str, path: str) -> str | None:
    try:
        if media_kind(path) == "image":
            read_image(path)
        else:
            probe(path)
            next(read_frames(path, [0]), None)
    except BadMediaError as error:
        return f"{clip.video}: {role} can't be read: {error}"
    return None


def _traits(path: str) -> tuple[str, str] | None:
    """Size and compression of a photograph in words; None for videos and what can't be opened."""
    try:
        if media_kind(path) != "image":
            return None
        with Image.open(path) as picture:
            quality = ""
            if picture.format == "JPEG":
                quality = f" with mean quantisation step {np.mean(picture.quantization[0]):.1f}"
            return f"{picture.width}x{picture.height}", f"{picture.format}{quality}"
    except (BadMediaError, OSError, Image.DecompressionBombError):
        return None

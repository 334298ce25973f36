"""From a data set's tree on disk to clips: one module per data set.

Each has `NAME`, `OPTIONS` (which of `Options` it takes) and `find_clips(root, **options)`.
"""

import dataclasses
from pathlib import Path

from dfdetect_jax.data.catalog import (
    celeba,
    celebdf,
    deeperforensics,
    deepfakebench,
    df40,
    dfdc,
    dfdc_preview,
    faceforensics,
    folder,
    forged_images,
    inpainting,
    uadfv,
    wilddeepfake,
)
from dfdetect_jax.data.catalog.listing import Found
from dfdetect_jax.data.catalog.splits import keep_apart, lacking_splits, split_by_identity

_MODULES = (
    celeba,
    celebdf,
    deepfakebench,
    deeperforensics,
    df40,
    dfdc,
    dfdc_preview,
    faceforensics,
    folder,
    forged_images,
    inpainting,
    uadfv,
    wilddeepfake,
)
CATALOGS = {module.NAME: module for module in _MODULES}
OFFICIAL, BY_IDENTITY = "official", "identity"
SPLITTINGS = (OFFICIAL, BY_IDENTITY)


@dataclasses.dataclass(frozen=True)
class Options:
    """What some catalogs need to know beside the root.

    Attributes:
        splits: "official" for the data set's own (by hashed identity where it ships none); "identity" to split anew by
            hashed identity.
        compression: of the FaceForensics++ family: "raw", "c23" or "c40".
        reals: folder of the reals, for data sets that borrow another's.
        json: file that lists the clips, for data sets in DeepfakeBench's form.
    """

    splits: str = OFFICIAL
    compression: str = "c23"
    reals: str = ""
    json: str = ""


def options_of(name: str, options: Options) -> dict[str, str]:
    """Those of `options` that bear on a data set's clips."""
    return {key: getattr(options, key) for key in CATALOGS[name].OPTIONS}


def find_clips(name: str, root: Path, options: Options) -> Found:
    """Lists a data set's clips, in splits that share no identity, donor, source or video.

    Raises:
        RecordsError: the tree is not what the data set's should be.
    """
    found = CATALOGS[name].find_clips(root, **options_of(name, options))
    findings = list(found.findings)
    clips = found.clips
    if options.splits == BY_IDENTITY:
        again = split_by_identity(clips)
        clips, findings = again.clips, findings + again.findings
    apart = keep_apart(clips)
    findings += apart.findings
    if apart.findings and options.splits == OFFICIAL:
        findings.append('splits: for the official ones some clips had to go; "--splits identity" splits all anew')
    return Found(apart.clips, findings + lacking_splits(apart.clips))

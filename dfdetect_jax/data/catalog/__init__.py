"""Catalogs: from a data set's tree on disk to its clips, one module per data set.

To add a data set, add a module here, and a tree with tests to `tests/data`. It is found by its name, and imported only
when that data set is read. A module `dfdetect_jax/data/catalog/mine.py` has

    NAME = "mine"                       the module's name, as `--dataset` takes it
    OPTIONS = ("reals",)                the fields of `Options` that `find_clips` takes; often none
    def find_clips(root: Path, reals: str = "") -> Listing: ...

`find_clips` lists every clip with its split, identity and, where known, donor, source and mask (see `Clip`). It opens
no media. It raises `RecordsError` where the tree is not the data set's; missing or unexpected files are findings.
It need not keep people apart or miss a class: the `find_clips` below drops clips until no person, source or video is
in two splits, and reports where reals or fakes are missing. `prepare` refuses a tree with a finding that is an error.
`data/trees` has what catalogs share.
"""

import importlib
import itertools
import os
import pkgutil
from pathlib import Path
from typing import Any, Protocol, cast

from dfdetect_jax.data.catalog_options import BY_IDENTITY, OFFICIAL, SPLITTINGS, Options
from dfdetect_jax.data.example import Clip
from dfdetect_jax.data.trees.findings import NOT_TEXT, missing_classes, note, warnings
from dfdetect_jax.data.trees.layout import is_text
from dfdetect_jax.data.trees.listing import Listing
from dfdetect_jax.data.trees.splits import empty_splits, keep_apart, split_by_identity
from dfdetect_jax.errors import SettingsError

__all__ = ["BY_IDENTITY", "NAMES", "OFFICIAL", "SPLITTINGS", "Catalog", "Options", "find_clips", "load", "options_of"]

NAMES = tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


class Catalog(Protocol):
    """What a module of this package has."""

    NAME: str
    OPTIONS: tuple[str, ...]

    def find_clips(self, root: Path, **options: Any) -> Listing:
        """Lists the clips of the tree at `root`."""


def load(name: str) -> Catalog:
    """Imports the catalog of a data set.

    Raises:
        SettingsError: there is none of that name.
    """
    if name not in NAMES:
        raise SettingsError(f'dataset: expected one of {", ".join(NAMES)}, found "{name}"')
    return cast(Catalog, importlib.import_module(f"{__name__}.{name}"))


def options_of(name: str, options: Options) -> dict[str, Any]:
    """The part of `options` that a data set's catalog takes."""
    return {key: getattr(options, key) for key in load(name).OPTIONS}


def find_clips(name: str, root: Path, options: Options) -> Listing:
    """Lists a data set's clips, in splits that share no identity, donor, source or video.

    Clips with names that are not UTF-8, which records can't hold, are left out.

    Raises:
        SettingsError: there is no such data set.
        RecordsError: the tree is not that data set's.
    """
    listing = load(name).find_clips(root, **options_of(name, options))
    in_text = [_is_named_in_text(clip) for clip in listing.clips]
    clips = list(itertools.compress(listing.clips, in_text))
    unnamed = [clip.video for clip, known in zip(listing.clips, in_text, strict=True) if not known]
    findings = listing.findings + warnings(root.name, NOT_TEXT, unnamed)
    if options.splits == BY_IDENTITY:
        split = split_by_identity(clips)
        clips, findings = split.clips, findings + split.findings
    apart = keep_apart(clips)
    findings += apart.findings
    if apart.findings and options.splits == OFFICIAL:
        words = "the official splits share people, so some clips are left out; --splits identity splits anew"
        findings.append(note(f"splits: {words}"))
    findings += missing_classes(apart.clips, options.allow_one_class)
    return Listing(apart.clips, findings + empty_splits(apart.clips, clips))


def _is_named_in_text(clip: Clip) -> bool:
    files = (os.path.basename(path) for path in (clip.path, *clip.frames, *clip.masks))
    return is_text("".join([clip.video, clip.forgery, clip.identity, clip.donor, clip.source, *files]))

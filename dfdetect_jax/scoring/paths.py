"""Which files to score: paths from a command line or a list, folders searched, each file once."""

import collections
import os
from collections.abc import Iterable, Iterator

from dfdetect_jax.scoring.folder_search import PassedOver, Why, search
from dfdetect_jax.scoring.media_frames import Unreadable
from dfdetect_jax.scoring.path_set import PathSet
from dfdetect_jax.shares import Share


def media_files(
    paths: Iterable[str],
    share: Share = Share(),  # noqa: B008 (immutable)
    passed_over: collections.Counter[Why] | None = None,
) -> Iterator[str | Unreadable]:
    """The files to score: the given ones, and in folders, searched recursively, all photographs and videos.

    Each file comes once, under the first path that leads to it; two hard links are two files. Folders come in the order
    of their names, see `folder_search.search`. A missing path is yielded too, so that the reader reports it, and a
    given folder without media as unreadable.

    Args:
        paths: files and folders, read as they are needed.
        share: files of other shares are passed over.
        passed_over: what is neither scored nor unreadable is counted in it.
    """
    passed_over = collections.Counter() if passed_over is None else passed_over
    files, folders = PathSet(), PathSet()
    for given in paths:
        for entry in _searched(given, folders) if os.path.isdir(given) else [given]:
            path = entry if isinstance(entry, str) else entry.path
            mine = share.has(path)
            if isinstance(entry, PassedOver):
                passed_over[entry.why] += mine
            elif not files.add(_resolved(path)):
                passed_over[Why.SAME_FILE] += mine
            elif mine:
                yield entry
            else:
                passed_over[Why.OTHER_SHARE] += 1


def _searched(folder: str, folders: PathSet) -> Iterator[str | Unreadable | PassedOver]:
    """What `search` yields; after it the folder itself, where there was nothing to score or to report."""
    empty = True
    for entry in search(folder, folders):
        empty = empty and isinstance(entry, PassedOver) and entry.why != Why.SAME_FOLDER
        yield entry
    if empty:
        yield Unreadable(folder, "expected photographs or videos in this folder, found none")


def _resolved(path: str) -> str:
    """A link to a file as the file; links among the folders are resolved by `PathSet`."""
    try:
        return os.path.realpath(path) if os.path.islink(path) else path
    except OSError:  # such as a link that only another user may follow
        return path

"""Short, distinct names of run folders."""

from collections.abc import Sequence
from pathlib import Path

from dfdetect_jax.errors import RunError


def short_names(folders: Sequence[str | Path]) -> list[str]:
    """A short name for each run: its folder's, with as many parent folders as it takes to make them distinct.

    Raises:
        RunError: a folder is given twice.
    """
    paths = [Path(folder).resolve() for folder in folders]
    twice = next((path for i, path in enumerate(paths) if path in paths[:i]), None)
    if twice:
        raise RunError(f"{twice}: expected each run once, found it twice; give it once")
    for depth in range(1, max(len(path.parts) for path in paths) + 1):
        names = ["/".join(path.parts[-depth:]) for path in paths]
        if len(set(names)) == len(names):
            return names
    raise AssertionError("distinct paths have distinct names")

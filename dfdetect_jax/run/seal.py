"""The seal of a checkpoint: the SHA-256 of each of its files, and the validation results that it was saved with.

What is not sealed is not looked at: a stray file in a checkpoint's folder takes nothing from it. The results stand in
the checkpoint's own metadata too, whose digest the seal has, so that one can't be changed without the other.
"""

import contextlib
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from dfdetect_jax import files

SEAL = "seal.json"
CHECKPOINTS = "checkpoints"  # in the run folder
RESULTS = "results"  # among the custom metadata of Orbax
_LONGEST_PATH = 250  # characters, in a checkpoint; a longer one may be no path at all
_METADATA = "_CHECKPOINT_METADATA"
Metrics = dict[str, float | None]


class Seal(NamedTuple):
    """What a seal says.

    Attributes:
        metrics: "threshold" in [0, 1], "val_auc" in [0, 1] or None, "stage", and others.
        sha256: digest by path, relative to the checkpoint's folder.
    """

    metrics: Metrics
    sha256: dict[str, str]


class DoubtError(Exception):
    """A checkpoint is not known to be as it was saved. Its text is the reason, as the end of a sentence."""


class UnsealedError(DoubtError):
    """A checkpoint has no seal: its run was killed before it was sealed, or the seal was removed."""


def is_step(name: str) -> bool:
    """Whether a folder of this name may be a checkpoint: it is a plain number; "0800" is none."""
    return name.isascii() and name.isdecimal() and (name == "0" or not name.startswith("0"))


def step_folders(folder: Path) -> dict[int, Path]:
    """Folders of checkpoints by step; links and files are none."""
    paths = folder.iterdir() if folder.is_dir() else ()
    return {int(path.name): path for path in paths if is_step(path.name) and _is_plain_folder(path)}


def write(step_folder: Path, metrics: Metrics) -> None:
    """Seals a checkpoint that is complete."""
    paths = sorted(path for path in step_folder.rglob("*") if path.is_file() and path.name != SEAL)
    digests = {path.relative_to(step_folder).as_posix(): files.sha256_file(path) for path in paths}
    files.write_json(step_folder / SEAL, {"metrics": metrics, "sha256": digests})


def read(step_folder: Path) -> Seal:
    """What a seal says, without comparing files with it.

    Raises:
        DoubtError: there is none, or it says nothing that can be used.
    """
    if not (step_folder / SEAL).exists():
        raise UnsealedError(f"it has no {SEAL}")
    try:
        content = files.read_json(step_folder / SEAL)
    except (ValueError, OSError) as error:
        raise DoubtError(f"its {SEAL} can't be read ({error})") from error
    fields: dict[str, Any] = content if isinstance(content, dict) else {}
    metrics: Any = fields.get("metrics")
    digests: Any = fields.get("sha256")
    if not (_are_metrics(metrics) and _are_digests(digests)):
        raise DoubtError(f"its {SEAL} lacks results or digests that can be used")
    return Seal(metrics, digests)


def verify(step_folder: Path) -> Seal:
    """The seal of a checkpoint whose files are all as they were saved.

    Raises:
        DoubtError: they are not, or there is no seal that can be used.
    """
    seal = read(step_folder)
    for name, digest in seal.sha256.items():
        path = step_folder / name
        if not _is_plain_file(step_folder, name) or files.sha256_file(path) != digest:
            raise DoubtError(f"{name} is missing or differs from what was saved")
    saved = saved_results(step_folder)
    if saved is not None and saved != seal.metrics:
        raise DoubtError(f"the results in its {SEAL} differ from those that were saved")
    return seal


def saved_results(step_folder: Path) -> Metrics | None:
    """The validation results in a checkpoint's own metadata; None in one written by version 0.1.0, or a damaged one."""
    try:
        content = files.read_json(step_folder / _METADATA)
        results = content["custom_metadata"][RESULTS]
    except (ValueError, OSError, KeyError, TypeError):
        return None
    return results if _are_metrics(results) else None


def sealed_steps(folder: Path) -> dict[int, Metrics]:
    """The steps that carry a seal, with the metrics in it; anything else in `folder` is passed over."""
    sealed: dict[int, Metrics] = {}
    for step, path in step_folders(folder).items():
        with contextlib.suppress(DoubtError):
            sealed[step] = read(path).metrics
    return sealed


def quality(metrics: Metrics) -> float:
    """Rises with "val_auc", and more from one stage to the next, which has learnt what the one before had not."""
    auc = metrics.get("val_auc")
    return 2.0 * (metrics.get("stage") or 1) + (-1.0 if auc is None else auc)


def looks_like_a_checkpoint(step_folder: Path) -> bool:
    """Whether this library wrote a folder, be it damaged now."""
    return any((step_folder / name).exists() for name in (SEAL, _METADATA, "state", "variables"))


def _are_metrics(metrics: Any) -> bool:
    if not isinstance(metrics, dict) or not all(value is None or _is_finite(value) for value in metrics.values()):
        return False
    threshold, auc, stage = metrics.get("threshold"), metrics.get("val_auc"), metrics.get("stage")
    shares = [value for value in (threshold, auc) if value is not None]
    return threshold is not None and all(0 <= value <= 1 for value in shares) and stage in (None, 1, 2)


def _is_finite(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) < 1e300  # an integer may be beyond every float


def _are_digests(digests: Any) -> bool:
    return isinstance(digests, dict) and bool(digests) and all(map(_is_inside, digests))


def _is_inside(name: str) -> bool:
    """Whether a path stays in its folder."""
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts and "\0" not in name and len(name) <= _LONGEST_PATH


def _is_plain_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _is_plain_file(folder: Path, name: str) -> bool:
    """Whether there is a file of its own, neither a link nor below one."""
    path = folder / name
    links = [parent for parent in (path, *path.parents) if folder in parent.parents and parent.is_symlink()]
    return path.is_file() and not links

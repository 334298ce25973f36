"""Frame scores as columns: collected from batches, written to and read from `scores.csv`."""

import csv
import dataclasses
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from dfdetect_jax import files
from dfdetect_jax.errors import RunError

COLUMNS = ("dataset", "split", "forgery", "video", "identity", "frame", "label", "score")
_NUMBERS = {"frame": np.int64, "label": np.int32, "score": np.float64}


@dataclasses.dataclass(frozen=True, kw_only=True)
class FrameScores:
    """One row per frame, in the order they were scored. All columns are arrays [N].

    Attributes:
        dataset, split, forgery, video, identity: str, as in `Example`; `forgery` is `""` for reals.
        frame: int64, index of the frame in its clip.
        label: int32, 0 real, 1 fake.
        score: float64 in [0, 1], higher is more likely fake.
    """

    dataset: np.ndarray
    split: np.ndarray
    forgery: np.ndarray
    video: np.ndarray
    identity: np.ndarray
    frame: np.ndarray
    label: np.ndarray
    score: np.ndarray

    def __len__(self) -> int:
        return len(self.score)

    def __getitem__(self, rows: slice | np.ndarray | Sequence[int]) -> "FrameScores":
        """The rows that a slice, an index array or a boolean array selects."""
        return FrameScores(**{name: getattr(self, name)[rows] for name in COLUMNS})

    def replace(self, **columns: np.ndarray) -> "FrameScores":
        """The same rows with other values in some columns."""
        return dataclasses.replace(self, **columns)


def from_columns(columns: Mapping[str, Sequence[Any] | np.ndarray]) -> FrameScores:
    """`FrameScores` from one sequence per column, each converted to its column's type."""
    return FrameScores(**{name: np.asarray(columns[name], _NUMBERS.get(name, np.str_)) for name in COLUMNS})


def concatenate(parts: Sequence[FrameScores]) -> FrameScores:
    """All rows of `parts`, one after the other."""
    if not parts:
        return from_columns({name: [] for name in COLUMNS})
    return FrameScores(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in COLUMNS})


def score_frames(score: Callable[[np.ndarray], np.ndarray], batches: Iterable[Mapping[str, np.ndarray]]) -> FrameScores:
    """Scores every row of `batches` that is no padding.

    Args:
        score: uint8 [N, H, W, 3] -> float [N] in [0, 1].
        batches: from `data.pipeline.eval_batches`; rows with `valid` 0 are padding and left out.
    """
    return concatenate([from_batch(batch, score(batch["image"])) for batch in batches])


def from_batch(batch: Mapping[str, np.ndarray], scores: np.ndarray) -> FrameScores:
    """The rows of one batch with their scores, float [N]; rows with `valid` 0 are left out."""
    rows = np.asarray(batch["valid"]) > 0
    columns = {name: np.asarray(batch[name])[rows] for name in COLUMNS if name != "score"}
    return from_columns({**columns, "score": np.asarray(scores, np.float64)[rows]})


def write_scores(path: str | os.PathLike[str], scores: FrameScores) -> None:
    """Writes `scores` as CSV with a header, atomically; every score reads back to the same bits.

    Raises:
        OSError: the file can't be written.
    """
    with files.replacing(path) as partial, open(partial, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows(zip(*(getattr(scores, name).tolist() for name in COLUMNS), strict=True))


def read_scores(path: str | os.PathLike[str]) -> FrameScores:
    """Reads what `write_scores` wrote.

    Raises:
        RunError: the file is missing, or is no table of scores.
    """
    try:
        with open(path, newline="", encoding="utf-8") as file:
            header, *rows = csv.reader(file)
            header = ["forgery" if name == "method" else name for name in header]  # as 0.1 called it
            if tuple(header) != COLUMNS:
                raise ValueError(f"found columns {', '.join(header)}")
            columns: list[tuple[str, ...]] = list(zip(*rows, strict=True)) or [()] * len(COLUMNS)
            return from_columns(dict(zip(COLUMNS, columns, strict=True)))
    except (OSError, ValueError) as error:
        raise RunError(
            f"{path}: expected a table of scores with columns {', '.join(COLUMNS)}; {error}; evaluate again"
        ) from error

"""Batches of few shapes, so that few programs are compiled. NumPy alone."""

from collections.abc import Iterator, Mapping

import numpy as np

PREDICT_BATCH = 32  # images that a detector scores in one call, at most


def padded_batches(
    arrays: Mapping[str, np.ndarray], size: int, *, least: int | None = None
) -> Iterator[tuple[dict[str, np.ndarray], int]]:
    """Cuts arrays into batches along their first axis, the last one padded with zeros.

    Args:
        arrays: by name, each [N, ...].
        size: examples per batch, at most.
        least: a batch's length is the smallest of least, 2 * least, 4 * least, ... that holds its examples; None for
            `size`, so that all batches have one shape.

    Yields:
        The batch, {name: [length, ...]} with the dtypes of `arrays`, and how many of its examples are real: the first
        ones. For N = 0 one batch of none, so that a caller learns the shapes of what it computes.
    """
    total = len(next(iter(arrays.values())))
    for start in range(0, max(total, 1), size):
        count = min(size, total - start)
        length = size if least is None else _doubled(least, count)
        yield {name: _padded(array[start : start + count], length) for name, array in arrays.items()}, count


def _doubled(least: int, count: int) -> int:
    """The smallest of least, 2 * least, 4 * least, ... that is at least `count`."""
    return least << (-(-max(count, 1) // least) - 1).bit_length()


def _padded(array: np.ndarray, length: int) -> np.ndarray:
    """[n, ...] to [length, ...], zeros behind; the array itself if it has that length."""
    if len(array) == length:
        return array
    padded = np.zeros((length, *array.shape[1:]), array.dtype)
    padded[: len(array)] = array
    return padded

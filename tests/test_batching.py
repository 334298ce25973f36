import numpy as np
import pytest

from dfdetect_jax.batching import padded_batches


def lengths(total, size, least=None):
    """(length, real examples) of each batch."""
    batches = padded_batches({"x": np.zeros(total)}, size, least=least)
    return [(len(batch["x"]), count) for batch, count in batches]


def test_batches_without_their_padding_are_the_arrays():
    arrays = {"image": np.arange(7 * 6, dtype=np.uint8).reshape(7, 2, 3), "label": np.arange(7, dtype=np.int32)}
    batches = list(padded_batches(arrays, 3))
    assert [count for _, count in batches] == [3, 3, 1]
    for name, array in arrays.items():
        parts = [batch[name] for batch, _ in batches]
        assert {(part.shape, part.dtype) for part in parts} == {((3, *array.shape[1:]), array.dtype)}
        np.testing.assert_array_equal(np.concatenate([batch[name][:count] for batch, count in batches]), array)
        assert not parts[-1][1:].any()


@pytest.mark.parametrize(
    ("total", "least", "expected"),
    [
        (70, None, [(32, 32), (32, 32), (32, 6)]),
        (70, 2, [(32, 32), (32, 32), (8, 6)]),
        (1, 2, [(2, 1)]),
        (4, 1, [(4, 4)]),
        (32, 3, [(48, 32)]),
        (12, 3, [(12, 12)]),
        (13, 3, [(24, 13)]),
    ],
)
def test_the_last_batch_is_the_smallest_doubling_that_holds_it(total, least, expected):
    assert lengths(total, 32, least) == expected


def test_no_examples_make_one_batch_of_none():
    assert lengths(0, 4) == [(4, 0)]
    assert lengths(0, 4, least=2) == [(2, 0)]

import numpy as np
import pytest

from dfdetect_jax.active import preview
from dfdetect_jax.active.preview import enlarge_mask, pack, preview_side, shrink_image, shrink_mask, unpack

SIDES = (1, 24, 1024, 1025, 1500, 3000)


def drawn(side: int, seed: int = 0) -> np.ndarray:
    return np.where(np.random.default_rng(seed).random((side, side)) < 0.3, 255, 0).astype(np.uint8)


@pytest.mark.parametrize("side", SIDES)
def test_what_was_painted_comes_back_as_it_was(side):
    painted = drawn(preview_side(side))
    mask = enlarge_mask(painted, side)
    assert mask.shape == (side, side)
    np.testing.assert_array_equal(shrink_mask(mask), painted)


@pytest.mark.parametrize("side", [24, 1500])
def test_a_painted_pixel_marks_its_block_and_nothing_else(side):
    most = preview_side(side)
    painted = np.zeros((most, most), np.uint8)
    painted[7, 3] = 255
    rows, columns = np.nonzero(enlarge_mask(painted, side))
    assert {row * most // side for row in rows.tolist()} == {7}
    assert {column * most // side for column in columns.tolist()} == {3}
    assert len(rows) == sum(x * most // side == 7 for x in range(side)) * sum(
        x * most // side == 3 for x in range(side)
    )


def test_a_preview_is_the_crop_itself_where_it_fits():
    assert preview_side(256) == 256
    image = np.zeros((256, 256, 3), np.uint8)
    assert shrink_image(image) is image
    assert shrink_image(np.zeros((3000, 3000, 3), np.uint8)).shape == (preview.MOST, preview.MOST, 3)


def test_pixels_finer_than_the_preview_stay_where_nothing_was_painted():
    before = drawn(1500, seed=1)
    painted = shrink_mask(before)
    np.testing.assert_array_equal(enlarge_mask(painted, 1500, before), before)
    painted[0, 0] = 255 - painted[0, 0]
    after = enlarge_mask(painted, 1500, before)
    assert {(int(y) * 1024 // 1500, int(x) * 1024 // 1500) for y, x in np.argwhere(after != before)} == {(0, 0)}


@pytest.mark.parametrize("side", [1, 24, 33])
def test_bits_hold_a_mask_exactly(side):
    np.testing.assert_array_equal(unpack(pack(drawn(side)), side), drawn(side))


def test_bits_of_another_size_are_refused():
    with pytest.raises(ValueError, match="expected 72 bytes, found 3"):
        unpack(b"abc", 24)
    with pytest.raises(ValueError, match="24 pixels"):
        enlarge_mask(drawn(25), 24)

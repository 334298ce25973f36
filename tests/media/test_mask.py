import cv2
import numpy as np
import pytest

from dfdetect_jax.errors import BadMediaError
from dfdetect_jax.media.mask import (
    LEAST_DIFFERENCE,
    Contrast,
    binary_mask,
    contrast,
    difference,
    difference_mask,
    difference_usable,
    framed_alike,
    two_valued,
)

HEIGHT, WIDTH = 240, 320
BOX = np.array([120, 60, 200, 160], np.float32)


def recompressed(picture: np.ndarray, quality: int) -> np.ndarray:
    return cv2.imdecode(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)


@pytest.fixture(scope="module")
def source() -> np.ndarray:
    """Structure at all scales, so that strong compression shows everywhere."""
    draw = np.random.default_rng(0)
    layers = [cv2.GaussianBlur(draw.normal(0, 1, (HEIGHT, WIDTH, 3)), (0, 0), sigma) * sigma for sigma in (1, 3, 9)]
    return np.clip(128 + 60 * sum(layers), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def truth() -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.ellipse(mask, (160, 110), (36, 46), 0, 0, 360, 255, cv2.FILLED)
    return mask


@pytest.fixture(scope="module")
def fake(source, truth) -> np.ndarray:
    forged = source.copy()
    forged[truth == 255] = np.clip(source[truth == 255].astype(int) + 25, 0, 255)
    forged[100:106, 130:190] = source[100:106, 130:190]  # a band that came out as it was
    return forged


def intersection_over_union(mask, truth):
    return ((mask == 255) & (truth == 255)).sum() / ((mask == 255) | (truth == 255)).sum()


def test_the_difference_of_a_recompressed_forgery_is_its_mask(source, fake, truth):
    mask = difference_mask(recompressed(fake, 95), recompressed(source, 95))
    assert set(np.unique(mask)) == {0, 255}
    assert mask.dtype == np.uint8
    assert intersection_over_union(mask, truth) > 0.9


def test_gaps_within_the_face_are_closed_and_specks_outside_are_dropped(source, fake, truth):
    speckled = fake.copy()
    speckled[20:26, 20:26] = 255 - speckled[20:26, 20:26]
    mask = difference_mask(speckled, source)
    assert mask[103, 160] == 255
    assert not mask[10:40, 10:40].any()


def test_equal_frames_have_an_empty_mask(source):
    assert not difference_mask(source, source).any()


def test_a_mask_reaches_the_pictures_edge(source):
    forged = source.copy()
    forged[:80, :60] ^= 64
    mask = difference_mask(forged, source)
    assert mask[0, 0] == mask[60, 0] == mask[0, 50] == 255
    assert not mask[:, 90:].any()


def test_the_difference_is_the_smoothed_mean_over_the_channels():
    one = np.full((HEIGHT, WIDTH, 3), 100, np.uint8)
    other = one + np.array([3, 0, 9], np.uint8)
    np.testing.assert_allclose(difference(other, one), 4.0, atol=1e-4)
    np.testing.assert_allclose(difference(one, other), 4.0, atol=1e-4)


def test_a_clip_whose_surroundings_agree_is_usable(source, fake):
    measured = [contrast(recompressed(fake, q), recompressed(source, q), [BOX]) for q in (95, 96, 97)]
    judgement = difference_usable(measured)
    assert judgement.usable
    assert judgement.reason == ""
    assert LEAST_DIFFERENCE <= judgement.threshold < 12


def test_a_source_compressed_much_harder_is_unusable_for_that_reason(source, fake):
    measured = [contrast(recompressed(fake, 95), recompressed(source, q), [BOX]) for q in (5, 8, 11)]
    judgement = difference_usable(measured)
    assert not judgement.usable
    assert "differ everywhere" in judgement.reason
    assert "\n" not in judgement.reason


def test_a_pair_that_is_not_aligned_is_unusable(source, fake):
    judgement = difference_usable([contrast(fake, np.roll(source, 4, axis=1), [BOX])])
    assert "not aligned" in judgement.reason


def test_a_fake_equal_to_its_source_is_unusable(source):
    assert "hardly differ" in difference_usable([contrast(source, source, [BOX])]).reason


def test_a_single_bad_frame_does_not_condemn_a_clip():
    assert difference_usable([Contrast(40, 4), Contrast(30, 5), Contrast(30, 25)]).usable


WHOLE = np.array([-10, -10, WIDTH + 10, HEIGHT + 10], np.float32)


def test_no_face_at_all_is_unusable():
    assert "no face" in difference_usable([]).reason


def test_where_the_face_fills_the_picture_what_differs_least_stands_for_the_surroundings(source, fake, truth):
    pair = recompressed(fake, 95), recompressed(source, 95)
    judgement = difference_usable([contrast(*pair, [WHOLE])])
    assert judgement.usable
    assert intersection_over_union(difference_mask(*pair, judgement.threshold), truth) > 0.9


def test_where_the_face_fills_the_picture_pairs_that_differ_everywhere_or_nowhere_are_unusable(source, fake):
    moved = difference_usable([contrast(fake, np.roll(source, 4, axis=1), [WHOLE])])
    assert "differ everywhere" in moved.reason
    assert "hardly differ" in difference_usable([contrast(source, source, [WHOLE])]).reason


def test_a_source_is_framed_as_generators_take_photographs_in():
    source = np.zeros((218, 178, 3), np.uint8)
    source[20:198] = 200  # the square in the middle
    assert (framed_alike(source, (128, 128)) == 200).all()
    assert framed_alike(source, (218, 178)) is source
    wide = framed_alike(np.arange(100, dtype=np.uint8)[None, :, None].repeat(50, 0).repeat(3, -1), (25, 25))
    assert wide.shape == (25, 25, 3)
    assert (int(wide[0, 0, 0]), int(wide[0, -1, 0])) == (26, 74)  # columns 25 to 74, in pairs


def test_a_second_forged_face_is_not_counted_as_surroundings(source, fake):
    twice = fake.copy()
    twice[170:220, 20:70] = 255 - twice[170:220, 20:70]
    second = np.array([20, 170, 70, 220], np.float32)
    assert not difference_usable([contrast(twice, source, [BOX])]).usable
    assert difference_usable([contrast(twice, source, [BOX, second])]).usable


def test_an_own_mask_is_read_through_compression_and_colour(truth):
    for colour in [(255, 255, 255), (0, 0, 255), (0, 255, 0)]:
        painted = np.where(truth[..., None] == 255, np.uint8(colour), np.uint8(0))
        mask = binary_mask(recompressed(painted, 95), (HEIGHT, WIDTH))
        assert set(np.unique(mask)) == {0, 255}
        assert intersection_over_union(mask, truth) > 0.97


def test_other_sizes_are_refused_in_words(source, fake):
    with pytest.raises(BadMediaError, match="320 x 240 and 320 x 239"):
        difference_mask(fake, source[1:])
    with pytest.raises(BadMediaError, match="expected mask and frame of one size"):
        binary_mask(fake, (HEIGHT, WIDTH - 1))


def test_the_one_dark_value_beside_black_marks_what_is_forged():
    mask = np.zeros((4, 6), np.uint8)
    assert two_valued([mask]) == two_valued([mask + 1]) == 0
    mask[1:3, 2:4] = 1
    assert two_valued([mask]) == two_valued([mask, mask * 0]) == 1
    assert two_valued([mask, mask * 2]) == two_valued([mask, mask * 200]) == 0
    np.testing.assert_array_equal(binary_mask(np.repeat(mask[..., None], 3, -1), (4, 6), least=1), mask * 255)

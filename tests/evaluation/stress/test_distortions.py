"""Each distortion against another library's or a direct implementation."""

import itertools

import cv2
import jax
import numpy as np
import pytest
import skimage.data
from PIL import Image, ImageEnhance
from scipy.ndimage import binary_opening

from dfdetect_jax.evaluation.stress import distortions
from dfdetect_jax.evaluation.stress.corruptions import corrupt
from dfdetect_jax.evaluation.stress.protocol import CORRUPTIONS, LEVELS

SIZE = 64
ALL_LEVELS = pytest.mark.parametrize("level", range(1, LEVELS + 1))


@pytest.fixture(scope="module")
def images():
    """uint8 [4, 64, 64, 3]: eyes, mouth, hair and helmet of a photograph."""
    photograph = skimage.data.astronaut()
    corners = [(80, 200), (140, 190), (20, 150), (300, 300)]
    return np.stack([photograph[y : y + SIZE, x : x + SIZE] for y, x in corners])


def value_of(name, level):
    return CORRUPTIONS[name].values[level - 1]


def largest_difference(images, expected):
    return np.abs(images.astype(np.float64) - expected).max()


@ALL_LEVELS
def test_saturation_scales_the_chroma_that_opencv_computes(images, level):
    def by_opencv(image):
        luma_chroma = cv2.cvtColor(np.float32(image) / 255, cv2.COLOR_RGB2YCrCb)
        luma_chroma[..., 1:] = 0.5 + (luma_chroma[..., 1:] - 0.5) * value_of("saturation", level)
        return cv2.cvtColor(luma_chroma, cv2.COLOR_YCrCb2RGB) * 255

    expected = np.stack([by_opencv(image) for image in images])
    assert largest_difference(corrupt(images, "saturation", level), expected) <= 1


@ALL_LEVELS
def test_contrast_is_pillows_brightness(images, level):
    by_pillow = [
        ImageEnhance.Brightness(Image.fromarray(image)).enhance(value_of("contrast", level)) for image in images
    ]
    assert largest_difference(corrupt(images, "contrast", level), np.stack(by_pillow)) <= 1


@ALL_LEVELS
def test_blur_is_opencvs_gaussian(images, level):
    width = value_of("blur", level)
    expected = np.stack([cv2.GaussianBlur(np.float32(image), (width, width), width / 6) for image in images])
    assert largest_difference(corrupt(images, "blur", level), expected) <= 0.51


@ALL_LEVELS
def test_resize_is_opencvs_bilinear_down_and_up(images, level):
    smaller = SIZE // value_of("resize", level)
    expected = np.stack(
        [cv2.resize(cv2.resize(np.float32(image), (smaller, smaller)), (SIZE, SIZE)) for image in images]
    )
    assert largest_difference(corrupt(images, "resize", level), expected) <= 0.51


@ALL_LEVELS
def test_noise_is_white_and_of_the_stated_variance_in_each_component(level):
    flat = np.full((1, SIZE, SIZE, 3), 128.0, np.float32)
    variance = value_of("noise", level)
    noisy = distortions.noise(flat, jax.random.split(jax.random.key(0), 1), variance)[0] / 255  # before clipping
    components = cv2.cvtColor(np.asarray(noisy), cv2.COLOR_RGB2YCrCb) * np.float32([219, 224, 224]) / 255
    components -= components.mean(axis=(0, 1))
    assert components.var(axis=(0, 1)) == pytest.approx([variance] * 3, rel=0.08)  # 4,096 draws: 2.2% to a deviation
    unrelated = [np.corrcoef(components.reshape(-1, 3).T)[np.triu_indices(3, 1)]]
    unrelated += [np.corrcoef(c[1:].ravel(), c[:-1].ravel())[0, 1:] for c in np.moveaxis(components, -1, 0)]
    assert np.abs(np.concatenate(unrelated)).max() < 0.08


def covered(images, level):
    return (corrupt(images, "blocks", level, seed=3) == 128).all(axis=-1)


@ALL_LEVELS
def test_blocks_are_grey_squares_of_8_px_in_proportion_to_a_small_side(level):
    grey = covered(np.zeros((4, SIZE, SIZE, 3), np.uint8), level)
    most = value_of("blocks", level) * SIZE // 256 * 64
    for mask in grey:
        assert np.array_equal(binary_opening(mask, np.ones((8, 8))), mask)  # nothing but squares
        assert 0.5 * most < mask.sum() <= most  # some overlap


def test_blocks_are_counted_per_whole_256_px_in_a_large_image():
    for size, count in ((300, 16), (520, 32)):
        image = np.zeros((1, size, size, 3), np.float32)
        mask = distortions.blocks(image, jax.random.split(jax.random.key(1), 1), 16)[0, ..., 0] == 128
        assert 0.8 * count * 64 < mask.sum() <= count * 64


def test_a_worse_level_keeps_the_blocks_and_the_noise_of_the_milder_one():
    black = np.zeros((2, SIZE, SIZE, 3), np.uint8)
    masks = [covered(black, level) for level in range(1, LEVELS + 1)]
    assert all((milder <= worse).all() for milder, worse in itertools.pairwise(masks))
    grey = black + np.uint8(128)
    mild, worse = (corrupt(grey, "noise", level).astype(float) - 128 for level in (1, 4))
    assert np.corrcoef(mild.ravel(), worse.ravel())[0, 1] > 0.98

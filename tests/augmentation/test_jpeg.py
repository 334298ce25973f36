"""JPEG in the step against libjpeg, as Pillow calls it."""

import io

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import skimage.data
from PIL import Image, JpegImagePlugin

from dfdetect_jax.augmentation.jpeg import jpeg, quantization_tables
from dfdetect_jax.augmentation.planes import to_images, to_planes

QUALITIES = (1, 20, 49, 50, 75, 95, 100)


def photographs(height: int, width: int) -> np.ndarray:
    """uint8 [N, height, width, 3], one for each of `QUALITIES`."""
    places = range(0, 40 * len(QUALITIES), 40)
    return np.stack([skimage.data.astronaut()[i : i + height, i : i + width] for i in places])


def encoded(image: np.ndarray, quality: int, chroma: str) -> Image.Image:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=quality, subsampling={"444": 0, "420": 2}[chroma])
    return Image.open(file)


@pytest.mark.parametrize("chroma", ["444", "420"])
@pytest.mark.parametrize("size", [(64, 64), (38, 51)])  # the second one of broken blocks, and of half a chroma pixel
def test_an_image_is_within_a_level_of_what_libjpeg_makes_of_it(size, chroma):
    images = photographs(*size)
    ours = to_images(jax.jit(jpeg, static_argnums=2)(to_planes(images), jnp.array(QUALITIES), chroma))
    theirs = [encoded(image, quality, chroma) for image, quality in zip(images, QUALITIES, strict=True)]
    difference = np.abs(np.asarray(ours, np.int32) - np.stack(theirs))
    assert difference.max() <= 1
    assert (difference > 0).mean() < 1e-3


def test_the_tables_are_those_in_files_of_that_quality():
    tables = np.asarray(quantization_tables(jnp.array(QUALITIES)))
    for table, quality in zip(tables, QUALITIES, strict=True):
        file = encoded(photographs(8, 8)[0], quality, "444")
        assert isinstance(file, JpegImagePlugin.JpegImageFile)
        for ours, theirs in zip(table, file.quantization.values(), strict=True):
            np.testing.assert_array_equal(ours.ravel(), theirs)

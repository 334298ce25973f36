"""Arrays of any length through compiled programs of few shapes."""

import jax.numpy as jnp
import numpy as np
import pytest

from dfdetect_jax.methods import Method, Prediction
from dfdetect_jax.run.predictor import PREDICT_BATCH, Predictor, map_in_batches


def predictor(shapes):
    """Scores an image by its mean, and notes the shape of each program that is traced."""

    def predict(variables, images):
        shapes.append(images.shape)
        mean = jnp.mean(images / 255, axis=(1, 2, 3))
        return Prediction(score=mean * variables["gain"], attention=images[..., 0], reconstruction=None)

    return Predictor(Method(None, None, predict), {"gain": jnp.float32(0.5)})


@pytest.mark.parametrize(("side", "largest"), [(32, PREDICT_BATCH), (160, 16), (300, 4), (2000, 2)])
def test_on_a_cpu_a_call_has_no_more_pixels_than_stay_in_its_cache(side, largest):
    """2^18 for each of the two devices that conftest.py asks for, and at least an image for each."""
    shapes = []
    images = np.zeros((largest + 1, side, side, 3), np.uint8)
    images[-1] = 255
    scores = predictor(shapes).score(images)
    np.testing.assert_allclose(scores, [0.0] * largest + [0.5], rtol=1e-6)
    assert {shape[0] for shape in shapes} == {largest, 2}


def test_any_number_of_images_gives_as_many_predictions():
    images = np.arange(37, dtype=np.uint8)[:, None, None, None] * np.ones((1, 4, 4, 3), np.uint8)
    for count in (0, 1, 31, 37):
        prediction = predictor([]).predict(images[:count])
        np.testing.assert_allclose(prediction.score, np.arange(count) / 510, rtol=1e-5)
        np.testing.assert_array_equal(prediction.attention, images[:count, :, :, 0])


@pytest.mark.parametrize("count", [0, 1, 4, 9])
def test_several_arrays_go_through_one_shape_together(count):
    shapes = []

    def add(images, numbers):
        shapes.append((images.shape, images.dtype.name, numbers.shape, numbers.dtype.name))
        return images.sum(axis=1) + numbers

    images, numbers = np.ones((count, 3), np.uint8), np.arange(count, dtype=np.int32)
    batches = list(map_in_batches(add, (images, numbers), 4))
    np.testing.assert_array_equal(np.concatenate(batches), 3 + np.arange(count))
    assert set(shapes) == {((4, 3), "uint8", (4,), "int32")}

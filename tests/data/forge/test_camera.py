"""One camera and one way of publishing for real and forged pictures."""

import numpy as np
import pytest
from scipy import stats

from dfdetect_jax.config import Crop
from dfdetect_jax.data.example import Label
from dfdetect_jax.data.forge.camera import expose, publish
from dfdetect_jax.data.forge.pair import CAMERA, publish_crop, stream
from dfdetect_jax.data.forge.person import draw_person, draw_sitting
from dfdetect_jax.data.forge.portrait import portrait


def test_publishing_does_not_depend_on_the_picture():
    points = np.array([[10.0, 12.0]])
    empty = np.zeros((64, 64), np.uint8)
    dark, light = np.full((64, 64, 3), 60, np.uint8), np.full((64, 64, 3), 180, np.uint8)
    for seed in range(10):
        first, _, moved = publish(dark, empty, points, np.random.default_rng(seed))
        second, _, moved_too = publish(light, empty, points, np.random.default_rng(seed))
        assert first.shape == second.shape
        np.testing.assert_array_equal(moved, moved_too)
        assert first.astype(float).std() == pytest.approx(second.astype(float).std(), abs=0.1)


def test_a_forgery_of_nothing_has_the_residual_of_a_real_picture():
    # The residual after a Laplacian carries noise, resampling and JPEG; both labels have the same distribution of it.
    crop, residuals = Crop(size=48), {Label.REAL: [], Label.FAKE: []}
    rng = np.random.default_rng(0)
    portraits = [portrait(draw_person(rng), draw_sitting(rng), 72, 12.6) for _ in range(8)]
    for number in range(400):
        picture, face = portraits[number % 8]
        for label, values in residuals.items():
            streamed = stream(0, "train", CAMERA, number, label)
            image, _ = publish_crop(picture, np.zeros((72, 72), np.uint8), face, crop, streamed)
            values.append(np.abs(np.diff(image.astype(float), n=2, axis=0)).mean())
    assert stats.ttest_rel(residuals[Label.REAL], residuals[Label.FAKE]).pvalue > 0.05
    assert stats.ks_2samp(residuals[Label.REAL], residuals[Label.FAKE]).pvalue > 0.05


def test_points_and_mask_follow_the_picture():
    picture, mask = np.zeros((64, 80, 3), np.uint8), np.zeros((64, 80), np.uint8)
    picture[20:36, 40:52] = mask[20:36, 40:52, None] = 255
    mask[20:36, 40:52] = 255
    for seed in range(10):
        published, moved, points = publish(
            picture, mask, np.array([[39.5, 19.5], [51.5, 35.5]]), np.random.default_rng(seed)
        )
        rows, columns = np.nonzero(moved)
        np.testing.assert_allclose(points[0], [columns.min() - 0.5, rows.min() - 0.5], atol=0.6)
        np.testing.assert_allclose(points[1], [columns.max() + 0.5, rows.max() + 0.5], atol=0.6)
        assert ((published[..., 1] > 128) == (moved == 255)).mean() > 0.98


def test_a_sensor_is_noisier_where_there_is_more_light():
    dim, bright = (np.full((128, 128, 3), level, np.float32) for level in (0.05, 0.5))
    linear_noise = [
        ((expose(level, 1.0, 0.0, np.random.default_rng(0)) / 255.0) ** 2.2).std() for level in (dim, bright)
    ]
    assert linear_noise[1] > 1.5 * linear_noise[0] > 0

"""Landmarks of faces in crops: found in the crop's own pixels, or not a number."""

import numpy as np

from dfdetect_jax.data.prepare.landmarks import with_landmarks
from dfdetect_jax.media.face import Face
from tests.data.drawn import SIZE, drawn_example

BOX = np.float32([0, 0, 9, 9])


def one_face_in_the_second(frames):
    """In pixels of what it is shown: a face at the middle and a larger one at the corner; none in the first frame."""
    middle = (frames[0].shape[0] - 1) / 2
    points = np.float32([[-3, -2], [3, -2], [0, 0], [-2, 3], [2, 3]])
    return [[], *[[Face(BOX, points * 2, 1.0), Face(BOX, points + middle, 1.0)] for _ in frames[1:]]]


def test_landmarks_are_those_of_the_face_in_the_middle_in_pixels_of_the_crop():
    missing, found = with_landmarks([drawn_example("train", 0), drawn_example("train", 2)], one_face_in_the_second)
    assert np.isnan(missing.landmarks).all()
    np.testing.assert_allclose(found.landmarks.mean(axis=0), [(SIZE - 1) / 2, (SIZE - 1) / 2 + 0.4], atol=1e-5)
    assert found.landmarks.dtype == np.float32
    np.testing.assert_array_equal(found.image, drawn_example("train", 2).image)

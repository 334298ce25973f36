import numpy as np
import pytest

from dfdetect_jax.media.crop import crop_matrix, warp
from dfdetect_jax.media.face import Face
from dfdetect_jax.media.frame import Frame
from dfdetect_jax.scoring.face_crops import crop_faces, crop_frame, shrunk
from dfdetect_jax.scoring.media_frames import Frames
from tests import trained


def test_a_large_photograph_is_shrunk_and_a_small_one_left_alone():
    small = np.zeros((30, 40, 3), np.uint8)
    assert shrunk(small)[0] is small
    image, scale = shrunk(np.zeros((500, 4000, 3), np.uint8))
    assert (image.shape, scale) == ((125, 1000, 3), 0.25)


def test_crops_are_those_that_training_would_make(run, face_detector):
    image = trained.one_face()
    (face,) = face_detector([image])[0]
    (frame,) = crop_faces(run, Frames([Frame(7, 0.3, image)]), [[face]])
    (crop,) = frame.crops
    assert (frame.index, crop.frame, crop.face, crop.surroundings) == (7, 7, face, None)
    np.testing.assert_array_equal(crop.pixels, warp(image, crop_matrix(face, run.crop), 40))
    np.testing.assert_array_equal(crop.matrix, crop_matrix(face, run.crop))


def test_surroundings_are_one_small_picture_for_all_faces_of_a_frame(run):
    image = np.random.default_rng(0).integers(0, 256, (1500, 2000, 3), np.uint8)
    points = np.array([[0, 0], [60, 0], [30, 30], [0, 60], [60, 60]], np.float32)
    faces = [Face(np.zeros(4, np.float32), points + shift, 1.0) for shift in (-20, 500)]
    edge, middle = (crop.surroundings for crop in crop_frame(run, Frame(0, 0.0, image), faces, surroundings=True))
    assert edge.image is middle.image
    assert (edge.image.shape, edge.scale) == ((750, 1000, 3), pytest.approx(0.5))
    assert edge.inside.shape == (40, 40)
    assert middle.inside.all()
    assert 0.2 < edge.inside.mean() < 0.9

"""A second look: dark, turned and small faces are found, in the picture's own coordinates."""

import cv2
import numpy as np
import pytest

from dfdetect_jax.config import Crop
from dfdetect_jax.media.crop import crop_matrix, warp
from dfdetect_jax.media.detectors import load_face_detector
from dfdetect_jax.media.detectors.second_look import brightened, look_again, second_look, turned_back
from dfdetect_jax.media.face import Face, overlap
from tests import trained


@pytest.fixture(scope="module")
def mtcnn():
    return load_face_detector("mtcnn")


@pytest.fixture(scope="module")
def upright(mtcnn):
    """The face in `trained.one_face()`."""
    return mtcnn([trained.one_face()])[0][0]


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_turning_a_face_back_undoes_the_turn_of_its_picture(turns):
    image = np.zeros((30, 50, 3), np.uint8)
    image[12, 7] = 255
    row, column = np.argwhere(np.rot90(image, turns)[..., 0])[0]
    points = np.array([[column, row], [0, 0]], np.float32)
    face = Face(np.array([column - 1, row - 2, column + 1, row + 2], np.float32), points, 1.0)
    back = turned_back(face, turns, (30, 50))
    np.testing.assert_array_equal(back.landmarks[0], [7, 12])
    assert (back.box[:2] + back.box[2:]).tolist() == [14, 24]
    assert back.turns == turns


@pytest.mark.parametrize("turns", [1, 2, 3])
@pytest.mark.parametrize("align", ["box", "landmarks"])
def test_the_crop_of_a_turned_face_is_upright(mtcnn, upright, turns, align):
    lying = np.ascontiguousarray(np.rot90(trained.one_face(), -turns))
    ((face, *_),) = second_look(mtcnn, [lying])
    assert face.seen == f"turned by {90 * turns} degrees"
    crop = Crop(size=48, margin=1.3, align=align)
    expected = warp(trained.one_face(), crop_matrix(upright, crop), 48)
    actual = warp(lying, crop_matrix(face, crop), 48)
    assert np.abs(actual.astype(int) - expected).mean() < 8


def test_a_dark_face_is_found_where_it_is(mtcnn, upright):
    dark = (trained.one_face() * 0.05).astype(np.uint8)
    assert not mtcnn([dark])[0]
    ((face, *_),) = second_look(mtcnn, [dark])
    assert face.seen == "brightened"
    assert overlap(face.box, upright.box) > 0.6


def test_a_small_face_is_found_where_it_is(mtcnn, upright):
    small = cv2.resize(trained.one_face(), None, fx=0.3, fy=0.3, interpolation=cv2.INTER_AREA)
    ((face, *_),) = second_look(lambda images: [[_moved(upright, images[0], small)]], [small])
    assert face.seen == "turned by 90 degrees"  # the first look that finds one
    looks = []

    def only_enlarged(images):
        looks.append(images[0].shape)
        return [[Face(np.array([10, 10, 50, 50], np.float32), None, 1.0)] if len(looks) == 4 else []]

    ((face,),) = second_look(only_enlarged, [small])
    assert looks[-1][:2] == (2 * small.shape[0], 2 * small.shape[1])
    np.testing.assert_allclose(face.box, (np.array([10, 10, 50, 50]) + 0.5) / 2 - 0.5)


def _moved(face, image, small):
    return Face(face.box * image.shape[0] / small.shape[0], None, 1.0)


def test_what_is_no_face_stays_none_and_unsure_detections_are_dropped():
    assert second_look(lambda images: [[] for _ in images], [trained.no_face()] * 3) == [[], [], []]
    unsure = Face(np.array([0, 0, 50, 50], np.float32), None, 0.9)
    assert second_look(lambda images: [[unsure] for _ in images], [trained.no_face()]) == [[]]


def test_all_pictures_of_a_file_get_the_look_that_helped_the_first(mtcnn):
    lying = [np.ascontiguousarray(np.rot90(trained.one_face(shift))) for shift in (0, 10)]
    assert [faces[0].turns for faces in second_look(mtcnn, lying)] == [3, 3]


def test_brightening_stretches_the_light_to_the_whole_range():
    dark = (trained.one_face() * 0.1).astype(np.uint8)
    assert dark.max() < 30
    assert brightened(dark).max() > 240
    assert np.corrcoef(brightened(dark).ravel(), trained.one_face().ravel())[0, 1] > 0.8


def _face(confidence):
    return Face(np.array([10, 10, 50, 50], np.float32), None, confidence)


@pytest.mark.parametrize(("plain", "turned", "turns"), [(0.94, 0.99, 2), (0.94, 0.93, 0), (0.96, 0.99, 0)])
def test_doubtful_faces_give_way_to_surer_ones_in_the_turned_picture(plain, turned, turns):
    marked = np.zeros((80, 80, 3), np.uint8)
    marked[0, 0] = 255  # comes to the lower right corner after half a turn

    def surest_after_half_a_turn(images):
        return [[_face(turned if image[-1, -1].any() else 0.8)] for image in images]

    images, faces = [marked, marked], [[_face(plain)], [_face(plain)]]
    assert [face.turns for (face,) in look_again(surest_after_half_a_turn, images, faces)] == [turns, turns]

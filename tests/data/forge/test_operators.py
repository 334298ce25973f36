"""The six forgeries: what they change, and that the mask is exact."""

import numpy as np
import pytest
from skimage import data as pictures

from dfdetect_jax.data.forge.generators import through_bilinear, through_transposed
from dfdetect_jax.data.forge.operators import FORGERIES, OPERATORS
from dfdetect_jax.data.forge.patches import fill
from dfdetect_jax.data.forge.person import draw_person, draw_sitting
from dfdetect_jax.data.forge.portrait import portrait
from dfdetect_jax.data.forge.regions import MEAN_LANDMARKS, face_distance, face_frame, free_form_hole

ASTRONAUT_LANDMARKS = np.array([[206.0, 107], [246, 107], [229, 131], [209, 151], [247, 151]])


def painted(seed):
    rng = np.random.default_rng(seed)
    picture, face = portrait(draw_person(rng), draw_sitting(rng), 96, 17.0)
    return picture, face.landmarks


@pytest.fixture(scope="module")
def target():
    return painted(3)


@pytest.fixture(scope="module")
def donor():
    return painted(4)


def test_each_forgery_has_an_operator():
    assert set(OPERATORS) == set(FORGERIES)


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_picture_is_untouched_outside_the_mask_and_changed_inside(forgery, target, donor):
    picture, landmarks = target
    before = picture.copy()
    for seed in range(4):
        forged, mask = OPERATORS[forgery](picture, landmarks, np.random.default_rng(seed), donor)
        np.testing.assert_array_equal(picture, before)
        assert (forged.dtype, forged.shape) == (np.uint8, picture.shape)
        assert set(np.unique(mask)) == {0, 255}
        changed = (forged != picture).any(axis=-1)
        assert not changed[mask == 0].any()
        assert changed[mask == 255].mean() > 0.5


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_photograph_is_forged_like_a_painting(forgery, donor):
    picture = pictures.astronaut()[:240, 100:340]
    landmarks = ASTRONAUT_LANDMARKS - [100, 0]
    forged, mask = OPERATORS[forgery](picture, landmarks, np.random.default_rng(0), donor)
    np.testing.assert_array_equal(forged[mask == 0], picture[mask == 0])
    assert (forged != picture).any()


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forgery_depends_on_its_random_numbers_alone(forgery, target, donor):
    results = [OPERATORS[forgery](*target, np.random.default_rng(seed), donor) for seed in (5, 5, 6)]
    for first, second in zip(results[0], results[1], strict=True):
        np.testing.assert_array_equal(first, second)
    assert (results[0][0] != results[2][0]).any()


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_face_cut_off_by_the_picture_can_be_forged(forgery, target, donor):
    picture, landmarks = target
    middle = landmarks.mean(axis=0).astype(int)
    corner = np.ascontiguousarray(picture[middle[1] :, middle[0] :])
    forged, mask = OPERATORS[forgery](corner, landmarks - middle, np.random.default_rng(1), donor)
    np.testing.assert_array_equal(forged[mask == 0], corner[mask == 0])


def test_patch_filling_uses_allowed_pixels_alone():
    rows, columns = np.mgrid[:48, :48]
    numbered = np.stack([rows * 5, columns * 5, 0 * rows], axis=-1).astype(np.uint8)  # each pixel names its place
    hole, allowed = np.zeros((48, 48), bool), np.zeros((48, 48), bool)
    hole[20:28, 20:30], allowed[8:40, 8:40] = True, True
    filled = fill(numbered, hole, allowed, np.random.default_rng(0))
    np.testing.assert_array_equal(filled[~hole], numbered[~hole])
    came_from = filled[hole][:, :2] // 5
    assert allowed[came_from[:, 0], came_from[:, 1]].all()
    assert not hole[came_from[:, 0], came_from[:, 1]].any()


def test_patch_filling_continues_stripes():
    striped = np.repeat((np.arange(48) // 4 % 2 * 200)[None, :, None], 48, axis=0).repeat(3, axis=2).astype(np.uint8)
    hole = np.zeros((48, 48), bool)
    hole[18:30, 18:30] = True
    filled = fill(striped, hole, np.ones_like(hole), np.random.default_rng(0))
    assert (filled == striped).mean() > 0.98


def test_even_transposed_convolution_is_linear_interpolation():
    ramp = np.repeat(np.arange(0, 200, 5, dtype=np.uint8)[None, :, None], 40, axis=0).repeat(3, axis=2)
    even = through_transposed(ramp, 0.0)[4:-4, 4:-4].astype(int)
    steps = np.diff(even[..., 0], axis=1)
    assert np.abs(steps - 5).max() <= 1


def test_uneven_transposed_convolution_leaves_a_checkerboard_and_keeps_the_mean():
    flat = np.full((40, 40, 3), 100, np.uint8)
    board = through_transposed(flat, 0.1).astype(float)
    assert board.mean() == pytest.approx(100, abs=1)
    np.testing.assert_array_equal(board[2:-2, 2:-2], board[4:, 4:])  # repeats every second pixel
    assert np.ptp(board[10:12, 10:12]) > 5
    assert np.ptp(through_bilinear(flat, 2.0)) == 0


def test_a_hole_lies_within_the_face_and_has_its_share_of_the_area(target):
    picture, landmarks = target
    frame = face_frame(landmarks, picture.shape[:2])
    face = face_distance(frame) < 0
    for seed in range(5):
        hole = free_form_hole(frame, np.random.default_rng(seed), 0.2)
        assert not (hole & ~face).any()
        assert hole.sum() == pytest.approx(0.2 * face.sum(), rel=0.1)


def test_face_coordinates_put_the_mean_face_where_its_landmarks_are():
    turn = np.array([[0.8, -0.6], [0.6, 0.8]]) * 30
    landmarks = MEAN_LANDMARKS @ turn.T + [80, 60]
    frame = face_frame(landmarks, (160, 160))
    assert frame.unit == pytest.approx(30)
    column, row = np.rint(landmarks[2]).astype(int)
    assert frame.u[row, column] == pytest.approx(MEAN_LANDMARKS[2, 0], abs=0.03)
    assert frame.v[row, column] == pytest.approx(MEAN_LANDMARKS[2, 1], abs=0.03)


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_face_outside_the_picture_leaves_it_as_it_is(forgery, target, donor):
    picture, landmarks = target
    forged, mask = OPERATORS[forgery](picture, landmarks + 1000, np.random.default_rng(0), donor)
    np.testing.assert_array_equal(forged, picture)
    assert not mask.any()

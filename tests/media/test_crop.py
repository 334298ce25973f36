import cv2
import numpy as np
import pytest
from skimage.transform import SimilarityTransform

from dfdetect_jax.config import Crop
from dfdetect_jax.errors import SettingsError
from dfdetect_jax.media.crop import (
    crop_matrix,
    expected_landmarks,
    resize,
    resized_matrix,
    similarity,
    template,
    unwarp,
    warp,
    warp_mask,
)
from dfdetect_jax.media.face import Face

IDENTITY = np.eye(3)[:2]


def face_at(landmarks=None, box=(10, 20, 50, 80)) -> Face:
    return Face(np.array(box, np.float32), None if landmarks is None else np.float32(landmarks), 1.0)


def turned(points, degrees, scale, shift):
    angle = np.deg2rad(degrees)
    rotation = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return points @ rotation.T + shift


def smooth(size: int = 96) -> np.ndarray:
    noise = np.random.default_rng(0).integers(0, 256, (size, size, 3), np.uint8)
    return cv2.GaussianBlur(noise, (0, 0), 3)


def test_the_template_at_256_pixels_and_margin_1_3_is_the_published_one():
    published = [(96.87, 120.43), (158.83, 120.09), (128.04, 155.67), (102.59, 191.94), (153.90, 191.66)]
    np.testing.assert_allclose(template(256, 1.3), published, atol=1e-9)


def test_the_expected_landmarks_of_an_aligned_crop_are_the_templates():
    crop = Crop(size=100, margin=1.5)
    np.testing.assert_array_equal(expected_landmarks(crop, 64), template(64, 1.5))


@pytest.mark.parametrize(("face", "share"), [(0.0, 1.0), (0.8, 0.8)])
def test_in_other_crops_landmarks_are_expected_about_the_middle_in_sides_of_the_box(face, share):
    whole = expected_landmarks(Crop(face_detector="none", align="box", margin=1.0), 100, face)
    box = expected_landmarks(Crop(align="box", margin=1 / share), 100)
    np.testing.assert_allclose(whole, box)
    np.testing.assert_allclose(whole.mean(axis=0)[0], 49.5)
    eyes, mouth = whole[:2].mean(axis=0)[1], whole[3:].mean(axis=0)[1]
    assert eyes < 49.5 < mouth
    np.testing.assert_allclose(mouth - eyes, 35.9 * share)


def test_a_larger_margin_shows_the_face_smaller_about_the_centre():
    wide, tight = template(100, 2.0) - 49.5, template(100, 1.0) - 49.5
    np.testing.assert_allclose(2 * wide, tight)


def test_the_similarity_is_that_of_scikit_image():
    draw = np.random.default_rng(0)
    points, targets = draw.normal(size=(2, 5, 2)) * 40 + 100
    reference = SimilarityTransform.from_estimate(points, targets)
    np.testing.assert_allclose(similarity(points, targets), reference.params[:2], atol=1e-9)


def test_points_that_coincide_are_refused():
    with pytest.raises(ValueError, match="different points"):
        similarity(np.ones((5, 2)), template(64, 1.3))


def test_landmarks_of_a_turned_face_land_on_the_template():
    crop = Crop(size=128, margin=1.5, align="landmarks")
    landmarks = turned(template(128, 1.5), degrees=33, scale=2.7, shift=(310, -45))
    matrix = crop_matrix(face_at(landmarks), crop)
    np.testing.assert_allclose(landmarks @ matrix[:, :2].T + matrix[:, 2], template(128, 1.5), atol=1e-3)


def test_a_box_crop_is_the_square_around_the_longer_side():
    matrix = crop_matrix(face_at(box=(10, 20, 50, 80)), Crop(size=120, margin=1.5, align="box"))
    # Sides 40 and 60: the crop is 90 pixels wide around (30, 50).
    np.testing.assert_allclose(matrix @ (30, 50, 1), (59.5, 59.5))
    np.testing.assert_allclose(matrix @ (30 + 45, 50 - 45, 1), (119.5, -0.5))


def test_alignment_without_landmarks_is_refused():
    with pytest.raises(SettingsError, match="five points"):
        crop_matrix(face_at(None), Crop(align="landmarks"))


def test_the_identity_returns_the_picture():
    picture = smooth()
    np.testing.assert_array_equal(warp(picture, IDENTITY, 96), picture)


def test_a_shift_by_whole_pixels_is_exact_and_black_outside():
    picture = smooth() // 2 + 100
    crop = warp(picture, np.array([[1.0, 0, 10], [0, 1, -5]]), 96)
    np.testing.assert_array_equal(crop[:91, 10:], picture[5:, :86])
    assert not crop[:, :10].any()
    assert not crop[91:].any()


def test_shrinking_is_the_mean_over_each_pixels_area():
    picture = np.random.default_rng(1).integers(0, 256, (96, 96, 3), np.uint8)
    third = np.array([[1 / 3, 0, -1 / 3], [0, 1 / 3, -1 / 3]])  # pixel centres: x -> (x + 0.5) / 3 - 0.5
    expected = picture.reshape(32, 3, 32, 3, 3).mean(axis=(1, 3))
    assert np.abs(warp(picture, third, 32) - expected).max() <= 1


def test_fine_stripes_turn_grey_not_into_false_stripes():
    stripes = np.zeros((300, 300, 3), np.uint8)
    stripes[:, ::2] = 255
    crop = warp(stripes, np.array([[0.31, 0, 0], [0, 0.31, 0]]), 90)
    inner = crop[4:-4, 4:-4].astype(float)
    assert abs(inner.mean() - 127.5) < 3
    assert inner.std() < 25


@pytest.mark.parametrize(("degrees", "scale"), [(0, 1.0), (20, 0.4), (-35, 1.7)])
def test_mask_and_picture_are_cropped_alike(degrees, scale):
    mask = np.zeros((120, 140), np.uint8)
    cv2.circle(mask, (70, 60), 20, 255, -1)
    picture = np.repeat(mask[..., None], 3, axis=-1)
    middle = template(64, 1.3) - 31.5
    matrix = similarity(turned(middle, degrees, 1 / scale, (75, 55)), template(64, 1.3))
    crop = warp_mask(mask, matrix, 64)
    assert set(np.unique(crop)) == {0, 255}
    assert crop.dtype == np.uint8
    np.testing.assert_array_equal(crop == 255, warp(picture, matrix, 64)[..., 0] >= 128)


@pytest.mark.parametrize("degrees", [0, 30])
def test_a_map_put_back_lies_where_its_crop_came_from(degrees):
    picture = smooth(120)
    matrix = similarity(turned(template(64, 1.3), degrees, 1.0, (30, 20)), template(64, 1.3))
    back = unwarp(warp(picture, matrix, 64)[..., 0].astype(np.float32), matrix, picture.shape[:2])
    inside = unwarp(np.ones((64, 64), np.float32), matrix, picture.shape[:2]) > 0.999
    assert back.dtype == np.float32
    assert back.shape == (120, 120)
    assert 3000 < inside.sum() < 4300
    assert np.abs(back - picture[..., 0])[inside].mean() < 2
    assert not back[unwarp(np.ones((64, 64), np.float32), matrix, picture.shape[:2]) == 0].any()


@pytest.mark.parametrize("new_size", [32, 64, 96])
def test_a_resized_crop_has_the_matrix_that_cuts_it_at_once(new_size):
    smooth = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, (90, 90, 3), np.uint8), (0, 0), 6)
    matrix = np.array([[0.9, 0.1, -12.0], [-0.1, 0.9, -2.0]])
    in_two_steps = resize(warp(smooth, matrix, 64), new_size)
    at_once = warp(smooth, resized_matrix(matrix, 64, new_size), new_size)
    inner = slice(2, -2)
    difference = in_two_steps[inner, inner].astype(int) - at_once[inner, inner]
    assert np.abs(difference).max() <= 3

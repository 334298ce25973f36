"""Painted faces: their landmarks are exact, and people and sittings differ."""

import dataclasses

import numpy as np
import pytest

from dfdetect_jax.data.forge import anatomy
from dfdetect_jax.data.forge.person import draw_person, draw_sitting
from dfdetect_jax.data.forge.portrait import portrait


def person_and_sitting(seed):
    rng = np.random.default_rng(seed)
    return draw_person(rng), draw_sitting(rng)


def test_turning_the_head_back_returns_each_point():
    u, v = np.meshgrid(np.linspace(-0.8, 0.8, 9), np.linspace(-0.8, 1.3, 9))
    for seed in range(20):
        _, sitting = person_and_sitting(seed)
        back = anatomy.unturn(*anatomy.turn(u, v, sitting), sitting)
        np.testing.assert_allclose(back, [u, v], atol=0.02)


def test_a_frontal_upright_face_has_level_symmetric_landmarks():
    person, sitting = person_and_sitting(0)
    frontal = dataclasses.replace(sitting, yaw=0.0, pitch=0.0, roll=0.0, zoom=1.0, shift=(0.0, 0.0))
    picture, face = portrait(person, frontal, 96, 17.0)
    left, right, nose, left_corner, right_corner = face.landmarks
    assert picture.shape == (96, 96, 3)
    assert left[1] == right[1] < nose[1] < left_corner[1] == right_corner[1]
    assert nose[0] == pytest.approx((left[0] + right[0]) / 2, abs=1e-3) == pytest.approx(47.5, abs=1e-3)
    assert right[0] - left[0] == pytest.approx(2 * 17.0 * person.eye_gap, rel=1e-5)
    assert face.box[1] < left[1]
    assert face.box[3] > left_corner[1]


def test_the_landmarks_turn_with_the_head():
    person, sitting = person_and_sitting(1)
    upright = dataclasses.replace(sitting, yaw=0.0, pitch=0.0, roll=0.0)
    tilted = dataclasses.replace(upright, roll=0.2)
    across = np.diff(portrait(person, tilted, 64, 11.0)[1].landmarks[:2], axis=0)[0]
    assert np.arctan2(across[1], across[0]) == pytest.approx(0.2, abs=1e-3)
    for yaw, side in ((0.3, 1), (-0.3, -1)):
        points = portrait(person, dataclasses.replace(upright, yaw=yaw), 64, 11.0)[1].landmarks
        assert side * (points[2, 0] - points[:2, 0].mean()) > 1  # the nose stands out to where the face looks


def test_an_iris_is_darker_than_the_cheek_below_it():
    for seed in range(8):
        person, sitting = person_and_sitting(seed)
        person = dataclasses.replace(person, skin=np.array([0.8, 0.6, 0.5]), iris=np.array([0.2, 0.12, 0.07]))
        picture, face = portrait(person, dataclasses.replace(sitting, gaze=0.0), 144, 25.0)
        for column, row in np.rint(face.landmarks[:2]).astype(int):
            assert picture[row - 1 : row + 2, column - 1 : column + 2].mean() < 0.7 * picture[row + 9, column].mean()


def test_one_person_is_painted_the_same_in_the_same_sitting_only():
    (person, sitting), (other, other_sitting) = person_and_sitting(2), person_and_sitting(3)
    picture = portrait(person, sitting, 48, 8.0)[0]
    np.testing.assert_array_equal(picture, portrait(person, sitting, 48, 8.0)[0])
    assert (picture != portrait(person, other_sitting, 48, 8.0)[0]).mean() > 0.5
    assert (picture != portrait(other, sitting, 48, 8.0)[0]).mean() > 0.2


@pytest.mark.slow
def test_a_detector_trained_on_photographs_finds_painted_faces():
    from dfdetect_jax.media.detectors import load_face_detector

    face_detector, errors = load_face_detector("mtcnn"), []
    for seed in range(10):
        picture, face = portrait(*person_and_sitting(seed), 192, 33.0)
        faces = face_detector([picture])[0]
        if faces:
            apart = np.linalg.norm(face.landmarks[1] - face.landmarks[0])
            errors.append(np.abs(faces[0].landmarks - face.landmarks).mean() / apart)
    assert len(errors) >= 9
    assert np.mean(errors) < 0.1

"""Masks over a face: where its landmarks are, however it is turned."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import ndtr

from dfdetect_jax.augmentation.face_masks import GRID, HULLS, MaskShape, face_coordinates, soft_masks, upsampled
from dfdetect_jax.media.crop import template

SIZE = 48
UPRIGHT = template(SIZE, 1.3).astype(np.float32)


def turned(points: np.ndarray, degrees: float) -> np.ndarray:
    """Landmarks of a face turned in the picture about its middle."""
    angle, middle = np.deg2rad(degrees), np.float32([SIZE / 2, SIZE / 2])
    rotation = np.float32([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return (points - middle) @ rotation.T + middle


COUNT = len(HULLS)
PLAIN = MaskShape(
    hull=np.zeros(COUNT, np.int32),
    stretch=np.ones((COUNT, 2), np.float32),
    bend=np.zeros((COUNT, 2, GRID, GRID), np.float32),
    inset=np.zeros(COUNT, np.float32),
    softness=np.full(COUNT, 0.01, np.float32),
)
"""The first hull as it is, nearly sharp."""

compiled = jax.jit(soft_masks, static_argnames="size")


def drawn(landmarks=UPRIGHT, **changes) -> np.ndarray:
    """`COUNT` masks, which differ from `PLAIN` in `changes`."""
    landmarks = np.float32(np.broadcast_to(landmarks, (COUNT, 5, 2)))
    return np.asarray(compiled(landmarks, PLAIN._replace(**changes), size=(SIZE, SIZE)))


@pytest.mark.parametrize("degrees", [0.0, 30.0])
def test_the_eyes_lie_beside_the_origin_and_the_mouth_at_one(degrees):
    landmarks = turned(UPRIGHT, degrees)
    x, y = (np.asarray(values[0]) for values in face_coordinates(jnp.asarray(landmarks[None]), (SIZE, SIZE)))
    expected = ((-0.5, 0), (0.5, 0), None, None, None)
    for (column, row), place in zip(np.rint(landmarks).astype(int), expected, strict=True):
        if place:
            np.testing.assert_allclose((x[row, column], y[row, column]), place, atol=0.1)
    column, row = np.rint(landmarks[3:].mean(axis=0)).astype(int)
    np.testing.assert_allclose((x[row, column], y[row, column]), (0, 1), atol=0.1)


def test_every_hull_covers_the_part_of_the_face_that_it_is_for():
    columns, rows = np.rint(UPRIGHT).astype(int).T
    covered = drawn(hull=np.arange(COUNT, dtype=np.int32))[:, rows, columns] > 0.5
    whole, inner, eyes_and_nose, nose_to_chin = covered  # at left eye, right eye, nose, corners of the mouth
    assert whole.all()
    assert inner.all()
    assert list(eyes_and_nose) == [True, True, True, False, False]
    assert list(nose_to_chin) == [False, False, True, True, True]


def test_a_turned_face_has_a_turned_mask():
    upright, quarter = drawn(np.stack([UPRIGHT, turned(UPRIGHT, 90)] * 2))[:2]
    assert np.mean(np.abs(np.rot90(upright, -1) - quarter)) < 0.05


def test_the_border_is_that_of_a_blurred_half_plane():
    mask = drawn(softness=np.full(COUNT, 0.2, np.float32))[0]
    _, y = face_coordinates(jnp.asarray(UPRIGHT[None]), (SIZE, SIZE))
    rows, column = slice(10, 22), SIZE // 2  # across the upper edge, far from corners
    np.testing.assert_allclose(mask[rows, column], ndtr((np.asarray(y)[0, rows, column] + 0.5) / 0.2), atol=0.02)


def test_bends_move_the_border_and_an_inset_shrinks_the_mask():
    bend, inset = PLAIN.bend.copy(), PLAIN.inset.copy()
    bend[1], inset[2] = np.random.default_rng(0).normal(0, 0.1, bend[1].shape), 0.2
    plain, bent, small, _ = drawn(bend=bend, inset=inset) > 0.5
    assert 0.6 < (plain & bent).sum() / (plain | bent).sum() < 1
    assert small.sum() < plain.sum()
    assert (small <= plain).all()


def test_a_grid_of_equal_displacements_is_the_same_everywhere():
    np.testing.assert_allclose(upsampled(jnp.full((1, GRID, GRID), 0.3), (9, 7)), 0.3, atol=1e-5)

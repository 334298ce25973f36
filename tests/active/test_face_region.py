import numpy as np
import pytest

from dfdetect_jax.active.face_region import face_region
from dfdetect_jax.media.crop import template


@pytest.mark.parametrize(("size", "margin"), [(299, 1.3), (64, 1.3), (256, 2.0)])
def test_all_five_landmarks_lie_in_it_and_the_corners_do_not(size, margin):
    region = face_region(size, margin)
    x, y = np.round(template(size, margin)).astype(int).T
    assert region[y, x].all()
    assert not region[[0, 0, -1, -1], [0, -1, 0, -1]].any()


def test_it_has_the_proportions_of_an_adult_face():
    # The norms in the module's docstring: 134 mm wide and 65 + 118 mm high, with pupils 63 mm apart.
    region = face_region(512, 1.3)
    eyes = template(512, 1.3)[:2]
    pupils = np.linalg.norm(eyes[0] - eyes[1])
    assert region.any(axis=0).sum() / pupils == pytest.approx(134 / 63, rel=0.04)
    assert region.any(axis=1).sum() / pupils == pytest.approx(183 / 63, rel=0.04)


def test_a_larger_margin_makes_the_face_smaller_and_size_changes_nothing():
    assert face_region(200, 2.6).mean() == pytest.approx(face_region(200, 1.3).mean() / 4, rel=0.02)
    assert face_region(64, 1.3).mean() == pytest.approx(face_region(512, 1.3).mean(), rel=0.02)

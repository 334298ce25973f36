import numpy as np
import pytest

from dfdetect_jax.pictures import canvas


def test_a_picture_fills_the_room_it_is_given_and_keeps_its_proportions():
    wide = np.zeros((100, 400, 3), np.uint8)
    assert canvas.within(wide, 4.0, 4.0) == pytest.approx((4.0, 1.0))
    assert canvas.within(wide, 4.0, 0.5) == pytest.approx((2.0, 0.5))

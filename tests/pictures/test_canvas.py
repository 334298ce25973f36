"""How heat becomes colour, and how large pictures are drawn."""

import numpy as np
import pytest

from dfdetect_jax.pictures import canvas
from dfdetect_jax.scoring.result import HeatKind


def test_a_good_reconstruction_stays_dark():
    faint = np.full((4, 4), 0.01, np.float32)
    assert canvas.heat_scale(HeatKind.RECONSTRUCTION_ERROR, faint)(faint).max() < 0.1


def test_attention_is_drawn_from_0_to_1_whatever_is_shown():
    for top in (0.01, 0.6):
        scale = canvas.heat_scale(HeatKind.ATTENTION, np.full((4, 4), top, np.float32))
        assert (scale(0.0), scale(0.5), scale(1.0)) == (0.0, 0.5, 1.0)


def test_a_picture_fills_the_room_it_is_given_and_keeps_its_proportions():
    wide = np.zeros((100, 400, 3), np.uint8)
    assert canvas.within(wide, 4.0, 4.0) == pytest.approx((4.0, 1.0))
    assert canvas.within(wide, 4.0, 0.5) == pytest.approx((2.0, 0.5))

import numpy as np
import pytest

from dfdetect_jax.pictures import heat
from dfdetect_jax.scoring.result import HeatKind
from tests.pictures.test_verdict_picture import view


def test_a_good_reconstruction_stays_dark():
    faint = np.full((4, 4), 0.01, np.float32)
    assert heat.heat_scale(HeatKind.RECONSTRUCTION_ERROR, faint)(faint).max() < 0.1


def test_attention_is_drawn_from_0_to_1_whatever_is_shown():
    for top in (0.01, 0.6):
        scale = heat.heat_scale(HeatKind.ATTENTION, np.full((4, 4), top, np.float32))
        assert (scale(0.0), scale(0.5), scale(1.0)) == (0.0, 0.5, 1.0)


@pytest.mark.parametrize("shrink", [1.0, 0.5])
def test_heat_is_laid_where_the_face_is_in_the_photograph(shrink):
    each = view(scale=shrink)
    over = heat.heat_overlay([each], heat.heat_scale(each.heat_kind, each.heat))
    assert over.shape == each.image.shape
    coloured = np.ptp(over.astype(int), axis=-1) > 20
    # The crop is the square of 1.3 x 50 pixels around (60, 55); its upper left quarter is hot.
    rows, columns = np.nonzero(coloured)
    assert (columns.min() / shrink, rows.min() / shrink) == pytest.approx((60 - 32.5, 55 - 32.5), abs=2.5)
    assert (columns.max() / shrink, rows.max() / shrink) == pytest.approx((60, 55), abs=2.5)

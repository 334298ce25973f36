import io

import numpy as np
import pytest
import skimage.data
from PIL import Image

from dfdetect_jax.errors import BadMediaError
from dfdetect_jax.pages.re_encoding import re_encode

PHOTO = np.ascontiguousarray(skimage.data.astronaut()[:120, :161])


@pytest.mark.parametrize("quality", [5, 50, 95])
def test_it_is_what_another_encoder_makes_of_the_photograph(quality):
    file = io.BytesIO()
    Image.fromarray(PHOTO).save(file, "JPEG", quality=quality, subsampling=2)
    difference = np.abs(re_encode(PHOTO, quality, 100).astype(int) - np.asarray(Image.open(file)))
    assert difference.mean() < 1.0


def test_the_size_is_of_each_side():
    assert re_encode(PHOTO, 90, 50).shape == (60, 80, 3)
    assert re_encode(PHOTO[:1, :1], 90, 5).shape == (1, 1, 3)


@pytest.mark.parametrize(("quality", "size"), [(4, 100), (101, 100), (50, 0), (50, 101)])
def test_values_that_the_page_does_not_offer_are_refused(quality, size):
    with pytest.raises(BadMediaError, match="expected 5 to 100"):
        re_encode(PHOTO, quality, size)

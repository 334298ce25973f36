import io
import os

import numpy as np
import pytest
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

from dfdetect_jax.media.drawing import is_drawing, marked


@pytest.fixture(scope="module")
def picture():
    return np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)


def png(picture, **options):
    content = io.BytesIO()
    Image.fromarray(picture).save(content, "PNG", **options)
    return content.getvalue()


def test_a_mark_is_text_that_other_programs_read_and_leaves_the_pixels_alone(picture):
    with Image.open(io.BytesIO(marked(png(picture)))) as read:
        np.testing.assert_array_equal(np.asarray(read), picture)
        assert read.text == {"Software": "dfdetect_jax", "dfdetect_jax:picture": "drawn"}


def test_a_marked_picture_is_known_and_no_other(picture, tmp_path):
    path, plain = tmp_path / "picture", png(picture)
    path.write_bytes(marked(plain))
    assert is_drawing(path)
    for content in (plain, plain[:20], marked(plain)[8:], b"", b"\xff\xd8\xff"):
        path.write_bytes(content)
        assert not is_drawing(path)
    os.mkfifo(tmp_path / "pipe")
    assert not any(is_drawing(tmp_path / name) for name in ("absent", "pipe", "."))


def test_a_marked_picture_is_known_after_another_program_saved_it_with_a_profile(picture, tmp_path):
    with Image.open(io.BytesIO(marked(png(picture)))) as read:
        text = PngInfo()
        for key, value in read.text.items():
            text.add_text(key, value)
        profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
        read.save(tmp_path / "again.png", pnginfo=text, icc_profile=profile)
    assert is_drawing(tmp_path / "again.png")

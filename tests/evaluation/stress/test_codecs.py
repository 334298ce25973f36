"""Compression, pinned to Pillow, and what holds of any video."""

import io

import cv2
import numpy as np
import pytest
import skimage.data
from PIL import Image

from dfdetect_jax.errors import SettingsError
from dfdetect_jax.evaluation.stress import codecs
from dfdetect_jax.evaluation.stress.protocol import CORRUPTIONS

SIZE = 64


@pytest.fixture(scope="module")
def image():
    return np.ascontiguousarray(skimage.data.astronaut()[80 : 80 + SIZE, 200 : 200 + SIZE])


def jpeg_by_pillow(image, quality):
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality, subsampling="4:2:0")
    return Image.open(file)


@pytest.mark.parametrize("quality", [90, 70, 50, 30, 10])
def test_jpeg_is_pillows(image, quality):
    expected = np.float32(jpeg_by_pillow(Image.fromarray(image), quality))
    assert np.abs(codecs.jpeg(image, quality) - expected).mean() < 0.5


def test_sharing_twice_is_pillows_reducing_storing_enlarging_and_storing(image):
    first = jpeg_by_pillow(Image.fromarray(image).reduce(2), 50)
    expected = np.float32(jpeg_by_pillow(first.resize((SIZE, SIZE), Image.Resampling.BILINEAR), 50))
    found = codecs.share_twice(image, 0.5, 50)
    # One storing more or less differs by 2 to 5; a rounding that falls the other way before storing, by less than 1.
    assert np.abs(found - expected).mean() < 0.8


def panned(size, count=6):
    """uint8 [count, size, size, 3]: the photograph moving under the frame."""
    photograph = skimage.data.astronaut()
    return np.stack([photograph[80 : 80 + size, 150 + 8 * i : 150 + 8 * i + size] for i in range(count)])


def squared_errors(ones, others):
    return np.square(np.float32(ones)[:, None] - np.float32(others)[None]).mean(axis=(2, 3, 4))


@pytest.mark.parametrize("size", [64, 63])
def test_every_frame_of_a_video_comes_back_in_its_place_and_at_its_size(size):
    frames = panned(size)
    stored = codecs.h264(frames, 30)
    assert stored.shape == frames.shape
    assert stored.dtype == np.uint8
    assert np.array_equal(squared_errors(stored, frames).argmin(axis=1), np.arange(len(frames)))


def test_a_higher_rate_factor_is_worse_and_zero_loses_colour_alone():
    frames = panned(SIZE)
    errors = [np.diag(squared_errors(codecs.h264(frames, crf), frames)).mean() for crf in (0, 20, 30, 40)]
    assert errors == sorted(errors)
    grey = np.repeat(frames[..., :1], 3, axis=-1)
    assert np.abs(np.float32(codecs.h264(grey, 0)) - grey).max() <= 2  # studio swing has fewer levels


def test_the_same_clip_gives_the_same_bits():
    frames = panned(SIZE)
    assert np.array_equal(codecs.h264(frames, 35), codecs.h264(frames, 35))


def test_a_single_frame_is_a_video_too(image):
    assert cv2.PSNR(codecs.h264(image[None], 30)[0], image) > 25


def test_without_the_codec_the_error_is_how_to_install_it(image, monkeypatch):
    monkeypatch.setattr(codecs, "ENCODER", "none")
    with pytest.raises(SettingsError, match="pip install"):
        codecs.h264(image[None], 30)


def test_a_missing_codec_is_reported_before_any_computation(monkeypatch):
    monkeypatch.setattr(codecs, "ENCODER", "none")
    codecs.check_available([name for name in CORRUPTIONS if name != "video"])
    with pytest.raises(SettingsError, match="leave out the corruption video"):
        codecs.check_available(["blur", "video"])

"""Appearance: pinned to scikit-image's local binary patterns; the same person stays alike, another doesn't."""

import numpy as np
import skimage.data
from skimage.feature import local_binary_pattern

from dfdetect_jax.media.appearance import appearance, pattern_histograms, uniform_patterns
from dfdetect_jax.media.face import Face

LANDMARKS = np.array([[197, 108], [248, 106], [224, 137], [205, 163], [243, 161]], np.float32)  # of the astronaut


def face(landmarks=LANDMARKS):
    return Face(np.array([170, 60, 270, 190], np.float32), landmarks, 1.0)


def test_patterns_are_those_of_scikit_image_up_to_their_numbers():
    grey = skimage.data.camera()[100:160, 200:264]
    ours = uniform_patterns(grey).ravel()
    # Its "nri_uniform" samples diagonals by interpolation, "default" the neighbours themselves, as here.
    codes = local_binary_pattern(grey, 8, np.sqrt(2), "default")[1:-1, 1:-1].astype(int)
    straight = local_binary_pattern(grey, 8, 1, "default")[1:-1, 1:-1].astype(int)
    codes = (straight & 0b01010101) | (codes & 0b10101010)
    bits = (codes.ravel()[:, None] >> np.arange(8)) & 1
    uniform = (bits != np.roll(bits, 1, axis=1)).sum(axis=1) <= 2
    np.testing.assert_array_equal(ours == 58, ~uniform)
    number_of = {}
    for code, number in zip(codes.ravel()[uniform], ours[uniform], strict=True):
        assert number_of.setdefault(code, number) == number
    assert len(set(number_of.values())) == len(number_of)


def test_histograms_count_each_pixel_once_in_its_cell():
    patterns = np.zeros((8, 8), np.uint8)
    patterns[6:, :2] = 7  # the lower left cell of 4 x 4
    histograms = pattern_histograms(patterns)
    assert histograms.shape == (16, 59)
    assert (histograms.sum(), histograms[12, 7], histograms[0, 0]) == (64, 4, 4)


def test_a_face_is_like_itself_elsewhere_larger_and_under_other_light():
    image = skimage.data.astronaut()
    description = appearance(image, face())
    assert description.shape == (944,)
    assert description @ description == np.float32(1) or abs(description @ description - 1) < 1e-6
    moved = np.roll(image, (30, 40), axis=(0, 1))
    assert description @ appearance(moved, face(LANDMARKS + np.float32([40, 30]))) > 0.999
    darker = (image * 0.7).astype(np.uint8)
    assert description @ appearance(darker, face()) > 0.95
    other = np.ascontiguousarray(image[:, ::-1])  # the background beside her
    assert description @ appearance(other, face()) < 0.85


def test_a_face_without_landmarks_has_no_appearance():
    image = skimage.data.astronaut()
    assert appearance(image, face(None)) is None
    assert appearance(image, face(np.zeros((5, 2), np.float32))) is None

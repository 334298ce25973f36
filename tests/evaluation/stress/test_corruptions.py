"""What holds of every corruption."""

import numpy as np
import pytest
import skimage.data
from skimage.metrics import peak_signal_noise_ratio

from dfdetect_jax.errors import SettingsError
from dfdetect_jax.evaluation.stress.corruptions import corrupt, psnr
from dfdetect_jax.evaluation.stress.protocol import CORRUPTIONS, LEVELS, check_corruptions

SIZE, COUNT = 64, 6
EVERY_ONE = pytest.mark.parametrize("name", CORRUPTIONS)


@pytest.fixture(scope="module")
def images():
    photograph = skimage.data.astronaut()
    return np.stack([photograph[60 + 10 * i : 60 + 10 * i + SIZE, 180 : 180 + SIZE] for i in range(COUNT)])


@EVERY_ONE
def test_levels_get_worse_and_shape_and_type_stay(images, name):
    before = images.copy()
    corrupted = [corrupt(images, name, level) for level in range(1, LEVELS + 1)]
    assert {(c.shape, c.dtype.name) for c in corrupted} == {(images.shape, "uint8")}
    likeness = [psnr(images, c).mean() for c in corrupted]
    assert likeness == sorted(likeness, reverse=True)
    assert likeness[0] > likeness[-1]
    assert np.array_equal(images, before)


@EVERY_ONE
def test_the_same_call_gives_the_same_bits(images, name):
    assert np.array_equal(corrupt(images, name, 3, seed=5), corrupt(images, name, 3, seed=5))


@pytest.mark.parametrize("name", ["blocks", "noise"])
def test_random_numbers_follow_the_seed_and_the_position_and_not_the_batch(images, name):
    whole = corrupt(images, name, 2, seed=1)
    backwards = corrupt(images[::-1], name, 2, seed=1, positions=np.arange(COUNT)[::-1])
    assert np.array_equal(backwards[::-1], whole)
    repeated = np.repeat(images[:1], 40, axis=0)  # more than the device gets at once
    changed = corrupt(repeated, name, 2, seed=1)
    assert np.array_equal(changed[:1], whole[:1])
    assert len({image.tobytes() for image in changed}) == 40
    assert not np.array_equal(corrupt(images, name, 2, seed=2), whole)


def test_clips_are_compressed_apart(images):
    together = corrupt(images, "video", 5, clips=np.array([7, 7, 2, 2, 2, 2]))
    apart = [corrupt(part, "video", 5) for part in (images[:2], images[2:])]
    assert np.array_equal(together, np.concatenate(apart))
    assert not np.array_equal(together, corrupt(images, "video", 5))


def test_levels_of_the_protocol_are_the_published_ones():
    published = {  # EndlessSora/DeeperForensics-1.0, perturbation/add_distortion_to_video.py
        "saturation": (0.4, 0.3, 0.2, 0.1, 0.0),
        "contrast": (0.85, 0.725, 0.6, 0.475, 0.35),
        "blocks": (16, 32, 48, 64, 80),
        "noise": (0.001, 0.002, 0.005, 0.01, 0.05),
        "blur": (7, 9, 13, 17, 21),
        "resize": (2, 3, 4, 5, 6),
        "video": (30, 32, 35, 38, 40),
    }
    assert {name: CORRUPTIONS[name].values for name in published} == published


def test_psnr_is_scikit_images(images):
    corrupted = corrupt(images, "contrast", 1)
    expected = [peak_signal_noise_ratio(a, b) for a, b in zip(images, corrupted, strict=True)]
    assert psnr(images, corrupted) == pytest.approx(expected, rel=1e-5)
    assert np.isinf(psnr(images, images)).all()


def test_an_unknown_name_is_answered_with_the_nearest(images):
    with pytest.raises(SettingsError, match='did you mean "saturation"'):
        corrupt(images, "saturatoin", 1)
    with pytest.raises(SettingsError, match='did you mean "jpeg"'):
        check_corruptions(["blur", "jpg"])


@pytest.mark.parametrize("level", [0, 6])
def test_a_level_that_does_not_exist_is_rejected(images, level):
    with pytest.raises(SettingsError, match=f"expected 1 to 5, found {level}"):
        corrupt(images, "blur", level)


@EVERY_ONE
def test_no_pictures_give_no_pictures(images, name):
    assert corrupt(images[:0], name, 1).shape == (0, SIZE, SIZE, 3)

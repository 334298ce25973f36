"""EfficientNet-Lite0 as published: its size, its maps, and its features with the published weights on photographs."""

import functools

import cv2
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import skimage.data

from dfdetect_jax.augmentation import normalize
from dfdetect_jax.config import LAEModel, WeightsSource
from dfdetect_jax.models import encoders
from dfdetect_jax.models.efficientnet_lite import EfficientNetLite0, Pyramid, preprocess, relu6
from dfdetect_jax.weights.encoder import load_encoder
from dfdetect_jax.weights.sources import locate, packaged_path
from dfdetect_jax.weights.unpickle import read_arrays

PUBLISHED = encoders.find("efficientnet_lite0").published.imagenet
SOURCE = WeightsSource(network="efficientnet_lite0", source="imagenet", sha256="", setting="model.pretrained")
EGYPTIAN_CAT, ESPRESSO = 285, 967  # among ImageNet's classes


def shapes_of(network, size=128):
    """Variables and output as shapes; nothing is computed."""
    image = jax.ShapeDtypeStruct((1, size, size, 3), jnp.float32)
    output, variables = jax.eval_shape(lambda x: network.init_with_output(jax.random.key(0), x, False), image)
    return variables, output


def test_it_has_the_published_number_of_parameters():
    variables, _ = shapes_of(EfficientNetLite0())
    count = sum(leaf.size for leaf in jax.tree.leaves(variables["params"]))
    assert count + 1281 * 1000 == 4_652_008  # 4.7 M in TensorFlow's release, with the classifier of 1,000 classes


@pytest.mark.parametrize(("size", "side"), [(224, 7), (128, 4), (65, 3)])
def test_the_last_map_is_a_thirty_second_of_the_input(size, side):
    assert shapes_of(EfficientNetLite0(), size)[1].shape == (1, side, side, 1280)


def test_a_pyramid_halves_from_map_to_map_and_has_no_layers_behind_its_latent():
    for stages, latent in ((3, 16), (4, 128), (5, 8)):
        variables, maps = shapes_of(Pyramid(stages, latent), 96)
        assert [m.shape[1] for m in maps] == [96 // 2**i for i in range(1, stages + 1)]
        assert [m.shape[3] for m in maps] == [*(16, 24, 40, 112, 320)[: stages - 1], latent]
        blocks = sum(name.startswith("block_") for name in variables["params"])
        assert blocks == {3: 5, 4: 11, 5: 16}[stages]
    whole, _ = shapes_of(EfficientNetLite0(), 96)
    assert set(variables["params"]) - {"latent"} == set(whole["params"]) - {"head", "head_norm"}


def test_images_enter_as_the_published_weights_expect_them():
    colours = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1).repeat(3, axis=-1)
    expected = (colours.astype(np.float32) - 127) / 128
    np.testing.assert_allclose(preprocess(normalize(colours)), expected, atol=1e-6)


def test_relu6_has_a_gradient_between_its_bounds_alone():
    x = jnp.array([-1.0, 0.0, 0.5, 5.5, 6.0, 7.0])
    np.testing.assert_array_equal(relu6(x), [0, 0, 0.5, 5.5, 6, 6])
    np.testing.assert_array_equal(jax.grad(lambda x: relu6(x).sum())(x), [0, 0, 1, 1, 0, 0])


def test_more_stages_than_it_has_are_refused():
    with pytest.raises(ValueError, match=r"model\.stages: expected at most 5"):
        encoders.check(encoders.PYRAMID, LAEModel(encoder="efficientnet_lite0", stages=6))


needs_the_weights = pytest.mark.skipif(packaged_path(PUBLISHED) is None, reason="the extra pretrained isn't installed")


def square(photo, size=128):
    """The middle of a photograph, uint8 [size, size, 3]."""
    height, width = photo.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return cv2.resize(photo[top : top + side, left : left + side], (size, size), interpolation=cv2.INTER_AREA)


@functools.cache
def photo_features():
    """Of a cat and of a cup of coffee, float32 [2, 4, 4, 1280]."""
    photos = np.stack([square(photo) for photo in (skimage.data.chelsea(), skimage.data.coffee())])
    return jax.jit(lambda v, x: EfficientNetLite0().apply(v, normalize(x), False))(load_encoder(SOURCE), photos)


@needs_the_weights
def test_published_weights_give_the_features_that_they_give_in_pytorch():
    # PyTorch 2.13, the same file in the package efficientnet_lite_pytorch 0.1.0: means over the map of some channels.
    expected = [
        [0.084998, 4.078506, 0.0, 0.0, 0.0, 2.902443],
        [3.689015, 0.191301, 2.895285, 4.589751, 3.632006, 0.0],
    ]
    actual = np.mean(photo_features(), axis=(1, 2))[:, [2, 72, 76, 79, 83, 90]]
    np.testing.assert_allclose(actual, expected, atol=1e-4)


@needs_the_weights
def test_published_weights_know_a_cat_and_a_coffee():
    tensors = read_arrays(locate(SOURCE, PUBLISHED).known_content())
    logits = np.mean(photo_features(), axis=(1, 2)) @ tensors["_fc.weight"].T + tensors["_fc.bias"]
    assert logits.argmax(axis=1).tolist() == [EGYPTIAN_CAT, ESPRESSO]

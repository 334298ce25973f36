"""Multi-task learning against the same layers in Keras, and its objective against the authors' definition."""

import functools

import jax
import numpy as np
import pytest

from dfdetect_jax.augmentation import normalize
from dfdetect_jax.config import MultiTaskLoss, MultiTaskModel, check, override
from dfdetect_jax.errors import SettingsError
from dfdetect_jax.methods import multi_task
from dfdetect_jax.methods.latent_halves import activations
from tests.keras_layers import conv_norm_relu, norm_relu, padded_conv, randomize, variables_of
from tests.keras_vgg16 import keras
from tests.tiny_methods import TINY

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (2, 32, 32, 3)).astype(np.uint8)


def doubled(x, channels, name, i):
    """PyTorch's ConvTranspose2d(3, stride=2, padding=1, output_padding=1), whose kernels lie the other way round."""
    conv = keras.layers.Conv2DTranspose(
        channels, 3, 2, use_bias=False, kernel_initializer="zeros", name=f"{name}.up_{i}"
    )
    return norm_relu(keras.layers.Cropping2D(((1, 0), (1, 0)))(conv(x)), f"{name}/norm_{i}")


@functools.cache
def in_keras():
    """Encoder, and decoder of both branches, as in the authors' figure 3, with the names of our modules."""
    image = keras.Input((32, 32, 3))
    x, widths = conv_norm_relu(image, 8, "encoder/stem"), (8, 16, 32, 64, 128)
    for i in range(4):
        x = conv_norm_relu(x, widths[i], f"encoder/down_{i}", stride=2)
        x = conv_norm_relu(x, widths[i + 1], f"encoder/conv_{i}")
    encoder = keras.Model(image, x)
    latent = keras.Input((2, 2, 128))

    def widening(x, name, *channels):
        for i, each in enumerate(channels):
            x = doubled(conv_norm_relu(x, each, f"{name}/conv_{i}"), each, name.replace("/", "."), i)
        return x

    shared = widening(latent, "decoder/shared", 64, 32)
    branches = [
        padded_conv(features, f"decoder/{name}_last")(widening(shared, f"decoder/{name}", 16, 8))
        for name, features in (("segmenter", 2), ("reconstructor", 3))
    ]
    return randomize(encoder), randomize(keras.Model(latent, branches), 1)


def flipped(variables):
    """Kernels of transposed convolutions from Keras' layout [h, w, out, in], scattered, to Flax' [h, w, in, out]."""
    for part in variables["params"]["decoder"].values():
        for name in part:
            if name.startswith("up_"):
                part[name]["kernel"] = part[name]["kernel"][::-1, ::-1].swapaxes(2, 3)
    return variables


def test_with_the_same_weights_all_outputs_are_those_of_keras():
    encoder, decoder = in_keras()
    network, fake = multi_task.MultiTask(MultiTaskModel()), np.array([True, False])
    variables = flipped(variables_of(encoder, decoder))
    outputs = jax.jit(lambda v, x: network.apply(v, normalize(x), train=False, fake=fake))(variables, IMAGES)
    z = np.asarray(encoder(IMAGES / np.float32(127.5) - 1))
    np.testing.assert_allclose(outputs.z, z, rtol=1e-3, atol=2e-3)
    half = z * np.where(fake[:, None], np.arange(128) >= 64, np.arange(128) < 64)[:, None, None]
    pixel_logits, x_hat = decoder(half)
    np.testing.assert_allclose(outputs.pixel_logits, pixel_logits, rtol=1e-3, atol=5e-3)
    np.testing.assert_allclose(outputs.reconstruction, np.tanh(x_hat), rtol=1e-3, atol=5e-3)


def test_it_has_the_authors_parameters_but_for_biases_before_batchnorm():
    """Counted in the authors' PyTorch code; there every convolution has a bias."""
    network = multi_task.MultiTask(MultiTaskModel())
    image = jax.ShapeDtypeStruct((1, 256, 256, 3), "float32")
    outputs, variables = jax.eval_shape(lambda x: network.init_with_output(jax.random.key(0), x, train=False), image)
    assert outputs.z.shape == (1, 16, 16, 128)
    count = {part: sum(leaf.size for leaf in jax.tree.leaves(tree)) for part, tree in variables["params"].items()}
    widths = ((3, 8), (8, 8), (8, 16), (16, 16), (16, 32), (32, 32), (32, 64), (64, 64), (64, 128))
    assert count["encoder"] == sum(9 * a * b + 2 * b for a, b in widths)
    shared, branch = ((128, 64), (64, 64), (64, 32), (32, 32)), ((32, 16), (16, 16), (16, 8), (8, 8))
    last = sum(9 * 8 * features + features for features in (2, 3))
    assert count["decoder"] == sum(9 * a * b + 2 * b for a, b in (*shared, *branch, *branch)) + last


def test_the_objective_is_the_sum_of_its_terms_and_only_images_with_a_mask_are_segmented():
    z = RNG.uniform(0, 2, (3, 2, 2, 6)).astype(np.float32)
    pixel_logits = RNG.normal(size=(3, 4, 4, 2)).astype(np.float32)
    x, x_hat = RNG.uniform(-1, 1, (2, 3, 4, 4, 3)).astype(np.float32)
    mask = RNG.integers(0, 2, (3, 4, 4)).astype(np.uint8) * 255
    batch = {"label": np.int32([0, 1, 1]), "mask": mask, "has_mask": np.array([True, True, False])}
    outputs = multi_task.Outputs(activations(z), z, pixel_logits, x_hat)
    weights = MultiTaskLoss(activation=0.5, segmentation=2.0, reconstruction=3.0)
    loss, terms = multi_task.objective(outputs, x, batch, weights)
    p = np.exp(pixel_logits) / np.exp(pixel_logits).sum(axis=-1, keepdims=True)
    segmentation = -np.log(np.where(mask > 0, p[..., 1], p[..., 0]))[:2].mean()
    a_real, a_fake = (half.mean(axis=(1, 2, 3)) for half in np.split(z, 2, axis=-1))
    activation = np.mean(np.abs(a_fake - batch["label"]) + np.abs(a_real - (1 - batch["label"])))
    reconstruction = np.square(x - x_hat).mean()
    for name, term in (("segmentation", segmentation), ("activation", activation), ("reconstruction", reconstruction)):
        np.testing.assert_allclose(terms[name], term, rtol=1e-5)
    np.testing.assert_allclose(loss, 0.5 * activation + 2 * segmentation + 3 * reconstruction, rtol=1e-5)


def test_masks_come_from_the_first_step_and_selected_ones_after_a_first_stage():
    settings = check(TINY["multi_task"])
    assert (settings.active.masks, settings.active.start) == ("all", 0)
    assert settings.mask_learning is settings.active
    with pytest.raises(SettingsError, match=r"active\.start: expected at least 1"):
        check(override(settings, {"active.masks": "selected"}))
    check(override(settings, {"active.masks": "selected", "active.start": 2}))

"""ForensicTransfer against the same layers in Keras, and its objective against the paper's equations."""

import functools

import jax
import numpy as np
import pytest

from dfdetect_jax.augmentation import normalize
from dfdetect_jax.config import ForensicTransferLoss, ForensicTransferModel
from dfdetect_jax.methods import forensic_transfer
from dfdetect_jax.methods.latent_halves import Activations, activations, keep_half
from dfdetect_jax.models.forensic_transfer import third_derivatives
from tests.keras_layers import conv_norm_relu, padded_conv, randomize, variables_of
from tests.keras_vgg16 import keras

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (2, 32, 32, 3)).astype(np.uint8)


@functools.cache
def in_keras():
    """Encoder and decoder on images, with half of the published widths, and the names of our modules."""
    image = keras.Input((32, 32, 3))
    x = keras.layers.ReLU()(padded_conv(8, "encoder/conv_0")(image))  # at least 8 channels
    for i, channels in enumerate((8, 16, 32, 64), 1):
        x = conv_norm_relu(x, channels, f"encoder/conv_{i}", stride=2)
    encoder = keras.Model(image, x)
    latent = keras.Input((2, 2, 64))
    x = latent
    for i, channels in ((3, 32), (2, 16), (1, 8), (0, 8)):
        x = keras.layers.UpSampling2D(interpolation="nearest")(x)
        x = conv_norm_relu(x, channels, f"decoder/conv_{i}")
    return randomize(encoder), randomize(keras.Model(latent, padded_conv(3, "decoder/last")(x)), 1)


def test_with_the_same_weights_latent_and_reconstruction_are_those_of_keras():
    encoder, decoder = in_keras()
    model = ForensicTransferModel(width=0.5, input="image")
    variables, fake = variables_of(encoder, decoder), np.array([True, False])
    network = forensic_transfer.ForensicTransfer(model)
    outputs = jax.jit(lambda v, x: network.apply(v, normalize(x), train=False, fake=fake))(variables, IMAGES)
    z = np.asarray(encoder(IMAGES / np.float32(127.5) - 1))
    assert z.any(axis=(0, 1, 2)).mean() > 0.8
    np.testing.assert_allclose(outputs.z, z, rtol=1e-3, atol=1e-3)
    half = z * np.where(fake[:, None], np.arange(64) >= 32, np.arange(64) < 32)[:, None, None]
    np.testing.assert_allclose(outputs.reconstruction, np.tanh(decoder(half)), rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(outputs.a.fake, np.abs(z[..., 32:]).mean(axis=(1, 2, 3)), rtol=1e-4)


def test_the_latent_of_256_px_is_two_halves_of_16x16x64():
    network = forensic_transfer.ForensicTransfer(ForensicTransferModel())
    image = jax.ShapeDtypeStruct((1, 256, 256, 3), "float32")
    outputs, variables = jax.eval_shape(lambda x: network.init_with_output(jax.random.key(0), x, train=False), image)
    assert outputs.z.shape == (1, 16, 16, 128)
    assert outputs.reconstruction.shape == (1, 256, 256, 6)
    kernels = sum(9 * a * b for a, b in ((6, 8), (8, 16), (16, 32), (32, 64), (64, 128)))
    norms = 2 * (16 + 32 + 64 + 128)
    assert sum(leaf.size for leaf in jax.tree.leaves(variables["params"]["encoder"])) == kernels + norms + 8


def test_the_residual_is_the_third_difference_along_both_axes():
    x = RNG.uniform(-1, 1, (2, 5, 6, 3)).astype(np.float32)
    along_x = np.diff(np.pad(x, ((0, 0), (0, 0), (1, 2), (0, 0)), mode="edge"), n=3, axis=2)
    along_y = np.diff(np.pad(x, ((0, 0), (1, 2), (0, 0), (0, 0)), mode="edge"), n=3, axis=1)
    np.testing.assert_allclose(third_derivatives(x), np.concatenate([along_x, along_y], axis=-1), atol=1e-5)


def made_up_outputs():
    z = RNG.uniform(-1, 2, (4, 2, 2, 6)).astype(np.float32)
    seen, reconstruction = RNG.uniform(-1, 1, (2, 4, 3, 3, 6)).astype(np.float32)
    return forensic_transfer.Outputs(activations(z), z, reconstruction, seen)


def test_the_objective_is_activation_plus_gamma_times_l1():
    outputs, y = made_up_outputs(), np.int32([0, 1, 1, 0])
    loss, terms = forensic_transfer.objective(outputs, y, ForensicTransferLoss(reconstruction_weight=0.3))
    a_real, a_fake = (np.abs(half).mean(axis=(1, 2, 3)) for half in np.split(outputs.z, 2, axis=-1))
    activation = np.mean(np.abs(a_fake - y) + np.abs(a_real - (1 - y)))
    reconstruction = np.abs(outputs.reconstruction - outputs.seen).mean()
    np.testing.assert_allclose([terms["activation"], terms["reconstruction"]], [activation, reconstruction], rtol=1e-5)
    np.testing.assert_allclose(loss, activation + 0.3 * reconstruction, rtol=1e-5)


@pytest.mark.parametrize(("a_real", "a_fake"), [(0.2, 0.9), (1.1, 0.4)])
def test_an_image_is_fake_where_the_fake_half_is_the_more_active_one(a_real, a_fake):
    logit = forensic_transfer.logit(Activations(np.float32([a_real]), np.float32([a_fake])))
    np.testing.assert_allclose(jax.nn.sigmoid(logit), [a_fake / (a_fake + a_real)], rtol=1e-4)


def test_the_half_of_the_other_class_is_zeroed():
    z = np.ones((2, 1, 1, 4), np.float32)
    kept = keep_half(z, np.array([True, False]))
    np.testing.assert_array_equal(kept[:, 0, 0], [[0, 0, 1, 1], [1, 1, 0, 0]])

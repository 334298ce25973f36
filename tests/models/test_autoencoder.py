"""The decoder and the classifier."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dfdetect_jax.models.autoencoder import Classifier, Decoder


def decoder_shapes(latent, size, widths):
    decoder = Decoder(widths)
    latent = jax.ShapeDtypeStruct(latent, jnp.float32)
    variables = jax.eval_shape(lambda z: decoder.init(jax.random.key(0), z, size, False), latent)
    image = jax.eval_shape(lambda v, z: decoder.apply(v, z, size, False), variables, latent)
    return variables["params"], image


@pytest.mark.parametrize("latent", [(2, 10, 10, 2048), (2, 2048)], ids=["map", "vector"])
@pytest.mark.parametrize("size", [(299, 299), (128, 128), (100, 70)])
def test_the_reconstruction_has_the_images_size(latent, size):
    _, image = decoder_shapes(latent, size, (512, 256, 128, 64, 32))
    assert image.shape == (2, *size, 3)


def test_stages_are_4x4_transposed_convolutions_of_the_widths_given():
    params, _ = decoder_shapes((2, 4, 4, 64), (16, 16), (32, 16))
    assert params["up_0"]["kernel"].shape == (4, 4, 64, 32)
    assert params["up_1"]["kernel"].shape == (4, 4, 32, 16)
    assert params["to_rgb"]["kernel"].shape == (3, 3, 16, 3)


@pytest.mark.parametrize(("size", "positions"), [(128, 4 * 4), (299, 10 * 10)])
def test_a_vector_is_spread_over_the_map_that_the_stages_need(size, positions):
    params, _ = decoder_shapes((2, 2048), (size, size), (512, 256, 128, 64, 32))
    assert params["vector_to_map"]["kernel"].shape == (2048, positions * 128)
    assert params["up_0"]["kernel"].shape == (4, 4, 128, 512)


@pytest.mark.parametrize("latent", [(2, 3, 3, 16), (2, 16)], ids=["map", "vector"])
def test_the_reconstruction_lies_between_minus_one_and_one(latent):
    z = 100.0 * jnp.asarray(np.random.default_rng(0).normal(size=latent), jnp.float32)
    decoder = Decoder((8,))
    image, _ = jax.jit(lambda: decoder.init_with_output(jax.random.key(0), z, (7, 7), True))()
    assert np.max(np.abs(image)) <= 1.0
    assert np.std(image) > 0.1


def test_the_classifier_is_dense_relu_dense():
    z = np.random.default_rng(0).normal(size=(5, 12)).astype(np.float32)
    logits, variables = Classifier(7).init_with_output(jax.random.key(0), z)
    hidden, logit = (jax.tree.map(np.asarray, variables["params"][name]) for name in ("hidden", "logit"))
    expected = np.maximum(z @ hidden["kernel"] + hidden["bias"], 0) @ logit["kernel"] + logit["bias"]
    assert logits.shape == (5,)
    np.testing.assert_allclose(logits, expected[:, 0], rtol=1e-5, atol=1e-6)

"""The U-Net: resolutions, widths, and what the skips carry."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dfdetect_jax.models.unet import Encoder, UNetDecoder, stage_channels

IMAGES = jnp.asarray(np.random.default_rng(0).uniform(-1, 1, (2, 16, 16, 3)), jnp.float32)


def test_the_published_widths():
    assert stage_channels(4, 1.0) == (8, 16, 32, 64, 128)


def test_256_pixels_become_a_latent_of_16x16x128():
    encoder = Encoder()
    image = jax.ShapeDtypeStruct((1, 256, 256, 3), jnp.float32)
    maps, _ = jax.eval_shape(lambda x: encoder.init_with_output(jax.random.key(0), x, False), image)
    assert [m.shape[1:] for m in maps] == [
        (256, 256, 8),
        (128, 128, 16),
        (64, 64, 32),
        (32, 32, 64),
        (16, 16, 128),
    ]


@pytest.fixture(scope="module")
def networks():
    """(maps of the encoder, function (latent, skips) -> reconstruction of a decoder with, and one without skips)."""
    maps, _ = Encoder(2).init_with_output(jax.random.key(0), IMAGES, False)
    decoders = []
    for skips in (maps[:-1], []):
        decoder = UNetDecoder(2)
        variables = decoder.init(jax.random.key(1), maps[-1], skips, False)
        decoders.append(
            lambda z, skips, decoder=decoder, variables=variables: decoder.apply(variables, z, skips, False)
        )
    return maps, *decoders


def test_the_decoder_gives_images_back(networks):
    maps, decode, _ = networks
    reconstruction = decode(maps[-1], maps[:-1])
    assert reconstruction.shape == IMAGES.shape
    assert float(jnp.abs(reconstruction).max()) <= 1.0


def test_skips_carry_what_the_latent_has_not(networks):
    maps, with_skips, without = networks
    changed = [skip + 1.0 for skip in maps[:-1]]
    assert not np.allclose(with_skips(maps[-1], changed), with_skips(maps[-1], maps[:-1]))
    assert not np.allclose(without(maps[-1] + 1.0, []), without(maps[-1], []))

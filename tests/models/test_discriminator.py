"""The discriminator against DCGAN's description."""

import jax
import jax.numpy as jnp

from dfdetect_jax.models.discriminator import Discriminator


def shapes(width):
    image = jax.ShapeDtypeStruct((2, 64, 64, 3), jnp.float32)
    return jax.eval_shape(lambda x: Discriminator(width).init_with_output(jax.random.key(0), x, True), image)


def test_four_halvings_from_64_channels_to_512_then_one_logit():
    logits, variables = shapes(1.0)
    params = variables["params"]
    assert logits.shape == (2,)
    kernels = [params[f"conv_{i}"]["kernel"].shape for i in range(4)]
    assert kernels == [(4, 4, 3, 64), (4, 4, 64, 128), (4, 4, 128, 256), (4, 4, 256, 512)]
    assert params["logit"]["kernel"].shape == (4 * 4 * 512, 1)


def test_every_stage_but_the_first_is_normalised():
    _, variables = shapes(0.25)
    assert set(variables["batch_stats"]) == {"norm_1", "norm_2", "norm_3"}

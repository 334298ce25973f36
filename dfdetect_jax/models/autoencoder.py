"""The two branches of the CAE after the encoder: a decoder that reconstructs the image, and a shallow classifier."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from dfdetect_jax.models import layers


class Decoder(nn.Module):
    """Latent to image: stages of 4x4 stride-2 transposed convolution, BatchNorm and ReLU, then 3x3 to RGB and tanh.

    A latent vector of C channels is first expanded by a dense layer to a map of ceil(H / 2^stages) x
    ceil(W / 2^stages) positions with C / 16 channels each, so both kinds of latent pass through the same resolutions.

    Attributes:
        widths: output channels of each stage.
        axis_name: mapped axis over which BatchNorm's statistics are averaged, or None.
    """

    widths: tuple[int, ...] = (512, 256, 128, 64, 32)
    axis_name: str | None = None

    @nn.compact
    def __call__(self, latent: jax.Array, size: tuple[int, int], train: bool) -> jax.Array:
        """Reconstructs images.

        Args:
            latent: float [N, h, w, C], or [N, C].
            size: height and width of the images; the last stage's output is resized to it (bilinear).
            train: normalise by the batch's statistics, and update their running averages in `batch_stats`.

        Returns:
            float32 [N, H, W, 3] in [-1, 1].
        """
        x = self._vector_to_map(latent, size) if latent.ndim == 2 else latent
        for i, width in enumerate(self.widths):
            x = layers.TransposedConv(width, name=f"up_{i}")(x)
            x = nn.relu(layers.BatchNorm(self.axis_name, name=f"norm_{i}")(x, train))
        x = jnp.tanh(layers.Conv3x3(3, use_bias=True, name="to_rgb")(x).astype(jnp.float32))
        shape = (x.shape[0], *size, 3)
        return x if x.shape == shape else jax.image.resize(x, shape, "bilinear")

    def _vector_to_map(self, vector: jax.Array, size: tuple[int, int]) -> jax.Array:
        channels = max(1, vector.shape[-1] // 16)
        h, w = (-(-side // 2 ** len(self.widths)) for side in size)
        x = nn.Dense(h * w * channels, dtype=vector.dtype, name="vector_to_map")(vector)
        return nn.relu(x).reshape(-1, h, w, channels)


class Classifier(nn.Module):
    """Feature vector to one logit: dense, ReLU, dense.

    Attributes:
        hidden: units of the hidden layer.
    """

    hidden: int = 512

    @nn.compact
    def __call__(self, features: jax.Array) -> jax.Array:
        """Classifies feature vectors.

        Args:
            features: float32 [N, C].

        Returns:
            Logits, float32 [N]; positive means fake.
        """
        x = nn.relu(nn.Dense(self.hidden, name="hidden")(features))
        return jnp.squeeze(nn.Dense(1, name="logit")(x), axis=-1)

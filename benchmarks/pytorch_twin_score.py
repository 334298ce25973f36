"""Scoring in PyTorch: the twins' networks in inference mode, without the decoder, which scores don't depend on."""

from collections.abc import Callable

import numpy as np
import torch
from pytorch_twin import CAE, Place
from pytorch_twin_lae import LAE
from torch import nn

from dfdetect_jax.config import LAESettings, Settings


def cae_logits(network: CAE, x: torch.Tensor) -> torch.Tensor:
    """[N, 3, H, W] to [N]."""
    return network.classifier(network.encoder(x).mean((2, 3)))[:, 0]


def lae_logits(network: LAE, x: torch.Tensor) -> torch.Tensor:
    """[N, 3, H, W] to [N]: mean |fake half| minus mean |real half| of the latent."""
    z = network.encoder(x)[-1]
    real, fake = z.abs().mean((2, 3)).reshape(len(z), 2, -1).mean(2).unbind(1)
    return fake - real


def settle(network: nn.Module, logits: Callable, x: torch.Tensor) -> None:
    """Makes the statistics of `x` the running ones.

    With those of a fresh network activations fade from layer to layer until they are denormal numbers, at which a
    processor is many times slower; no trained network has such.
    """
    for norm in (module for module in network.modules() if isinstance(module, nn.BatchNorm2d)):
        norm.momentum = 1.0
    with torch.no_grad():
        logits(network.train(), x)
    network.eval()


def scorer(
    settings: Settings, place: Place, images: np.ndarray
) -> tuple[Callable[[np.ndarray], np.ndarray], nn.Module]:
    """From uint8 [N, S, S, 3] in the host's memory to scores [N] there; and the network, settled on `images`."""
    lae = isinstance(settings, LAESettings)
    network = place.network(LAE(settings) if lae else CAE(settings))
    logits = lae_logits if lae else cae_logits
    settle(network, logits, place.array(images).permute(0, 3, 1, 2).float() / 127.5 - 1.0)

    def scores(uint8: torch.Tensor) -> torch.Tensor:
        # NHWC in memory: channels_last without a copy.
        return torch.sigmoid(logits(network, uint8.permute(0, 3, 1, 2).float() / 127.5 - 1.0))

    function = place.function(scores)

    def score(images: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return function(place.array(images)).float().cpu().numpy()

    return score, network

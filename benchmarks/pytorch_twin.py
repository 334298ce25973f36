"""The CAE in PyTorch, idiomatically written: the reference of `train_step.py` and `scaling.py`.

Same layers, widths, constants of BatchNorm, losses, flip and optimiser; the numbers of parameters are compared.
"""

import importlib.util
import os
import shutil
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from dfdetect_jax.config import CAEModel, Settings
from dfdetect_jax.models.layers import scale_channels


class Place(NamedTuple):
    """Where and how an arm runs.

    Attributes:
        backend: "cpu" or "gpu", as JAX calls them.
        dtype: "float32", or "bfloat16" for autocast; parameters stay float32.
        mode: of `torch.compile`, or None for eager.
    """

    backend: str = "cpu"
    dtype: str = "float32"
    mode: str | None = None

    @property
    def device(self) -> str:
        """PyTorch's name of the backend."""
        return "cuda" if self.backend == "gpu" else "cpu"

    def network(self, module: nn.Module) -> nn.Module:
        """`module` there, with float32 products as TF32 on a GPU and cuDNN choosing by trial."""
        torch.set_float32_matmul_precision("high")
        torch.backends.cudnn.allow_tf32 = torch.backends.cudnn.benchmark = True
        return module.to(self.device, memory_format=torch.channels_last).train()

    def array(self, values: np.ndarray) -> torch.Tensor:
        """A batch's array there."""
        return torch.from_numpy(values).to(self.device)

    def function(self, loss: Callable) -> Callable:
        """`loss` under autocast, compiled if a mode says so."""
        loss = torch.autocast(self.device, torch.bfloat16, enabled=self.dtype == "bfloat16")(loss)
        return loss if self.mode is None else torch.compile(loss, mode=self.mode)

    def wait(self) -> None:
        """Blocks until all submitted work is done."""
        if self.device == "cuda":
            torch.cuda.synchronize()

    def peak_memory(self, step: Callable) -> float | None:
        """MB that were allocated at most on the GPU while `step` ran once; None on a CPU, where nobody counts."""
        if self.device == "cpu":
            step()
            return None
        torch.cuda.reset_peak_memory_stats()
        step()
        return torch.cuda.max_memory_allocated() / 1e6


def missing(backend: str, *, compiled: bool) -> str | None:
    """The reason why PyTorch can't run on `backend`; None if it can."""
    if backend not in ("cpu", "gpu"):
        return f"PyTorch does not run on {backend}, where JAX does"
    if backend == "gpu" and not torch.cuda.is_available():
        return "JAX has a GPU here, PyTorch none: its arms are absent"
    if compiled and backend == "gpu" and importlib.util.find_spec("triton") is None:
        return "torch.compile needs Triton on a GPU: its arm is absent"
    if compiled and not any(map(shutil.which, (os.environ.get("CXX", "g++"), "clang++"))):
        return "torch.compile needs a C++ compiler: its arm is absent"
    return None


def norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)


class SeparableConv(nn.Module):
    """Depthwise 3x3, pointwise 1x1, normalisation."""

    def __init__(self, channels, features):
        super().__init__()
        self.depthwise = nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False)
        self.pointwise = nn.Conv2d(channels, features, 1, bias=False)
        self.norm = norm(features)

    def forward(self, x):
        """[N, C, H, W] to [N, features, H, W]."""
        return self.norm(self.pointwise(self.depthwise(x)))


class DownBlock(nn.Module):
    """Two separable convolutions and a pool, beside a strided shortcut."""

    def __init__(self, channels, first, second, relu_first=True):
        super().__init__()
        self.shortcut = nn.Sequential(nn.Conv2d(channels, second, 1, stride=2, bias=False), norm(second))
        self.separable_0 = SeparableConv(channels, first)
        self.separable_1 = SeparableConv(first, second)
        self.relu_first = relu_first

    def forward(self, x):
        """[N, C, H, W] to [N, second, ceil(H / 2), ceil(W / 2)]."""
        y = F.relu(x) if self.relu_first else x
        y = self.separable_1(F.relu(self.separable_0(y)))
        return F.max_pool2d(y, 3, 2, 1) + self.shortcut(x)


class MiddleBlock(nn.Module):
    """Three separable convolutions added to their input."""

    def __init__(self, channels):
        super().__init__()
        self.separables = nn.ModuleList(SeparableConv(channels, channels) for _ in range(3))

    def forward(self, x):
        """[N, C, H, W] to the same shape."""
        y = x
        for separable in self.separables:
            y = separable(F.relu(y))
        return x + y


class CAE(nn.Module):
    """Encoder, classifier on the average of its map, decoder on the map."""

    def __init__(self, settings: Settings):
        super().__init__()
        model = settings.model
        self.encoder, features = self._encoder(model)
        hidden = scale_channels(model.classifier_width, model.width)
        self.classifier = nn.Sequential(nn.Linear(features, hidden), nn.ReLU(), nn.Linear(hidden, 1))
        stages, channels = [], features
        for width in (scale_channels(width, model.width) for width in model.decoder_widths):
            stages += [nn.ConvTranspose2d(channels, width, 4, 2, 1, bias=False), norm(width), nn.ReLU()]
            channels = width
        self.decoder = nn.Sequential(*stages, nn.Conv2d(channels, 3, 3, padding=1), nn.Tanh())

    def _encoder(self, model: CAEModel) -> tuple[nn.Module, int]:
        """The encoder and the channels of its map."""
        if model.encoder == "efficientnet_lite0":
            from pytorch_twin_encoders import FeatureMap

            return FeatureMap(), FeatureMap.features
        stem, stem_out, *entry, last_down, exit_0, exit_1 = (
            scale_channels(c, model.width) for c in (32, 64, 128, 256, 728, 1024, 1536, 2048)
        )
        middle = entry[-1]
        encoder = nn.Sequential(
            *(nn.Conv2d(3, stem, 3, 2, bias=False), norm(stem), nn.ReLU()),
            *(nn.Conv2d(stem, stem_out, 3, bias=False), norm(stem_out), nn.ReLU()),
            DownBlock(stem_out, entry[0], entry[0], relu_first=False),
            DownBlock(entry[0], entry[1], entry[1]),
            DownBlock(entry[1], middle, middle),
            *(MiddleBlock(middle) for _ in range(model.middle_blocks)),
            DownBlock(middle, middle, last_down),
            *(SeparableConv(last_down, exit_0), nn.ReLU(), SeparableConv(exit_0, exit_1), nn.ReLU()),
        )
        return encoder, exit_1

    def forward(self, x):
        """Images [N, 3, H, W] in [-1, 1] to logits [N] and reconstructions."""
        features = self.encoder(x)
        image = self.decoder(features)
        if image.shape != x.shape:
            image = F.interpolate(image, x.shape[2:], mode="bilinear", antialias=True)
        return self.classifier(features.mean((2, 3)))[:, 0], image


def train_step(
    settings: Settings, batch: dict[str, np.ndarray], place: Place, wrap: Callable = lambda network: network
) -> tuple[Callable[[], None], int]:
    """One training step on `batch` as a call that returns when it is done; and the parameters' count.

    `wrap` is given the network and returns what is called in its place, such as `DistributedDataParallel`.
    """
    torch.manual_seed(0)
    network = place.network(CAE(settings))
    called = wrap(network)
    options = settings.optimizer
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=options.learning_rate, weight_decay=options.weight_decay, fused=True
    )
    uint8 = place.array(batch["image"]).permute(0, 3, 1, 2)  # NHWC in memory: channels_last without a copy
    labels = place.array(batch["label"]).float()

    def objective() -> torch.Tensor:
        images = uint8.float() / 127.5 - 1.0
        mirrored = torch.rand(len(images), 1, 1, 1, device=images.device) < 0.5
        images = torch.where(mirrored, images.flip(3), images)
        logits, reconstruction = called(images)
        classification = F.binary_cross_entropy_with_logits(logits.float(), labels)
        return classification + settings.loss.reconstruction_weight * F.mse_loss(reconstruction.float(), images)

    loss_of = place.function(objective)

    def step() -> None:
        loss = loss_of()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        place.wait()

    return step, sum(p.numel() for p in network.parameters())

"""The LAE in PyTorch, idiomatically written: the reference of `train_step.py --method lae`.

Same layers, widths, constants of BatchNorm, losses, flip and optimisers as the default settings; the numbers of
parameters are compared. VGG16 has random weights in both: only the time is compared.
"""

import itertools
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from pytorch_twin import Place, norm
from torch import nn

from dfdetect_jax.config import LAESettings
from dfdetect_jax.models.layers import scale_channels
from dfdetect_jax.models.unet import stage_channels
from dfdetect_jax.models.vgg import WIDTHS, places_up_to


def conv_norm_relu(channels: int, features: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(channels, features, 3, stride, 1, bias=False), norm(features), nn.ReLU())


class Encoder(nn.Module):
    """The U-Net's: each stage halves the resolution and doubles the channels."""

    def __init__(self, channels: tuple[int, ...]):
        super().__init__()
        self.stem = conv_norm_relu(3, channels[0])
        pairs = itertools.pairwise(channels)
        self.down = nn.ModuleList(
            nn.Sequential(conv_norm_relu(c, c, 2), conv_norm_relu(c, deeper)) for c, deeper in pairs
        )

    def forward(self, x):
        """Images [N, 3, H, W] in [-1, 1] to the maps from full resolution down to the latent."""
        maps = [self.stem(x)]
        for down in self.down:
            maps.append(down(maps[-1]))
        return maps


class Latent(nn.Module):
    """The latent of an encoder's deepest map, in its place."""

    def __init__(self, channels: int, features: int):
        super().__init__()
        self.conv = conv_norm_relu(channels, features)

    def forward(self, maps):
        """A list of maps to the same with the latent last."""
        return [*maps[:-1], self.conv(maps[-1])]


class LAE(nn.Module):
    """Encoder, half of its latent, decoder with skips."""

    def __init__(self, settings: LAESettings):
        super().__init__()
        channels = stage_channels(settings.model.stages, settings.model.width)
        pairs = list(itertools.pairwise(channels))
        self.encoder, skips = Encoder(channels), channels[:-1]
        if settings.model.encoder == "efficientnet_lite0":
            from pytorch_twin_encoders import Maps

            maps = Maps(settings.model.stages)
            self.encoder = nn.Sequential(maps, Latent(maps.channels, channels[-1]))
            skips = (0, 16, 24, 40, 112)[: settings.model.stages]
        self.up = nn.ModuleList(
            nn.Sequential(nn.ConvTranspose2d(deeper, c, 4, 2, 1, bias=False), norm(c), nn.ReLU()) for c, deeper in pairs
        )
        self.merge = nn.ModuleList(conv_norm_relu(c + skip, c) for (c, _), skip in zip(pairs, skips, strict=True))
        self.to_rgb = nn.Conv2d(channels[0], 3, 3, padding=1)

    def forward(self, x, fake):
        """Images [N, 3, H, W] in [-1, 1] and classes bool [N] to the latent and reconstructions."""
        *skips, z = self.encoder(x)
        skips = [None] * (len(self.up) - len(skips)) + skips
        in_fake_half = torch.arange(z.shape[1], device=z.device) >= z.shape[1] // 2
        y = z * (in_fake_half == fake[:, None])[:, :, None, None]
        for up, merge, skip in zip(reversed(self.up), reversed(self.merge), reversed(skips), strict=True):
            y = merge(up(y) if skip is None else torch.cat([up(y), skip], 1))
        return z, torch.tanh(self.to_rgb(y))


class Discriminator(nn.Sequential):
    """DCGAN's."""

    def __init__(self, settings: LAESettings):
        layers, channels = [], 3
        for width in (scale_channels(c, settings.model.discriminator_width) for c in (64, 128, 256, 512)):
            layers += [nn.Conv2d(channels, width, 4, 2, 1, bias=False)]
            layers += [norm(width)] if channels > 3 else []
            layers += [nn.LeakyReLU(0.2)]
            channels = width
        side = settings.data.image_size // 16
        super().__init__(*layers, nn.Flatten(), nn.Linear(channels * side * side, 1), nn.Flatten(0))


class VGG16(nn.Module):
    """Up to the deepest layer of the perceptual loss."""

    def __init__(self, layers: tuple[str, ...]):
        super().__init__()
        self.wanted, self.places = layers, places_up_to(layers)
        widths = [3] + [WIDTHS[place] for place in self.places]
        self.convs = nn.ModuleList(nn.Conv2d(c, d, 3, padding=1) for c, d in itertools.pairwise(widths))

    def forward(self, x):
        """Images [N, 3, H, W] to the features wanted."""
        found = []
        for place, conv in zip(self.places, self.convs, strict=True):
            if place.endswith("_1") and place != "1_1":
                x = F.max_pool2d(x, 2)
            x = F.relu(conv(x))
            if f"relu{place}" in self.wanted:
                found.append(x)
        return found


def attention_loss(pixel_logits, masks, weights):
    """Balanced cross-entropy of each pixel, averaged over the images with weight."""
    forged, untouched = masks.sum((1, 2)), (1 - masks).sum((1, 2))
    on_forged = (masks * F.softplus(-pixel_logits)).sum((1, 2)) / forged.clamp(min=1e-6)
    on_untouched = ((1 - masks) * F.softplus(pixel_logits)).sum((1, 2)) / untouched.clamp(min=1e-6)
    kinds = (forged > 0).float() + (untouched > 0).float()
    return ((on_forged + on_untouched) / kinds * weights).sum() / weights.sum().clamp(min=1)


def lae_loss(settings: LAESettings, z, reconstruction, images, batch, judged, vgg16):
    """The weighted sum of all five terms."""
    labels, masks, has_mask = batch
    real_map, fake_map = (half.abs().mean(1) for half in z.chunk(2, 1))
    pixel_logits = settings.loss.sharpness * (fake_map - real_map)
    grid = F.avg_pool2d(masks[:, None], masks.shape[1] // z.shape[2])[:, 0]
    with torch.no_grad():
        features = vgg16(images)
    terms = {
        "latent": F.binary_cross_entropy_with_logits(pixel_logits.mean((1, 2)), labels),
        "pixel": F.mse_loss(reconstruction, images),
        "perceptual": sum(map(F.mse_loss, vgg16(reconstruction), features)),
        "adversarial": F.softplus(-judged).mean(),
        "attention": sum(attention_loss(pixel_logits, grid, has_mask * (labels == k)) for k in (0, 1)) / 2,
    }
    return sum(getattr(settings.loss, name) * term for name, term in terms.items())


def train_step(settings: LAESettings, batch: dict[str, np.ndarray], place: Place) -> tuple[Callable[[], None], int]:
    """One step of both networks on `batch` as a call that returns when it is done; and the parameters' count."""
    torch.manual_seed(0)
    parts = LAE(settings), Discriminator(settings), VGG16(settings.loss.perceptual_layers)
    network, judge, vgg16 = map(place.network, parts)
    vgg16.requires_grad_(False)
    optimizers = [
        torch.optim.AdamW(
            part.parameters(), lr=o.learning_rate, betas=(o.beta1, 0.999), weight_decay=o.weight_decay, fused=True
        )
        for part, o in ((network, settings.optimizer), (judge, settings.discriminator))
    ]
    uint8 = place.array(batch["image"]).permute(0, 3, 1, 2)  # NHWC in memory: channels_last without a copy
    labels, has_mask = (place.array(batch[name]).float() for name in ("label", "has_mask"))
    uint8_masks = place.array(batch["mask"])

    def objective() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Loss, images, reconstructions."""
        images, masks = uint8.float() / 127.5 - 1.0, uint8_masks.float() / 255.0
        mirrored = torch.rand(len(images), device=images.device) < 0.5
        images = torch.where(mirrored[:, None, None, None], images.flip(3), images)
        masks = torch.where(mirrored[:, None, None], masks.flip(2), masks)
        z, reconstruction = (x.float() for x in network(images, labels == 1))
        judged = judge(reconstruction).float()
        return (
            lae_loss(settings, z, reconstruction, images, (labels, masks, has_mask), judged, vgg16),
            images,
            reconstruction,
        )

    def judgement(images: torch.Tensor, reconstruction: torch.Tensor) -> torch.Tensor:
        """The discriminator's loss."""
        return (F.softplus(-judge(images).float()) + F.softplus(judge(reconstruction).float())).mean()

    loss_of, discrimination_of = place.function(objective), place.function(judgement)

    def step() -> None:
        judge.requires_grad_(False)
        loss, images, reconstruction = loss_of()
        judge.requires_grad_(True)
        discrimination = discrimination_of(images, reconstruction.detach())
        for optimizer in optimizers:
            optimizer.zero_grad()
        loss.backward()
        discrimination.backward()
        for optimizer in optimizers:
            optimizer.step()
        place.wait()

    return step, sum(p.numel() for part in parts for p in part.parameters())

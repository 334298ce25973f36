"""EfficientNet-Lite0 in PyTorch, idiomatically written, for both twins: `--encoder efficientnet_lite0`."""

import torch
import torch.nn.functional as F
from torch import nn

from dfdetect_jax.models.efficientnet_lite import STAGES


def norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)


class SameConv(nn.Conv2d):
    """A convolution with TensorFlow's "SAME" padding; without bias."""

    def __init__(self, channels: int, features: int, kernel: int, stride: int = 1, groups: int = 1):
        padding = (kernel - 1) // 2 if stride == 1 else 0
        super().__init__(channels, features, kernel, stride, padding, groups=groups, bias=False)

    def forward(self, x):
        """[N, C, H, W] to [N, features, ceil(H / stride), ceil(W / stride)]."""
        if self.stride[0] == 2:
            rows, columns = (self.kernel_size[0] - 2 + side % 2 for side in x.shape[2:])
            x = F.pad(x, (columns // 2, columns - columns // 2, rows // 2, rows - rows // 2))
        return super().forward(x)


class MBConv(nn.Sequential):
    """Inverted bottleneck."""

    def __init__(self, channels: int, features: int, kernel: int, stride: int, expansion: int):
        wide = channels * expansion
        expand = [SameConv(channels, wide, 1), norm(wide), nn.ReLU6(inplace=True)] if expansion > 1 else []
        depthwise = [SameConv(wide, wide, kernel, stride, groups=wide), norm(wide), nn.ReLU6(inplace=True)]
        super().__init__(*expand, *depthwise, SameConv(wide, features, 1), norm(features))
        self.added = stride == 1 and channels == features

    def forward(self, x):
        """[N, C, H, W] to [N, features, ceil(H / stride), ceil(W / stride)]."""
        return x + super().forward(x) if self.added else super().forward(x)


class Maps(nn.Module):
    """The last map of each resolution, down to 1 / 2^halvings of the sides."""

    def __init__(self, halvings: int = 5):
        super().__init__()
        blocks, channels = [SameConv(3, 32, 3, 2), norm(32), nn.ReLU6(inplace=True)], 32
        self.resolutions = nn.ModuleList()
        for stage in STAGES:
            if stage.stride == 2:
                self.resolutions.append(nn.Sequential(*blocks))
                blocks = []
                if len(self.resolutions) == halvings:
                    break
            for i in range(stage.blocks):
                stride = 1 if i else stage.stride
                blocks.append(MBConv(channels, stage.features, stage.kernel, stride, stage.expansion))
                channels = stage.features
        if blocks:
            self.resolutions.append(nn.Sequential(*blocks))
        self.channels = channels

    def forward(self, x):
        """Images [N, 3, H, W] in [-1, 1] to a list of maps."""
        x, maps = x * (127.5 / 128) + 0.5 / 128, []
        for resolution in self.resolutions:
            x = resolution(x)
            maps.append(x)
        return maps


class FeatureMap(nn.Module):
    """All blocks and the head."""

    features = 1280

    def __init__(self):
        super().__init__()
        self.maps = Maps()
        self.head = nn.Sequential(SameConv(320, self.features, 1), norm(self.features), nn.ReLU6(inplace=True))

    def forward(self, x) -> torch.Tensor:
        """Images [N, 3, H, W] in [-1, 1] to [N, 1280, H / 32, W / 32]."""
        return self.head(self.maps(x)[-1])

"""An independent EfficientNet-Lite0 in NumPy: on tensors with the names and axes of the published PyTorch file.

Written from the paper's table 1 and TensorFlow's definition of "SAME" padding, with random weights.
"""

import functools

import numpy as np

# Kernel, stride, expansion, input and output channels of each block.
BLOCKS = [(3, 1, 1, 32, 16), (3, 2, 6, 16, 24), (3, 1, 6, 24, 24), (5, 2, 6, 24, 40), (5, 1, 6, 40, 40)]
BLOCKS += [(3, 2, 6, 40, 80), (3, 1, 6, 80, 80), (3, 1, 6, 80, 80), (5, 1, 6, 80, 112), (5, 1, 6, 112, 112)]
BLOCKS += [(5, 1, 6, 112, 112), (5, 2, 6, 112, 192), *[(5, 1, 6, 192, 192)] * 3, (3, 1, 6, 192, 320)]
NORM = ("weight", "bias", "running_mean", "running_var")


@functools.cache
def tensors() -> dict[str, np.ndarray]:
    """Random weights that keep the signal's size, float32."""
    rng, named = np.random.default_rng(0), {}

    def convolution(name, *shape):
        named[f"{name}.weight"] = rng.standard_normal(shape, np.float32) * np.float32(np.sqrt(2 / np.prod(shape[1:])))

    def norm(name, channels):
        values = 1 + 0.2 * rng.standard_normal((4, channels), np.float32)
        named.update(zip((f"{name}.{role}" for role in NORM), np.abs(values) - [[0], [1], [1], [0]], strict=True))

    convolution("_conv_stem", 32, 3, 3, 3)
    norm("_bn0", 32)
    for i, (kernel, _, expansion, channels, features) in enumerate(BLOCKS):
        wide = channels * expansion
        if expansion > 1:
            convolution(f"_blocks.{i}._expand_conv", wide, channels, 1, 1)
            norm(f"_blocks.{i}._bn0", wide)
        convolution(f"_blocks.{i}._depthwise_conv", wide, 1, kernel, kernel)
        norm(f"_blocks.{i}._bn1", wide)
        convolution(f"_blocks.{i}._project_conv", features, wide, 1, 1)
        norm(f"_blocks.{i}._bn2", features)
    convolution("_conv_head", 1280, 320, 1, 1)
    norm("_bn1", 1280)
    named["_fc.weight"], named["_fc.bias"] = np.zeros((1000, 1280), np.float32), np.zeros(1000, np.float32)
    return {name: each.astype(np.float32) for name, each in named.items()}


def timm_names() -> dict[str, np.ndarray]:
    """The same tensors by timm's names, written out from its source for the first and the last blocks of a stage."""
    stages, renamed = [1, 2, 2, 3, 3, 4, 1], {}
    place = [(stage, i) for stage, blocks in enumerate(stages) for i in range(blocks)]
    parts = {"_expand_conv": "conv_pw", "_bn0": "bn1", "_depthwise_conv": "conv_dw", "_bn1": "bn2"}
    parts |= {"_project_conv": "conv_pwl", "_bn2": "bn3"}
    first = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
    outer = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2", "_fc": "classifier"}
    for name, tensor in tensors().items():
        *block, part, role = name.split(".")
        if not block:
            renamed[f"{outer[part]}.{role}"] = tensor
            continue
        number = int(block[1])
        theirs = (parts if number else first)[part]
        renamed["blocks.{}.{}.{}.{}".format(*place[number], theirs, role)] = tensor
    return renamed


def features(images: np.ndarray) -> list[np.ndarray]:
    """Outputs of all blocks and of the head, [N, h, w, C], for uint8 RGB [N, H, W, 3]."""
    x = (images.astype(np.float64) - 127) / 128
    x = relu6(norm(convolution(x, "_conv_stem", 2), "_bn0"))
    outputs = []
    for i, (_, stride, expansion, channels, width) in enumerate(BLOCKS):
        y, block = x, f"_blocks.{i}."
        if expansion > 1:
            y = relu6(norm(convolution(y, f"{block}_expand_conv"), f"{block}_bn0"))
        y = relu6(norm(depthwise(y, f"{block}_depthwise_conv", stride), f"{block}_bn1"))
        y = norm(convolution(y, f"{block}_project_conv"), f"{block}_bn2")
        x = x + y if stride == 1 and channels == width else y
        outputs.append(x)
    return [*outputs, relu6(norm(convolution(x, "_conv_head"), "_bn1"))]


def relu6(x: np.ndarray) -> np.ndarray:
    return np.clip(x, 0, 6)


def norm(x: np.ndarray, name: str) -> np.ndarray:
    weight, bias, mean, var = (tensors()[f"{name}.{role}"].astype(np.float64) for role in NORM)
    return (x - mean) / np.sqrt(var + 1e-3) * weight + bias


def windows(x: np.ndarray, kernel: int, stride: int) -> np.ndarray:
    """[N, h, w, C, kernel, kernel]; of an odd number of zeros in all, the larger half is behind."""
    margins = []
    for side in x.shape[1:3]:
        total = max((-(-side // stride) - 1) * stride + kernel - side, 0)
        margins.append((total // 2, total - total // 2))
    padded = np.pad(x, ((0, 0), *margins, (0, 0)))
    return np.lib.stride_tricks.sliding_window_view(padded, (kernel, kernel), axis=(1, 2))[:, ::stride, ::stride]


def convolution(x: np.ndarray, name: str, stride: int = 1) -> np.ndarray:
    weight = tensors()[f"{name}.weight"]
    return np.einsum("nhwcij,dcij->nhwd", windows(x, weight.shape[2], stride), weight, optimize=True)


def depthwise(x: np.ndarray, name: str, stride: int) -> np.ndarray:
    weight = tensors()[f"{name}.weight"]
    return np.einsum("nhwcij,cij->nhwc", windows(x, weight.shape[2], stride), weight[:, 0], optimize=True)

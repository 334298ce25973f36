"""How a peer's network takes images and what it gives: NAME.json beside NAME.onnx.

{"size": 224, "output": "two-class", "range": [0, 1], "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225],
 "crop": {"margin": 1.3, "align": "landmarks"}}
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from dfdetect_jax.config import check_crop, from_dict, one_of
from dfdetect_jax.config.crop import Crop
from dfdetect_jax.config.rules import within
from dfdetect_jax.errors import RunError, SettingsError

CHANNELS, LAYOUTS, DTYPES = ("RGB", "BGR"), ("NCHW", "NHWC"), ("float32", "float16", "uint8")
OUTPUTS = ("logit", "probability", "two-class", "two-class probability")
LARGEST_SIZE = 4096
_ROUNDING = 1e-2  # by which a probability of half precision may miss [0, 1]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Peer:
    """Preprocessing and output of a peer's network.

    A pixel p in [0, 255] enters as (low + p / 255 (high - low) - mean) / std, or as it is where `dtype` is "uint8".

    Attributes:
        size: side of its input, pixels.
        output: "logit" or "probability" [N] or [N, 1]; "two-class" logits, or "two-class probability", [N, 2].
        fake_class: 1 or 0: index of the fakes' class; of a single output the class that it is high for.
        channels: "RGB" or "BGR".
        layout: "NCHW" or "NHWC".
        dtype: of its input, "float32", "float16" or "uint8".
        range: low and high.
        mean, std: by channel in its order, in units of `range`; () for none.
        threshold: scores from here on mean fake.
        input_name, output_name: "" for the first.
        crop: how a face is cropped; its size is `size` unless given.
    """

    size: int
    output: str
    fake_class: int = 1
    channels: str = "RGB"
    layout: str = "NCHW"
    dtype: str = "float32"
    range: tuple[float, ...] = (0.0, 1.0)
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    threshold: float = 0.5
    input_name: str = ""
    output_name: str = ""
    crop: Crop = Crop()

    def prepared(self, images: np.ndarray) -> np.ndarray:
        """What the network takes: uint8 [N, S, S, 3] RGB to its layout, channels, range and dtype."""
        pixels = images if self.channels == "RGB" else images[..., ::-1]
        if self.dtype != "uint8":
            low, high = self.range
            mean, std = np.asarray(self.mean or 0.0, np.float32), np.asarray(self.std or 1.0, np.float32)
            scaled = np.float32(low) + pixels.astype(np.float32) * np.float32((high - low) / 255)
            pixels = ((scaled - mean) / std).astype(self.dtype)
        return np.ascontiguousarray(pixels.transpose(0, 3, 1, 2) if self.layout == "NCHW" else pixels)

    def scores(self, output: np.ndarray) -> np.ndarray:
        """The network's output as float32 [N] in [0, 1], higher is more likely fake.

        Raises:
            RunError: it has another shape, or a probability that is none.
        """
        from scipy.special import expit  # 0.4 s, which other detectors need not wait for

        values = np.asarray(output, np.float64)
        columns = 2 if self.output.startswith("two-class") else 1
        if values.size != len(values) * columns:
            raise RunError(
                f'peer: expected an output of {columns} per image with output "{self.output}", found shape '
                f"{list(values.shape)}; correct output or output_name in its JSON"
            )
        values = values.reshape(len(values), columns)
        if self.output == "two-class":
            scores = expit(values[:, self.fake_class] - values[:, 1 - self.fake_class])
        elif self.output == "two-class probability":
            scores = values[:, self.fake_class]
        else:
            of_class = expit(values[:, 0]) if self.output == "logit" else values[:, 0]
            scores = of_class if self.fake_class == 1 else 1 - of_class
        if scores.size and (scores.min() < -_ROUNDING or scores.max() > 1 + _ROUNDING):  # NaN is the caller's to refuse
            raise RunError(
                f'peer: expected probabilities from 0 to 1 with output "{self.output}", found {scores.min():.3g} to '
                f"{scores.max():.3g}; correct output in its JSON, logits have one of their own"
            )
        return scores.clip(0, 1).astype(np.float32)


def read_peer(values: Mapping[str, Any]) -> Peer:
    """From JSON.

    Raises:
        SettingsError: a name is unknown, a value is not allowed, or size or output is missing.
    """
    missing = [name for name in ("size", "output") if name not in values]
    if missing:
        raise SettingsError(f"peer.{missing[0]}: expected it in the JSON beside the network, found none; add it")
    crop = values.get("crop", {})
    sized = {"size": values["size"], **crop} if isinstance(crop, Mapping) else crop
    peer = from_dict(Peer, {**values, "crop": sized}, "peer")
    one_of("peer.output", peer.output, OUTPUTS)
    one_of("peer.channels", peer.channels, CHANNELS)
    one_of("peer.layout", peer.layout, LAYOUTS)
    one_of("peer.dtype", peer.dtype, DTYPES)
    within("peer.size", peer.size, 8, LARGEST_SIZE)
    within("peer.fake_class", peer.fake_class, 0, 1)
    within("peer.threshold", peer.threshold, 0, 1)
    for name, lengths in (("range", (2,)), ("mean", (0, 3)), ("std", (0, 3))):
        length = len(getattr(peer, name))
        if length not in lengths:
            raise SettingsError(f"peer.{name}: expected {lengths[-1]} numbers, found {length}")
    if 0 in peer.std:
        raise SettingsError("peer.std: expected numbers other than 0, found 0")
    check_crop(peer.crop)
    return peer

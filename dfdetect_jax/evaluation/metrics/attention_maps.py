"""Attention maps against masks: ranking of pixels, overlap, the pointing game; pinned to scikit-learn.

Attention is a number in [0, 1] per pixel, higher is more likely forged; a pixel is classified as forged where its
attention is at least the threshold. Ranking metrics need all pixels of a data set, so attention is counted in 2^18
levels, evenly spaced in the logit, log(a / (1 - a)), between -16 and 16: 1/32768 apart at 0.5, and finer towards 0 and
1, where trained maps saturate. Two values in one level count as equal; on 256 px maps that moves the pooled AUC by less
than 1e-5 and the average precision by less than 1e-3, even where maps are nearly flat.
"""

import dataclasses
from collections.abc import Collection

import numpy as np

from dfdetect_jax.evaluation.metrics.localization_metrics import MapMetrics

LEVELS = 2**18
_LARGEST_LOGIT = 16
_PER_UNIT = LEVELS // (2 * _LARGEST_LOGIT)  # levels per unit of the logit; a power of two, so that scaling is exact
_PER_THRESHOLD = _PER_UNIT // 4
# The grid that the best threshold is chosen from: sigmoid(j / 4), j = -63 to 63. The middle one is 0.5.
THRESHOLDS = 1 / (1 + np.exp(-np.arange(-63, 64) / 4))
HALF = len(THRESHOLDS) // 2
CENTRE_SIGMA = 0.25  # of the centre blob, in sides of the crop


def attention_levels(attention: np.ndarray) -> np.ndarray:
    """The level of each value: float [...] in [0, 1] -> int32 [...] in [0, 2^18), monotonic.

    A value is at or above `THRESHOLDS[i]` exactly where its level is at or above 2048 (i + 1).
    """
    attention = np.asarray(attention, np.float32)
    with np.errstate(divide="ignore"):  # 0 and 1 have infinite logits and take the outermost levels
        logits = np.log(attention / (1 - attention))
    steps = np.floor(np.clip(logits, -_LARGEST_LOGIT, _LARGEST_LOGIT) * _PER_UNIT).astype(np.int32)
    return np.minimum(steps + LEVELS // 2, LEVELS - 1)


def pixel_auc(untouched: np.ndarray, forged: np.ndarray) -> np.ndarray:
    """Area under the ROC curve: how often a forged pixel has more attention than an untouched one, ties counted half.

    Args:
        untouched: int or float [..., L], pixels by level of attention, lowest first.
        forged: the same of forged pixels.

    Returns:
        float64 [...]; NaN where there are no pixels of one kind.
    """
    untouched, forged = np.asarray(untouched, np.float64), np.asarray(forged, np.float64)
    below = np.cumsum(untouched, axis=-1) - untouched
    with np.errstate(invalid="ignore"):
        return np.vecdot(forged, below + untouched / 2) / (forged.sum(axis=-1) * untouched.sum(axis=-1))


def pixel_ap(untouched: np.ndarray, forged: np.ndarray) -> np.ndarray:
    """Average precision with forged pixels as positives, not interpolated (as in scikit-learn); as `pixel_auc`.

    NaN where there is no forged pixel.
    """
    falling = np.ascontiguousarray(forged[..., ::-1], np.float64)
    hits = np.cumsum(falling, axis=-1)
    positives = np.cumsum((forged + untouched)[..., ::-1], axis=-1)
    with np.errstate(invalid="ignore"):
        return np.vecdot(falling, hits / np.maximum(positives, 1)) / falling.sum(axis=-1)


def overlap(levels: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """IoU and F1 of one image at each of `THRESHOLDS`.

    Args:
        levels: int [P] from `attention_levels`.
        mask: bool [P], at least one true.

    Returns:
        Two float64 [127]: |P and M| / |P or M|, and 2 |P and M| / (|P| + |M|), of positive pixels P and the mask M.
    """
    bins = len(THRESHOLDS) + 1
    counts = np.bincount(levels // _PER_THRESHOLD + bins * mask, minlength=2 * bins).reshape(2, bins)
    at_or_above = np.cumsum(counts[:, ::-1], axis=1)[:, ::-1]
    both, positive, forged = at_or_above[1, 1:], at_or_above[:, 1:].sum(axis=0), at_or_above[1, 0]
    return both / (positive + forged - both), 2 * both / (positive + forged)


def pointing(attention: np.ndarray, mask: np.ndarray) -> float:
    """The pointing game: 1.0 if the maximum of `attention` [P] is in `mask` bool [P], else 0.0.

    Of several maxima, the share of them that is in the mask: what a random choice among them gives on average.
    """
    return float(mask[attention == attention.max()].mean())


def centre_blob(height: int, width: int) -> np.ndarray:
    """exp(-r^2 / 2 sigma^2), r from the crop's middle and sigma a quarter of its side: float32 [height, width].

    Crops are centred on the face, so forged pixels gather in the middle. A map has to beat this one,
    which ignores the image.
    """
    down, across = ((np.arange(side) + 0.5) / side - 0.5 for side in (height, width))
    return np.exp(-(down[:, None] ** 2 + across**2) / (2 * CENTRE_SIGMA**2)).astype(np.float32)


@dataclasses.dataclass
class Tally:
    """Sums over images of one kind of map against their masks; its size does not depend on the number of images.

    Attributes:
        n: images.
        pixels: [2, L], untouched and forged pixels by level of attention; L is `LEVELS` or a divisor of it.
        iou, f1: float64 [127], sums of `overlap`.
        pointing: sum of `pointing`.
        area: sum of the shares of the images that are forged.
    """

    n: int = 0
    pixels: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros((2, LEVELS), np.int64))
    iou: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros(len(THRESHOLDS)))
    f1: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros(len(THRESHOLDS)))
    pointing: float = 0.0
    area: float = 0.0

    def add(self, attention: np.ndarray, levels: np.ndarray, masks: np.ndarray) -> None:
        """Counts some images: float32, int32 and bool [n, P]."""
        count = self.pixels.shape[1]
        counts = np.bincount((levels // (LEVELS // count) + count * masks).ravel(), minlength=2 * count)
        self.pixels += counts.reshape(2, count)
        self.area += float(masks.mean(axis=1).sum())
        self.n += len(masks)
        for image, its_levels, mask in zip(attention, levels, masks, strict=True):
            iou, f1 = overlap(its_levels, mask)
            self.iou += iou
            self.f1 += f1
            self.pointing += pointing(image, mask)

    def __add__(self, other: "Tally") -> "Tally":
        names = [field.name for field in dataclasses.fields(self)]
        return Tally(**{name: getattr(self, name) + getattr(other, name) for name in names})

    def metrics(self, best: int) -> MapMetrics:
        """Means over the images, at least one, and the ranking of all their pixels; `best` indexes `THRESHOLDS`."""
        return MapMetrics(
            pixel_auc=float(pixel_auc(*self.pixels)) if self.pixels[0].any() else None,
            pixel_ap=float(pixel_ap(*self.pixels)),
            iou=float(self.iou[HALF] / self.n),
            f1=float(self.f1[HALF] / self.n),
            best_threshold=float(THRESHOLDS[best]),
            iou_best=float(self.iou[best] / self.n),
            f1_best=float(self.f1[best] / self.n),
            pointing=self.pointing / self.n,
        )


def best_threshold_index(tallies: Collection[Tally]) -> int:
    """Index in `THRESHOLDS` of the highest mean IoU over all images of `tallies`; the lowest of equals."""
    return int(np.argmax(sum(tally.iou for tally in tallies)))

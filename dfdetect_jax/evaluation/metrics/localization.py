"""Where a picture was forged: attention maps against masks, pinned to scikit-learn; memory never grows with the data.

Attention is a number in [0, 1] per pixel, higher is more likely forged; a pixel is called forged where its attention is
at least the threshold. Ranking figures need every pixel of a data set at once, so attention is counted in 2^18 levels
that are evenly spaced in the logit, log(a / (1 - a)), between -16 and 16: 1/32768 apart at 0.5, and ever finer towards
0 and 1, where trained maps gather. Two values in one level count as equal; on 256 px maps that moves the pooled AUC by
less than 1e-5 and the average precision by less than 1e-3, even where maps are nearly flat.
"""

import collections
import dataclasses
from collections.abc import Mapping

import numpy as np

from dfdetect_jax.data.example import Label
from dfdetect_jax.errors import RunError

LEVELS = 2**18
COARSE = 2**10  # levels kept per identity: enough for intervals, small enough for thousands of people
_LARGEST_LOGIT = 16
_PER_UNIT = LEVELS // (2 * _LARGEST_LOGIT)  # levels per unit of the logit; a power of two, so that scaling is exact
_PER_THRESHOLD = _PER_UNIT // 4
# The grid that the best threshold is chosen from: sigmoid(j / 4), j = -63 to 63. The middle one is 0.5.
THRESHOLDS = 1 / (1 + np.exp(-np.arange(-63, 64) / 4))
_HALF = len(THRESHOLDS) // 2
_FIGURES = ("pixel_auc", "pixel_ap", "iou", "f1", "best_threshold", "iou_best", "f1_best", "pointing")
CENTRE_SIGMA = 0.25  # of the centre blob, in sides of the crop


def attention_levels(attention: np.ndarray) -> np.ndarray:
    """The level of each value: float [...] in [0, 1] -> int32 [...] in [0, 2^18), never falling.

    A value is at or above `THRESHOLDS[i]` exactly where its level is at or above 2048 (i + 1).
    """
    attention = np.asarray(attention, np.float32)
    with np.errstate(divide="ignore"):  # 0 and 1 have infinite logits and take the outermost levels
        logits = np.log(attention / (1 - attention))
    steps = np.floor(np.clip(logits, -_LARGEST_LOGIT, _LARGEST_LOGIT) * _PER_UNIT).astype(np.int32)
    return np.minimum(steps + LEVELS // 2, LEVELS - 1)


def pixel_auc(untouched: np.ndarray, forged: np.ndarray) -> float:
    """Area under the ROC curve: how often a forged pixel has more attention than an untouched one, ties counted half.

    Args:
        untouched: int64 [L], pixels by level of attention, lowest first; at least one pixel.
        forged: the same of forged pixels.
    """
    below = np.cumsum(untouched) - untouched
    return float(np.dot(forged, below + untouched / 2) / (float(forged.sum()) * float(untouched.sum())))


def pixel_ap(untouched: np.ndarray, forged: np.ndarray) -> float:
    """Average precision with forged pixels as positives, not interpolated (as in scikit-learn); as `pixel_auc`."""
    found = np.cumsum(forged[::-1])
    called = np.cumsum((forged + untouched)[::-1])
    return float(np.dot(forged[::-1], found / np.maximum(called, 1)) / forged.sum())


def overlap(levels: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """IoU and F1 of what each of `THRESHOLDS` calls forged in one image.

    Args:
        levels: int [P] from `attention_levels`.
        mask: bool [P], at least one true.

    Returns:
        Two float64 [127]: |called and forged| / |called or forged|, and 2 |called and forged| / (|called| + |forged|).
    """
    bins = len(THRESHOLDS) + 1
    counts = np.bincount(levels // _PER_THRESHOLD + bins * mask, minlength=2 * bins).reshape(2, bins)
    at_or_above = np.cumsum(counts[:, ::-1], axis=1)[:, ::-1]
    both, called, forged = at_or_above[1, 1:], at_or_above[:, 1:].sum(axis=0), at_or_above[1, 0]
    return both / (called + forged - both), 2 * both / (called + forged)


def pointing(attention: np.ndarray, mask: np.ndarray) -> float:
    """The pointing game: 1.0 if the maximum of `attention` [P] is in `mask` bool [P], else 0.0.

    Of several maxima one is drawn, so the share of them that lies in the mask is the value to expect.
    """
    return float(mask[attention == attention.max()].mean())


def centre_blob(height: int, width: int) -> np.ndarray:
    """exp(-r^2 / 2 sigma^2), r from the crop's middle and sigma a quarter of its side: float32 [height, width].

    Crops are cut around the face, so forged pixels gather in the middle, whoever looks. What this map reaches is
    owed to that alone.
    """
    down, across = ((np.arange(side) + 0.5) / side - 0.5 for side in (height, width))
    return np.exp(-(down[:, None] ** 2 + across**2) / (2 * CENTRE_SIGMA**2)).astype(np.float32)


@dataclasses.dataclass
class Tally:
    """Sums over images of one kind of map against their masks; adding a million images makes it no larger.

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
        counted = np.bincount((levels // (LEVELS // count) + count * masks).ravel(), minlength=2 * count)
        self.pixels += counted.reshape(2, count)
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

    def figures(self, best: int) -> dict:
        """Means over the images, and the ranking of all their pixels; `n` is at least 1."""
        values = (
            pixel_auc(*self.pixels) if self.pixels[0].any() else None,
            pixel_ap(*self.pixels),
            float(self.iou[_HALF] / self.n),
            float(self.f1[_HALF] / self.n),
            float(THRESHOLDS[best]),
            float(self.iou[best] / self.n),
            float(self.f1[best] / self.n),
            self.pointing / self.n,
        )
        return dict(zip(_FIGURES, values, strict=True))


class Localization:
    """Gathers attention maps batch by batch, and says how well they show what was forged.

    Fakes count where their mask is known and shows a forged pixel; others are left out, and their number is told.
    """

    def __init__(self, best_threshold: float | None = None, by_identity: bool = False):
        """Starts with nothing measured.

        Args:
            best_threshold: one of `THRESHOLDS`, chosen elsewhere, on validation; None to choose on what is measured.
            by_identity: keep sums per identity too, from which `localization_intervals` draws.
        """
        self._chosen = None if best_threshold is None else int(np.abs(THRESHOLDS - best_threshold).argmin())
        self.identities: dict[tuple[str, str], Tally] | None = {} if by_identity else None
        self.reals: dict[str, np.ndarray] = {}
        self._maps: dict[str, Tally] = collections.defaultdict(Tally)
        self._centre: dict[str, Tally] = collections.defaultdict(Tally)
        self._without_mask: collections.Counter[str] = collections.Counter()
        self._empty_mask: collections.Counter[str] = collections.Counter()
        self._real_sums = np.zeros(3)  # how many, mean attention, share of pixels at or above 0.5

    def update(self, attention: np.ndarray, batch: Mapping[str, np.ndarray]) -> None:
        """Counts one batch.

        Args:
            attention: float32 [N, H, W] in [0, 1].
            batch: `mask` uint8 [N, H, W] in {0, 255}, `has_mask` bool [N], `label` int32 [N], `forgery` str [N], and
                `valid` [N]: rows with 0 are padding and left out; where identities are kept, `identity` str [N].

        Raises:
            RunError: a value is not a finite number.
            ValueError: maps and masks differ in size, or a value is outside [0, 1].
        """
        attention = _checked(attention, batch["mask"])
        valid, labels = np.asarray(batch["valid"]) > 0, np.asarray(batch["label"])
        for row in np.flatnonzero(valid & (labels == Label.REAL)):
            figures = np.array([1, attention[row].mean(dtype=np.float64), (attention[row] >= 0.5).mean()])
            self._real_sums += figures
            if self.identities is not None:
                identity = str(batch["identity"][row])
                self.reals[identity] = self.reals.get(identity, 0) + figures
        fakes, forgeries = valid & (labels == Label.FAKE), np.asarray(batch["forgery"])
        known, shown = np.asarray(batch["has_mask"]), np.asarray(batch["mask"]).any(axis=(1, 2))
        for forgery in map(str, np.unique(forgeries[fakes])):
            here = fakes & (forgeries == forgery)
            self._without_mask[forgery] += int((here & ~known).sum())
            self._empty_mask[forgery] += int((here & known & ~shown).sum())
            here &= known & shown
            if here.any():
                identities = batch["identity"][here] if self.identities is not None else None
                self._add(forgery, attention[here], np.asarray(batch["mask"])[here] > 0, identities)

    def overall(self) -> dict:
        """The figures of all measured fakes together, and of the reals.

        Returns:
            "n": fakes measured; "n_without_mask", "n_empty_mask": fakes left out; "forged_share": of their pixels.
            "pixel_auc", "pixel_ap": of all their pixels pooled. "iou", "f1": means over images at threshold 0.5.
            "best_threshold": that of validation, or else the one of `THRESHOLDS` with the highest mean IoU on these
            very images ("best_from" says which, "validation" or "these images"; the latter is an upper bound, since it
            saw the masks), and "iou_best", "f1_best" at it. "pointing": share of images whose maximum is in the mask.
            "baselines": what needs no model, {"random": independent noise, by expectation, "centre":
            `centre_blob`}. "n_real", "real_attention", "real_area": of reals, how many, their mean attention, and the
            share of their pixels at or above 0.5. What can't be had is None, and "why" says so.
        """
        count, attention, area = self._real_sums
        reals = {
            "n_real": int(count),
            "real_attention": float(attention / count) if count else None,
            "real_area": float(area / count) if count else None,
        }
        return self._figures(sorted(self._without_mask)) | reals

    def of(self, forgery: str) -> dict:
        """The same of one forgery, at the best threshold of all forgeries together; without the reals."""
        return self._figures([forgery])

    @property
    def best(self) -> int | None:
        """Place in `THRESHOLDS` of the best one; None while no mask was measured."""
        if self._chosen is not None:
            return self._chosen
        return _best(self._maps) if self._maps else None

    def _add(self, forgery: str, attention: np.ndarray, masks: np.ndarray, identities: np.ndarray | None) -> None:
        """Counts maps and masks [n, H, W] of one forgery, n at least 1."""
        flat, flat_masks = attention.reshape(len(attention), -1), masks.reshape(len(masks), -1)
        levels = attention_levels(flat)
        self._maps[forgery].add(flat, levels, flat_masks)
        for row, identity in enumerate(() if identities is None else map(str, identities)):
            tally = self.identities.setdefault((identity, forgery), Tally(pixels=np.zeros((2, COARSE), np.int64)))
            tally.add(flat[row : row + 1], levels[row : row + 1], flat_masks[row : row + 1])
        blob = centre_blob(*attention.shape[1:]).ravel()
        everywhere = (np.broadcast_to(each, flat.shape) for each in (blob, attention_levels(blob)))
        self._centre[forgery].add(*everywhere, flat_masks)

    def _figures(self, forgeries: list[str]) -> dict:
        maps = sum((self._maps[name] for name in forgeries if name in self._maps), Tally())
        counts = {
            "n": maps.n,
            "n_without_mask": sum(self._without_mask[name] for name in forgeries),
            "n_empty_mask": sum(self._empty_mask[name] for name in forgeries),
        }
        if not maps.n:
            nothing = dict.fromkeys(("forged_share", *_FIGURES, "best_from", "baselines"))
            return counts | nothing | {"why": "no fake with a mask was measured"}
        centre = sum((self._centre[name] for name in forgeries if name in self._centre), Tally())
        share = float(maps.pixels[1].sum() / maps.pixels.sum())
        random = {"pixel_auc": 0.5, "pixel_ap": share, "pointing": maps.area / maps.n}
        figures = counts | {"forged_share": share} | maps.figures(self.best)
        figures["best_from"] = "these images" if self._chosen is None else "validation"
        if figures["pixel_auc"] is None:
            figures["why"] = "no pixel is untouched: pixel_auc needs both"
            random["pixel_auc"] = None
        blob = centre.figures(_best(self._centre)) | {"sigma": CENTRE_SIGMA}
        return figures | {"baselines": {"random": random, "centre": blob}}


def _best(tallies: Mapping[str, Tally]) -> int:
    """Place in `THRESHOLDS` of the highest mean IoU over all forgeries; the lowest among equals."""
    return int(np.argmax(sum(tally.iou for tally in tallies.values())))


def _checked(attention: np.ndarray, masks: np.ndarray) -> np.ndarray:
    attention = np.asarray(attention, np.float32)
    if attention.shape != masks.shape:
        raise ValueError(f"expected maps and masks of one shape [N, H, W], found {attention.shape} and {masks.shape}")
    bad = int((~np.isfinite(attention)).any(axis=(1, 2)).sum())
    if bad:
        raise RunError(
            f"expected attention in [0, 1], found {bad} of {len(attention)} maps with values that are no numbers; the "
            "model has diverged: train it again with a lower optimizer.learning_rate or with optimizer.clip_norm"
        )
    if attention.size and not 0 <= attention.min() <= attention.max() <= 1:
        raise ValueError(f"expected attention in [0, 1], found {attention.min():g} to {attention.max():g}")
    return attention

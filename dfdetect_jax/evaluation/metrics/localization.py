"""Accumulates attention maps and masks batch by batch; memory does not grow with the data."""

import collections
from collections.abc import Mapping, Sequence

import numpy as np

from dfdetect_jax.data.example import Label
from dfdetect_jax.errors import RunError
from dfdetect_jax.evaluation.metrics.attention_maps import (
    CENTRE_SIGMA,
    THRESHOLDS,
    Tally,
    attention_levels,
    best_threshold_index,
    centre_blob,
)
from dfdetect_jax.evaluation.metrics.localization_metrics import (
    Baselines,
    LocalizationMetrics,
    NoiseMetrics,
    RealAttention,
)

IDENTITY_LEVELS = 2**10  # levels kept per identity: enough for intervals, small enough for thousands of people


class Localization:
    """Attention maps against masks, of one split.

    Fakes with a known mask that has a forged pixel are measured; others are left out and counted.

    Attributes:
        identities: sums by (identity, forgery), if kept; fakes only.
        reals: sums by identity, if kept: how many reals, mean attention, share of pixels at or above 0.5.
    """

    def __init__(self, best_threshold: float | None = None, by_identity: bool = False):
        """Starts with nothing measured.

        Args:
            best_threshold: one of `THRESHOLDS`, chosen on validation; None to choose it on the measured images.
            by_identity: keep sums per identity too, which `localization_intervals` resamples.
        """
        self._from_validation = None if best_threshold is None else int(np.abs(THRESHOLDS - best_threshold).argmin())
        self._by_identity = by_identity
        self.identities: dict[tuple[str, str], Tally] = {}
        self.reals: dict[str, np.ndarray] = {}
        self._maps: dict[str, Tally] = collections.defaultdict(Tally)
        self._centre: dict[str, Tally] = collections.defaultdict(Tally)
        self._without_mask: collections.Counter[str] = collections.Counter()
        self._empty_mask: collections.Counter[str] = collections.Counter()
        self._real_sums = np.zeros(3)

    def update(self, attention: np.ndarray, batch: Mapping[str, np.ndarray]) -> None:
        """Adds one batch.

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
        self._add_reals(attention, batch, np.flatnonzero(valid & (labels == Label.REAL)))
        fakes, forgeries = valid & (labels == Label.FAKE), np.asarray(batch["forgery"])
        known, forged = np.asarray(batch["has_mask"]), np.asarray(batch["mask"]).any(axis=(1, 2))
        for forgery in map(str, np.unique(forgeries[fakes])):
            here = fakes & (forgeries == forgery)
            self._without_mask[forgery] += int((here & ~known).sum())
            self._empty_mask[forgery] += int((here & known & ~forged).sum())
            here &= known & forged
            if here.any():
                identities = batch["identity"][here].tolist() if self._by_identity else []
                self._add_fakes(forgery, attention[here], np.asarray(batch["mask"])[here] > 0, identities)

    def metrics(self, forgery: str | None = None) -> LocalizationMetrics:
        """The metrics of one forgery's fakes, or (None) of all fakes and of the reals; without intervals.

        The best threshold is that of all forgeries together.
        """
        forgeries = sorted(self._without_mask) if forgery is None else [forgery]
        reals = self._real_attention() if forgery is None else None
        maps = _total(self._maps, forgeries)
        without_mask = sum(self._without_mask[name] for name in forgeries)
        empty_mask = sum(self._empty_mask[name] for name in forgeries)
        if self.best is None or not maps.n:
            why = "no fake with a mask was measured"
            return LocalizationMetrics(n=0, n_without_mask=without_mask, n_empty_mask=empty_mask, reals=reals, why=why)
        metrics = maps.metrics(self.best)
        no_ranking = metrics.pixel_auc is None
        return LocalizationMetrics(
            **vars(metrics),
            n=maps.n,
            n_without_mask=without_mask,
            n_empty_mask=empty_mask,
            forged_share=float(maps.pixels[1].sum() / maps.pixels.sum()),
            best_from="these images" if self._from_validation is None else "validation",
            baselines=self._baselines(maps, _total(self._centre, forgeries)),
            reals=reals,
            why="no pixel is untouched: pixel_auc needs both" if no_ranking else None,
        )

    @property
    def best(self) -> int | None:
        """Index in `THRESHOLDS` of the best one; None while no mask was measured."""
        if self._from_validation is not None:
            return self._from_validation
        return best_threshold_index(self._maps.values()) if self._maps else None

    def _add_reals(self, attention: np.ndarray, batch: Mapping[str, np.ndarray], rows: np.ndarray) -> None:
        for row in rows:
            sums = np.array([1, attention[row].mean(dtype=np.float64), (attention[row] >= 0.5).mean()])
            self._real_sums += sums
            if self._by_identity:
                identity = str(batch["identity"][row])
                self.reals[identity] = self.reals.get(identity, np.zeros(3)) + sums

    def _add_fakes(self, forgery: str, attention: np.ndarray, masks: np.ndarray, identities: Sequence[str]) -> None:
        """Adds maps and masks [n, H, W] of one forgery, n at least 1; `identities` is empty if they are not kept."""
        flat, flat_masks = attention.reshape(len(attention), -1), masks.reshape(len(masks), -1)
        levels = attention_levels(flat)
        self._maps[forgery].add(flat, levels, flat_masks)
        for row, identity in enumerate(identities):
            empty = Tally(pixels=np.zeros((2, IDENTITY_LEVELS), np.int64))
            tally = self.identities.setdefault((identity, forgery), empty)
            tally.add(flat[row : row + 1], levels[row : row + 1], flat_masks[row : row + 1])
        blob = centre_blob(*attention.shape[1:]).ravel()
        everywhere, its_levels = (np.broadcast_to(each, flat.shape) for each in (blob, attention_levels(blob)))
        self._centre[forgery].add(everywhere, its_levels, flat_masks)

    def _real_attention(self) -> RealAttention:
        count, attention, area = self._real_sums
        return RealAttention(
            n=int(count),
            attention=float(attention / count) if count else None,
            area=float(area / count) if count else None,
        )

    def _baselines(self, maps: Tally, centre: Tally) -> Baselines:
        random = NoiseMetrics(
            pixel_auc=0.5 if maps.pixels[0].any() else None,
            pixel_ap=float(maps.pixels[1].sum() / maps.pixels.sum()),
            pointing=maps.area / maps.n,
        )
        best = best_threshold_index(self._centre.values())
        return Baselines(random=random, centre=centre.metrics(best), sigma=CENTRE_SIGMA)


def _total(tallies: Mapping[str, Tally], forgeries: Sequence[str]) -> Tally:
    return sum((tallies[name] for name in forgeries if name in tallies), Tally())


def _checked(attention: np.ndarray, masks: np.ndarray) -> np.ndarray:
    attention = np.asarray(attention, np.float32)
    if attention.shape != masks.shape:
        raise ValueError(f"expected maps and masks of one shape [N, H, W], found {attention.shape} and {masks.shape}")
    bad = int((~np.isfinite(attention)).any(axis=(1, 2)).sum())
    if bad:
        raise RunError(
            f"expected attention in [0, 1], found {bad} of {len(attention)} maps with NaN or infinite values: the "
            "model has diverged; train it again with a lower optimizer.learning_rate or with optimizer.clip_norm"
        )
    if attention.size and not 0 <= attention.min() <= attention.max() <= 1:
        raise ValueError(f"expected attention in [0, 1], found {attention.min():g} to {attention.max():g}")
    return attention

"""Attention maps against masks, pinned to scikit-learn and to formulas written out image by image."""

import json
import tracemalloc

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score, jaccard_score, roc_auc_score

from dfdetect_jax.errors import RunError
from dfdetect_jax.evaluation.metrics.attention_maps import THRESHOLDS, attention_levels, centre_blob
from dfdetect_jax.evaluation.metrics.localization import Localization


def sigmoid(logits):
    return np.float32(1 / (1 + np.exp(-logits)))


def random_case(seed, n=6, side=12):
    """Maps and masks of n fakes: of several sharpnesses, some with few distinct values, some masks full."""
    rng = np.random.default_rng(seed)
    masks = rng.random((n, side, side)) < rng.choice([0.02, 0.3, 0.9, 1.0], (n, 1, 1))
    masks[:, 0, 0] |= ~masks.any(axis=(1, 2))
    attention = sigmoid(
        rng.choice([0.05, 1.0, 3.0]) * (rng.normal(size=masks.shape) + rng.choice([-2, 0, 1.5]) * masks)
    )
    if seed % 3 == 0:
        attention = np.round(attention * 4) / 4
    if masks.all():
        masks[0, -1] = False
    return attention, masks


def batch_of(masks, forgeries=None, has_mask=None, labels=None, valid=None):
    n = len(masks)
    return {
        "mask": np.where(masks, 255, 0).astype(np.uint8),
        "has_mask": np.ones(n, bool) if has_mask is None else np.asarray(has_mask),
        "label": np.ones(n, np.int32) if labels is None else np.asarray(labels),
        "forgery": np.array(["swap"] * n if forgeries is None else forgeries),
        "valid": np.ones(n, np.float32) if valid is None else np.asarray(valid, np.float32),
    }


def measured(attention, masks, **columns):
    localization = Localization()
    localization.update(attention, batch_of(masks, **columns))
    return localization


def values(localization, forgery=None):
    return localization.metrics(forgery).as_json()


@pytest.mark.parametrize("part", range(4))
def test_pooled_auc_and_ap_are_those_of_scikit_learn(part):
    for seed in range(10 * part, 10 * part + 10):
        attention, masks = random_case(seed)
        metrics, truth = measured(attention, masks).metrics(), masks.ravel()
        levels = attention_levels(attention).ravel()
        assert metrics.pixel_auc == pytest.approx(roc_auc_score(truth, levels), abs=1e-12)
        assert metrics.pixel_ap == pytest.approx(average_precision_score(truth, levels), abs=1e-12)
        # What the 2^18 levels cost against the raw values, where forged pixels are few and maps nearly flat.
        assert metrics.pixel_auc == pytest.approx(roc_auc_score(truth, attention.ravel()), abs=2e-4)
        assert metrics.pixel_ap == pytest.approx(average_precision_score(truth, attention.ravel()), abs=2e-3)


def test_values_that_crowd_at_0_or_1_are_still_ranked():
    rng = np.random.default_rng(0)
    masks = rng.random((4, 16, 16)) < 0.3
    for shift in (-11, 9):
        attention = sigmoid(rng.normal(size=masks.shape) + masks + shift)
        assert np.ptp(attention) < 1e-2
        expected = roc_auc_score(masks.ravel(), attention.ravel())
        assert measured(attention, masks).metrics().pixel_auc == pytest.approx(expected, abs=2e-4)


def test_levels_never_fall_and_meet_every_threshold_exactly():
    values = np.unique(np.concatenate([sigmoid(np.linspace(-20, 20, 50_001)), np.float32([0, 1, 0.5, 1e-38])]))
    around_half = np.nextafter(np.float32(0.5), np.float32([0, 1]))
    levels = attention_levels(values)
    assert levels.dtype == np.int32
    assert (levels[0], levels[-1]) == (0, 2**18 - 1)
    assert (np.diff(levels) >= 0).all()
    assert (attention_levels(around_half) >= 2**17).tolist() == [False, True]
    assert attention_levels(np.float32(0.5)) == 2**17
    assert THRESHOLDS[len(THRESHOLDS) // 2] == 0.5
    for i, threshold in enumerate(THRESHOLDS):
        clear = np.abs(values / threshold - 1) > 1e-5  # float32 can't tell closer ones
        np.testing.assert_array_equal((levels >= 2048 * (i + 1))[clear], (values >= threshold)[clear])


@pytest.mark.parametrize("seed", range(12))
def test_iou_and_f1_are_means_over_images_at_one_half_and_at_the_best_threshold(seed):
    attention, masks = random_case(seed)
    metrics = measured(attention, masks).metrics()

    def mean_of(measure, threshold):
        called = attention.astype(np.float64) >= threshold
        pairs = zip(masks.reshape(len(masks), -1), called.reshape(len(masks), -1), strict=True)
        return np.mean([measure(mask, call, zero_division=0) for mask, call in pairs])

    assert metrics.iou == pytest.approx(mean_of(jaccard_score, 0.5))
    assert metrics.f1 == pytest.approx(mean_of(f1_score, 0.5))
    assert metrics.iou_best == pytest.approx(mean_of(jaccard_score, metrics.best_threshold))
    assert metrics.f1_best == pytest.approx(mean_of(f1_score, metrics.best_threshold))
    grid = [0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99]
    near = [THRESHOLDS[np.argmin(np.abs(THRESHOLDS - threshold))] for threshold in grid]
    assert max(mean_of(jaccard_score, threshold) for threshold in near) <= metrics.iou_best + 1e-12


def test_a_hand_worked_image():
    # Called at 0.5: the first two pixels. Forged: the last three. One in common, four in either.
    metrics = measured(np.float32([[[0.7, 0.9], [0.2, 0.1]]]), np.array([[[False, True], [True, True]]])).metrics()
    assert (metrics.iou, metrics.f1) == (1 / 4, 2 / 5)
    assert metrics.pixel_auc == 1 / 3
    assert metrics.pointing == 1.0
    assert metrics.forged_share == 0.75
    # Calling everything forged gives 3/4, and nothing gives more.
    assert metrics.iou_best == 0.75
    assert metrics.best_threshold <= 0.1
    assert metrics.n == 1


def test_pointing_counts_a_tie_by_its_expected_value():
    maps = np.float32([[[0.9, 0.9], [0.1, 0.9]], [[0.2, 0.1], [0.1, 0.1]], [[0.5, 0.5], [0.5, 0.5]]])
    masks = np.array([[[1, 1], [1, 0]], [[0, 1], [1, 1]], [[1, 0], [0, 0]]], bool)
    assert measured(maps, masks).metrics().pointing == pytest.approx((2 / 3 + 0 + 1 / 4) / 3)


def test_pointing_distinguishes_values_of_one_level():
    high = np.float32(0.3)
    maps = np.array([[[high, np.nextafter(high, np.float32(0))]]])
    assert np.ptp(attention_levels(maps)) == 0
    assert measured(maps, np.array([[[False, True]]])).metrics().pointing == 0.0


def test_pixels_that_are_all_forged_leave_no_ranking():
    metrics = measured(np.full((2, 3, 3), 0.8, np.float32), np.ones((2, 3, 3), bool)).metrics()
    assert metrics.pixel_auc is metrics.baselines.random.pixel_auc is None
    assert "untouched" in metrics.why
    assert (metrics.iou, metrics.f1, metrics.pixel_ap) == (1.0, 1.0, 1.0)


def test_fakes_whose_mask_is_unknown_or_empty_are_left_out_and_counted():
    attention, masks = random_case(1, n=4)
    masks[2] = False
    localization = measured(attention, masks, has_mask=[True, False, True, True], forgeries=["a", "a", "b", "b"])
    both = localization.metrics()
    kept = [0, 3]
    assert (both.n, both.n_without_mask, both.n_empty_mask) == (2, 1, 1)
    assert both.pixel_auc == pytest.approx(roc_auc_score(masks[kept].ravel(), attention[kept].ravel()), abs=2e-4)
    assert [localization.metrics(name).n_without_mask for name in "ab"] == [1, 0]
    assert [localization.metrics(name).n_empty_mask for name in "ab"] == [0, 1]


def test_padding_is_not_measured():
    attention, masks = random_case(2, n=4)
    for label in (0, 1):
        padded = measured(attention, masks, valid=[1, 1, 0, 0], labels=[1, 1, label, label])
        assert padded.metrics() == measured(attention[:2], masks[:2]).metrics()


def test_nothing_to_measure_is_none_with_a_reason():
    unknown = measured(np.zeros((1, 2, 2), np.float32), np.ones((1, 2, 2), bool), has_mask=[False])
    for empty in (Localization().metrics(), unknown.metrics(), unknown.metrics("swap"), unknown.metrics("absent")):
        assert empty.why == "no fake with a mask was measured"
        assert empty.n == 0
        assert empty.pixel_auc is empty.iou_best is empty.pointing is empty.baselines is None
    assert set(values(Localization())) == set(values(measured(*random_case(1)))) | {"why"}


def test_reals_have_their_mean_attention_and_area():
    maps = np.float32([[[0.5, 0.1], [0.1, 0.1]], [[0.9, 0.9], [0.4, 0.2]], [[1, 1], [1, 1]]])
    metrics = measured(maps, np.zeros((3, 2, 2), bool), labels=[0, 0, 1], has_mask=[True, False, False]).metrics()
    assert metrics.reals.n == 2
    assert metrics.reals.attention == pytest.approx((0.2 + 0.6) / 2)
    assert metrics.reals.area == pytest.approx((1 / 4 + 2 / 4) / 2)
    assert Localization().metrics().reals.attention is None


def test_batches_and_forgeries_add_up_to_the_whole():
    attention, masks = random_case(4, n=9)
    forgeries = list("abcabcabc")
    whole, parts = measured(attention, masks, forgeries=forgeries), Localization()
    for start in range(0, 9, 2):
        rows = slice(start, start + 2)
        parts.update(attention[rows], batch_of(masks[rows], forgeries=forgeries[rows]))
    for name in ("pixel_auc", "pixel_ap", "iou", "f1_best", "pointing", "best_threshold"):
        assert values(parts)[name] == pytest.approx(values(whole)[name], abs=1e-12)
    alone, of_b = values(measured(attention[1::3], masks[1::3])), values(whole, "b")
    for name in ("n", "pixel_auc", "pixel_ap", "iou", "f1", "pointing", "forged_share"):
        assert of_b[name] == alone[name]


def test_one_best_threshold_serves_all_forgeries():
    low, high = np.float32([[[0.1, 0.2]]]), np.float32([[[0.8, 0.9]]])
    masks = np.array([[[False, True]]])
    localization = Localization()
    for _ in range(2):
        localization.update(low, batch_of(masks, forgeries=["low"]))
    localization.update(high, batch_of(masks, forgeries=["high"]))
    best = localization.metrics().best_threshold
    assert 0.1 < best <= 0.2
    assert localization.metrics("high").best_threshold == localization.metrics("low").best_threshold == best
    assert localization.metrics("low").iou_best == 1.0
    assert localization.metrics("high").iou_best == 0.5


def test_the_centre_baseline_is_a_gaussian_measured_like_a_map():
    masks = np.random.default_rng(0).random((6, 10, 10)) < 0.1
    masks[:, 3:7, 3:7] = True
    place = np.arange(10) - 4.5
    blob = np.exp(-(place[:, None] ** 2 + place**2) / (2 * 2.5**2))
    np.testing.assert_allclose(centre_blob(10, 10), blob, rtol=1e-6)
    centre = measured(np.zeros(masks.shape, np.float32), masks).metrics().baselines.centre
    everywhere = np.broadcast_to(centre_blob(10, 10), masks.shape)
    as_a_map = measured(everywhere, masks).metrics()
    assert centre.values().items() <= as_a_map.values().items()
    assert centre.pixel_auc == pytest.approx(roc_auc_score(masks.ravel(), everywhere.ravel()), abs=5e-5)
    assert centre.pointing == 1.0
    assert centre.pixel_auc > 0.55
    assert centre.iou < centre.iou_best


def test_the_random_baseline_is_what_noise_reaches_on_average():
    _, masks = random_case(7, n=8, side=16)
    expected = measured(np.zeros(masks.shape, np.float32), masks).metrics().baselines.random
    rng = np.random.default_rng(0)
    tries = [measured(rng.random(masks.shape, np.float32), masks).metrics() for _ in range(20)]
    for name, tolerance in (("pixel_auc", 0.01), ("pixel_ap", 0.01), ("pointing", 0.06)):
        average = np.mean([getattr(each, name) for each in tries])
        assert getattr(expected, name) == pytest.approx(average, abs=tolerance)


def test_metrics_are_json():
    localization = measured(*random_case(1))
    for each in (values(localization), values(localization, "swap"), values(Localization())):
        assert json.loads(json.dumps(each, allow_nan=False)) == each
    assert values(localization)["baselines"]["centre"]["sigma"] == 0.25


def test_memory_does_not_grow_with_the_number_of_images():
    attention, masks = random_case(3, n=64, side=64)
    localization, batch = Localization(), batch_of(masks)
    localization.update(attention, batch)
    tracemalloc.start()
    for _ in range(20):
        localization.update(attention, batch)
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 10e6
    assert localization.metrics().n == 64 * 21


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_attention_that_is_not_finite_is_rejected(bad):
    with pytest.raises(RunError, match="found 1 of 2 maps"):
        measured(np.float32([[[0.1, bad]], [[0.1, 0.2]]]), np.ones((2, 1, 2), bool))


def test_maps_of_another_size_than_their_masks_are_rejected():
    with pytest.raises(ValueError, match="one shape"):
        measured(np.zeros((1, 4, 4), np.float32), np.ones((1, 2, 2), bool))
    with pytest.raises(ValueError, match=r"-0\.5 to 2"):
        measured(np.float32([[[-0.5, 2.0]]]), np.ones((1, 1, 2), bool))

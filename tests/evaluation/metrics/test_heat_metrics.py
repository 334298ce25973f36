import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from dfdetect_jax.evaluation.metrics.bootstrap import NO_INTERVALS, Resampling
from dfdetect_jax.evaluation.metrics.heat_metrics import heat_metrics, squashed
from dfdetect_jax.evaluation.metrics.localization import Localization


def gathered(heat, masks, by_identity=False):
    count = len(heat)
    localization = Localization(by_identity=by_identity)
    batch = {
        "mask": np.uint8(masks) * 255,
        "has_mask": np.ones(count, bool),
        "label": np.ones(count, int),
        "forgery": np.array(["a"] * count),
        "identity": np.array([f"p{i // 2}" for i in range(count)]),
        "valid": np.ones(count),
    }
    localization.update(squashed(heat), batch)
    return localization


@pytest.fixture(scope="module")
def maps():
    """Heat of any size, such as no probability has, and masks that it follows."""
    rng = np.random.default_rng(0)
    masks = np.zeros((6, 8, 8), bool)
    masks[:, 2:6, 1:5] = True
    return np.float32(rng.exponential(10 ** rng.uniform(-3, 2, (6, 1, 1)), masks.shape) * (1 + 2 * masks)), masks


def test_values_are_those_of_the_heat_as_it_is(maps):
    heat, masks = maps
    metrics = heat_metrics(gathered(heat, masks), NO_INTERVALS)
    highest = heat.reshape(6, -1).argmax(axis=1)
    assert metrics.n == 6
    assert metrics.values["pixel_auc"] == pytest.approx(roc_auc_score(masks.ravel(), heat.ravel()), abs=1e-4)
    assert metrics.values["pixel_ap"] == pytest.approx(average_precision_score(masks.ravel(), heat.ravel()), abs=1e-3)
    assert metrics.values["pointing"] == masks.reshape(6, -1)[range(6), highest].mean()
    assert metrics.baselines["random"]["pixel_ap"] == pytest.approx(masks.mean())
    assert set(metrics.baselines["centre"]) == set(metrics.values)


def test_intervals_are_over_people_and_in_the_json(maps):
    metrics = heat_metrics(gathered(*maps, by_identity=True), Resampling(resamples=50))
    low, high = metrics.intervals["pixel_auc"]
    assert high - low > 0.01
    assert low - 1e-3 < metrics.values["pixel_auc"] < high + 1e-3  # pixels are ranked in fewer levels for intervals
    values = metrics.as_json()
    assert values["pixel_auc_ci"] == [low, high]
    assert values["pixel_ap"] == metrics.values["pixel_ap"]
    assert "iou" not in values


def test_masks_without_a_forged_pixel_leave_nothing_to_measure(maps):
    metrics = heat_metrics(gathered(maps[0], np.zeros_like(maps[1])), NO_INTERVALS)
    assert metrics.values == {"pixel_auc": None, "pixel_ap": None, "pointing": None}
    assert metrics.as_json()["why"] == "no fake with a mask was measured"

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from dfdetect_jax.evaluation.metrics.attention_maps import pixel_ap, pixel_auc
from dfdetect_jax.evaluation.metrics.bootstrap import Resampling
from dfdetect_jax.evaluation.metrics.localization import Localization
from dfdetect_jax.evaluation.metrics.localization_intervals import localization_metrics

SIDE, PEOPLE, EACH = 8, 30, 4


@pytest.fixture(scope="module")
def batch():
    """30 people, four fakes of each by two forgeries and a real; attention knows more of some people than of others."""
    rng = np.random.default_rng(0)
    rows = PEOPLE * (EACH + 1)
    label = np.tile([0] + [1] * EACH, PEOPLE)
    mask = np.zeros((rows, SIDE, SIDE), np.uint8)
    mask[label == 1, 2:6, 2:6] = 255
    knows = np.repeat(rng.uniform(0, 2, PEOPLE), EACH + 1)[:, None, None]
    attention = 1 / (1 + np.exp(-rng.normal(knows * (mask / 255 - 0.5), 1)))
    texts = {
        "forgery": np.where(label == 0, "", np.where(np.arange(rows) % 2, "paste", "smear")),
        "identity": np.repeat([f"p{i}" for i in range(PEOPLE)], EACH + 1),
    }
    return {"label": label, "mask": mask, "has_mask": np.ones(rows, bool), "valid": np.ones(rows)} | texts, attention


@pytest.fixture(scope="module")
def measured(batch):
    localization = Localization(best_threshold=0.5, by_identity=True)
    localization.update(batch[1].astype(np.float32), batch[0])
    return localization


def with_intervals(localization, forgery=None, resamples=500, seed=0):
    return localization_metrics(localization, forgery, Resampling(resamples=resamples, seed=seed))


def test_intervals_contain_their_metric_and_nothing_else_changes(measured):
    plain, metrics = measured.metrics(), with_intervals(measured)
    for name in ("pixel_auc", "pixel_ap", "iou", "f1", "iou_best", "pointing", "real_attention", "real_area"):
        low, high = metrics.intervals[name]
        assert low < metrics.values()[name] < high
        assert high - low < 0.3
    assert {key: value for key, value in metrics.as_json().items() if not key.endswith("_ci")} == plain.as_json()


def test_the_interval_of_a_mean_is_that_of_independent_people(measured, batch):
    fields, attention = batch
    area = np.array([(a >= 0.5).mean() for a in attention[fields["label"] == 0]])
    low, high = with_intervals(measured, resamples=4000, seed=1).intervals["real_area"]
    expected = 1.96 * area.std() / np.sqrt(PEOPLE)  # normal theory for one real per person
    assert (high - low) / 2 == pytest.approx(expected, rel=0.08)


def test_rankings_of_many_pixel_counts_at_once_are_scikit_learns_of_the_repeated_pixels():
    rng = np.random.default_rng(3)
    untouched, forged = rng.integers(0, 5, (2, 4, 1024))
    levels = np.arange(1024)
    for row, (auc, ap) in enumerate(zip(pixel_auc(untouched, forged), pixel_ap(untouched, forged), strict=True)):
        values = np.concatenate([np.repeat(levels, untouched[row]), np.repeat(levels, forged[row])])
        truth = np.repeat([0, 1], [untouched[row].sum(), forged[row].sum()])
        assert auc == pytest.approx(roc_auc_score(truth, values), abs=1e-12)
        assert ap == pytest.approx(average_precision_score(truth, values), abs=1e-12)


def test_rankings_without_pixels_of_one_kind_are_not_a_number():
    some, none = np.array([1, 2]), np.zeros(2, int)
    assert np.isnan([pixel_auc(some, none), pixel_auc(none, some), pixel_ap(some, none)]).all()
    assert pixel_ap(none, some) == 1.0


def test_a_forgery_has_intervals_of_its_own(measured):
    paste, overall = with_intervals(measured, "paste"), with_intervals(measured)
    assert paste.intervals["iou"] != overall.intervals["iou"]
    assert "real_area" not in paste.intervals


def test_a_single_person_has_no_interval(batch):
    fields, attention = batch
    localization = Localization(by_identity=True)
    localization.update(attention[:5].astype(np.float32), {name: values[:5] for name, values in fields.items()})
    assert with_intervals(localization).intervals == {}


def test_a_threshold_from_validation_is_used_and_named(batch):
    fields, attention = batch
    from_validation, free = Localization(best_threshold=0.73), Localization()
    for localization in (from_validation, free):
        localization.update(attention.astype(np.float32), fields)
    assert from_validation.metrics().best_threshold == pytest.approx(1 / (1 + np.exp(-1)), abs=1e-9)
    assert (from_validation.metrics().best_from, free.metrics().best_from) == ("validation", "these images")
    assert from_validation.metrics().iou_best <= free.metrics().iou_best

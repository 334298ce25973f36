import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from dfdetect_jax.evaluation.metrics.localization import Localization
from dfdetect_jax.evaluation.metrics.localization_intervals import _aps, _aucs, _drawn, with_intervals

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


def test_intervals_hold_their_number_and_nothing_else_changes(measured):
    plain = measured.overall()
    figures = with_intervals(plain, measured, None, 500, seed=0)
    for name in ("pixel_auc", "pixel_ap", "iou", "f1", "iou_best", "pointing", "real_attention", "real_area"):
        low, high = figures[f"{name}_ci"]
        assert low < figures[name] < high
        assert high - low < 0.3
    assert {key: value for key, value in figures.items() if not key.endswith("_ci")} == plain


def test_the_interval_of_a_mean_is_that_of_independent_people(measured, batch):
    fields, attention = batch
    area = np.array([(a >= 0.5).mean() for a in attention[fields["label"] == 0]])
    low, high = with_intervals(measured.overall(), measured, None, 4000, seed=1)["real_area_ci"]
    expected = 1.96 * area.std() / np.sqrt(PEOPLE)  # normal theory for one real per person
    assert (high - low) / 2 == pytest.approx(expected, rel=0.08)


def test_resampled_rankings_are_scikit_learns_of_the_repeated_pixels(batch):
    rng = np.random.default_rng(3)
    untouched, forged = rng.integers(0, 5, (2, 4, 1024))
    levels = np.arange(1024)
    for row in range(4):
        values = np.concatenate([np.repeat(levels, untouched[row]), np.repeat(levels, forged[row])])
        truth = np.repeat([0, 1], [untouched[row].sum(), forged[row].sum()])
        assert _aucs(untouched, forged)[row] == pytest.approx(roc_auc_score(truth, values), abs=1e-12)
        assert _aps(untouched, forged)[row] == pytest.approx(average_precision_score(truth, values), abs=1e-12)


def test_a_person_is_drawn_whole(measured):
    drawn = _drawn(PEOPLE, 200, seed=0)
    assert (drawn.sum(axis=1) == PEOPLE).all()
    assert drawn.max() > 2


def test_one_method_has_intervals_of_its_own(measured):
    paste, overall = (
        with_intervals(*args, 200, seed=0)
        for args in (
            (measured.of("paste"), measured, "paste"),
            (measured.overall(), measured, None),
        )
    )
    assert paste["iou_ci"] != overall["iou_ci"]
    assert "real_area_ci" not in paste


def test_a_single_person_has_no_interval(batch):
    fields, attention = batch
    localization = Localization(by_identity=True)
    localization.update(attention[:5].astype(np.float32), {name: values[:5] for name, values in fields.items()})
    figures = with_intervals(localization.overall(), localization, None, 100, seed=0)
    assert not any(name.endswith("_ci") for name in figures)


def test_a_threshold_from_validation_is_used_and_named(batch):
    fields, attention = batch
    chosen, free = Localization(best_threshold=0.73), Localization()
    for localization in (chosen, free):
        localization.update(attention.astype(np.float32), fields)
    assert chosen.overall()["best_threshold"] == pytest.approx(1 / (1 + np.exp(-1)), abs=1e-9)
    assert (chosen.overall()["best_from"], free.overall()["best_from"]) == ("validation", "these images")
    assert chosen.overall()["iou_best"] <= free.overall()["iou_best"]

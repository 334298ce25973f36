"""Values chosen on validation: pinned to scikit-learn, stored with the run, read back."""

import json

import numpy as np
import pytest
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, log_loss

from dfdetect_jax.data.pipeline import eval_batches
from dfdetect_jax.errors import RunError
from dfdetect_jax.evaluation.frozen import (
    choose_frozen_values,
    choose_threshold,
    fit_temperature,
    frozen_values,
    real_scores,
)
from dfdetect_jax.evaluation.metrics.attention_maps import THRESHOLDS
from dfdetect_jax.evaluation.metrics.calibration import calibrate
from dfdetect_jax.evaluation.metrics.frame_scores import from_columns
from dfdetect_jax.run.frozen import FILE
from tests.data.drawn import SIZE
from tests.evaluation.fake_runs import Attending, Reconstructing, drawn_records, fake_run, moved_away


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    return drawn_records(tmp_path_factory.mktemp("data"))


@pytest.fixture
def run(tmp_path, records):
    return fake_run(tmp_path / "run", records, Attending)


def test_temperature_and_map_threshold_come_from_reals_and_seen_forgeries_of_validation(run, records):
    values = choose_frozen_values(run, records)
    scores, labels, overlaps = [], [], []
    for batch in eval_batches(records, "val", batch_size=4, image_size=SIZE, forgeries=run.seen):
        prediction = run.localize(batch["image"])
        for i in np.flatnonzero(batch["valid"]):
            scores.append(prediction.score[i])
            labels.append(batch["label"][i])
            if batch["label"][i]:
                mask, positive = batch["mask"][i] > 0, prediction.attention[i] >= THRESHOLDS[:, None, None]
                overlaps.append((mask & positive).sum(axis=(1, 2)) / (mask | positive).sum(axis=(1, 2)))
    assert 0 < sum(labels) < len(labels)
    assert values.temperature == pytest.approx(fit_temperature(np.array(scores), np.array(labels)))
    assert values.attention_threshold == THRESHOLDS[np.argmax(np.mean(overlaps, axis=0))]
    assert (values.threshold, values.why) == (run.threshold, "")


def test_they_are_stored_with_the_run_and_read_back(run):
    before = frozen_values(run)
    assert frozen_values(moved_away(run)) == before


def test_values_stored_by_version_0_1_are_read_and_chosen_anew_where_the_data_are(run, records):
    stored = {"step": 2, "temperature": 3.0, "attention_threshold": 0.5, "why": ""}
    (run.folder / FILE).write_text(json.dumps(stored))
    alone = frozen_values(moved_away(run))
    assert (alone.temperature, alone.attention_threshold, alone.false_alarms) == (3.0, 0.5, None)
    (run.folder / FILE).write_text(json.dumps(stored))
    assert frozen_values(run) == choose_frozen_values(run, records)
    assert set(stored) < set(json.loads((run.folder / FILE).read_text()))


def test_the_scores_of_reals_are_means_over_clips():
    columns = {
        "dataset": ["a"] * 24,
        "split": ["val"] * 24,
        "forgery": [""] * 22 + ["swap"] * 2,
        "video": [f"real/{i // 2}" for i in range(22)] + ["swap/0"] * 2,
        "identity": ["x"] * 24,
        "frame": [0, 1] * 12,
        "label": [0] * 22 + [1] * 2,
        "score": np.linspace(0, 0.9, 24),
    }
    alarms = real_scores(from_columns(columns))
    np.testing.assert_allclose(alarms.scores, columns["score"][:22].reshape(11, 2).mean(axis=1))


@pytest.mark.parametrize("change", [{"step": -1, "temperature": 9.0}, {"temperature": None, "step": "x"}])
def test_for_another_checkpoint_they_are_chosen_again(run, change):
    expected = frozen_values(run)
    stored = json.loads((run.folder / FILE).read_text())
    (run.folder / FILE).write_text(json.dumps(stored | change))
    assert frozen_values(run) == expected


def test_without_the_training_data_nothing_is_calibrated(run):
    values = frozen_values(moved_away(run))
    assert (values.threshold, values.temperature, values.attention_threshold) == (run.threshold, 1.0, None)
    assert "not found" in values.why


def test_a_method_without_maps_has_a_temperature_and_no_map_threshold(tmp_path, records):
    values = frozen_values(fake_run(tmp_path / "run", records, Reconstructing))
    assert values.attention_threshold is None
    assert values.temperature != 1.0
    assert values.why == ""


def random_case(seed, n=60, levels=None):
    """Scores and labels; with `levels`, scores take that few values, so that many are tied."""
    rng = np.random.default_rng(seed)
    labels = np.concatenate([[0, 1], rng.integers(0, 2, n - 2)])
    scores = np.clip(rng.normal(0.4 + 0.2 * labels, 0.2), 0, 1)
    return (np.round(scores * levels) / levels if levels else scores), labels


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_scores_that_are_not_finite_are_rejected(bad):
    scores, labels = np.array([0.1, bad, 0.9]), np.array([0, 1, 1])
    with pytest.raises(RunError, match="1 of 3"):
        choose_threshold(scores, labels)


def test_the_threshold_of_separable_scores_is_in_the_middle_of_the_gap():
    assert choose_threshold(np.array([0.1, 0.3, 0.7, 0.8]), np.array([0, 0, 1, 1])) == pytest.approx(0.5)


def test_of_equally_good_thresholds_the_one_in_the_widest_gap_is_taken():
    # real .1 | fake .2 | real .9 | fake 1.0: cutting after .1 and after .9 are both 3/4 right; both gaps are .1 wide
    # until the last fake moves away.
    labels = np.array([0, 1, 0, 1])
    assert choose_threshold(np.array([0.10, 0.20, 0.60, 1.0]), labels) == pytest.approx(0.8)
    assert choose_threshold(np.array([0.10, 0.50, 0.90, 1.0]), labels) == pytest.approx(0.3)


@pytest.mark.parametrize("levels", [None, 6])
@pytest.mark.parametrize("seed", range(8))
def test_no_other_threshold_has_a_higher_balanced_accuracy(seed, levels):
    scores, labels = random_case(seed, n=40, levels=levels)
    threshold = choose_threshold(scores, labels)
    assert scores.min() < threshold < scores.max()
    best = max(balanced_accuracy_score(labels, scores >= cut) for cut in np.unique(scores))
    assert balanced_accuracy_score(labels, scores >= threshold) == pytest.approx(best)


def test_unequal_classes_weigh_the_same_in_the_threshold():
    # By plain accuracy everything would be called fake.
    scores = np.array([0.2, *np.linspace(0.5, 0.9, 20), 0.1])
    labels = np.array([0, *[1] * 20, 1])
    assert 0.2 < choose_threshold(scores, labels) < 0.5


def test_neighbouring_floats_are_still_separated():
    low, high = np.float64(0.5), np.nextafter(np.float64(0.5), 1)
    threshold = choose_threshold(np.array([low, high]), np.array([0, 1]))
    assert low < threshold <= high


@pytest.mark.parametrize(("scores", "labels"), [([], []), ([0.2, 0.9], [1, 1]), ([0.4, 0.4], [0, 1])])
def test_uninformative_scores_give_one_half(scores, labels):
    assert choose_threshold(np.array(scores), np.array(labels, int)) == 0.5


def overconfident(temperature, n, seed=0):
    """Scores and labels; a label is 1 with the probability that its score has at `temperature`."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(scale=3.0, size=n)
    return expit(logits), (rng.random(n) < expit(logits / temperature)).astype(int)


@pytest.mark.parametrize("temperature", [0.25, 1.0, 4.0])
def test_the_temperature_of_the_labels_is_found(temperature):
    scores, labels = overconfident(temperature, 200_000)
    assert fit_temperature(scores, labels) == pytest.approx(temperature, rel=0.02)


@pytest.mark.parametrize("seed", range(20))
def test_the_temperature_is_that_of_logistic_regression_on_logits(seed):
    scores, labels = overconfident(np.random.default_rng(seed).uniform(0.5, 5), 150, seed)
    regression = LogisticRegression(C=np.inf, fit_intercept=False, tol=1e-10, max_iter=1000)
    slope = regression.fit(np.log(scores / (1 - scores))[:, None], labels).coef_[0, 0]
    assert fit_temperature(scores, labels) == pytest.approx(1 / slope, rel=1e-4)


def test_no_temperature_near_by_has_a_lower_log_loss():
    scores, labels = overconfident(2.0, 500)
    best = fit_temperature(scores, labels)
    losses = [log_loss(labels, calibrate(scores, best * factor)) for factor in (0.9, 0.99, 1, 1.01, 1.1)]
    assert min(losses) == losses[2]


def test_scores_that_separate_or_mislead_take_the_bounds():
    scores = np.array([0.2, 0.4, 0.6, 0.9])
    assert fit_temperature(scores, np.array([0, 0, 1, 1])) == pytest.approx(1 / 20)
    assert fit_temperature(scores, np.array([1, 1, 0, 0])) == pytest.approx(20)


@pytest.mark.parametrize("labels", [[], [1, 1], [0]])
def test_with_one_label_nothing_is_fitted(labels):
    assert fit_temperature(np.full(len(labels), 0.3), np.array(labels, int)) == 1.0

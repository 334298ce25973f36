"""Verdicts: thresholds from the reals of validation, a third verdict between, calibrated probabilities."""

import dataclasses
import json

import numpy as np
import pytest
from scipy.special import expit, logit

from dfdetect_jax.errors import RunError, SettingsError
from dfdetect_jax.run.false_alarms import FalseAlarms
from dfdetect_jax.run.frozen import FILE, FrozenValues, store_frozen
from dfdetect_jax.scoring.decision import DecisionRule, Verdict, decision_rule

UNIFORM = (np.arange(400) + 0.5) / 400


@pytest.fixture
def frozen(run, tmp_path):
    """A run with stored scores of 400 reals, and the threshold given."""

    def make(threshold=0.5, reals=UNIFORM, temperature=2.0):
        opened = dataclasses.replace(run, folder=tmp_path, threshold=threshold)
        values = FrozenValues(threshold=threshold, temperature=temperature, false_alarms=FalseAlarms.of(reals))
        store_frozen(opened, values)
        return opened

    return make


def test_fake_starts_where_one_real_in_a_hundred_is_and_real_ends_below_five(frozen):
    rule = decision_rule(frozen(threshold=0.97))
    assert rule.fake_from == pytest.approx(0.99, abs=2e-3)
    assert rule.real_below == pytest.approx(0.95, abs=2e-3)
    verdicts = [rule.verdict(score) for score in (0.94, 0.96, 0.98, 0.995)]
    assert verdicts == [Verdict.REAL, Verdict.UNCERTAIN, Verdict.UNCERTAIN, Verdict.FAKE]


def test_a_detector_that_hardly_tells_them_apart_calls_few_real(frozen):
    assert decision_rule(frozen(threshold=0.6)).real_below == 0.6


@pytest.mark.parametrize("max_fpr", [0.002, 0.05, 0.2])
def test_the_false_alarm_rate_asked_for_sets_the_threshold(frozen, max_fpr):
    rule = decision_rule(frozen(), max_fpr)
    assert (rule.fake_from <= UNIFORM).mean() == pytest.approx(max_fpr, abs=3e-3)
    extrapolated = any("extrapolated" in note for note in rule.notes)
    assert extrapolated == (max_fpr < 1 / 400)


@pytest.mark.parametrize("max_fpr", [0.0, -1.0, 0.3, float("nan")])
def test_an_impossible_rate_is_refused(frozen, max_fpr):
    with pytest.raises(SettingsError, match="max_fpr: expected a share"):
        decision_rule(frozen(), max_fpr)


@pytest.mark.parametrize("temperature", [1e-3, 0.02, 1e3])
def test_a_probability_is_finite_at_every_temperature_that_a_model_folder_may_have(temperature):
    rule = DecisionRule(fake_from=0.5, real_below=0.5, temperature=temperature)
    for score in (0.0, 0.3, 0.5, 1.0):
        expected = expit(logit(np.clip(score, 1e-7, 1 - 1e-7)) / temperature)
        assert rule.probability(score) == pytest.approx(expected, abs=1e-12)


def test_the_probability_is_calibrated(frozen):
    rule = decision_rule(frozen(temperature=2.0))
    assert rule.probability(0.9) == pytest.approx(expit(logit(0.9) / 2.0))
    assert 0 < rule.probability(0.0) < rule.probability(1.0) < 1


def test_a_run_without_stored_reals_has_one_threshold_and_says_so(frozen):
    run = frozen(threshold=0.6, reals=[])
    rule = decision_rule(run)
    assert (rule.fake_from, rule.real_below) == (0.6, 0.6)
    assert (rule.verdict(0.6), rule.verdict(0.59)) == (Verdict.FAKE, Verdict.REAL)
    assert rule.highest_of(0.9, 5) == 0.9
    assert "no scores of validation's reals" in rule.notes[0]
    with pytest.raises(RunError, match="run evaluate on it once"):
        decision_rule(run, 0.05)


def test_stored_values_of_another_checkpoint_do_not_count(frozen):
    run = frozen()
    stored = json.loads((run.folder / FILE).read_text())
    (run.folder / FILE).write_text(json.dumps({**stored, "step": 99}))
    rule = decision_rule(run)
    assert (rule.temperature, rule.probability(0.9)) == (None, None)


def test_the_highest_of_several_faces_is_lowered():
    rule = DecisionRule(fake_from=0.99, real_below=0.9, false_alarms=FalseAlarms.of(UNIFORM))
    assert rule.highest_of(0.99, 10) < 0.95 < rule.highest_of(0.99, 1)

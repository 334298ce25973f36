"""Attacks measured on a detector of one weight, whose logits can be computed by hand."""

import functools
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dfdetect_jax.errors import SettingsError
from dfdetect_jax.evaluation.metrics.summary import measure_group
from dfdetect_jax.evaluation.stress.attacks import measure_attack
from dfdetect_jax.methods import Method, Prediction
from tests.data.drawn import SIZE, clip_example, write_records


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_records(tmp_path_factory.mktemp("data") / "drawn", {"test": 40}, example_of=clip_example)


def smoothness():
    """A detector of one weight: how much brighter even rows are than odd ones."""
    rows = jnp.where(jnp.arange(SIZE) % 2 == 0, 1.0, -1.0)[:, None, None]

    def predict(variables, images):
        logit = variables["weight"] * jnp.mean(images.astype(jnp.float32) * rows, axis=(1, 2, 3))
        return Prediction(score=jax.nn.sigmoid(logit), attention=None, reconstruction=None, logit=logit)

    return Method(None, None, predict), {"weight": np.float32(1)}


def measured(folder, **options):
    method, variables = smoothness()

    def score(images):
        assert images.dtype == np.uint8
        return np.asarray(method.predict(variables, images).score)

    measure = functools.partial(measure_group, threshold=0.5)
    options = {"attack": "fgsm", "image_size": SIZE, "measure": measure} | options
    return measure_attack(method, variables, score, folder, "test", **options)


def test_an_attack_on_a_linear_detector_moves_its_logit_by_epsilon(folder):
    result, scores = measured(folder, epsilons=(1, 4))
    logit = {epsilon: np.log(s.score / (1 - s.score)) for epsilon, s in scores.items()}
    towards = np.where(scores[0].label == 1, -1, 1)
    for epsilon in (1, 4):  # a little less where pixels are black or white already
        assert (towards * (logit[epsilon] - logit[0])) == pytest.approx(epsilon, rel=0.05)
    missed = np.mean(scores[4].score[scores[4].label == 1] < 0.5)
    assert result.epsilons[1].fakes_called_real == pytest.approx(missed)
    assert [level.epsilon for level in result.epsilons] == [1, 4]


def test_reals_are_unchanged_except_in_the_metrics_of_both(folder):
    result, _ = measured(folder, epsilons=(2,))
    (level,), clean = result.epsilons, result.clean
    assert level.frame.fpr == clean.frame.fpr == clean.both.fpr
    assert level.both.fpr > level.frame.fpr
    assert level.both.auc < level.frame.auc < clean.frame.auc


def test_pgd_is_reported_with_its_steps_and_does_not_depend_on_the_sample_of_frames(folder):
    result, scores = measured(folder, attack="pgd", epsilons=(4,), steps=5, seed=3)
    assert (result.attack, result.steps, result.seed) == ("pgd", 5, 3)
    assert result.note == "white box, crops, no defence evaluated"
    assert result.epsilons[0].step_size == 2.0
    assert json.loads(json.dumps(result.as_json(), allow_nan=False)) == result.as_json()
    fewer, few = measured(folder, attack="pgd", epsilons=(4,), steps=5, seed=3, max_frames=10)
    assert (fewer.n, fewer.of) == (10, 40)
    everyone = dict(zip(zip(scores[4].video, scores[4].frame, strict=True), scores[4].score, strict=True))
    assert few[4].score == pytest.approx([everyone[name] for name in zip(few[4].video, few[4].frame, strict=True)])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"attack": "pdg"}, 'did you mean "pgd"'),
        ({"epsilons": (0,)}, "attack epsilon: expected at least 1"),
        ({"attack": "pgd", "steps": 0}, "attack steps: expected at least 1"),
    ],
)
def test_options_that_are_not_possible_are_rejected(folder, options, message):
    with pytest.raises(SettingsError, match=message):
        measured(folder, **options)

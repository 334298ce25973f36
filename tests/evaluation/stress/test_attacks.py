import itertools
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.metrics import log_loss

from dfdetect_jax import methods
from dfdetect_jax.errors import SettingsError
from dfdetect_jax.evaluation.stress import attacks
from dfdetect_jax.methods import Method, Prediction
from tests import trained
from tests.data.drawn import SIZE, clip_example, write_records

LABELS = np.array([0, 1, 1, 0], np.int32)


def network(scale=1.0):
    """(predict, variables) of two layers whose gradient is nowhere flat; a larger `scale` makes it surer of itself."""
    rng = np.random.default_rng(0)
    variables = {"first": rng.normal(size=(48, 8)).astype(np.float32), "second": rng.normal(size=8).astype(np.float32)}

    def predict(variables, images):
        x = images.reshape(len(images), -1).astype(jnp.float32) / 127.5 - 1
        logit = scale * jnp.tanh(x @ variables["first"] / 7) @ variables["second"]
        return Prediction(score=jax.nn.sigmoid(logit), attention=None, reconstruction=None, logit=logit)

    return predict, variables


@pytest.fixture
def images():
    return np.random.default_rng(1).integers(0, 256, (4, 4, 4, 3)).astype(np.float32)


def cross_entropy(predict, variables, images):
    return [log_loss([y], [p], labels=[0, 1]) for y, p in zip(LABELS, predict(variables, images).score, strict=True)]


def attacked(attack, images, epsilon, scale=1.0, steps=7):
    predict, variables = network(scale)
    if attack == "fgsm":
        return np.asarray(attacks.fgsm(predict, variables, images, LABELS, epsilon))
    start = jax.random.uniform(jax.random.key(0), images.shape, minval=-1, maxval=1)
    step = 2.5 * epsilon / steps
    return np.asarray(attacks.pgd(predict, variables, images, LABELS, epsilon, start=start, step=step, steps=steps))


def test_the_direction_is_that_of_finite_differences_of_the_cross_entropy(images):
    predict, variables = network()
    found = np.asarray(attacks.ascent(predict, variables, images, LABELS))
    weights = [np.float64(variables[name]) for name in ("first", "second")]

    def loss(image, label):  # in NumPy and double precision
        z = np.tanh((image.ravel() / 127.5 - 1) @ weights[0] / 7) @ weights[1]
        return np.logaddexp(0, z) - label * z

    for n, (image, label) in enumerate(zip(np.float64(images), LABELS, strict=True)):
        for place in itertools.product(range(4), range(4), range(3)):
            moved = np.zeros_like(image)
            moved[place] = 1e-3
            slope = loss(image + moved, label) - loss(image - moved, label)
            assert found[n][place] == np.sign(slope)


@pytest.mark.parametrize("attack", attacks.ATTACKS)
def test_pixels_stay_within_epsilon_and_the_range_and_the_loss_rises(images, attack):
    images[:, 0], images[:, 1] = 0.0, 255.0  # nothing may go beyond the ends
    predict, variables = network()
    clean = cross_entropy(predict, variables, images)
    for epsilon in (1, 8):
        moved = attacked(attack, images, epsilon)
        assert np.abs(moved - images).max() == pytest.approx(epsilon, abs=1e-4)
        assert moved.min() >= 0
        assert moved.max() <= 255
        assert np.all(np.array(cross_entropy(predict, variables, moved)) > clean)


@pytest.mark.parametrize("attack", attacks.ATTACKS)
def test_epsilon_zero_changes_nothing(images, attack):
    assert np.array_equal(attacked(attack, images, 0), images)


def test_a_detector_that_is_sure_of_itself_is_attacked_all_the_same(images):
    predict, variables = network(scale=1e4)
    assert set(np.asarray(predict(variables, images).score).tolist()) <= {0.0, 1.0}  # no gradient is left in these
    assert np.array_equal(attacked("fgsm", images, 4, scale=1e4), attacked("fgsm", images, 4))


def test_pgd_finds_at_least_what_fgsm_finds_on_average(images):
    predict, variables = network()
    one, many = (cross_entropy(predict, variables, attacked(attack, images, 8)) for attack in attacks.ATTACKS)
    assert np.mean(many) >= np.mean(one) - 1e-3


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

    return attacks.measure(
        method, variables, score, folder, "test", **{"attack": "fgsm", "image_size": SIZE, "threshold": 0.5, **options}
    )


def test_an_attack_on_a_linear_detector_moves_its_logit_by_epsilon(folder):
    result, scores = measured(folder, epsilons=(1, 4))
    logit = {epsilon: np.log(s.score / (1 - s.score)) for epsilon, s in scores.items()}
    towards = np.where(scores[0].label == 1, -1, 1)
    for epsilon in (1, 4):  # a little less where pixels are black or white already
        assert (towards * (logit[epsilon] - logit[0])) == pytest.approx(epsilon, rel=0.05)
    missed = np.mean(scores[4].score[scores[4].label == 1] < 0.5)
    assert result["epsilons"][1]["fakes_called_real"] == pytest.approx(missed)
    assert [level["epsilon"] for level in result["epsilons"]] == [1, 4]


def test_reals_are_left_alone_but_for_the_figures_of_both(folder):
    result, _ = measured(folder, epsilons=(2,))
    (level,) = result["epsilons"]
    assert level["fpr"] == result["clean"]["fpr"] == result["clean"]["both"]["fpr"]
    assert level["both"]["fpr"] > level["fpr"]
    assert level["both"]["auc"] < level["auc"] < result["clean"]["auc"]


def test_pgd_is_told_with_its_steps_and_the_same_for_any_choice_of_frames(folder):
    result, scores = measured(folder, attack="pgd", epsilons=(4,), steps=5, seed=3)
    assert (result["attack"], result["steps"], result["seed"]) == ("pgd", 5, 3)
    assert result["note"] == "white box, crops, no defence evaluated"
    assert result["epsilons"][0]["step_size"] == 2.0
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    fewer, few = measured(folder, attack="pgd", epsilons=(4,), steps=5, seed=3, max_frames=10)
    assert (fewer["n"], fewer["of"]) == (10, 40)
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
def test_what_makes_no_sense_is_refused(folder, options, message):
    with pytest.raises(SettingsError, match=message):
        measured(folder, **options)


@pytest.mark.slow
@pytest.mark.parametrize("run", [trained.opened, trained.opened_lae])
def test_a_trained_detector_is_led_astray(run):
    run = run()
    size = run.settings.data.image_size
    predict = jax.jit(methods.build(run.settings).predict)
    images = np.random.default_rng(2).integers(40, 200, (4, size, size, 3), np.uint8)
    given = predict(run.variables, np.float32(images))
    assert np.array_equal(given.score, predict(run.variables, images).score)  # float pixels are the same picture
    assert given.score == pytest.approx(jax.nn.sigmoid(given.logit))
    moved = jax.jit(lambda x: attacks.fgsm(predict, run.variables, x, LABELS, 4.0))(np.float32(images))
    change = np.asarray(predict(run.variables, moved).logit - given.logit)
    assert np.array_equal(np.sign(change), 1 - 2 * LABELS)

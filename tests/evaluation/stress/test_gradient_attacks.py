"""FGSM and PGD against finite differences, and what holds of any attack."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.metrics import log_loss

from dfdetect_jax import methods
from dfdetect_jax.evaluation.stress.gradient_attacks import ascent, fgsm, pgd
from dfdetect_jax.evaluation.stress.protocol import ATTACKS
from dfdetect_jax.methods import Prediction
from tests import trained

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
        return np.asarray(fgsm(predict, variables, images, LABELS, epsilon))
    start = jax.random.uniform(jax.random.key(0), images.shape, minval=-1, maxval=1)
    step = 2.5 * epsilon / steps
    return np.asarray(pgd(predict, variables, images, LABELS, epsilon, start=start, step=step, steps=steps))


def test_the_direction_is_that_of_finite_differences_of_the_cross_entropy(images):
    predict, variables = network()
    direction = np.asarray(ascent(predict, variables, images, LABELS))
    weights = [np.float64(variables[name]) for name in ("first", "second")]

    def loss(image, label):  # in NumPy and double precision
        z = np.tanh((image.ravel() / 127.5 - 1) @ weights[0] / 7) @ weights[1]
        return np.logaddexp(0, z) - label * z

    for n, (image, label) in enumerate(zip(np.float64(images), LABELS, strict=True)):
        for place in itertools.product(range(4), range(4), range(3)):
            moved = np.zeros_like(image)
            moved[place] = 1e-3
            slope = loss(image + moved, label) - loss(image - moved, label)
            assert direction[n][place] == np.sign(slope)


@pytest.mark.parametrize("attack", ATTACKS)
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


@pytest.mark.parametrize("attack", ATTACKS)
def test_epsilon_zero_changes_nothing(images, attack):
    assert np.array_equal(attacked(attack, images, 0), images)


def test_an_overconfident_detector_is_attacked_all_the_same(images):
    predict, variables = network(scale=1e4)
    assert set(np.asarray(predict(variables, images).score).tolist()) <= {0.0, 1.0}  # no gradient is left in these
    assert np.array_equal(attacked("fgsm", images, 4, scale=1e4), attacked("fgsm", images, 4))


def test_pgd_finds_at_least_what_fgsm_finds_on_average(images):
    predict, variables = network()
    one, many = (cross_entropy(predict, variables, attacked(attack, images, 8)) for attack in ATTACKS)
    assert np.mean(many) >= np.mean(one) - 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("run", [trained.opened, trained.opened_lae])
def test_the_logit_of_a_trained_detector_moves_the_wrong_way(run):
    run = run()
    size = run.settings.data.image_size
    predict = jax.jit(methods.build(run.settings).predict)
    images = np.random.default_rng(2).integers(40, 200, (4, size, size, 3), np.uint8)
    clean = predict(run.variables, np.float32(images))
    assert np.array_equal(clean.score, predict(run.variables, images).score)  # float pixels are the same picture
    assert clean.score == pytest.approx(jax.nn.sigmoid(clean.logit))
    moved = jax.jit(lambda x: fgsm(predict, run.variables, x, LABELS, 4.0))(np.float32(images))
    change = np.asarray(predict(run.variables, moved).logit - clean.logit)
    assert np.array_equal(np.sign(change), 1 - 2 * LABELS)

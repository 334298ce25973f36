"""The LAE against its description: the decision, the terms of the loss, and the effect of each setting."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dfdetect_jax import losses, methods
from dfdetect_jax.config import check, override
from dfdetect_jax.methods import adversary, lae
from dfdetect_jax.methods.step import update_adversary
from dfdetect_jax.models import vgg
from tests.conftest import tiny_lae_settings

SIZE = 32
RNG = np.random.default_rng(0)
LABELS = np.array([0, 1, 1, 0, 1, 0, 1, 0], np.int32)
MASKS = np.zeros((8, SIZE, SIZE), np.uint8)
MASKS[LABELS == 1, 8:24, 4:20] = 255
BATCH = {
    "image": RNG.integers(0, 256, (8, SIZE, SIZE, 3), np.uint8),
    "label": LABELS,
    "mask": MASKS,
    "has_mask": np.array([1, 1, 0, 1, 0, 1, 0, 1], bool),
}
STAGE_ONE = {**BATCH, "mask": np.zeros_like(MASKS), "has_mask": np.zeros(8, bool)}


def random_vgg16(layers=("relu1_2",)) -> vgg.VGG16Weights:
    """Random weights: good for shapes and gradients, not for training."""
    params = vgg.VGG16(layers).init(jax.random.key(9), jnp.zeros((1, SIZE, SIZE, 3)))["params"]
    return vgg.VGG16Weights(params=params, mean=jnp.zeros(3), std=jnp.ones(3))


def everything_on():
    settings = override(
        tiny_lae_settings(),
        {
            "loss.perceptual": 0.1,
            "loss.perceptual_layers": ("relu1_2",),
            "loss.vgg16": "given",
            "loss.adversarial": 0.1,
            "optimizer.learning_rate": 3e-3,
        },
    )
    return check(settings)


@pytest.fixture(scope="module")
def trained():
    """A method with every term, its jitted step, and the states and metrics of 12 steps on one batch."""
    method = methods.build(everything_on(), {"vgg16": random_vgg16()})
    step = jax.jit(method.train_step)
    states, metrics = [jax.jit(method.init)(jax.random.key(0))], []
    for _ in range(12):
        state, measured = step(states[-1], BATCH)
        states.append(state)
        metrics.append({name: float(value) for name, value in measured.items()})
    return method, step, states, metrics


@pytest.fixture(scope="module")
def network():
    """(network, variables) as initialised."""
    settings = tiny_lae_settings()
    network = lae.LAE(settings.model, settings.loss)
    return network, jax.jit(lambda: network.init(jax.random.key(0), jnp.zeros((1, SIZE, SIZE, 3)), train=False))()


def latent_of(network, variables, images) -> lae.Latent:
    return network.apply(variables, images, train=False, method=network.encode)[0]


def random_images(n=4):
    return jnp.asarray(RNG.uniform(-1, 1, (n, SIZE, SIZE, 3)), jnp.float32)


@pytest.mark.parametrize("pooling", ["log_mean_exp", "mean"])
def test_the_decision_is_pooled_from_the_map_of_the_two_halves(network, pooling):
    settings = override(tiny_lae_settings(), {"model.pooling": pooling})
    latent = latent_of(lae.LAE(settings.model, settings.loss), network[1], random_images())
    real_half, fake_half = np.split(np.asarray(latent.z, np.float64), 2, axis=-1)
    expected = settings.loss.sharpness * (np.abs(fake_half).mean(-1) - np.abs(real_half).mean(-1))
    np.testing.assert_allclose(latent.pixel_logits, expected, rtol=1e-4, atol=1e-5)
    pooled = expected.mean((1, 2)) if pooling == "mean" else np.log(np.exp(expected).mean((1, 2)))
    np.testing.assert_allclose(latent.logits, pooled, rtol=1e-4, atol=1e-5)


def test_a_small_region_can_carry_the_decision_alone_unless_it_is_averaged():
    map_of_one_forged_position = np.full((1, 8, 8), -3.0, np.float32)
    map_of_one_forged_position[0, 4, 4] = 12.0
    decisions = {}
    for pooling in ("log_mean_exp", "mean"):
        settings = override(tiny_lae_settings(), {"model.pooling": pooling})
        decisions[pooling] = float(lae.pool(map_of_one_forged_position, settings.model)[0])
    assert decisions["log_mean_exp"] > 0 > decisions["mean"]


def test_the_absolute_form_decides_by_the_share_of_the_fake_half(network):
    settings = override(tiny_lae_settings(), {"loss.latent_form": "absolute"})
    latent = latent_of(lae.LAE(settings.model, settings.loss), network[1], random_images())
    a_real, a_fake = np.mean(latent.real_map, (1, 2)), np.mean(latent.fake_map, (1, 2))
    np.testing.assert_allclose(jax.nn.sigmoid(latent.logits), a_fake / (a_fake + a_real), rtol=1e-4)


def test_the_plain_classifiers_map_is_its_class_activation_map():
    settings = override(tiny_lae_settings(), {"model.head": "linear", "model.pooling": "mean"})
    network = lae.LAE(settings.model, settings.loss)
    images = random_images()
    (latent, _), variables = network.init_with_output(jax.random.key(0), images, train=False)
    dense = variables["params"]["linear"]
    expected = np.mean(latent.z, (1, 2)) @ dense["kernel"] + dense["bias"]
    np.testing.assert_allclose(latent.logits, expected[:, 0], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("selection", [True, False])
def test_selection_keeps_the_half_of_the_images_class_and_no_other(network, selection):
    settings = override(tiny_lae_settings(), {"model.selection": selection, "model.skips": False})
    net = lae.LAE(settings.model, settings.loss)
    images = random_images(2)
    variables = net.init(jax.random.key(0), images, train=False)
    z = latent_of(net, variables, images).z + 0.5
    fake_half = jnp.arange(z.shape[-1]) >= z.shape[-1] // 2
    fake = jnp.array([True, False])

    def decode(z):
        return np.asarray(net.apply(variables, z, [], fake, train=False, method=net.decode))

    other_half_changed = decode(jnp.where(fake_half == fake[:, None, None, None], z, z + 1.0))
    own_half_changed = decode(jnp.where(fake_half == fake[:, None, None, None], z + 1.0, z))
    assert np.array_equal(other_half_changed, decode(z)) == selection
    assert not np.array_equal(own_half_changed, decode(z))


def test_without_skips_all_passes_through_the_latent(network):
    for skips, found in ((True, 2), (False, 0)):
        settings = override(tiny_lae_settings(), {"model.skips": skips})
        net = lae.LAE(settings.model, settings.loss)
        _, given = jax.eval_shape(
            lambda v, net=net: net.apply(v, random_images(), train=False, method=net.encode), network[1]
        )
        assert len(given) == found


def test_the_residual_is_blind_to_a_constant_and_the_image_is_not(network):
    variables, images = network[1], random_images() * 0.5
    for kind, blind in (("residual", True), ("image", False)):
        settings = override(tiny_lae_settings(), {"model.input": kind})
        net = lae.LAE(settings.model, settings.loss)
        plain, lifted = (latent_of(net, variables, x).z for x in (images, images + 0.3))
        assert np.allclose(plain, lifted, atol=1e-5) == blind


def made_up_latent() -> lae.Latent:
    z = RNG.uniform(0, 2, (8, 4, 4, 6)).astype(np.float32)
    real_map, fake_map = z[..., :3].mean(-1), z[..., 3:].mean(-1)
    pixel_logits = 5.0 * (fake_map - real_map)
    return lae.Latent(z, real_map, fake_map, pixel_logits, pixel_logits.mean((1, 2)))


@pytest.mark.parametrize("form", ["balanced", "max", "raw", "soft"])
def test_attention_is_a_share_and_rises_with_the_fake_half(form):
    settings = override(tiny_lae_settings().loss, {"attention_form": form})
    latent = made_up_latent()
    attention = np.asarray(lae.attention_map(latent, settings))
    assert attention.min() >= 0
    assert attention.max() <= 1
    expected = {
        "balanced": 1 / (1 + np.exp(-latent.pixel_logits)),
        "max": latent.fake_map / latent.fake_map.max((1, 2), keepdims=True),
        "raw": np.minimum(latent.fake_map, 1),
        "soft": 1 / (1 + np.exp(-10 * (latent.fake_map - 0.5))),
    }[form]
    np.testing.assert_allclose(attention, expected, rtol=1e-4)


@pytest.mark.parametrize("form", ["balanced", "max", "raw", "soft"])
def test_attention_is_held_to_the_masks_of_fakes_and_to_nothing_on_reals(form):
    settings = override(tiny_lae_settings().loss, {"attention_form": form})
    latent, masks, has_mask = made_up_latent(), MASKS.astype(np.float32) / 255, BATCH["has_mask"]
    grid = masks.reshape(8, 4, 8, 4, 8).mean((2, 4))
    if form == "balanced":
        distance = losses.attention_balanced(latent.pixel_logits, grid)
    else:
        distance = losses.attention_l1(lae.attention_map(latent, settings), grid)
    fakes, reals = has_mask & (LABELS == 1), has_mask & (LABELS == 0)
    expected = (np.mean(distance[fakes]) + np.mean(distance[reals])) / 2
    found = lae.attention_loss(latent, masks, has_mask, LABELS, settings, None)
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    assert float(lae.attention_loss(latent, masks, np.zeros(8, bool), LABELS, settings, None)) == 0.0


def test_the_objective_is_the_weighted_sum_of_its_terms(trained):
    *_, metrics = trained
    loss = everything_on().loss
    for measured in metrics:
        names = ("latent", "pixel", "perceptual", "adversarial", "attention")
        assert measured["loss"] == pytest.approx(sum(getattr(loss, n) * measured[n] for n in names), rel=1e-4)


def test_every_term_but_the_adversarys_falls_on_a_batch_seen_again_and_again(trained):
    *_, metrics = trained
    for name in ("latent", "pixel", "perceptual", "attention"):
        assert metrics[-1][name] < 0.9 * metrics[0][name], name


def test_a_step_is_a_function_of_state_and_batch_alone(trained):
    _, step, states, _ = trained
    again, _ = step(states[3], BATCH)
    jax.tree.map(np.testing.assert_array_equal, again.with_key_data(), states[4].with_key_data())


def test_the_frozen_network_stays_as_given(trained):
    _, _, states, _ = trained
    jax.tree.map(np.testing.assert_array_equal, states[0].frozen, states[-1].frozen)
    assert states[-1].frozen is not None


def moved(before, after) -> bool:
    return any(not np.array_equal(a, b) for a, b in zip(jax.tree.leaves(before), jax.tree.leaves(after), strict=True))


def test_in_its_turn_the_discriminator_moves_alone_and_in_the_other_the_autoencoder(trained):
    _, _, states, _ = trained
    state, after = states[0], states[1]
    assert moved(state.params, after.params)
    assert moved(state.adversary.params, after.adversary.params)
    settings = everything_on()
    alone = jax.jit(functools.partial(adversary.learn, settings=settings))
    images, reconstruction, opponent, losses_of = random_images(8), random_images(8), state.adversary, []
    for _ in range(5):
        gradients, _, loss = alone(opponent, images, reconstruction)
        opponent = update_adversary(opponent, gradients, settings.discriminator, settings.train.steps)
        losses_of.append(float(loss))
    assert losses_of[-1] < losses_of[0]

    def discriminator_loss(reconstruction):
        return adversary.learn(state.adversary, images, reconstruction, settings)[2]

    assert not np.any(jax.jit(jax.grad(discriminator_loss))(random_images(8)))


def test_the_generators_turn_leaves_no_gradient_in_the_discriminator(trained):
    """The autoencoder's step is the same whether or not the discriminator learns."""
    _, _, states, _ = trained
    still = override(everything_on(), {"discriminator.learning_rate": 0.0})
    after, _ = jax.jit(methods.build(still, {"vgg16": random_vgg16()}).train_step)(states[0], BATCH)
    jax.tree.map(np.testing.assert_array_equal, after.params, states[1].params)
    jax.tree.map(np.testing.assert_array_equal, after.adversary.params, states[0].adversary.params)


def test_without_masks_in_the_batch_the_attention_loss_is_silent(trained):
    _, step, states, _ = trained
    _, metrics = step(states[0], STAGE_ONE)
    assert float(metrics["attention"]) == 0.0
    latent, masks = made_up_latent(), STAGE_ONE["mask"].astype(np.float32)
    nobody, settings = STAGE_ONE["has_mask"], tiny_lae_settings().loss
    gradient = jax.grad(lambda latent: lae.attention_loss(latent, masks, nobody, LABELS, settings, None))(latent)
    assert not any(leaf.any() for leaf in jax.tree.leaves(gradient))


TERMS = ("latent", "pixel", "perceptual", "adversarial", "attention")


@pytest.fixture(scope="module")
def terms_of():
    """Settings -> (loss, terms) on one batch, without a network."""
    latent, images, vgg16 = made_up_latent(), random_images(8), random_vgg16()
    reconstruction, judged = random_images(8), jnp.asarray(RNG.normal(size=8), jnp.float32)
    batch = {"label": LABELS, "mask": MASKS.astype(np.float32) / 255, "has_mask": BATCH["has_mask"]}
    return lambda settings: lae.objective(latent, reconstruction, images, batch, judged, vgg16, settings.loss)


@pytest.mark.parametrize("term", TERMS[1:])
def test_a_term_switched_off_is_gone_and_the_others_stay(terms_of, term):
    settings = everything_on()
    whole_loss, whole = terms_of(settings)
    loss, terms = terms_of(override(settings, {f"loss.{term}": 0.0}))
    assert set(whole) == {"loss", *TERMS}
    assert set(terms) == set(whole) - {term}
    for name in set(terms) - {"loss"}:
        np.testing.assert_array_equal(terms[name], whole[name])
    np.testing.assert_allclose(whole_loss - loss, getattr(settings.loss, term) * whole[term], rtol=1e-3)


def test_an_adversary_without_weight_is_not_even_made():
    state = jax.eval_shape(methods.build(tiny_lae_settings()).init, jax.random.key(0))
    assert state.adversary is None
    assert state.frozen is None


def test_predictions_are_probabilities_maps_and_pictures(trained):
    method, _, states, _ = trained
    prediction = jax.jit(method.predict)(states[-1].variables, BATCH["image"])
    assert prediction.score.shape == (8,)
    assert ((prediction.score >= 0) & (prediction.score <= 1)).all()
    assert prediction.attention.shape == (8, SIZE, SIZE)
    assert ((prediction.attention >= 0) & (prediction.attention <= 1)).all()
    assert prediction.reconstruction.shape == (8, SIZE, SIZE, 3)


def test_the_latent_is_given_for_choosing_what_to_label(trained):
    _, _, states, _ = trained
    z = lae.encode(states[-1].variables, BATCH["image"], settings=everything_on())
    assert z.shape == (8, SIZE // 4, SIZE // 4, 32)


@pytest.mark.slow
def test_two_mapped_devices_step_as_one(trained):
    settings = override(everything_on(), {"augment.flip": False})
    method = methods.build(settings, {"vgg16": random_vgg16()})
    state = trained[2][0]
    halves = jax.tree.map(lambda a: a.reshape(2, 4, *a.shape[1:]), BATCH)
    _, whole = jax.jit(method.train_step)(state, BATCH)
    mapped = jax.pmap(lambda state, batch: method.train_step(state, batch, axis_name="data"), "data", in_axes=(None, 0))
    _, split = mapped(state, halves)
    for name in whole:
        np.testing.assert_allclose(split[name][0], whole[name], rtol=2e-3, err_msg=name)

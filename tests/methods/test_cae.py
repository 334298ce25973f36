"""The CAE against its description: the shared encoder, the loss, and the effect of each setting."""

import functools

import cv2
import jax
import jax.extend.core
import jax.numpy as jnp
import numpy as np
import pytest

from dfdetect_jax import methods
from dfdetect_jax.augmentation import normalize
from dfdetect_jax.config import CAELoss, CAEModel, override
from dfdetect_jax.methods import cae
from dfdetect_jax.models.operations import plain_lowering
from dfdetect_jax.models.xception import Xception
from tests.conftest import tiny_settings

SIZE = 40
RNG = np.random.default_rng(0)
BATCH = {
    "image": RNG.integers(0, 256, (8, SIZE, SIZE, 3), np.uint8),
    "label": np.array([0, 1, 1, 0, 1, 0, 1, 1], np.int32),
}


@pytest.fixture(scope="module")
def trained():
    """A state before and after 12 steps on one batch, with the metrics of each step."""
    settings = override(tiny_settings(), {"optimizer.learning_rate": 1e-2, "optimizer.ema_decay": 0.5})
    method = methods.build(settings)
    first = jax.jit(method.init)(jax.random.key(0))
    step = jax.jit(method.train_step)
    states, metrics = [first], []
    for _ in range(12):
        state, measured = step(states[-1], BATCH)
        states.append(state)
        metrics.append({name: float(value) for name, value in measured.items()})
    return method, step, states, metrics


def outputs(settings: CAEModel, images=None):
    network = cae.CAE(settings)
    images = jnp.zeros((2, SIZE, SIZE, 3)) if images is None else images
    return network.init_with_output(jax.random.key(0), images, train=False)


def test_the_decoder_reads_the_feature_map_or_its_average():
    model = tiny_settings().model
    on_map, _ = jax.eval_shape(lambda: outputs(model))
    model = override(model, {"latent": "vector"})
    on_vector, _ = jax.eval_shape(lambda: outputs(model))
    assert on_map.latent.shape == (2, 2, 2, 40)
    assert on_vector.latent.shape == (2, 40)
    for out in (on_map, on_vector):
        assert out.logits.shape == (2,)
        assert out.reconstruction.shape == (2, SIZE, SIZE, 3)


def test_width_scales_every_part():
    params = {
        width: jax.eval_shape(functools.partial(outputs, CAEModel(width=width, middle_blocks=0)))[1]["params"]
        for width in (1.0, 0.5)
    }
    for part in ("encoder", "decoder", "classifier"):
        full, half = (sum(p.size for p in jax.tree.leaves(params[width][part])) for width in (1.0, 0.5))
        assert 0.2 < half / full < 0.5


def made_up_outputs():
    logits = RNG.normal(size=8).astype(np.float32)
    x = RNG.uniform(-1, 1, (8, 3, 3, 3)).astype(np.float32)
    x_hat = RNG.uniform(-1, 1, (8, 3, 3, 3)).astype(np.float32)
    return cae.Outputs(logits, x_hat, None), x


@pytest.mark.parametrize("reconstruct", ["all", "real"])
def test_the_objective_is_cross_entropy_plus_lambda_times_squared_error(reconstruct):
    out, x = made_up_outputs()
    y = BATCH["label"]
    loss, terms = cae.objective(out, x, y, CAELoss(reconstruction_weight=0.3, reconstruct=reconstruct))
    p = 1 / (1 + np.exp(-out.logits.astype(np.float64)))
    cross_entropy = -np.mean(np.where(y == 1, np.log(p), np.log(1 - p)))
    chosen = y == 0 if reconstruct == "real" else np.ones(8, bool)
    squared_error = np.mean(np.square(out.reconstruction - x)[chosen])
    np.testing.assert_allclose(terms["classification"], cross_entropy, rtol=1e-5)
    np.testing.assert_allclose(terms["reconstruction"], squared_error, rtol=1e-5)
    np.testing.assert_allclose(loss, cross_entropy + 0.3 * squared_error, rtol=1e-5)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, [0.2] * 8),
        ({"start": 3}, [0, 0, 0, 0.2, 0.2, 0.2, 0.2, 0.2]),
        ({"warmup": 4}, [0.05, 0.1, 0.15, 0.2, 0.2, 0.2, 0.2, 0.2]),
        ({"start": 2, "warmup": 2, "stop": 6}, [0, 0, 0.1, 0.2, 0.2, 0.2, 0, 0]),
    ],
)
def test_lambda_has_a_start_a_warm_up_and_an_end(settings, expected):
    loss = CAELoss(reconstruction_weight=0.2, **settings)
    actual = [float(cae.reconstruction_weight(loss, jnp.int32(step))) for step in range(8)]
    np.testing.assert_allclose(actual, expected, atol=1e-6)
    out, x = made_up_outputs()
    total, terms = cae.objective(out, x, BATCH["label"], loss, weight=jnp.float32(0.7))
    np.testing.assert_allclose(total, terms["classification"] + 0.7 * terms["reconstruction"], rtol=1e-5)


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_a_share_of_the_reconstructions_gradient_passes_the_latent(share):
    """In the parameters in front of the latent; those of the decoder have all of it."""
    model, images = tiny_settings().model, jnp.asarray(BATCH["image"][:2] / 127.5 - 1.0, jnp.float32)

    def gradient(variables, latent_gradient):
        network = cae.CAE(model, latent_gradient=latent_gradient)

        def error(params):
            out = network.apply({**variables, "params": params}, images, train=False)
            return jnp.mean(jnp.square(out.reconstruction - images))

        return jax.grad(error)(variables["params"])

    part, whole = parts_and_whole(gradient, model, images, share)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, share * b, atol=1e-7), part["encoder"], whole["encoder"])
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-7), part["decoder"], whole["decoder"])
    assert any(leaf.any() for leaf in jax.tree.leaves(whole["encoder"]))


def parts_and_whole(gradient, model, images, share):
    with plain_lowering(True):
        variables = jax.jit(lambda: cae.CAE(model).init(jax.random.key(0), images, train=False))()
        return jax.jit(lambda v: (gradient(v, share), gradient(v, 1.0)))(variables)


@pytest.mark.slow
def test_without_lambda_the_decoder_gets_no_gradient_and_the_encoder_that_of_the_classifier_alone():
    settings = tiny_settings()
    network = cae.CAE(settings.model)
    images = jnp.asarray(BATCH["image"] / 127.5 - 1.0, jnp.float32)
    variables = jax.jit(lambda: network.init(jax.random.key(0), images, train=False))()

    @jax.jit
    @jax.grad
    def gradient(params, reconstruction_weight, classification_only):
        out = network.apply({**variables, "params": params}, images, train=False)
        loss, terms = cae.objective(out, images, BATCH["label"], CAELoss(reconstruction_weight=reconstruction_weight))
        return jnp.where(classification_only, terms["classification"], loss)

    without = gradient(variables["params"], 0.0, False)
    alone = gradient(variables["params"], 5.0, True)
    jointly = gradient(variables["params"], 0.1, False)
    assert all(not leaf.any() for leaf in jax.tree.leaves(without["decoder"]))
    for part in ("encoder", "classifier"):
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), without[part], alone[part])
    assert any(leaf.any() for leaf in jax.tree.leaves(jointly["decoder"]))
    assert any(
        not np.allclose(a, b)
        for a, b in zip(jax.tree.leaves(jointly["encoder"]), jax.tree.leaves(without["encoder"]), strict=True)
    )


def test_both_terms_fall_on_a_batch_seen_again_and_again(trained):
    _, _, _, metrics = trained
    assert metrics[-1]["classification"] < 0.7 * metrics[0]["classification"]
    assert metrics[-1]["reconstruction"] < 0.8 * metrics[0]["reconstruction"]


def test_a_step_counts_itself_and_keeps_the_key(trained):
    _, _, states, _ = trained
    assert [int(state.step) for state in states] == list(range(13))
    assert states[0].key == states[-1].key


def test_a_step_is_a_function_of_state_and_batch_alone(trained):
    _, step, states, _ = trained
    again, _ = step(states[3], BATCH)
    jax.tree.map(np.testing.assert_array_equal, again.with_key_data(), states[4].with_key_data())


def test_prediction_uses_the_averaged_parameters(trained):
    _, _, states, _ = trained
    last = states[-1]
    jax.tree.map(np.testing.assert_array_equal, last.variables["params"], last.ema)
    expected = jax.tree.map(lambda before, now: 0.5 * before + 0.5 * now, states[-2].ema, last.params)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7), last.ema, expected)


def test_predictions_are_probabilities_and_pictures(trained):
    _, _, states, _ = trained
    prediction, _ = predicted(states[-1].variables)
    assert prediction.score.shape == (8,)
    assert ((prediction.score >= 0) & (prediction.score <= 1)).all()
    assert prediction.reconstruction.shape == (8, SIZE, SIZE, 3)
    assert float(jnp.abs(prediction.reconstruction).max()) <= 1.0
    assert prediction.attention is None


@functools.cache
def compiled():
    """`predict`, and the feature map of the encoder."""
    settings = tiny_settings()

    def both(variables, images):
        outputs = cae.CAE(settings.model).apply(variables, normalize(images), train=False)
        return cae.predict(variables, images, settings=settings), outputs.feature_map

    return jax.jit(both)


def predicted(variables):
    return compiled()(variables, BATCH["image"])


def test_class_activation_is_grad_cam_of_the_feature_map_at_the_size_of_the_image(trained):
    _, _, states, _ = trained
    variables = states[-1].variables
    prediction, features = predicted(variables)
    hidden, logit = (variables["params"]["classifier"][name] for name in ("hidden", "logit"))
    active = features.mean(axis=(1, 2)) @ hidden["kernel"] + hidden["bias"] > 0
    derivative = (active * logit["kernel"][:, 0]) @ hidden["kernel"].T
    expected = np.maximum(np.einsum("nk,nijk->nij", derivative, features) / features[0, ..., 0].size, 0)
    resized = [cv2.resize(each, (SIZE, SIZE), interpolation=cv2.INTER_LINEAR) for each in expected]
    np.testing.assert_allclose(prediction.class_activation, resized, rtol=1e-3, atol=1e-5)
    assert prediction.class_activation.max() > 0


def test_class_activation_is_there_for_a_latent_vector_too():
    settings = override(tiny_settings(), {"model.latent": "vector"})
    method = methods.build(settings)
    variables = jax.eval_shape(method.init, jax.random.key(0)).variables
    prediction = jax.eval_shape(method.predict, variables, BATCH["image"])
    assert prediction.class_activation.shape == (8, SIZE, SIZE)
    assert prediction.class_activation.dtype == np.float32


def learnt(settings, state):
    return jax.jit(functools.partial(cae.learn, settings=settings))(state, BATCH, jax.random.key(1))


@pytest.mark.slow
def test_a_bfloat16_network_learns_in_float32_what_a_float32_one_does(trained):
    _, _, states, _ = trained
    settings = tiny_settings()
    exact = learnt(settings, states[0])
    settings = override(settings, {"train.dtype": "bfloat16"})
    rounded = learnt(settings, states[0])
    assert {leaf.dtype for leaf in jax.tree.leaves(rounded)} == {jnp.dtype("float32")}
    for name in ("loss", "classification", "reconstruction"):
        np.testing.assert_allclose(rounded.metrics[name], exact.metrics[name], rtol=0.03)
    flat = [jnp.concatenate([leaf.ravel() for leaf in jax.tree.leaves(tree.gradients)]) for tree in (rounded, exact)]
    assert jnp.vdot(*flat) / (jnp.linalg.norm(flat[0]) * jnp.linalg.norm(flat[1])) > 0.9  # 0.96; rounding is to 8 bits


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_on_an_accelerator_every_product_of_the_network_is_in_the_dtype_asked_for(dtype):
    """Read off the program: convolutions and products of maps, in forward and backward pass."""
    settings = override(tiny_settings(), {"train.dtype": dtype})
    method = methods.build(settings)
    state = jax.eval_shape(method.init, jax.random.key(0))
    with plain_lowering(True):
        program = jax.make_jaxpr(method.train_step)(state, BATCH)
    dtypes = {str(v.aval.dtype) for eqn in equations(program.jaxpr) for v in eqn.invars if v.aval.ndim == 4}
    assert dtypes == {dtype}


def equations(jaxpr):
    """All convolutions of a program, those of its inner functions too."""
    for eqn in jaxpr.eqns:
        if eqn.primitive.name == "conv_general_dilated":
            yield eqn
        for inner in jax.extend.core.jaxprs_in_params(eqn.params):
            yield from equations(inner)


@pytest.mark.slow
def test_recomputed_blocks_keep_less_for_the_backward_pass():
    def kept(remat):
        """Bytes that the encoder's forward pass leaves for the backward one."""
        encoder = Xception(0.1, 4, remat=remat)
        images = jax.ShapeDtypeStruct((4, 64, 64, 3), jnp.float32)
        variables = jax.eval_shape(lambda: encoder.init(jax.random.key(0), jnp.zeros(images.shape), False))

        def backward(variables, images):
            return jax.vjp(lambda v: encoder.apply(v, images, True, mutable=["batch_stats"])[0], variables)[1]

        return sum(a.size * a.dtype.itemsize for a in jax.tree.leaves(jax.eval_shape(backward, variables, images)))

    assert kept(remat=True) < 0.5 * kept(remat=False)


@pytest.mark.slow
def test_recomputed_blocks_give_the_same_gradients(trained):
    _, _, states, _ = trained
    settings = override(tiny_settings(), {"train.remat": True})
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6),
        learnt(settings, states[0]),
        learnt(tiny_settings(), states[0]),
    )

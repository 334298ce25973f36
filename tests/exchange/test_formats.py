"""The formats "jax" and "onnx": the same predictions as the run, without this library."""

import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import onnx
import pytest
from PIL import Image

from dfdetect_jax import methods
from dfdetect_jax.errors import RunError
from dfdetect_jax.exchange.model_folder import write_model
from dfdetect_jax.exchange.onnx_graph import convert
from dfdetect_jax.exchange.onnx_operators import OPERATORS
from dfdetect_jax.exchange.onnx_run import open_session
from dfdetect_jax.exchange.opening import open_detector
from dfdetect_jax.models.operations import plain_lowering
from tests import trained
from tests.tiny_methods import TINY

RUNS = {"cae": trained.opened, "lae": trained.opened_lae}
NEITHER_JAX_NOR_US = "import sys; sys.modules.update(jax=None, jaxlib=None, flax=None, dfdetect_jax=None)\n"


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """name, format -> the folder, exported once."""
    folders = {}

    def folder(name, form):
        if (name, form) not in folders:
            out = tmp_path_factory.mktemp("exported") / f"{name}-{form}"
            folders[name, form] = write_model(RUNS[name](), out, form)
        return folders[name, form]

    return folder


def crops(run, count):
    size = run.settings.data.image_size
    return np.random.default_rng(count).integers(0, 256, (count, size, size, 3)).astype(np.uint8)


@pytest.mark.parametrize("form", ["jax", "onnx"])
@pytest.mark.parametrize("name", RUNS)
def test_what_is_opened_predicts_what_the_run_does(name, form, exported):
    run, model = RUNS[name](), open_detector(exported(name, form))
    expected, actual = run.predict(crops(run, 3)), model.predict(crops(run, 3))
    for field, array in expected._asdict().items():
        if array is not None:
            np.testing.assert_allclose(getattr(actual, field), array, rtol=1e-5, atol=1e-5, err_msg=field)
    for field in ("localizes", "crop", "threshold", "notes", "seen"):
        assert getattr(model, field) == getattr(run, field)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in TINY if name not in RUNS])
def test_every_method_is_the_same_network_in_onnx(name):
    """With weights drawn at random, and a batch of symbolic size."""
    settings, rng = TINY[name], np.random.default_rng(0)
    method, size = methods.build(settings), settings.data.image_size
    images = rng.integers(0, 256, (3, size, size, 3)).astype(np.uint8)
    shapes = jax.eval_shape(method.init, jax.random.key(0)).variables
    variables = jax.tree.map(lambda leaf: rng.uniform(0.1, 0.5, leaf.shape).astype(np.float32), shapes)

    def predict(images):
        arrays = method.predict(variables, images)._asdict()
        return {field: array for field, array in arrays.items() if array is not None}

    with plain_lowering(True):
        network = convert(predict, (size, size, 3), OPERATORS)
        expected = jax.jit(predict)(images)
    session = open_session(network.SerializeToString(), name)
    actual = session.run(list(expected), {session.get_inputs()[0].name: images})
    for field, array in zip(expected, actual, strict=True):
        np.testing.assert_allclose(array, expected[field], rtol=1e-3, atol=1e-4, err_msg=field)


def test_an_onnx_network_takes_any_number_of_images(exported):
    run, model = trained.opened_lae(), open_detector(exported("lae", "onnx"))
    expected = run.score(crops(run, 3))
    for count in (0, 1, 3):
        np.testing.assert_allclose(model.score(crops(run, 3)[:count]), expected[:count], atol=1e-5)


def test_a_model_turned_into_another_format_predicts_the_same(exported, tmp_path):
    """From the format "jax", whose weights are folded, to the two others; a network holds no weights to go on from."""
    run = trained.opened_lae()
    folded = open_detector(exported("lae", "jax"))
    for form in ("safetensors", "onnx"):
        again = open_detector(write_model(folded, tmp_path / form, form))
        np.testing.assert_allclose(again.score(crops(run, 3)), run.score(crops(run, 3)), atol=1e-5)
    with pytest.raises(RunError, match="expected a run or a model with weights, found an ONNX network"):
        write_model(again, tmp_path / "third")


def test_the_jax_program_needs_jax_and_the_weights_alone_as_the_card_shows(exported, capsys):
    run, folder = trained.opened_lae(), exported("lae", "jax")
    card = (folder / "README.md").read_text().split("```")[1]
    names = {}
    exec(card.replace("FOLDER", str(folder)).replace("np.zeros(", "np.ones("), names)
    (size,) = {run.settings.data.image_size}
    outputs = names["program"].call(names["weights"], crops(run, 2))
    assert outputs["attention"].shape == (2, size, size)
    np.testing.assert_allclose(outputs["score"], run.score(crops(run, 2)), atol=1e-5)
    assert set(names["program"].platforms) == {"cpu", "cuda", "tpu"}
    assert names["program"].in_avals[-1].shape[1:] == (size, size, 3)


def test_the_onnx_network_is_of_a_settled_opset_and_any_batch(exported):
    model = onnx.load(exported("lae", "onnx") / "model.onnx")
    (opset,) = model.opset_import
    assert (opset.domain, opset.version) == ("", 18)
    (images,) = model.graph.input
    assert images.type.tensor_type.shape.dim[0].dim_param == "batch"
    assert {output.name for output in model.graph.output} >= {"score", "attention"}


def test_the_onnx_example_of_twenty_lines_needs_neither_jax_nor_this_library(exported, tmp_path):
    run, folder = trained.opened_lae(), exported("lae", "onnx")
    (crop,) = crops(run, 1)
    Image.fromarray(crop).save(tmp_path / "face.png")
    code = (folder / "example.py").read_text()
    assert len(code.splitlines()) <= 20
    docstring, _, rest = code.replace("__file__", repr(str(folder / "x"))).partition("\n")
    (tmp_path / "example.py").write_text(f"{docstring}\n{NEITHER_JAX_NOR_US}{rest}")
    usage = subprocess.run([sys.executable, "example.py"], cwd=tmp_path, capture_output=True, text=True)
    assert usage.stderr.splitlines() == [docstring.strip('"')]
    command = [sys.executable, "example.py", "face.png", "map.png"]
    result = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": ""}
    )
    expected = run.localize(crop[None])
    assert float(result.stdout.split()[0]) == pytest.approx(float(expected.score[0]), abs=1e-5)
    map_ = np.asarray(Image.open(tmp_path / "map.png"), np.float32) / 255
    np.testing.assert_allclose(map_, expected.attention[0], atol=1.01 / 255)


def test_half_precision_halves_the_network(exported, tmp_path):
    half = write_model(trained.opened_lae(), tmp_path / "half", "onnx", dtype="float16")
    sizes = [(folder / "model.onnx").stat().st_size for folder in (half, exported("lae", "onnx"))]
    assert sizes[0] < 0.75 * sizes[1]
    run = trained.opened_lae()
    np.testing.assert_allclose(open_detector(half).score(crops(run, 2)), run.score(crops(run, 2)), atol=1e-3)


FUNCTIONS = {
    "part and order": lambda x: jax.lax.slice_in_dim(jnp.flip(x, 1), 1, 7, 2, axis=2)[..., 1] * jnp.float32([1, 2, 3]),
    "padding": lambda x: jnp.pad(x, ((0, 0), (1, 2), (0, 0), (0, 0)), constant_values=3.0).sum(axis=(2, 3)),
    "edges": lambda x: jnp.pad(x, ((0, 0), (2, 1), (1, 0), (0, 0)), mode="edge"),
    "choice": lambda x: jnp.where(jnp.isfinite(x) & (x != 3), jnp.clip(x, 5.0, 99.0), -(x**3)),
    "sums": lambda x: jax.nn.logsumexp(x, axis=(1, 2)) + jnp.log1p(x.min(axis=(1, 2))),
    "products": lambda x: jnp.einsum("nhwc,hk,nwd->nkcd", x, jnp.ones((8, 2)), x[..., 0]),
    "of the batch": lambda x: x[:, 0, 0] + jnp.arange(3.0),
    "groups": lambda x: jax.lax.conv_general_dilated(
        x, jnp.arange(54.0).reshape(3, 3, 1, 6), (2, 1), [(1, 0), (2, 1)], (1, 1), (1, 2), ("NHWC", "HWIO", "NHWC"), 3
    ),
    "transposed": lambda x: jax.lax.conv_transpose(
        x, jnp.arange(54.0).reshape(3, 3, 3, 2), (2, 2), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
    ),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_operations_of_networks_are_the_same_in_onnx(name):
    images = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3)).astype(np.uint8)

    def function(images):
        return {"y": FUNCTIONS[name](images.astype(jnp.float32) / 64)}

    session = open_session(convert(function, (8, 8, 3), OPERATORS).SerializeToString(), name)
    (actual,) = session.run(["y"], {"images": images})
    np.testing.assert_allclose(actual, jax.jit(function)(images)["y"], rtol=1e-5, atol=1e-4)


def test_what_onnx_lacks_is_named():
    with pytest.raises(RunError, match="found the primitive cumsum; export as safetensors or jax"):
        convert(lambda images: {"y": jnp.cumsum(images, axis=1)}, (4, 4, 3), OPERATORS)

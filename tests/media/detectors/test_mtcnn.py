"""The three networks against NumPy written from the published architecture, and the parts of the cascade."""

import importlib.util
import sys

import jax
import joblib
import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from dfdetect_jax.errors import SettingsError
from dfdetect_jax.media.detectors import mtcnn_nets
from dfdetect_jax.media.detectors.mtcnn import Mtcnn, pyramid, suppress


@pytest.fixture(scope="module")
def weights():
    return mtcnn_nets.load_weights()


def conv_prelu(x, kernel, bias, slope):
    """x [H, W, C]; every output is a sum over its window, plus bias."""
    windows = sliding_window_view(x, kernel.shape[:2], axis=(0, 1))  # [h, w, C, kh, kw]
    return prelu(np.einsum("hwcij,ijco->hwo", windows, kernel) + bias, slope)


def prelu(x, slope):
    return np.maximum(x, 0) + slope * np.minimum(x, 0)


def max_pool(x, window):
    """Stride 2; Caffe rounds the number of windows up, and the last one may be cut off by the edge."""
    rows, columns = (range(int(np.ceil((side - window) / 2)) + 1) for side in x.shape[:2])
    cells = [[x[2 * i : 2 * i + window, 2 * j : 2 * j + window].max((0, 1)) for j in columns] for i in rows]
    return np.array(cells)


def columns_first(x):
    return np.array([x[i, j] for j in range(x.shape[1]) for i in range(x.shape[0])]).reshape(-1)


def softmax(x):
    return np.exp(x) / np.exp(x).sum(axis=-1, keepdims=True)


def triples(arrays, count):
    return [arrays[3 * i : 3 * i + 3] for i in range(count)]


def numpy_pnet(arrays, x):
    first, second, third = triples(arrays, 3)
    x = conv_prelu(conv_prelu(max_pool(conv_prelu(x, *first), 2), *second), *third)
    box, face = (x @ kernel[0, 0] + bias for kernel, bias in (arrays[9:11], arrays[11:13]))
    return box, softmax(face)[..., 1]


def numpy_rnet(arrays, x):
    first, second, third, (kernel, bias, slope) = triples(arrays, 4)
    x = conv_prelu(max_pool(conv_prelu(max_pool(conv_prelu(x, *first), 3), *second), 3), *third)
    x = prelu(columns_first(x) @ kernel + bias, slope)
    return x @ arrays[12] + arrays[13], softmax(x @ arrays[14] + arrays[15])[1]


def numpy_onet(arrays, x):
    first, second, third, fourth, (kernel, bias, slope) = triples(arrays, 5)
    x = max_pool(conv_prelu(max_pool(conv_prelu(x, *first), 3), *second), 3)
    x = conv_prelu(max_pool(conv_prelu(x, *third), 2), *fourth)
    x = prelu(columns_first(x) @ kernel + bias, slope)
    return x @ arrays[15] + arrays[16], x @ arrays[17] + arrays[18], softmax(x @ arrays[19] + arrays[20])[1]


@pytest.mark.parametrize(
    ("name", "reference", "shape"),
    [("pnet", numpy_pnet, (32, 45)), ("rnet", numpy_rnet, (24, 24)), ("onet", numpy_onet, (48, 48))],
)
def test_each_network_equals_numpy(weights, astronaut, name, reference, shape):
    top, left = 90, 190
    patches = np.stack([astronaut[top : top + shape[0], left : left + shape[1]], astronaut[: shape[0], : shape[1]]])
    ours = jax.jit(getattr(mtcnn_nets, name))(weights[name], patches)
    arrays = [np.asarray(array, np.float64) for array in weights[name]]
    for index, patch in enumerate(patches):
        for mine, theirs in zip(ours, reference(arrays, (patch - 127.5) / 128), strict=True):
            assert mine[index].shape == theirs.shape
            np.testing.assert_allclose(mine[index], theirs, atol=2e-5)


def test_the_wheels_own_code_is_never_imported(weights):
    assert weights
    assert not [name for name in sys.modules if name.partition(".")[0] == "mtcnn"]


def test_weights_with_another_hash_are_not_opened(monkeypatch):
    monkeypatch.setitem(mtcnn_nets.SHA256, "rnet", "0" * 64)
    opened = []
    monkeypatch.setattr(joblib, "load", lambda file: opened.append(file) or [])
    with pytest.raises(SettingsError, match=r"expected SHA-256 0{64} of .*rnet\.lz4, found another.*haar"):
        mtcnn_nets.load_weights()
    assert len(opened) == 1  # pnet alone


def test_a_missing_wheel_is_reported(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SettingsError, match="pip install"):
        Mtcnn()


def test_the_pyramid_starts_at_the_smallest_face_and_ends_with_the_picture():
    scales = pyramid(480, 640, min_face=40)
    assert scales[0] == 12 / 40
    np.testing.assert_allclose(np.diff(np.log(scales)), np.log(0.709))
    assert round(480 * scales[-1]) >= 12 > round(480 * scales[-1] * 0.709)
    assert pyramid(39, 500, min_face=40) == [12 / 40]
    assert pyramid(30, 500, min_face=40) == []


def test_overlapping_boxes_are_suppressed_best_first():
    boxes = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [20, 0, 30, 10], [2, 2, 6, 6]], float)
    scores = np.array([0.8, 0.9, 0.7, 0.95])
    # Overlap of 0 and 1: 90 / 110. The small box lies within both, but is 16 of their 100.
    assert suppress(boxes, scores, 0.7).tolist() == [3, 1, 2]
    assert suppress(boxes, scores, 0.85).tolist() == [3, 1, 0, 2]
    assert suppress(boxes, scores, 0.7, by_smaller=True).tolist() == [3, 2]
    assert suppress(np.zeros((0, 4)), np.zeros(0), 0.5).tolist() == []

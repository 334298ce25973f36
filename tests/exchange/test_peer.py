"""Peers' networks: their preprocessing and outputs, and the same commands as for a run."""

import json

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import dfdetect_jax as dfd
from dfdetect_jax.errors import InputError, RunError, SettingsError
from dfdetect_jax.exchange.opening import open_detector
from dfdetect_jax.exchange.peer import read_peer
from dfdetect_jax.scoring.scores_file import fingerprint
from tests import trained

SIZE = 40
MINIMAL = {"size": SIZE, "output": "logit"}


def write_peer(path, values, weights=((1.0, 2.0, 4.0),), batch="n", layout="NCHW"):
    """A network that gives weighted sums of the mean of each channel, one per row of `weights`."""
    shape = [batch, 3, SIZE, SIZE] if layout == "NCHW" else [batch, SIZE, SIZE, 3]
    matrix = numpy_helper.from_array(np.float32(weights).T.copy(), "w")
    nodes = [
        helper.make_node("ReduceMean", ["x"], ["m"], axes=[2, 3] if layout == "NCHW" else [1, 2], keepdims=0),
        helper.make_node("MatMul", ["m", "w"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "peer",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [batch, len(weights)])],
        [matrix],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    path.with_suffix(".json").write_text(json.dumps(values))
    return path


def crops(count=3):
    return np.random.default_rng(0).integers(0, 256, (count, SIZE, SIZE, 3)).astype(np.uint8)


def means(count=3):
    """float64 [N, 3] in [0, 1], RGB."""
    return crops(count).mean(axis=(1, 2), dtype=np.float64) / 255


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


ROW, ROWS = [1, 2, 4], ((1.0, 2.0, 4.0), (0.5, 0.0, -1.0))
CASES = {
    "a logit": ({}, (ROW,), lambda m: sigmoid(m @ ROW)),
    "of reals": ({"fake_class": 0}, (ROW,), lambda m: 1 - sigmoid(m @ ROW)),
    "a probability": ({"output": "probability"}, ([0.1, 0.2, 0.3],), lambda m: m @ [0.1, 0.2, 0.3]),
    "two classes": ({"output": "two-class"}, ROWS, lambda m: sigmoid(m @ ROWS[1] - m @ ROWS[0])),
    "fakes first": ({"output": "two-class", "fake_class": 0}, ROWS, lambda m: sigmoid(m @ ROWS[0] - m @ ROWS[1])),
    "two probabilities": ({"output": "two-class probability"}, (ROW, [0.1, 0.2, 0.3]), lambda m: m @ [0.1, 0.2, 0.3]),
    "BGR": ({"channels": "BGR"}, (ROW,), lambda m: sigmoid(m[:, ::-1] @ ROW)),
    "symmetric": ({"range": [-1, 1]}, (ROW,), lambda m: sigmoid((2 * m - 1) @ ROW)),
    "mean and deviation": (
        {"mean": [0.4, 0.5, 0.6], "std": [0.1, 0.2, 0.5]},
        (ROW,),
        lambda m: sigmoid((m - [0.4, 0.5, 0.6]) / [0.1, 0.2, 0.5] @ ROW),
    ),
    "channels last": ({"layout": "NHWC"}, (ROW,), lambda m: sigmoid(m @ ROW)),
}


@pytest.mark.parametrize("output", ["probability", "two-class probability"])
def test_logits_that_the_json_calls_probabilities_are_refused(output, tmp_path):
    weights = ((10.0, 20.0, 30.0),) * (2 if output.startswith("two") else 1)
    run = open_detector(write_peer(tmp_path / "a.onnx", MINIMAL | {"output": output}, weights))
    with pytest.raises(RunError, match=r"expected probabilities from 0 to 1 .*, found 29.9 to 30; correct output"):
        run.score(crops())


@pytest.mark.parametrize("batch", ["n", 2])
@pytest.mark.parametrize("case", CASES)
def test_a_peer_sees_images_and_is_read_as_its_json_says(case, batch, tmp_path):
    values, weights, expected = CASES[case]
    layout = values.get("layout", "NCHW")
    run = open_detector(write_peer(tmp_path / "a.onnx", MINIMAL | values, weights, batch, layout))
    np.testing.assert_allclose(run.score(crops()), expected(means()), rtol=1e-5)
    assert run.predict(crops()).attention is None
    assert not run.localizes
    assert len(run.score(crops()[:0])) == 0


def test_a_peer_stands_behind_predict_and_evaluate(tmp_path, capsys, monkeypatch):
    from dfdetect_jax.evaluate import main as evaluate
    from dfdetect_jax.predict import main as predict

    monkeypatch.chdir(tmp_path)
    crop = {"margin": 1.5, "align": "box"}
    peer = write_peer(tmp_path / "peer.onnx", MINIMAL | {"crop": crop, "threshold": 0.9})
    photo = trained.write_photo(tmp_path / "a.png", trained.one_face())
    assert predict(["--model", str(peer), str(photo), "--pictures", "none"]) == 0
    line = json.loads(capsys.readouterr().out)
    assert line["threshold"] == 0.9
    assert line["score"] == pytest.approx(dfd.load(peer).predict(photo).score, abs=1e-6)
    run, records = trained.folders()
    out = ["--out", "report", "--data", str(records), "--resamples", "0"]
    assert evaluate(["--run", str(run), "--model", str(peer), *out]) == 0
    runs = json.loads((tmp_path / "report" / "metrics.json").read_text())["runs"]
    assert list(runs) == ["run", "peer.onnx"]
    with pytest.raises(RunError, match="expected a run with gradients for --attacks"):
        evaluate(["--model", str(peer), *out, "--attacks", "fgsm", "--max_frames", "2"])


def test_files_of_scores_tell_networks_apart(tmp_path):
    paths = [write_peer(tmp_path / f"{i}.onnx", MINIMAL, ((i, i, i),)) for i in (1, 2)]
    detectors = [dfd.load(path) for path in paths]
    assert len({fingerprint(detector.run, detector.rule, 8) for detector in detectors}) == 2


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"output": None}, "peer.output: expected str"),
        ({"output": "logits"}, 'did you mean "logit"'),
        ({"size": 10**9}, r"peer\.size: expected 8 to 4096"),
        ({"size": 224.5}, r"peer\.size: expected int"),
        ({"channel": "RGB"}, r"did you mean peer\.channels"),
        ({"mean": [0.5]}, r"peer\.mean: expected 3 numbers, found 1"),
        ({"std": [0.5, 0, 0.5]}, r"peer\.std: expected numbers other than 0"),
        ({"range": []}, r"peer\.range: expected 2 numbers"),
        ({"crop": {"margin": 9}}, r"crop\.margin"),
        ({"crop": 3}, r"peer\.crop: expected a group"),
        ({"threshold": 2}, r"peer\.threshold"),
    ],
)
def test_a_json_that_says_something_else_is_refused(values, message):
    with pytest.raises(SettingsError, match=message):
        read_peer(MINIMAL | values)


def test_what_a_json_must_say_is_asked_for():
    with pytest.raises(SettingsError, match=r"peer\.output: expected it in the JSON"):
        read_peer({"size": 3})


def external(path):
    """The weights in a file that stands elsewhere."""
    model = onnx.load(path)
    (weights,) = model.graph.initializer
    onnx.external_data_helper.set_external_data(weights, location="../secret", length=12)
    path.write_bytes(model.SerializeToString())


def score_black(path):
    run = open_detector(path)
    return run.score(np.zeros((1, *[run.settings.data.image_size] * 2, 3), np.uint8))


FAULTS = {
    "no JSON": (lambda path: path.with_suffix(".json").unlink(), r"peer\.json: expected a file"),
    "no network": (lambda path: path.write_text("x"), "expected an ONNX network, found one that can't be read"),
    "weights elsewhere": (external, "found weights in other files"),
    "another size": (lambda path: write_peer(path, MINIMAL | {"size": 80}), "found one that fails"),
    "another output": (lambda path: write_peer(path, MINIMAL, ROWS), "expected an output of 1 per image"),
    "another input": (lambda path: write_peer(path, MINIMAL | {"input_name": "z"}), "found one that fails"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_network_that_does_not_fit_is_refused_in_one_line(fault, tmp_path):
    cause, message = FAULTS[fault]
    path = write_peer(tmp_path / "peer.onnx", MINIMAL)
    cause(path)
    with pytest.raises(InputError, match=message) as error:
        score_black(path)
    assert "\n" not in str(error.value)


def test_a_network_that_is_not_there_is_not_called_a_run(tmp_path):
    with pytest.raises(RunError, match="expected an ONNX file, found none"):
        open_detector(tmp_path / "peer.onnx")

"""Networks of a model folder whose outputs are not those of a detector."""

from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper

from dfdetect_jax.config import Crop
from dfdetect_jax.errors import RunError
from dfdetect_jax.exchange.onnx_run import OnnxRun
from tests.conftest import tiny_settings

IMAGES = np.random.default_rng(0).integers(1, 256, (2, 32, 32, 3)).astype(np.uint8)


def run_of(**means) -> OnnxRun:
    """Of a network whose outputs are means of the images over some axes."""
    nodes = [helper.make_node("Cast", ["images"], ["pixels"], to=TensorProto.FLOAT)]
    nodes += [helper.make_node("ReduceMean", ["pixels"], [name], axes=axes, keepdims=0) for name, axes in means.items()]
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in means]
    shape = ["batch", *IMAGES.shape[1:]]
    graph = helper.make_graph(
        nodes, "strange", [helper.make_tensor_value_info("images", TensorProto.UINT8, shape)], outputs
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return OnnxRun(
        folder=Path("folder"),
        settings=tiny_settings(),
        variables={},
        crop=Crop(),
        threshold=0.5,
        seen=(),
        info={},
        content=model.SerializeToString(),
    )


@pytest.mark.parametrize(
    ("means", "words"),
    [
        ({"logit": [1, 2, 3]}, 'expected an output "score", found logit'),
        ({"score": [2, 3]}, r"expected score of the shape \[2\], found \[2, 32\]"),
        ({"score": [0, 1, 2, 3]}, r"expected score of the shape \[2\], found \[1\]"),
        ({"score": [1, 2, 3]}, "expected scores from 0 to 1, found 12"),
        ({"score": [1, 2, 3], "attention": [2, 3]}, r"expected attention of the shape \[2, 32, 32\]"),
    ],
)
def test_outputs_that_are_no_prediction_are_refused_in_one_line(means, words):
    with pytest.raises(RunError, match=f"model.onnx: {words}") as error:
        run_of(**means).predict(IMAGES)
    assert "\n" not in str(error.value)

"""From a function of JAX to an ONNX graph: its jaxpr, equation by equation.

What depends on constants alone is computed here and not in the graph. One dimension may be symbolic, that of the batch.
`onnx_operators` has the operator of each primitive. (The library jax2onnx was tried, 0.17: it patches JAX's functions,
fails at `jax.image.resize` of a symbolic batch, and needs ten other libraries.)
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
import onnx
from jax import export
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal
from onnx import TensorProto, helper, numpy_helper

from dfdetect_jax.errors import RunError

OPSET = 18
_IR_VERSION = 8  # the oldest that has this opset, so that older runtimes read it
INPUT, BATCH = "images", "batch"
_NOTHING = np.zeros(0)
_CALLS = ("jit", "pjit", "custom_jvp_call", "custom_vjp_call", "closed_call", "checkpoint", "remat2")

Value = str | np.ndarray
"""The name of a tensor in the graph, or a constant."""
Operator = Callable[["Graph", Sequence[str], "Step"], Sequence[str]]
"""(graph, names of the inputs, the equation) -> names of the outputs; adds nodes to the graph."""


class Step(NamedTuple):
    """An equation of a jaxpr.

    Attributes:
        params: of its primitive.
        inputs, outputs: shapes and dtypes; inputs without elements are left out.
        constants: the value of each input, None for one that is computed in the graph.
    """

    params: dict[str, Any]
    inputs: list[Any]
    outputs: list[Any]
    constants: list[np.ndarray | None]


class Graph:
    """An ONNX graph under construction.

    Attributes:
        batch: the symbolic dimension.
        nodes: so far.
    """

    def __init__(self, batch: Any):
        self.batch = batch
        self.nodes: list[onnx.NodeProto] = []
        self._initializers: dict[str, np.ndarray] = {}
        self._names: dict[tuple[Any, ...], str] = {}  # of small constants, so that each is stored once
        self._batch_size: str | None = None

    def add(self, operator: str, *inputs: str, outputs: int = 1, **attributes: Any) -> list[str]:
        """Adds a node; returns the names of its outputs."""
        names = [f"{operator}_{len(self.nodes)}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(operator, inputs, names, **attributes))
        return names

    def name_of(self, value: Value) -> str:
        """The name of a value; a constant becomes an initialiser."""
        if isinstance(value, str):
            return value
        array = np.asarray(value)
        key = (array.dtype.str, array.shape, array.tobytes()) if array.size <= 64 else (id(value),)
        if key not in self._names:
            self._names[key] = f"constant_{len(self._initializers)}"
            self._initializers[self._names[key]] = array
        return self._names[key]

    def integers(self, values: Sequence[int]) -> str:
        """The name of a constant, int64 [N]."""
        return self.name_of(np.array(values, np.int64))

    def reshape(self, name: str, shape: Sequence[Any]) -> str:
        """A tensor in another shape, of which one dimension may be symbolic."""
        if sum(not isinstance(side, int) for side in shape) > 1:
            raise unsupported(f"a reshape to {tuple(shape)}")
        return self.add("Reshape", name, self.integers([s if isinstance(s, int) else -1 for s in shape]))[0]

    def expand(self, name: str, shape: Sequence[Any]) -> str:
        """A tensor broadcast to a shape of as many dimensions."""
        if is_fixed(shape):
            return self.add("Expand", name, self.integers(shape))[0]
        sides = [self.integers([side]) if isinstance(side, int) else self._size_of(side) for side in shape]
        return self.add("Expand", name, self.add("Concat", *sides, axis=0)[0])[0]

    def _size_of(self, side: Any) -> str:
        if side != self.batch:
            raise unsupported(f"a dimension of {side}")
        if self._batch_size is None:
            self._batch_size = self.add("Shape", INPUT, start=0, end=1)[0]
        return self._batch_size

    def model(self, input_shape: Sequence[Any], outputs: Mapping[str, tuple[str, Any]]) -> onnx.ModelProto:
        """The whole model.

        Args:
            input_shape: of the images, uint8.
            outputs: by name, the tensor and its shape and dtype.
        """
        for name, (tensor, _) in outputs.items():
            self.nodes.append(helper.make_node("Identity", [tensor], [name]))
        used = {name for node in self.nodes for name in node.input}
        constants = [(name, array) for name, array in self._initializers.items() if name in used]
        initializers = [self._stored(name, array) for name, array in constants]
        graph = helper.make_graph(
            self.nodes,
            "dfdetect_jax",
            [helper.make_tensor_value_info(INPUT, TensorProto.UINT8, _sides(input_shape))],
            [
                helper.make_tensor_value_info(name, tensor_type(leaf.dtype), _sides(leaf.shape))
                for name, (_, leaf) in outputs.items()
            ],
            initializers,
        )
        opset = [helper.make_opsetid("", OPSET)]
        model = helper.make_model(graph, opset_imports=opset, ir_version=_IR_VERSION, producer_name="dfdetect_jax")
        onnx.checker.check_model(model, full_check=True)
        return model

    def _stored(self, name: str, array: np.ndarray) -> onnx.TensorProto:
        """An initialiser; in half precision, and cast in the graph, where nothing is lost by that."""
        if array.dtype == np.float32 and array.ndim > 1:
            with np.errstate(over="ignore"):
                half = array.astype(np.float16)
            if np.array_equal(half.astype(np.float32), array):
                self.nodes.insert(0, helper.make_node("Cast", [f"{name}_half"], [name], to=TensorProto.FLOAT))
                return numpy_helper.from_array(half, f"{name}_half")
        return numpy_helper.from_array(np.ascontiguousarray(array), name)


def convert(
    function: Callable[[jax.Array], Mapping[str, jax.Array]], shape: Sequence[int], operators: Mapping[str, Operator]
) -> onnx.ModelProto:
    """The ONNX model of a function of images.

    Args:
        function: uint8 [N, *shape] -> arrays by name; its weights are constants of it.
        shape: of one image.
        operators: by the name of JAX's primitive.

    Raises:
        RunError: a primitive has no operator, or is used in a way that has none.
    """
    (batch,) = export.symbolic_shape(BATCH)
    images = jax.ShapeDtypeStruct((batch, *shape), np.uint8)
    closed, leaves = jax.make_jaxpr(function, return_shape=True)(images)
    graph = Graph(batch)
    values = _walk(graph, closed.jaxpr, closed.consts, [INPUT], operators)
    names = [graph.name_of(value) for value in values]
    structure = jax.tree.structure(leaves)
    outputs: dict[str, str] = jax.tree.unflatten(structure, names)
    return graph.model(images.shape, {name: (outputs[name], leaves[name]) for name in leaves})


def _walk(
    graph: Graph, jaxpr: Jaxpr, constants: Sequence[Any], inputs: Sequence[Value], operators: Mapping[str, Operator]
) -> list[Value]:
    """Adds the equations that the results of a jaxpr depend on; returns these."""
    values: dict[Any, Value] = dict(zip(jaxpr.constvars, map(np.asarray, constants), strict=True))
    values |= dict(zip(jaxpr.invars, inputs, strict=True))

    def read(variable: Any) -> Value:
        """Nothing, for what isn't needed."""
        return np.asarray(variable.val) if isinstance(variable, Literal) else values.get(variable, _NOTHING)

    for equation in _needed(jaxpr):
        results = _results(graph, equation, [read(variable) for variable in equation.invars], operators)
        values |= dict(zip(equation.outvars, results, strict=True))
    return [read(variable) for variable in jaxpr.outvars]


def _needed(jaxpr: Jaxpr) -> list[Any]:
    """The equations that results depend on; nothing depends on an array without elements, such as padding by zero."""
    needed, equations = set(_variables(jaxpr.outvars)), []
    for equation in reversed(jaxpr.eqns):
        if not needed.isdisjoint(equation.outvars):
            equations.append(equation)
            needed.update(_variables(equation.invars))
    return equations[::-1]


def _variables(inputs: Sequence[Any]) -> list[Any]:
    return [each for each in inputs if not isinstance(each, Literal) and not _is_empty(each.aval.shape)]


def _results(graph: Graph, equation: Any, inputs: list[Value], operators: Mapping[str, Operator]) -> Sequence[Value]:
    name, outputs = equation.primitive.name, [variable.aval for variable in equation.outvars]
    if name in _CALLS:
        called = next(v for v in equation.params.values() if isinstance(v, Jaxpr | ClosedJaxpr))
        inner, constants = (called.jaxpr, called.consts) if isinstance(called, ClosedJaxpr) else (called, [])
        return _walk(graph, inner, constants, inputs, operators)
    if all(is_fixed(aval.shape) for aval in outputs) and not any(isinstance(value, str) for value in inputs):
        results = equation.primitive.bind(*inputs, **equation.params)
        return [np.asarray(each) for each in (results if equation.primitive.multiple_results else [results])]
    if name not in operators:
        raise unsupported(f"the primitive {name}")
    kept = [i for i, variable in enumerate(equation.invars) if not _is_empty(variable.aval.shape)]
    step = Step(
        equation.params,
        [equation.invars[i].aval for i in kept],
        outputs,
        [None if isinstance(inputs[i], str) else np.asarray(inputs[i]) for i in kept],
    )
    return operators[name](graph, [graph.name_of(inputs[i]) for i in kept], step)


def is_fixed(shape: Sequence[Any]) -> bool:
    """Whether no dimension is symbolic."""
    return all(isinstance(side, int) for side in shape)


def unsupported(what: str) -> RunError:
    """The error for what has no form in ONNX."""
    return RunError(f"ONNX: expected operations that ONNX has, found {what}; export as safetensors or jax")


def _is_empty(shape: Sequence[Any]) -> bool:
    return any(isinstance(side, int) and side == 0 for side in shape)


def _sides(shape: Sequence[Any]) -> list[int | str]:
    return [side if isinstance(side, int) else str(side) for side in shape]


def tensor_type(dtype: Any) -> int:
    """ONNX's number of a NumPy type."""
    return helper.np_dtype_to_tensor_dtype(np.dtype(dtype))

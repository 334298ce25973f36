"""ONNX's operators for the primitives of JAX that networks of this library consist of, in their plain lowering.

Primitives are defined in the documentation of `jax.lax`, operators in ONNX' operator set 18.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from dfdetect_jax.exchange.onnx_graph import Graph, Operator, Step, is_fixed, tensor_type, unsupported


def _renamed(operator: str) -> Operator:
    """An operator that takes the primitive's inputs as they are."""
    return lambda graph, inputs, step: graph.add(operator, *inputs)


def _negated(operator: str) -> Operator:
    return lambda graph, inputs, step: graph.add("Not", *graph.add(operator, *inputs))


def _reduction(operator: str) -> Operator:
    def add(graph: Graph, inputs: Sequence[str], step: Step) -> list[str]:
        return graph.add(operator, *inputs, graph.integers(step.params["axes"]), keepdims=0)

    return add


def _same(graph: Graph, inputs: Sequence[str], step: Step) -> Sequence[str]:
    return inputs


def _rsqrt(graph: Graph, inputs: Sequence[str], step: Step) -> list[str]:
    return graph.add("Reciprocal", *graph.add("Sqrt", *inputs))


def _square(graph: Graph, inputs: Sequence[str], step: Step) -> list[str]:
    return graph.add("Mul", inputs[0], inputs[0])


def _integer_pow(graph: Graph, inputs: Sequence[str], step: Step) -> list[str]:
    return graph.add("Pow", *inputs, graph.name_of(np.asarray(step.params["y"], step.inputs[0].dtype)))


def _log1p(graph: Graph, inputs: Sequence[str], step: Step) -> list[str]:
    return graph.add("Log", *graph.add("Add", *inputs, graph.name_of(np.ones((), step.inputs[0].dtype))))


def _is_finite(graph: Graph, inputs: Sequence[str], step: Step) -> list[str]:
    return graph.add("Not", *graph.add("Or", *graph.add("IsInf", *inputs), *graph.add("IsNaN", *inputs)))


def _select(graph: Graph, inputs: Sequence[str], step: Step) -> list[str]:
    if len(inputs) != 3 or step.inputs[0].dtype != bool:
        raise unsupported("a choice among more than two")
    which, if_false, if_true = inputs
    return graph.add("Where", which, if_true, if_false)


def _clamp(graph: Graph, inputs: Sequence[str], step: Step) -> list[str]:
    low, x, high = inputs
    return graph.add("Min", *graph.add("Max", x, low), high)


def _cast(graph: Graph, inputs: Sequence[str], step: Step) -> list[str]:
    return graph.add("Cast", *inputs, to=tensor_type(step.outputs[0].dtype))


def _reshape(graph: Graph, inputs: Sequence[str], step: Step) -> list[str]:
    return [graph.reshape(inputs[0], step.outputs[0].shape)]


def _broadcast(graph: Graph, inputs: Sequence[str], step: Step) -> list[str]:
    """Ones where the input has no dimension, then as large as the output."""
    old, new = step.inputs[0].shape, step.outputs[0].shape
    aligned = [1] * len(new)
    for side, place in zip(old, step.params["broadcast_dimensions"], strict=True):
        aligned[place] = side
    name = inputs[0] if tuple(aligned) == tuple(old) else graph.reshape(inputs[0], aligned)
    return [name if tuple(aligned) == tuple(new) else graph.expand(name, new)]


def _transpose(graph: Graph, inputs: Sequence[str], step: Step) -> list[str]:
    return graph.add("Transpose", *inputs, perm=list(step.params["permutation"]))


def _concatenate(graph: Graph, inputs: Sequence[str], step: Step) -> list[str]:
    return graph.add("Concat", *inputs, axis=step.params["dimension"])


def _split(graph: Graph, inputs: Sequence[str], step: Step) -> list[str]:
    sizes = graph.integers(step.params["sizes"])
    return graph.add("Split", *inputs, sizes, outputs=len(step.outputs), axis=step.params["axis"])


def _sliced(graph: Graph, name: str, axes: Sequence[int], *bounds: Sequence[int]) -> list[str]:
    """`bounds`: starts, ends and steps along `axes`."""
    starts, ends, steps = (graph.integers(bound) for bound in bounds)
    return graph.add("Slice", name, starts, ends, graph.integers(axes), steps)


def _slice(graph: Graph, inputs: Sequence[str], step: Step) -> list[str]:
    """Dimensions that stay whole are not named, so that one of them may be symbolic."""
    shape, params = step.inputs[0].shape, step.params
    strides = params["strides"] or (1,) * len(shape)
    axes = [i for i, side in enumerate(shape) if (params["start_indices"][i], params["limit_indices"][i]) != (0, side)]
    axes = [i for i in range(len(shape)) if i in axes or strides[i] != 1]
    bounds = [[values[i] for i in axes] for values in (params["start_indices"], params["limit_indices"], strides)]
    if not all(is_fixed(bound) for bound in bounds):
        raise unsupported("a part of the batch that depends on its size")
    return _sliced(graph, inputs[0], axes, *bounds)


def _reverse(graph: Graph, inputs: Sequence[str], step: Step) -> list[str]:
    axes = step.params["dimensions"]
    return _sliced(graph, inputs[0], axes, [-1] * len(axes), [-(2**62)] * len(axes), [-1] * len(axes))


def _pad(graph: Graph, inputs: Sequence[str], step: Step) -> list[str]:
    margins = step.params["padding_config"]
    if any(low < 0 or high < 0 or between for low, high, between in margins):
        raise unsupported("padding between elements, or less than none")
    sides = [margin[0] for margin in margins] + [margin[1] for margin in margins]
    return graph.add("Pad", inputs[0], graph.integers(sides), inputs[1], mode="constant")


def _gather(graph: Graph, inputs: Sequence[str], step: Step) -> list[str]:
    """Indexing by constants, as in `x[..., 0]` and `x[:, 2:5]`: a slice, and fewer dimensions."""
    numbers, sizes, indices = step.params["dimension_numbers"], step.params["slice_sizes"], step.constants[1]
    axes = numbers.start_index_map
    if indices is None or indices.shape != (len(axes),) or numbers.operand_batching_dims:
        raise unsupported("indices that are computed, or of several places")
    starts = [int(index) for index in indices]
    ends = [start + sizes[axis] for axis, start in zip(axes, starts, strict=True)]
    sliced = _sliced(graph, inputs[0], axes, starts, ends, [1] * len(axes))
    return [graph.reshape(sliced[0], step.outputs[0].shape)]


def _dot(graph: Graph, inputs: Sequence[str], step: Step) -> list[str]:
    """A matrix product where it is one, else a sum over named dimensions; JAX's order: batch, left, right."""
    (left, right), (left_batch, right_batch) = step.params["dimension_numbers"]
    ranks = [len(aval.shape) for aval in step.inputs]
    if not left_batch and left == (ranks[0] - 1,) and right == (0,) and ranks[1] == 2:
        return graph.add("MatMul", *inputs)
    letters = iter("abcdefghijklmnopqrstuvwxyz")
    names = [[next(letters) for _ in range(rank)] for rank in ranks]
    for i, j in zip((*left_batch, *left), (*right_batch, *right), strict=True):
        names[1][j] = names[0][i]
    free = [
        [name for i, name in enumerate(of_one) if i not in (*batch, *summed)]
        for of_one, batch, summed in zip(names, (left_batch, right_batch), (left, right), strict=True)
    ]
    result = [names[0][i] for i in left_batch] + free[0] + free[1]
    equation = f"{''.join(names[0])},{''.join(names[1])}->{''.join(result)}"
    return graph.add("Einsum", *inputs, equation=equation)


def _convolution(graph: Graph, inputs: Sequence[str], step: Step) -> list[str]:
    """ONNX has images as [N, C, H, W] and kernels as [D, C, h, w]."""
    params, kernel = step.params, step.constants[1]
    layout = params["dimension_numbers"]
    if kernel is None or params["batch_group_count"] != 1:
        raise unsupported("a convolution with a computed kernel")
    kernel = kernel.transpose(layout.rhs_spec)
    (x,) = graph.add("Transpose", inputs[0], perm=list(layout.lhs_spec))
    add = _transposed_convolution if max(params["lhs_dilation"]) > 1 else _plain_convolution
    (y,) = add(graph, x, kernel, step)
    return graph.add("Transpose", y, perm=np.argsort(layout.out_spec).tolist())


def _plain_convolution(graph: Graph, x: str, kernel: np.ndarray, step: Step) -> list[str]:
    return graph.add(
        "Conv",
        x,
        graph.name_of(kernel),
        strides=list(step.params["window_strides"]),
        pads=_margins(step.params["padding"]),
        dilations=list(step.params["rhs_dilation"]),
        group=step.params["feature_group_count"],
    )


def _transposed_convolution(graph: Graph, x: str, kernel: np.ndarray, step: Step) -> list[str]:
    """A convolution of an input with zeros between its elements: with the kernel reversed, and padding as its rest.

    A position o of the output sums K[k] x[i] over i s = o - low + k; ONNX' sums W[m] x[i] over i s = o + begin - m, so
    m = size - 1 - k and begin = size - 1 - low.
    """
    params = step.params
    rest = [
        (size - 1 - low, size - 1 - high) for size, (low, high) in zip(kernel.shape[2:], params["padding"], strict=True)
    ]
    usual = {params["feature_group_count"], *params["window_strides"], *params["rhs_dilation"]} == {1}
    if not usual or min(min(pair) for pair in rest) < 0:
        raise unsupported("a transposed convolution in groups or with strides")
    reversed_kernel = np.ascontiguousarray(kernel[:, :, ::-1, ::-1].swapaxes(0, 1))
    name = graph.name_of(reversed_kernel)
    return graph.add("ConvTranspose", x, name, strides=list(params["lhs_dilation"]), pads=_margins(rest))


def _max_pool(graph: Graph, inputs: Sequence[str], step: Step) -> list[str]:
    """Over rows and columns of [N, H, W, C]."""
    params = step.params
    window, strides, padding = (params[name] for name in ("window_dimensions", "window_strides", "padding"))
    whole = (window[0], window[3], strides[0], strides[3], *padding[0], *padding[3]) == (1, 1, 1, 1, 0, 0, 0, 0)
    if len(window) != 4 or not whole or {*params["base_dilation"], *params["window_dilation"]} != {1}:
        raise unsupported("a maximum over other than rows and columns")
    (x,) = graph.add("Transpose", *inputs, perm=[0, 3, 1, 2])
    (y,) = graph.add(
        "MaxPool", x, kernel_shape=list(window[1:3]), strides=list(strides[1:3]), pads=_margins(padding[1:3])
    )
    return graph.add("Transpose", y, perm=[0, 2, 3, 1])


def _margins(padding: Sequence[tuple[int, int]]) -> list[int]:
    """ONNX' order: all before, then all after."""
    return [int(low) for low, _ in padding] + [int(high) for _, high in padding]


_NAMES = {
    "abs": "Abs",
    "add": "Add",
    "add_any": "Add",
    "and": "And",
    "ceil": "Ceil",
    "cos": "Cos",
    "div": "Div",
    "eq": "Equal",
    "erf": "Erf",
    "exp": "Exp",
    "floor": "Floor",
    "ge": "GreaterOrEqual",
    "gt": "Greater",
    "le": "LessOrEqual",
    "log": "Log",
    "logistic": "Sigmoid",
    "lt": "Less",
    "max": "Max",
    "min": "Min",
    "mul": "Mul",
    "neg": "Neg",
    "not": "Not",
    "or": "Or",
    "pow": "Pow",
    "sign": "Sign",
    "sin": "Sin",
    "sqrt": "Sqrt",
    "sub": "Sub",
    "tanh": "Tanh",
}
OPERATORS: Mapping[str, Operator] = {
    **{primitive: _renamed(operator) for primitive, operator in _NAMES.items()},
    **dict.fromkeys(("copy", "copy_p", "stop_gradient", "optimization_barrier"), _same),
    **dict.fromkeys(("reshape", "squeeze", "expand_dims"), _reshape),
    "ne": _negated("Equal"),
    "reduce_max": _reduction("ReduceMax"),
    "reduce_min": _reduction("ReduceMin"),
    "reduce_sum": _reduction("ReduceSum"),
    "broadcast_in_dim": _broadcast,
    "clamp": _clamp,
    "concatenate": _concatenate,
    "conv_general_dilated": _convolution,
    "convert_element_type": _cast,
    "dot_general": _dot,
    "gather": _gather,
    "integer_pow": _integer_pow,
    "is_finite": _is_finite,
    "log1p": _log1p,
    "pad": _pad,
    "reduce_window_max": _max_pool,
    "rev": _reverse,
    "rsqrt": _rsqrt,
    "select_n": _select,
    "slice": _slice,
    "split": _split,
    "square": _square,
    "transpose": _transpose,
}

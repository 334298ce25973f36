"""BatchNorm folded into the layer before it, for prediction.

With running statistics, normalisation is a gain and a shift per channel, and these commute with a linear layer:

    (kernel x + b) gain + shift = (kernel gain) x + (b gain + shift)      gain = scale / sqrt(var + epsilon)
                                                                          shift = bias - mean gain
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from dfdetect_jax.models.layers import BatchNorm, LinearLayer
from dfdetect_jax.models.operations import plain_lowering

Variables = dict[str, Any]
Path = tuple[str, ...]
_COLLECTIONS = ("params", "batch_stats")
_LINEAR = (LinearLayer, nn.Conv, nn.ConvTranspose, nn.Dense)


class Fold(NamedTuple):
    """A BatchNorm that can be folded.

    Attributes:
        layer: path in the parameters of the linear layer whose output it normalises.
        norm: its own path.
        epsilon: that it adds to the variance.
    """

    layer: Path
    norm: Path
    epsilon: float


def find_folds(predict: Callable[[Variables, Any], Any], variables: Variables, images: Any) -> tuple[Fold, ...]:
    """The normalisations whose input is the output of a linear layer, seen by tracing a prediction.

    A layer or normalisation that is called more than once is left out, and so is a layer whose output another module
    reads, too. That no operation outside of modules reads it is the network's business.

    Args:
        predict: (variables, images) -> anything; calls Flax modules.
        variables: parameters and running statistics; only shapes and dtypes are used.
        images: of any number and size that `predict` takes; only shape and dtype are used.

    Returns:
        In the order of calls; empty for variables that are folded.
    """
    layers: dict[int, tuple[Path, Any]] = {}  # by the identity of the output, which is kept so that it is not reused
    folds: list[Fold] = []
    calls: list[Path] = []
    readers: list[Path] = []  # layers, once for each module that reads their output

    def watch(call: Callable[..., Any], args: Any, kwargs: Any, context: nn.module.InterceptorContext) -> Any:
        module, path = context.module, context.module.path
        if context.method_name != "__call__":
            return call(*args, **kwargs)
        before = next((layers[id(x)][0] for x in args if id(x) in layers), None)
        if before is not None:
            readers.append(before)
        if before is not None and isinstance(module, BatchNorm) and not module.folded:
            folds.append(Fold(before, path, module.epsilon))
        output = call(*args, **kwargs)
        if isinstance(module, _LINEAR):
            layers[id(output)] = (path, output)
        calls.append(path)
        return output

    with nn.intercept_methods(watch), plain_lowering(True):  # the plain lowering is traced in a third of the time
        jax.eval_shape(lambda *given: predict(*given), variables, images)  # a new function, so that it is traced
    once = [fold for fold in folds if calls.count(fold.layer) == calls.count(fold.norm) == 1]
    return tuple(fold for fold in once if readers.count(fold.layer) == 1)


def fold(variables: Variables, folds: Sequence[Fold]) -> Variables:
    """The variables of the same prediction with each of `folds` folded; equal to rounding.

    Args:
        variables: parameters and running statistics, NumPy arrays.
        folds: from `find_folds`.

    Returns:
        New variables, in the dtypes of the old: kernels and biases of the layers are scaled, of a normalisation the
        bias alone is left, and no running statistics.
    """
    params, stats = (flatten_dict(variables.get(name, {})) for name in _COLLECTIONS)
    for layer, norm, epsilon in folds:
        mean, var = (np.float64(stats[*norm, name]) for name in ("mean", "var"))
        scale, bias = params[*norm, "scale"], params[*norm, "bias"]
        gain = scale / np.sqrt(var + epsilon)
        params[*norm, "bias"] = (bias - mean * gain).astype(bias.dtype)
        for name in ("kernel", "bias"):
            if (*layer, name) in params:
                old = params[*layer, name]
                params[*layer, name] = old * gain.astype(old.dtype)
    return without_folded({**variables, "params": unflatten_dict(params)}, folds)


def without_folded(variables: Variables, folds: Sequence[Fold]) -> Variables:
    """The variables less those that `fold` makes superfluous; leaves of any kind."""
    if not folds:
        return variables
    params, stats = (flatten_dict(variables.get(name, {})) for name in _COLLECTIONS)
    for _, norm, _ in folds:
        del params[*norm, "scale"], stats[*norm, "mean"], stats[*norm, "var"]
    return {**variables, "params": unflatten_dict(params), "batch_stats": unflatten_dict(stats)}

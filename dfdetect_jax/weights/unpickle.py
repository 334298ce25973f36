"""Arrays out of pickles, by an unpickler that can build arrays and the containers around them and nothing else.

A pickle is a program: it names functions and calls them. Of those that files of weights name, the few on the list below
are replaced by functions of this module; any other name is an error. Read are the two forms of `torch.save` (PyTorch's
own, and the zip archive since 1.6) and pickled NumPy arrays, in any nesting of dicts, lists and tuples.
"""

import collections
import io
import math
import pickle
import zipfile
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

_LEGACY_MAGIC, _LEGACY_PROTOCOL = 0x1950A86A20F9469CFC6C, 1001  # of torch.save before 1.6
_STORAGES = {
    "FloatStorage": "<f4",
    "DoubleStorage": "<f8",
    "HalfStorage": "<f2",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "i1",
    "ByteStorage": "u1",
    "BoolStorage": "?",
}
_DEEPEST = 8
_NUMPY_TYPES = ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1")


class _Storage:
    """PyTorch's memory of one or more tensors: its values are known at once (zip) or after the pickle (legacy)."""

    __slots__ = ("size", "type", "values")

    def __init__(self, type_: np.dtype, size: int):
        self.type, self.size, self.values = type_, size, np.zeros(0, type_)


class _Tensor(NamedTuple):
    """A view of a storage, in elements."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class _Dtype:
    """A NumPy dtype of numbers in the making: its kind, then its byte order."""

    __slots__ = ("type",)

    def __init__(self, kind: object, *_: object):
        if kind not in _NUMPY_TYPES:
            raise pickle.UnpicklingError(f"it has an array of {kind!r}, which is no number")
        self.type = np.dtype(str(kind))

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        if state[1] not in ("<", ">", "=", "|"):
            raise pickle.UnpicklingError(f"it has the byte order {state[1]!r}")
        self.type = self.type.newbyteorder(state[1])


class _Array:
    """A NumPy array in the making."""

    __slots__ = ("values",)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, dtype, by_columns, content = state
        if not isinstance(dtype, _Dtype) or not isinstance(content, bytes):
            raise pickle.UnpicklingError("it has an array of objects")
        flat = np.frombuffer(content, dtype.type)
        self.values = flat.reshape(shape, order="F" if by_columns else "C")


class _Callable:
    """A function that a pickle may call and can't change."""

    __slots__ = ("_function",)
    _function: Callable[..., Any]

    def __init__(self, function: Callable[..., Any]):
        object.__setattr__(self, "_function", function)

    def __call__(self, *args: Any) -> Any:
        return self._function(*args)

    def __setattr__(self, name: str, value: object) -> None:
        raise pickle.UnpicklingError(f"it changes {name} of a function")


class _Unpickler(pickle.Unpickler):
    """Knows the functions on the list, and PyTorch's storages."""

    def __init__(self, file: io.BufferedIOBase | io.BytesIO, storages: dict[str, _Storage]):
        super().__init__(file, encoding="latin1")
        self._storages = storages
        self._known: dict[tuple[str, str], object] = {
            ("collections", "OrderedDict"): _Callable(collections.OrderedDict),
            ("_codecs", "encode"): _Callable(_to_bytes),
            ("torch._utils", "_rebuild_tensor_v2"): _Callable(_rebuild_tensor),
            ("torch._utils", "_rebuild_parameter"): _Callable(lambda tensor, *_: tensor),
            ("numpy", "ndarray"): "ndarray",
            ("numpy", "dtype"): _Callable(_Dtype),
            ("numpy.core.multiarray", "_reconstruct"): _Callable(lambda *_: _Array()),
            ("numpy._core.multiarray", "_reconstruct"): _Callable(lambda *_: _Array()),
            ("numpy._core.numeric", "_frombuffer"): _Callable(_from_buffer),
            **{("torch", name): np.dtype(kind) for name, kind in _STORAGES.items()},
        }

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self._known:
            raise pickle.UnpicklingError(f"it names {module}.{name}, which files of weights don't need")
        return self._known[module, name]

    def persistent_load(self, pid: Any) -> _Storage:
        kind, type_, key, _, size = pid[:5]
        if kind != "storage" or not isinstance(type_, np.dtype) or type(size) is not int or any(pid[5:]):
            raise pickle.UnpicklingError(f"it refers to {kind!r} outside of it")
        return self._storages.setdefault(str(key), _Storage(type_, size))


def _to_bytes(text: str, encoding: str) -> bytes:
    """Bytes as protocol 2 has them."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"it has bytes in {encoding}")
    return text.encode("latin1")


def _from_buffer(content: object, dtype: object, shape: tuple[int, ...], order: str) -> _Array:
    """An array as protocol 5 has it."""
    array = _Array()
    array.__setstate__((1, shape, dtype, order == "F", bytes(content) if isinstance(content, bytearray) else content))
    return array


def _rebuild_tensor(storage: object, offset: object, shape: object, strides: object, *_: object) -> _Tensor:
    if not (isinstance(storage, _Storage) and isinstance(shape, tuple) and isinstance(strides, tuple)):
        raise pickle.UnpicklingError("it has a tensor without storage, shape or strides")
    if not all(type(each) is int and each >= 0 for each in (offset, *shape, *strides)):
        raise pickle.UnpicklingError("it has a tensor of a shape that is no shape")
    return _Tensor(storage, offset, shape, strides)  # type: ignore[arg-type]


def read_arrays(content: bytes) -> dict[str, np.ndarray]:
    """The arrays in a pickle by name; names of nested dicts are joined by "/".

    Args:
        content: of a file. It should be known by its digest: what is built here can do no harm, but may be large.

    Raises:
        ValueError: it is no pickle, is cut short, or holds anything but arrays; in one line.
    """
    try:
        return dict(_flatten(_load(content), ""))
    except Exception as error:  # a damaged pickle can make its reader raise anything
        reason = str(error).strip().splitlines()[:1] or [type(error).__name__]
        raise ValueError(f"not a pickle of arrays: {reason[0]}") from error


def _load(content: bytes) -> Any:
    if zipfile.is_zipfile(io.BytesIO(content)):
        return _load_zip(zipfile.ZipFile(io.BytesIO(content)))
    file, storages = io.BytesIO(content), dict[str, _Storage]()
    first = _Unpickler(file, {}).load()
    if first != _LEGACY_MAGIC:
        return first
    protocol, system = (_Unpickler(file, {}).load() for _ in range(2))
    if protocol != _LEGACY_PROTOCOL or not system["little_endian"]:
        raise pickle.UnpicklingError(f"it is of protocol {protocol} of torch.save, or big-endian")
    values = _Unpickler(file, storages).load()
    for key in _Unpickler(file, {}).load():
        storage = storages[key]
        if int.from_bytes(file.read(8), "little") != storage.size:
            raise pickle.UnpicklingError(f"its storage {key} has another size than is said")
        _fill(storage, file.read(storage.size * storage.type.itemsize))
    return values


def _load_zip(archive: zipfile.ZipFile) -> Any:
    (name,) = (name for name in archive.namelist() if name.endswith("/data.pkl"))
    folder, storages = name.removesuffix("data.pkl"), dict[str, _Storage]()
    if f"{folder}byteorder" in archive.namelist() and archive.read(f"{folder}byteorder") != b"little":
        raise pickle.UnpicklingError("it is big-endian")
    values = _Unpickler(io.BytesIO(archive.read(name)), storages).load()
    for key, storage in storages.items():
        _fill(storage, archive.read(f"{folder}data/{key}"))
    return values


def _fill(storage: _Storage, content: bytes) -> None:
    if len(content) != storage.size * storage.type.itemsize:
        raise pickle.UnpicklingError("it is cut short")
    storage.values = np.frombuffer(content, storage.type)


def _flatten(values: Any, name: str, depth: int = 0) -> Iterator[tuple[str, np.ndarray]]:
    """Arrays with their names; numbers and texts beside them are left out."""
    if depth > _DEEPEST:
        raise pickle.UnpicklingError("it is nested too deeply")
    if isinstance(values, _Array):
        yield name, values.values
    elif isinstance(values, _Tensor):
        yield name, _view(values)
    elif isinstance(values, Mapping | list | tuple):
        pairs = values.items() if isinstance(values, Mapping) else enumerate(values)
        for key, value in pairs:
            yield from _flatten(value, f"{name}/{key}" if name else str(key), depth + 1)


def _view(tensor: _Tensor) -> np.ndarray:
    """The tensor's elements as an array of its own."""
    values, itemsize = tensor.storage.values, tensor.storage.type.itemsize
    last = tensor.offset + sum((side - 1) * step for side, step in zip(tensor.shape, tensor.strides, strict=True))
    if math.prod(tensor.shape) == 0:
        return np.zeros(tensor.shape, tensor.storage.type)
    if last >= len(values) or math.prod(tensor.shape) > len(values):
        raise pickle.UnpicklingError("it has a tensor that is larger than its storage")
    steps = [step * itemsize for step in tensor.strides]
    return np.lib.stride_tricks.as_strided(values[tensor.offset :], tensor.shape, steps).copy()

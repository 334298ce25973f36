"""Arrays come out of every form of pickle that weights are published in, and nothing else does."""

import io
import pickle
import sys
import types
import zipfile
from collections import OrderedDict

import numpy as np
import pytest

from dfdetect_jax.weights.unpickle import read_arrays

PLAIN = {"a": {"kernel": np.arange(6, dtype=np.float32).reshape(2, 3)}, "b": np.asfortranarray(np.eye(3)[:2]), "n": 3}


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_numpy_arrays_in_nested_dicts_are_read(protocol):
    arrays = read_arrays(pickle.dumps(PLAIN, protocol))
    assert list(arrays) == ["a/kernel", "b"]
    np.testing.assert_array_equal(arrays["a/kernel"], PLAIN["a"]["kernel"])
    np.testing.assert_array_equal(arrays["b"], PLAIN["b"])
    assert arrays["b"].dtype == np.float64


def test_big_endian_numbers_are_read():
    big = np.array([1.5, 2.5], ">f4")
    np.testing.assert_array_equal(read_arrays(pickle.dumps({"a": big}, 2))["a"], big)


class Call:
    """Pickled as a call of `function`."""

    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


@pytest.fixture
def torch(monkeypatch):
    """The names that PyTorch's pickles hold; PyTorch itself is not needed."""
    torch, torch_utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setitem(sys.modules, "torch._utils", torch_utils)

    def _rebuild_tensor_v2(*_):
        raise AssertionError("PyTorch's own function was called")

    for function in (_rebuild_tensor_v2,):
        function.__module__, function.__qualname__ = "torch._utils", function.__name__
        setattr(torch_utils, function.__name__, function)
    for name in ("FloatStorage", "LongStorage"):
        setattr(torch, name, type(name, (), {"__module__": "torch"}))
    return types.SimpleNamespace(float=torch.FloatStorage, long=torch.LongStorage, rebuild=_rebuild_tensor_v2)


class Storage:
    """A storage, pickled by reference as PyTorch does."""

    def __init__(self, kind, key, values):
        self.kind, self.key, self.values = kind, key, values


def dump(tree, legacy, claimed=None):
    """As `torch.save`; `claimed` is the number of elements that the pickle says a storage has."""
    storages = {}

    class Pickler(pickle.Pickler):
        def persistent_id(self, item):
            if not isinstance(item, Storage):
                return None
            storages[item.key] = item
            size = claimed or item.values.size
            return ("storage", item.kind, item.key, "cpu", size, *([None] if legacy else []))

    file = io.BytesIO()
    Pickler(file, 2).dump(tree)
    if not legacy:
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as content:
            content.writestr("model/data.pkl", file.getvalue())
            for key, storage in storages.items():
                content.writestr(f"model/data/{key}", storage.values.tobytes())
        return archive.getvalue()
    parts = [pickle.dumps(0x1950A86A20F9469CFC6C, 2), pickle.dumps(1001, 2)]
    parts += [pickle.dumps({"little_endian": True}, 2), file.getvalue(), pickle.dumps(sorted(storages), 2)]
    for _, storage in sorted(storages.items()):
        parts += [storage.values.size.to_bytes(8, "little"), storage.values.tobytes()]
    return b"".join(parts)


def state_dict(torch, **tensor):
    """One storage of 12 numbers: a tensor [2, 3] of it by columns from the third on; and a counter beside it."""
    given = {"offset": 2, "shape": (2, 3), "strides": (1, 2)} | tensor
    weight = Storage(torch.float, "7", np.arange(12, dtype="<f4"))
    view = Call(torch.rebuild, weight, given["offset"], given["shape"], given["strides"], False, OrderedDict())
    count = Call(torch.rebuild, Storage(torch.long, "8", np.array([5], "<i8")), 0, (), (), False, OrderedDict())
    return OrderedDict({"conv.weight": view, "norm.count": count})


@pytest.mark.parametrize("legacy", [True, False])
def test_both_forms_of_pytorch_are_read_with_offsets_and_strides(torch, legacy):
    arrays = read_arrays(dump(state_dict(torch), legacy))
    np.testing.assert_array_equal(arrays["conv.weight"], [[2, 4, 6], [3, 5, 7]])
    np.testing.assert_array_equal(arrays["norm.count"], 5)


@pytest.mark.parametrize("legacy", [True, False])
def test_a_file_of_pytorch_that_is_cut_short_is_refused(torch, legacy):
    with pytest.raises(ValueError, match="not a pickle of arrays"):
        read_arrays(dump(state_dict(torch), legacy)[:-40])


BEYOND = [{"offset": 10}, {"shape": (2, 6)}, {"strides": (8, 2)}, {"offset": -1}, {"strides": (-1, 2)}, {"shape": 6}]
BEYOND += [{"strides": (0, 0), "shape": (10**9, 10**9)}, {"shape": ("2", 3)}, {"shape": (2, 3, 4)}]


@pytest.mark.parametrize("tensor", BEYOND)
def test_a_tensor_beyond_its_storage_is_refused(torch, tensor):
    with pytest.raises(ValueError, match="not a pickle of arrays"):
        read_arrays(dump(state_dict(torch, **tensor), legacy=True))


def test_a_storage_of_another_size_than_is_said_is_refused(torch):
    for legacy in (True, False):
        with pytest.raises(ValueError, match="not a pickle of arrays"):
            read_arrays(dump(state_dict(torch), legacy, claimed=10**12))


def touch(path):
    """What a hostile pickle would do."""
    open(path, "w").close()


def looping():
    tree = {}
    tree["self"] = tree
    return tree


# Opcodes by hand: push numpy.dtype, or collections.OrderedDict, and BUILD it with new attributes.
REBUILT = b"\x80\x02cnumpy\ndtype\nN}X\x0c\x00\x00\x00__defaults__N\x73\x86b."
HOSTILE = {
    "a call of os.system": lambda path: pickle.dumps(Call(__import__("os").system, f"touch {path}")),
    "eval": lambda path: pickle.dumps(Call(eval, f"open({str(path)!r}, 'w')")),
    "a function by its name alone": lambda path: pickle.dumps({"a": touch}),
    "an attribute of an allowed function": lambda path: b"\x80\x04\x8c\x05numpy\x8c\x0dndarray.dumps\x93.",
    "another function of an allowed module": lambda path: pickle.dumps(Call(np.load, str(path))),
    "an old opcode": lambda path: f"(S'touch {path}'\nios\nsystem\n.".encode(),
    "an array of objects": lambda path: pickle.dumps(np.array([Call(touch, path)], object)),
    "an array with fields": lambda path: pickle.dumps(np.zeros(2, [("a", "f4"), ("b", "f8")])),
    "a change to a function": lambda path: REBUILT,
    "a reference outside": lambda path: b"\x80\x02X\x05\x00\x00\x00otherQ.",
    "an extension": lambda path: b"\x80\x02\x82\x01.",
    "a loop": lambda path: pickle.dumps(looping()),
    "text": lambda path: b"version https://git-lfs.github.com/spec/v1\n",
    "nothing": lambda path: b"",
    "an archive of another kind": lambda path: zip_of_text(),
}


def zip_of_text():
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as content:
        content.writestr("readme", "text")
    return archive.getvalue()


@pytest.mark.parametrize("case", HOSTILE)
def test_a_pickle_of_anything_else_is_refused_and_does_nothing(case, tmp_path):
    path = tmp_path / "touched"
    with pytest.raises(ValueError, match=r"not a pickle of arrays: .+") as refused:
        read_arrays(HOSTILE[case](path))
    assert "\n" not in str(refused.value)
    assert not path.exists()

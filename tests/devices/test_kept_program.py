import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dfdetect_jax.devices import kept_program
from dfdetect_jax.devices.kept_files import FOLDER, keep
from dfdetect_jax.devices.kept_program import KeptProgram

X = np.arange(4, dtype=np.float32)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(jax, "device_count", lambda: 1)  # the arrays are on one
    monkeypatch.setenv(FOLDER, str(tmp_path / "programs"))
    return tmp_path / "programs"


class Traced:
    """2 x + y, of a tree; counts how often it is traced."""

    times = 0

    def __call__(self, variables, x):
        self.times += 1
        return {"sum": 2 * jnp.asarray(x) + variables["y"]}


def value_of(program):
    return np.asarray(program({"y": np.float32(1)}, X)["sum"])


def test_a_kept_program_is_not_traced_again(folder):
    first, second = Traced(), Traced()
    for function, times in ((first, 1), (second, 0)):
        np.testing.assert_array_equal(value_of(KeptProgram(function, "double")), 2 * X + 1)
        assert function.times == times
    assert len(list(folder.iterdir())) == 1


@pytest.mark.parametrize("identity", ["", "other"])
def test_another_program_or_one_without_identity_is_traced(folder, identity):
    value_of(KeptProgram(Traced(), "double"))
    other = Traced()
    value_of(KeptProgram(other, identity))
    assert other.times == 1


def test_other_shapes_are_traced(folder):
    function = Traced()
    program = KeptProgram(function, "double")
    for count in (4, 5, 4):
        assert program({"y": np.float32(1)}, np.zeros(count, np.float32))["sum"].shape == (count,)
    assert function.times == 2


def test_other_code_is_traced(folder, monkeypatch):
    value_of(KeptProgram(Traced(), "double"))
    monkeypatch.setattr(kept_program, "_surroundings", lambda: ["of another version"])
    function = Traced()
    value_of(KeptProgram(function, "double"))
    assert function.times == 1


def test_what_cannot_be_loaded_is_compiled_anew(folder, monkeypatch):
    with monkeypatch.context() as other:
        other.setattr(kept_program, "keep", lambda name, content: keep(name, b"garbage"))
        value_of(KeptProgram(Traced(), "double"))
    assert len(list(folder.iterdir())) == 1
    function = Traced()
    np.testing.assert_array_equal(value_of(KeptProgram(function, "double")), 2 * X + 1)
    assert function.times == 1


def test_programs_for_several_devices_are_not_kept(folder, monkeypatch):
    monkeypatch.setattr(jax, "device_count", lambda: 2)
    np.testing.assert_array_equal(value_of(KeptProgram(Traced(), "double")), 2 * X + 1)
    assert not folder.exists()

"""Compiled programs that are kept between processes, so that they are neither traced nor compiled again.

JAX keeps compiled programs by the program's text, for which it has to be traced: half a second for an encoder. Here the
name is what the text is made from: this package's code, the settings, the shapes, the versions and the device.
"""

import contextlib
import functools
import hashlib
import json
import os
import pickle
import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jaxlib
from jax.experimental import serialize_executable

import dfdetect_jax
from dfdetect_jax.devices.compiler_options import compiler_options
from dfdetect_jax.devices.kept_files import keep, read_kept

_VARIABLES = ("XLA_", "JAX_", "TF_", "LIBTPU_")  # how names of the environment begin that may change programs
_SETTINGS = ("jax_enable_x64", "jax_default_matmul_precision")
_ELSEWHERE = ("JAX_COMPILATION_CACHE_DIR", "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS")
_TRACED = (
    *(f"{name}/**/*.py" for name in ("augmentation", "config", "devices", "media/detectors", "methods", "models")),
    "*.py",
    "run/predictor.py",
)
"""Where the code is that programs are traced from."""


class KeptProgram:
    """A function compiled by JAX, as `jax.jit` has it; executables are kept, see `kept_files`.

    On several devices, or without an identity, it is `jax.jit`.

    Args:
        function: of trees of arrays; pure.
        identity: all that it depends on beside this package's code and its arguments' shapes; "" to keep nothing.
    """

    def __init__(self, function: Callable[..., Any], identity: str):
        self._function, self._jitted, self._identity = function, _jitted(function), identity
        self._executables: dict[str, Callable[..., Any]] = {}

    def __call__(self, *arguments: Any) -> Any:
        """The function's value."""
        if not self._identity or jax.device_count() > 1:
            return self._jitted(*arguments)
        leaves, tree = jax.tree.flatten(arguments)
        shapes = f"{tree} {[(leaf.shape, str(leaf.dtype)) for leaf in leaves]}"
        if shapes not in self._executables:
            self._executables[shapes] = self._executable(arguments, shapes)
        return self._executables[shapes](*arguments)

    def _executable(self, arguments: tuple[Any, ...], shapes: str) -> Callable[..., Any]:
        name = origin("program", self._identity, shapes)
        if (content := read_kept(name)) is not None:
            with contextlib.suppress(Exception):  # whatever a library makes of it: it is compiled anew
                return _loaded(content)
        compiled = _jitted(_named(self._function, name)).lower(*arguments).compile()
        # Some devices' programs can't be kept, nor a CPU's that JAX took from its own cache: they load, but don't run.
        with contextlib.suppress(ValueError, TypeError, pickle.PickleError, jax.errors.JaxRuntimeError):
            content = pickle.dumps(serialize_executable.serialize(compiled))
            jax.block_until_ready(_loaded(content)(*arguments))
            keep(name, content)
        return compiled


def _jitted(function: Callable[..., Any]) -> Any:
    return jax.jit(function, compiler_options=compiler_options())


def _named(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    """A function by whose name JAX's own cache tells programs of other code apart: what it holds can't be kept."""

    def named(*arguments: Any) -> Any:
        return function(*arguments)

    named.__name__ = f"kept_{hashlib.sha256(name.encode()).hexdigest()[:16]}"
    return named


def _loaded(content: bytes) -> Callable[..., Any]:
    content, inputs, outputs = pickle.loads(content)
    return serialize_executable.deserialize_and_load(content, inputs, outputs, execution_devices=jax.devices()[:1])


def origin(kind: str, identity: str, detail: str) -> str:
    """All that something depends on that is made from this package's code, as `kept_files` takes it."""
    return json.dumps([kind, identity, detail, _surroundings()])


@functools.cache
def _surroundings() -> list[str]:
    """Code, versions, device, processor and switches that programs depend on."""
    device = jax.devices()[0]
    switches = {name: value for name, value in os.environ.items() if name.startswith(_VARIABLES)}
    return [
        _code(),
        jax.__version__,
        jaxlib.__version__,
        platform.python_version(),
        f"{device.platform} {device.device_kind} {device.client.platform_version}",
        _processor(),
        json.dumps({name: value for name, value in sorted(switches.items()) if name not in _ELSEWHERE}),
        " ".join(str(getattr(jax.config, name)) for name in _SETTINGS),
    ]


def _code() -> str:
    """Digest of the code that programs are traced from."""
    digest, package = hashlib.sha256(), Path(dfdetect_jax.__file__).parent
    for path in sorted(path for pattern in _TRACED for path in package.glob(pattern)):
        digest.update(f"{path.relative_to(package)} {path.stat().st_size}\n".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _processor() -> str:
    """What machine code may use here."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return " ".join(sorted({line for line in lines if line.startswith(("flags", "Features", "model name"))}))

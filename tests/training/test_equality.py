"""The same steps on one device, on eight, mapped over eight, and in two processes of two: the same numbers."""

import contextlib
import functools
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
# Of the length of an array's change. Sums differ in the last bit, which alone makes 1e-4; but where it takes one
# activation to the other side of zero, or one pixel's absolute error, gradients jump: five batches gave up to .013.
# A defect is plainer: BatchNorm of each device by itself puts half of the arrays off by more than .5.
SAME = 0.03


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def start(devices, *arguments):
    environment = {
        **os.environ,
        "XLA_FLAGS": f"--xla_force_host_platform_device_count={devices} --xla_backend_optimization_level=0",
    }
    command = [sys.executable, "-m", "tests.training.several_devices", *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def steps(devices, method, kind, processes=1):
    """By how much the steps change each array of the state, and the last metrics, by name."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "state.npz"
        port = free_port()
        job = [(f"127.0.0.1:{port}", processes, i) for i in range(processes)] if processes > 1 else [()]
        with contextlib.ExitStack() as stack:
            started = [stack.enter_context(start(devices, out, method, kind, *place)) for place in job]
            for process in started:
                stack.callback(process.kill)
            said = [process.communicate(timeout=240)[0].decode() for process in started]
        assert [process.returncode for process in started] == [0] * processes, "".join(said)
        with np.load(out) as arrays:
            return dict(arrays)


one_device = functools.cache(functools.partial(steps, 1, kind="mesh"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("devices", "kind", "processes"),
    [(8, "mesh", 1), (8, "pmap", 1), (2, "mesh", 2)],
    ids=["8 devices", "pmap on 8", "2 processes x 2"],
)
@pytest.mark.parametrize("method", ["cae", "lae"])
def test_however_many_devices_the_numbers_are_those_of_one(method, devices, kind, processes):
    expected, found = one_device(method=method), steps(devices, method, kind, processes)
    assert found.pop("devices") == devices * processes
    assert set(found) == set(expected) - {"devices"}
    assert any("batch_stats" in name for name in found)
    assert method == "cae" or any("adversary" in name and "params" in name for name in found)
    for name, array in found.items():
        off = np.linalg.norm(array.astype(float) - expected[name])
        assert off <= SAME * np.linalg.norm(expected[name]), name

"""Several processes as one job: discovery, communication and termination."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import jax
import numpy as np
import pytest

from dfdetect_jax.devices import processes
from dfdetect_jax.errors import SettingsError
from dfdetect_jax.run.seal import sealed_steps
from dfdetect_jax.training.writers import METRICS
from tests.conftest import command_line

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"coordinator": "localhost:1234"}, "give all of"),
        ({"process_count": 2, "process_id": 0}, "give all of"),
        ({"detect": True, "coordinator": "localhost:1234", "process_count": 2, "process_id": 0}, "give all of"),
        ({"coordinator": "localhost:1234", "process_count": 2, "process_id": 2}, "expected 0 to 1, found 2"),
    ],
)
def test_arguments_that_do_not_go_together_are_refused_in_one_line(arguments, told):
    with pytest.raises(SettingsError, match=told) as error:
        processes.join(**arguments)
    assert "\n" not in str(error.value)


def test_where_no_job_is_found_it_is_said_at_once():
    code = "from dfdetect_jax.devices import processes; processes.join(detect=True)"
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert "SettingsError: --distributed: the processes of this job can't be joined" in ended.stderr


def test_a_process_that_is_alone_joins_nothing_and_gathers_what_it_gave():
    with processes.joined():
        columns = {"score": np.arange(3.0), "video": np.array(["a", "b", "c"])}
        assert processes.gather(columns) == [columns]
        processes.wait_for_all("nobody")
        assert processes.is_first()
    with pytest.raises(ValueError, match="as it was"), processes.joined():
        raise ValueError("as it was")


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def python(code, **environment):
    plain = {name: value for name, value in os.environ.items() if name != "XLA_FLAGS"}
    return subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=plain | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def explicit(index, port):
    return f'coordinator="127.0.0.1:{port}", process_count=2, process_id={index}'


GATHER = """
import jax, numpy as np
from dfdetect_jax.devices import processes
with processes.joined({job}):
    i = jax.process_index()
    found = processes.gather({{"n": np.full(i + 1, i), "name": np.array(["a" * (i + 1)])}})
    print(jax.process_count(), processes.is_first(), [(f["n"].tolist(), f["name"].tolist()) for f in found])
"""


@pytest.mark.slow
@pytest.mark.parametrize("found_by", ["flags", "Slurm"])
def test_two_processes_meet_and_hear_the_same(found_by):
    port, processes = free_port(), []
    for i in range(2):
        slurm = {
            "SLURM_JOB_ID": str(port),
            "SLURM_STEP_NODELIST": "localhost",
            "SLURM_NTASKS": "2",
            "SLURM_PROCID": str(i),
            "SLURM_LOCALID": "0",
        }
        job = explicit(i, port) if found_by == "flags" else "detect=True"
        processes.append(python(GATHER.format(job=job), **(slurm if found_by == "Slurm" else {})))
    said = [process.communicate(timeout=100) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], said
    everything = "[([0], ['a']), ([1, 1], ['aa'])]"
    assert said[0][0].strip().endswith(f"2 True {everything}")
    assert said[1][0].strip().endswith(f"2 False {everything}")


@pytest.mark.slow
def test_an_error_ends_its_process_at_once_though_the_other_goes_on():
    port = free_port()
    imports = "import time\nfrom dfdetect_jax import errors\nfrom dfdetect_jax.devices import processes\n"
    start = imports + "with processes.joined({job}):\n    {what}\n"
    waits = python(start.format(job=explicit(0, port), what="time.sleep(100)"))
    with waits, python(start.format(job=explicit(1, port), what='raise errors.RunError("broken here")')) as fails:
        try:
            _, said = fails.communicate(timeout=50)
            assert fails.returncode == 2
            assert said.rstrip().endswith("error: broken here")
            assert waits.poll() is None
        finally:
            waits.kill()
            fails.kill()


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("INTERNAL: Barrier failed because: UNAVAILABLE: Task 1 heartbeat timeout. This", "(Task 1 heartbeat timeout)"),
        (
            "UNKNOWN: Gloo failed: [pair.cc] Connection closed by peer [::1]:1",
            "(Connection closed by peer)",
        ),
        ("INVALID_ARGUMENT: shapes differ", ""),
    ],
)
def test_a_process_that_has_gone_is_told_from_a_defect_in_one_line(words, line):
    told = processes.lost_peer(jax.errors.JaxRuntimeError(words))
    assert line in told
    assert bool(told) == bool(line)
    assert processes.lost_peer(ValueError(words)) == ""


@pytest.mark.slow
def test_one_that_is_killed_is_missed_by_the_other_in_bounded_time():
    port, wait, idle = (
        free_port(),
        'processes.wait_for_all("x")',
        "import sys, time; sys.stdout.flush(); time.sleep(600)",
    )
    start = (
        "from dfdetect_jax.devices import processes\nwith processes.joined({job}):\n    print(flush=True)\n    {what}\n"
    )
    waits = python(start.format(job=explicit(0, port), what=wait))
    with (
        waits,
        python(start.format(job=explicit(1, port), what=idle)) as killed,
    ):
        killed.stdout.readline()
        killed.kill()
        began = time.monotonic()
        _, said = waits.communicate(timeout=100)
    assert time.monotonic() - began < 2 * processes.HEARTBEATS
    assert waits.returncode in (3, -signal.SIGABRT)
    assert "error: another process of this job has ended (" in said or "another task died" in said


def settings_of_a_job(workdir):
    """Twelve steps of the tiny CAE: SGD, since Adam would hide a factor; the flips are those of a mesh either way."""
    return command_line(workdir, train__steps=12, train__eval_every=4, train__log_every=1, optimizer__name="sgd")


def launched(workdir, data, *options):
    """`launch/local.sh`, as a user would call it."""
    environment = {**os.environ, "PYTHON": sys.executable, "TFDS_DATA_DIR": str(data)}
    environment["XLA_FLAGS"] = "--xla_backend_optimization_level=0"
    command = ["bash", "launch/local.sh", "--restarts", "0", *options, "--", *settings_of_a_job(workdir)]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def losses(workdir):
    """The loss of each step, as the run has written it."""
    lines = [json.loads(line) for line in (workdir / METRICS).read_text().splitlines()]
    return [(line["step"], line["loss"]) for line in lines if "loss" in line]


@pytest.mark.slow
def test_a_job_of_two_processes_ended_by_sigterm_resumes_to_what_one_process_learns(tmp_path):
    alone, together = tmp_path / "alone", tmp_path / "together"
    with launched(alone, tmp_path, "--devices", "4") as process:
        said = process.communicate(timeout=240)[1].decode()
        assert process.returncode == 0, said
    deadline = time.monotonic() + 240
    with launched(together, tmp_path, "--processes", "2", "--devices", "2") as process:
        while not sealed_steps(together / "checkpoints") and time.monotonic() < deadline:
            time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        said = process.communicate(timeout=120)[1].decode()
        assert process.returncode == 0, said
    assert "stopped by SIGTERM" in said
    assert 4 <= max(sealed_steps(together / "checkpoints")) < 12
    with launched(together, tmp_path, "--processes", "2", "--devices", "2") as process:
        said = process.communicate(timeout=240)[1].decode()
        assert process.returncode == 0, said
    assert said.count("resuming") == 1
    assert json.loads((together / "report" / "metrics.json").read_text())["data"]["forge"]["frame"]["n"] == 12
    one, two = np.array(losses(alone)), np.array(losses(together))
    np.testing.assert_array_equal(two[:, 0], range(1, 13))
    # Rounding grows to 3e-5 over twelve steps; from step to step, as other images come, losses differ by a tenth.
    np.testing.assert_allclose(two, one, rtol=1e-3)

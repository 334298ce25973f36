"""Joining the processes of a job, so that JAX sees the devices of all of them.

Every process runs the same command. The first one, process 0, alone writes the run folder and prints; the folder is on
a disk that all of them see, or in an object store.
"""

import contextlib
import io
import itertools
import os
import re
import sys
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils

from dfdetect_jax import cli
from dfdetect_jax.errors import SettingsError

_LONGEST_WAIT = 24 * 3600  # seconds that the others wait for the first one, which chooses masks or writes the report
HEARTBEATS = 20  # seconds without one after which a process counts as dead
_GONE = re.compile(r"[\w ]*heartbeat timeout|Connection (?:closed|reset) by peer|Socket closed|[\w ]*task died")
_waits = itertools.count()
_HOW = "give all of --coordinator HOST:PORT, --process_count N and --process_id I, or --distributed alone"


def join(*, detect: bool = False, coordinator: str = "", process_count: int = 0, process_id: int = -1) -> None:
    """Joins a job of several processes; without any argument, this process stays alone.

    To be called before anything else of JAX.

    Args:
        detect: have JAX find the others: on Cloud TPU, under Slurm, Kubernetes (with its Python package) or Open MPI.
        coordinator: HOST:PORT of process 0, which all can reach.
        process_count: processes in all.
        process_id: of this one, from 0.

    Raises:
        SettingsError: the arguments don't go together, or no job is found, or its processes don't meet within five
            minutes.
    """
    explicit = (bool(coordinator), process_count > 0, process_id >= 0)
    if not detect and not any(explicit):
        return
    if detect == any(explicit) or any(explicit) != all(explicit):
        raise SettingsError(f"--distributed: {_HOW}")
    if not detect and process_id >= process_count:
        raise SettingsError(f"--process_id: expected 0 to {process_count - 1}, found {process_id}")
    try:
        jax.distributed.initialize(
            None if detect else coordinator,
            None if detect else process_count,
            None if detect else process_id,
            heartbeat_timeout_seconds=HEARTBEATS,
            shutdown_timeout_seconds=_LONGEST_WAIT,
        )
    except (RuntimeError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise SettingsError(f"--distributed: the processes of this job can't be joined ({reason}); {_HOW}") from error
    # Devices connect at their first collective, some waiting no longer than 30 s: now, while all processes are here.
    multihost_utils.sync_global_devices("joined")


@contextlib.contextmanager
def joined(**job: Any) -> Iterator[None]:
    """`join` for the length of a command: an error in one process of a job ends that process at once.

    A normal exit would deadlock at JAX's shutdown barrier; exiting at once makes the coordinator end the others. One
    that is killed is missed by the others within `HEARTBEATS` seconds: they end with status 3 and one line, or by JAX's
    own hand with SIGABRT and its words, whichever comes first.
    """
    join(**job)
    try:
        yield
    except BaseException as error:
        # The number of processes is asked for last, since that needs devices, which may be what is lacking.
        if not jax.distributed.is_initialized() or jax.process_count() == 1:
            raise
        if line := lost_peer(error):
            print(f"error: {line}", file=sys.stderr)
        status = cli.ExitStatus.CRASHED if line else cli.report(error)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def lost_peer(error: BaseException) -> str:
    """One line where an exception of JAX says that another process of the job has gone; "" elsewhere."""
    if not (isinstance(error, jax.errors.JaxRuntimeError) and (match := _GONE.search(str(error)))):
        return ""
    words = match[0].strip()
    return f"another process of this job has ended ({words}): its own output says why; run the same command again"


def is_first() -> bool:
    """Whether this process is the one that writes and prints."""
    return jax.process_index() == 0


def wait_for_all(name: str) -> None:
    """A barrier: returns when every process has called it with this `name`; all make these calls in the same order."""
    if jax.process_count() > 1:
        from orbax.checkpoint import multihost  # not over the devices, whose collectives may give up before a long wait

        multihost.get_barrier_sync_fn()(key=f"{name}-{next(_waits)}", timeout_ms=1000 * _LONGEST_WAIT)


def gather(columns: dict[str, np.ndarray]) -> list[dict[str, np.ndarray]]:
    """What each process gave, in the order of processes; every process gets all.

    Args:
        columns: arrays of numbers or strings, of any shape; the names are the same in all processes.
    """
    if jax.process_count() == 1:
        return [columns]
    wait_for_all("gather")
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **columns)
    content = np.frombuffer(buffer.getvalue(), np.uint8)
    lengths = multihost_utils.process_allgather(np.array(len(content))).ravel()
    padded = np.zeros(int(lengths.max()), np.uint8)
    padded[: len(content)] = content
    rows = multihost_utils.process_allgather(padded)
    parts = []
    for row, length in zip(rows, lengths, strict=True):
        with np.load(io.BytesIO(row[:length].tobytes()), allow_pickle=False) as file:
            parts.append({name: file[name] for name in columns})
    return parts

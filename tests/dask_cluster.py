"""A Dask cluster of this machine: a scheduler and workers, each a process of its own, as on several machines."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple


class Cluster(NamedTuple):
    """A running cluster.

    Attributes:
        scheduler_file: names the scheduler's address, as `--dask_scheduler_file` takes it.
        workers: processes of one thread each; one that is killed is not started again.
        log: what all of them write.
    """

    scheduler_file: Path
    workers: list[subprocess.Popen]
    log: Path


@contextmanager
def started(folder: Path, workers: int = 2) -> Iterator[Cluster]:
    """A cluster that ends with the block; what it writes is in `folder`."""
    file, log = folder / "scheduler.json", folder / "dask.log"
    place = ["--scheduler-file", str(file)]
    with ExitStack() as stack:
        stack.enter_context(_process(log, "scheduler", "--port=0", "--host=127.0.0.1", "--no-dashboard", *place))
        deadline = time.monotonic() + 120
        while not file.exists():
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        words = ["worker", "--nthreads=1", "--no-nanny", "--no-dashboard", f"--local-directory={folder}", *place]
        yield Cluster(file, [stack.enter_context(_process(log, *words)) for _ in range(workers)], log)


@contextmanager
def _process(log: Path, *words: str) -> Iterator[subprocess.Popen]:
    plain = {**os.environ, "PYTHONWARNINGS": "ignore", "JAX_PLATFORMS": "cpu"}
    with open(log, "a") as output:
        process = subprocess.Popen([sys.executable, "-m", "dask", *words], env=plain, stdout=output, stderr=output)
    try:
        yield process
    finally:
        process.kill()
        process.wait()

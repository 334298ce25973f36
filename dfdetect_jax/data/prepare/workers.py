"""Jobs run by processes of this machine, one thread each; the result of each is kept in its part file."""

import contextlib
import dataclasses
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import Connection
from pathlib import Path

from dfdetect_jax.config.isolation import Isolation
from dfdetect_jax.data.prepare import jobs
from dfdetect_jax.data.prepare.clip_report import ClipReport
from dfdetect_jax.data.prepare.parts import write_part
from dfdetect_jax.data.prepare.request import Request
from dfdetect_jax.devices.host import keep_freed_memory, processors
from dfdetect_jax.errors import RecordsError
from dfdetect_jax.media import decoding

__all__ = ["ONE_THREAD", "environment", "part_file", "processors", "run_and_keep", "run_jobs", "use_one_thread"]

ONE_THREAD = {  # one worker, one thread; workers never take an accelerator from each other
    "JAX_PLATFORMS": "cpu",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
}


def part_file(work: Path, job: jobs.Job) -> Path:
    """The file that keeps the result of a job."""
    return work / f"{job.ident[:32]}.part"


def run_and_keep(job: jobs.Job, request: Request, work: Path) -> ClipReport:
    """Runs one job and writes its part file."""
    examples, report = jobs.run_job(job, request)
    write_part(part_file(work, job), dataclasses.asdict(report), examples, request.codec)
    return report


def use_one_thread() -> None:
    """In a process that runs jobs, before it loads JAX: leaves the other cores and accelerators to others."""
    import cv2

    cv2.setNumThreads(1)
    os.environ.update(ONE_THREAD)
    keep_freed_memory()  # page faults of several workers wait for one another


def run_jobs(remaining: Sequence[jobs.Job], request: Request, work: Path, processes: int) -> Iterator[ClipReport]:
    """Runs jobs, `processes` at a time; yields their reports as they end.

    Raises:
        RecordsError: a worker was killed, or can't write.
    """
    context = multiprocessing.get_context("spawn")  # forking a process with threads (JAX, OpenCV) may hang it
    watched, held = context.Pipe(duplex=False)  # closed by us or by our death: the workers see its end either way
    with (
        environment(ONE_THREAD),
        held,
        ProcessPoolExecutor(processes, context, _start, (watched, decoding.isolation())) as pool,
    ):
        futures = [pool.submit(run_and_keep, job, request, work) for job in remaining]
        try:
            for future in as_completed(futures):
                yield future.result()
        except BaseException as error:  # an interrupt among them: don't wait for running jobs
            held.close()
            pool.shutdown(wait=False, cancel_futures=True)
            if not isinstance(error, BrokenProcessPool):
                raise
            raise RecordsError(
                "a worker was killed, perhaps because memory ran out; the same command continues from here, "
                f"if need be with --processes below {processes}"
            ) from None


@contextlib.contextmanager
def environment(values: dict[str, str]) -> Iterator[None]:
    """Sets environment variables, which new processes inherit, inside a `with` block."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _start(watched: Connection, isolation: Isolation | None) -> None:
    """In a worker: one thread; interrupts are left to the parent; exits as soon as `watched` is closed."""
    use_one_thread()
    decoding.isolate(isolation)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_exit_with, args=(watched,), daemon=True).start()


def _exit_with(watched: Connection) -> None:
    with contextlib.suppress(EOFError, OSError):
        watched.recv_bytes()
    os._exit(1)

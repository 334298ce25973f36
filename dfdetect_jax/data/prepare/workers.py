"""Jobs done by processes of this machine, one thread each; what each gives is kept in its part file."""

import contextlib
import dataclasses
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import Connection
from pathlib import Path

from dfdetect_jax.data.prepare import jobs, shards
from dfdetect_jax.data.prepare.crops import ClipReport
from dfdetect_jax.data.prepare.request import Request
from dfdetect_jax.devices.host import keep_freed_memory
from dfdetect_jax.errors import RecordsError

ONE_THREAD = {  # one worker, one thread; workers never take an accelerator from each other
    "JAX_PLATFORMS": "cpu",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
}


def part_file(work: Path, job: jobs.Job) -> Path:
    """Where what came of a job is kept."""
    return work / f"{job.ident[:32]}.part"


def do_and_keep(job: jobs.Job, request: Request, work: Path) -> ClipReport:
    """Does one job and writes its part file."""
    examples, report = jobs.do(job, request)
    shards.write_part(part_file(work, job), dataclasses.asdict(report), examples, request.codec)
    return report


def use_one_thread() -> None:
    """In a process that does jobs, before it loads JAX: leaves the other cores and accelerators to others."""
    import cv2

    cv2.setNumThreads(1)
    os.environ.update(ONE_THREAD)
    keep_freed_memory()  # page faults of several workers wait for one another


def do_all(left: Sequence[jobs.Job], request: Request, work: Path, processes: int) -> Iterator[ClipReport]:
    """Does jobs in `processes` at a time; yields their reports as they come.

    Raises:
        RecordsError: a worker was killed, or can't write.
    """
    context = multiprocessing.get_context("spawn")  # forking a process with threads (JAX, OpenCV) may hang it
    watched, held = context.Pipe(duplex=False)  # closed by us or by our death: the workers see its end either way
    with environment(ONE_THREAD), held, ProcessPoolExecutor(processes, context, _start, (watched,)) as pool:
        futures: list[Future] = [pool.submit(do_and_keep, job, request, work) for job in left]
        try:
            for future in as_completed(futures):
                yield future.result()
        except BaseException as error:  # an interrupt among them: don't wait for what is under way
            held.close()
            pool.shutdown(wait=False, cancel_futures=True)
            if not isinstance(error, BrokenProcessPool):
                raise
            raise RecordsError(
                "a worker was killed, perhaps for want of memory; the same command goes on from here, "
                f"if need be with --processes below {processes}"
            ) from None


@contextlib.contextmanager
def environment(values: dict[str, str]) -> Iterator[None]:
    """Sets environment variables, which new processes inherit, for a while."""
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


def _start(watched: Connection) -> None:
    """In a worker: one thread; an interrupt is the parent's business; the end as soon as `watched` ends."""
    use_one_thread()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_exit_with, args=(watched,), daemon=True).start()


def _exit_with(watched: Connection) -> None:
    with contextlib.suppress(EOFError, OSError):
        watched.recv_bytes()
    os._exit(1)

"""Preparing a data set: its jobs done in parallel worker processes, kept one by one, then merged into records.

Each clip is kept as soon as it is done, so that the same call goes on after an interruption, `kill -9` included.
"""

import contextlib
import dataclasses
import importlib.metadata
import json
import multiprocessing
import os
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import Connection
from pathlib import Path

import rich.console
import rich.progress

from dfdetect_jax.config import Crop
from dfdetect_jax.data import jobs, records, shards
from dfdetect_jax.data.crops import ClipReport
from dfdetect_jax.errors import RecordsError

_PIXEL_PACKAGES = ("opencv-python-headless", "jax", "mtcnn", "pillow")
_ONE_THREAD = {  # one worker, one thread; workers never take an accelerator from each other
    "JAX_PLATFORMS": "cpu",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
}


def prepare(
    dataset: str,
    root: str | Path | None = None,
    out: str | Path = "",
    crop: Crop | None = None,
    *,
    processes: int = 0,
    say: Callable[[str], None] | None = None,
    **asked,
) -> Path:
    """Prepares a data set, or finds that it is prepared.

    Args:
        dataset: one of `jobs.DATASETS`.
        root: the tree on disk; None for the embedded set.
        out: where prepared data sets are, as `records.data_dir` takes it.
        crop: how faces are cut; None for the defaults.
        processes: that work at a time; 0 for one per processor. The records don't depend on it.
        say: called with each line for the user; None prints them on standard error.
        **asked: `frames`, `compression`, `images`, `seed`, `name` as in `jobs.Request`.

    Returns:
        The folder of records, `<out>/<name>/<config>/<version>`.

    Raises:
        SettingsError, RecordsError: as `jobs.plan`; or the folder holds records of other files; or not one clip
            could be used; or a worker was killed.
    """
    say = say or (lambda line: print(line, file=sys.stderr, flush=True))
    root = str(Path(root).expanduser().absolute()) if root else ""
    request = jobs.Request(dataset=dataset, root=root, crop=crop or Crop(), **asked)
    plan = jobs.plan(request)
    home = records.data_dir(out)
    place = Path(plan.name) / request.config / records.VERSION
    if _prepared(home / place, request, plan):
        say(f"{home / place}: already prepared, nothing to do")
        return home / place
    for finding in plan.findings:
        say(f"note: {finding}")
    work = home / ".preparing" / plan.name / request.config
    with shards.locked(work, lambda: say(f"{work}: another process is preparing this; waiting for it")):
        if not _prepared(home / place, request, plan):  # by the one that was waited for
            _work(plan, request, work, processes, say)
            _finish(plan, request, work, home / ".preparing" / place, home / place)
    return home / place


def _prepared(folder: Path, request: jobs.Request, plan: jobs.Plan) -> bool:
    """Whether `folder` already holds just this.

    Raises:
        RecordsError: it holds something else.
    """
    if not (folder / records.MANIFEST).is_file():
        return False
    manifest = records.read_manifest(folder)
    if request.dataset == "forge" and not request.root and manifest.settings.get("code") != request.settings["code"]:
        return False  # the embedded set of another version of this library, which nothing is lost with
    if manifest.settings != request.settings:
        raise RecordsError(f"{folder}: prepared with other settings; give another --name or --out, or remove it")
    if manifest.units != plan.ident:
        raise RecordsError(f"{folder}: prepared from other files; give another --name or --out, or remove it")
    return True


def _work(plan: jobs.Plan, request: jobs.Request, work: Path, processes: int, say) -> None:
    """Does the jobs that have no part file yet."""
    left = [job for job in plan.jobs if shards.read_report(_part(work, job)) is None]
    if len(left) < len(plan.jobs):
        say(f"{len(plan.jobs) - len(left)} of {len(plan.jobs)} were done before; going on")
    workers = min(processes or len(os.sched_getaffinity(0)), max(1, len(left)))
    console = rich.console.Console(stderr=True)
    columns = (*rich.progress.Progress.get_default_columns(), rich.progress.MofNCompleteColumn())
    with rich.progress.Progress(*columns, console=console) as bar:
        task = bar.add_task(f"preparing {plan.name}", total=len(plan.jobs), completed=len(plan.jobs) - len(left))
        for report in _parallel(left, request, work, workers):
            bar.advance(task)
            if report.failed:
                say(f"skipped: {report.clip}: {'; '.join(report.words)}")


def _parallel(left: Sequence[jobs.Job], request: jobs.Request, work: Path, workers: int) -> Iterator[ClipReport]:
    context = multiprocessing.get_context("spawn")  # forking a process with threads (JAX, OpenCV) may hang it
    watched, held = context.Pipe(duplex=False)  # closed by us or by our death: the workers see its end either way
    with _environment(_ONE_THREAD), held, ProcessPoolExecutor(workers, context, _start_worker, (watched,)) as pool:
        futures: list[Future] = [pool.submit(_do, job, request, _part(work, job)) for job in left]
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
                f"if need be with --processes below {workers}"
            ) from None


def _start_worker(watched: Connection) -> None:
    """In a worker: one thread; an interrupt is the parent's business; the end as soon as `watched` ends."""
    import cv2

    cv2.setNumThreads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_exit_with, args=(watched,), daemon=True).start()


def _exit_with(watched: Connection) -> None:
    with contextlib.suppress(EOFError, OSError):
        watched.recv_bytes()
    os._exit(1)


def _do(job: jobs.Job, request: jobs.Request, part: Path) -> ClipReport:
    """In a worker: does one job and writes its part file."""
    examples, report = jobs.do(job, request)
    shards.write_part(part, dataclasses.asdict(report), examples)
    return report


def _part(work: Path, job: jobs.Job) -> Path:
    return work / f"{job.ident[:32]}.part"


def _finish(plan: jobs.Plan, request: jobs.Request, work: Path, built: Path, folder: Path) -> None:
    """Merges the parts into `built`, and lets it appear as `folder`."""
    parts = [_part(work, job) for job in plan.jobs]
    reports = [shards.read_report(part) for part in parts]
    if not any(report["got"] for report in reports):
        words = sorted({word for report in reports for word in report["words"]})
        raise RecordsError(f"{request.root}: not one example in {len(parts)} clips: {'; '.join(words[:5])}")
    shutil.rmtree(built, ignore_errors=True)
    built.mkdir(parents=True)
    (built / records.CLIPS).write_text("".join(json.dumps(report) + "\n" for report in reports))
    merged = shards.merge(built, plan.name, request.crop.size, parts)
    manifest = records.Manifest(
        name=plan.name,
        config=request.config,
        settings=request.settings,
        units=plan.ident,
        versions={package: importlib.metadata.version(package) for package in _PIXEL_PACKAGES},
        **merged,
    )
    (built / records.MANIFEST).write_text(json.dumps(dataclasses.asdict(manifest), indent=1))
    shards.publish(built, folder)
    shutil.rmtree(work)
    for empty in (work.parent, work.parent.parent):  # unless another preparation is under way there
        with contextlib.suppress(OSError):
            empty.rmdir()


@contextlib.contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
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

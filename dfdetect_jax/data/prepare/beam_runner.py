"""Jobs run by Apache Beam: the same work as `workers.run_jobs`, on all machines of a Beam runner.

Only the numbers of the jobs are sent: each worker plans the request itself, once, so the tree, the library and the
folder of parts must have the paths that they have on the launching machine (a network disk, a container image with a
mounted bucket). Part files appear in that folder; the launching machine merges them. So no result passes through the
runner, which need not keep what it can't.
"""

import functools
from collections.abc import Sequence
from pathlib import Path

import apache_beam
from apache_beam.options.pipeline_options import PipelineOptions, SetupOptions, WorkerOptions

from dfdetect_jax.data.prepare import jobs, workers
from dfdetect_jax.data.prepare.parts import read_report
from dfdetect_jax.data.prepare.request import Request
from dfdetect_jax.errors import RecordsError, SettingsError

DASK = "apache_beam.runners.dask.dask_runner.DaskRunner"
"""Beam knows other runners by their last word alone."""
_MOST_PARTITIONS = 1000  # each is a task of Dask's scheduler
_RESUME = "finished clips are kept; the same command continues"


def run_jobs(numbers: Sequence[int], plan: jobs.Plan, request: Request, work: Path, options: Sequence[str]) -> None:
    """Runs the jobs of a plan that have these numbers, and waits for them.

    Args:
        numbers: indices of `plan.jobs`.
        plan: of `request`.
        request: what the records hold.
        work: folder of the part files, under the same path on every worker.
        options: for Beam, as it takes them: `--runner=DirectRunner`, `--direct_num_workers=2`, ...; and
            `--runner=DaskRunner`.

    Raises:
        SettingsError: Beam doesn't know the runner, or refuses an option.
        RecordsError: the pipeline failed; finished clips are kept.
    """
    try:
        beam_options = PipelineOptions(_for_beam(options, len(numbers)))
        beam_options.view_as(SetupOptions).save_main_session = False
        logging = beam_options.view_as(WorkerOptions)
        logging.default_sdk_harness_log_level = logging.default_sdk_harness_log_level or "WARNING"
        pipeline = apache_beam.Pipeline(options=beam_options)
    except (ValueError, ImportError, AttributeError, SystemExit) as error:
        raise SettingsError(f"runner: Apache Beam refused {' '.join(options)} ({_last_line(error)})") from error
    (
        pipeline
        | apache_beam.Create(numbers)
        | apache_beam.Reshuffle()  # else a runner may keep all in the one process that created them
        | apache_beam.ParDo(_RunJob(request, plan.ident, work))
    )
    try:
        with workers.environment(workers.ONE_THREAD):  # inherited by the processes of a local runner
            result = pipeline.run()
            state = result.wait_until_finish()
    except Exception as error:  # runners share no base class of errors
        raise RecordsError(f"the Beam pipeline failed ({_last_line(error)}); {_RESUME}") from error
    if state not in (None, "DONE"):
        raise RecordsError(f"the Beam pipeline ended as {state}; {_RESUME}")


def _for_beam(options: Sequence[str], count: int) -> list[str]:
    """Options as Beam takes them: Dask's runner by its full name, and its work in pieces that its workers share.

    Its own pieces have 128 elements or more, so that few clips would all go to one worker.
    """
    if "--runner=DaskRunner" not in options:
        return list(options)
    rest = [option for option in options if option != "--runner=DaskRunner"]
    divided = any(option.startswith(("--dask_npartitions", "--dask_partition_size")) for option in rest)
    pieces = [] if divided else [f"--dask_npartitions={min(count, _MOST_PARTITIONS)}"]
    return [f"--runner={DASK}", *rest, *pieces]


@functools.lru_cache(1)
def _plan(request: Request, ident: str) -> jobs.Plan:
    """A worker's own plan, made once in its process: some runners set a transform up anew for every few elements.

    Raises:
        RecordsError: it is not the plan with this `ident`.
    """
    plan = jobs.plan(request)
    if plan.ident != ident:
        raise RecordsError(
            f"{request.root}: a worker has other files there than the launching machine; "
            "make the tree available to all workers under the same path"
        )
    return plan


class _RunJob(apache_beam.DoFn):
    """Runs one job by its number, unless a worker that died since has done it."""

    def __init__(self, request: Request, ident: str, work: Path):
        self._request, self._ident, self._work = request, ident, work

    def setup(self) -> None:
        workers.use_one_thread()
        self._plan = _plan(self._request, self._ident)

    def process(self, number: int) -> None:
        job = self._plan.jobs[number]
        if read_report(workers.part_file(self._work, job)) is None:
            workers.run_and_keep(job, self._request, self._work)


def _last_line(error: BaseException) -> str:
    """The last line of a message, which names the error where a traceback came as text."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[-1].strip() if lines else type(error).__name__

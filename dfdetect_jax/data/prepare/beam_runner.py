"""Jobs done by an Apache Beam runner: the same work as `workers.do_all`, on as many machines as the runner has.

What travels are the jobs' numbers: each worker plans the request itself, once, so that the tree, the library and the
folder of parts must be where the launching machine has them (a network disk, a container image with a mounted bucket).
Part files appear there; the launching machine merges them.
"""

from collections.abc import Sequence
from pathlib import Path

import apache_beam
from apache_beam.options.pipeline_options import PipelineOptions, SetupOptions, WorkerOptions

from dfdetect_jax.data.prepare import jobs, workers
from dfdetect_jax.data.prepare.request import Request
from dfdetect_jax.errors import RecordsError, SettingsError


def do_all(numbers: Sequence[int], plan: jobs.Plan, request: Request, work: Path, options: Sequence[str]) -> None:
    """Does the jobs of a plan that have these numbers, and waits for them.

    Args:
        numbers: places in `plan.jobs`.
        plan: of `request`.
        request: what was asked.
        work: folder of the part files, seen by every worker under the same path.
        options: for Beam, as it takes them: `--runner=DirectRunner`, `--direct_num_workers=2`, ...

    Raises:
        SettingsError: Beam doesn't know the runner, or refuses an option.
        RecordsError: the pipeline failed; what was done is kept.
    """
    try:
        given = PipelineOptions(list(options))
        given.view_as(SetupOptions).save_main_session = False
        logged = given.view_as(WorkerOptions)
        logged.default_sdk_harness_log_level = logged.default_sdk_harness_log_level or "WARNING"
        pipeline = apache_beam.Pipeline(options=given)
    except (ValueError, ImportError, AttributeError, SystemExit) as error:
        raise SettingsError(f"runner: Apache Beam refused {' '.join(options)} ({_gist(error)})") from error
    (
        pipeline
        | apache_beam.Create(numbers)
        | apache_beam.Reshuffle()  # else a runner may keep all in the one process that created them
        | apache_beam.ParDo(_DoJob(request, plan.ident, work))
    )
    try:
        with workers.environment(workers.ONE_THREAD):  # which processes that a local runner starts inherit
            result = pipeline.run()
            state = result.wait_until_finish()
    except Exception as error:  # a runner raises what it likes
        raise RecordsError(
            f"the Beam pipeline failed ({_gist(error)}); what was done is kept, the same command goes on"
        ) from error
    if state not in (None, "DONE"):
        raise RecordsError(f"the Beam pipeline ended as {state}; what was done is kept, the same command goes on")


class _DoJob(apache_beam.DoFn):
    """Does one job by its number."""

    def __init__(self, request: Request, ident: str, work: Path):
        self._request, self._ident, self._work = request, ident, work

    def setup(self) -> None:
        workers.use_one_thread()
        self._plan = jobs.plan(self._request)
        if self._plan.ident != self._ident:
            raise RecordsError(f"{self._request.root}: a worker sees other files there than the launching machine")

    def process(self, number: int) -> None:
        job = self._plan.jobs[number]
        workers.do_and_keep(job, self._request, self._work)


def _gist(error: BaseException) -> str:
    """The line that says what happened: the last of a traceback that came as text."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[-1].strip() if lines else type(error).__name__

"""Preparing a data set: its jobs done in parallel, kept one by one, then merged into records.

Each clip is kept as soon as it is done, so that the same call goes on after an interruption, `kill -9` included.
Several machines with a disk in common may each take a share of the jobs; whichever is last merges.
"""

import contextlib
import dataclasses
import importlib.metadata
import json
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import rich.console
import rich.progress

from dfdetect_jax.config import Crop
from dfdetect_jax.data import records
from dfdetect_jax.data.prepare import jobs, shards, workers
from dfdetect_jax.data.prepare.request import Request, default_crop
from dfdetect_jax.devices.host import processors
from dfdetect_jax.errors import RecordsError, SettingsError
from dfdetect_jax.shares import Share

_PIXEL_PACKAGES = ("opencv-python-headless", "jax", "mtcnn", "pillow")
Say = Callable[[str], None]


def prepare(
    dataset: str,
    root: str | Path | None = None,
    out: str | Path = "",
    crop: Crop | None = None,
    *,
    processes: int = 0,
    share: Share = Share(),  # noqa: B008 (immutable)
    beam: Sequence[str] = (),
    say: Say | None = None,
    **asked,
) -> Path | None:
    """Prepares a data set, or finds that it is prepared.

    Args:
        dataset: one of `request.DATASETS`.
        root: the tree on disk; None for the embedded set.
        out: where prepared data sets are, as `records.data_dir` takes it.
        crop: how faces are cut; None for the defaults.
        processes: that work at a time; 0 for one per processor. The records don't depend on it.
        share: of the jobs that this call does; other calls, here or elsewhere, do the others.
        beam: options of Apache Beam, with which it does the jobs in place of processes of this machine.
        say: called with each line for the user; None prints them on standard error.
        **asked: the other attributes of `request.Request`, such as `frames` or `compression`.

    Returns:
        The folder of records, `<out>/<name>/<config>/<version>`; None while other shares have jobs left.

    Raises:
        SettingsError, RecordsError: as `jobs.plan`; or the folder holds records of other files; or not one clip
            could be used; or a worker was killed.
    """
    processes = processes or processors()
    say = say or (lambda line: print(line, file=sys.stderr, flush=True))
    root = _absolute(root)
    asked |= {name: _absolute(asked[name]) for name in ("reals", "json") if name in asked}
    crop = crop or default_crop(dataset, asked.get("encoding", ""))
    request = Request(dataset=dataset, root=root, crop=crop, **asked)
    plan = jobs.plan(request)
    home = records.data_dir(out)
    place = Path(plan.name) / request.config / records.VERSION
    if _prepared(home / place, request, plan):
        say(f"{home / place}: already prepared, nothing to do")
        return home / place
    for finding in plan.findings:
        say(f"note: {finding}")
    work = home / ".preparing" / plan.name / request.config
    own = "lock" if share.count == 1 else f"lock-{share.index}-of-{share.count}"
    with shards.locked(work / own, lambda: say(f"{work}: another process is preparing this; waiting for it")):
        if not _prepared(home / place, request, plan):  # by the one that was waited for
            _do(plan, request, work, share, processes, beam, say)
    left = [] if _prepared(home / place, request, plan) else _left(plan, range(len(plan.jobs)), work)
    if left:
        say(f"share {share.index} of {share.count} is done; {len(left)} of {len(plan.jobs)} clips are left to others")
        return None
    with shards.locked(work / "lock-merge", lambda: say(f"{work}: another process is merging this; waiting for it")):
        if not _prepared(home / place, request, plan):
            _merge(plan, request, work, home / ".preparing" / place, home / place, processes)
    _tidy(work)
    return home / place


def _absolute(path: str | Path | None) -> str:
    return str(Path(path).expanduser().absolute()) if path else ""


def _prepared(folder: Path, request: Request, plan: jobs.Plan) -> bool:
    """Whether `folder` already holds just this.

    Raises:
        RecordsError: it holds something else.
    """
    if not (folder / records.MANIFEST).is_file():
        return False
    manifest = records.read_manifest(folder)
    if manifest.settings != request.settings:
        if request.embedded:
            return False  # that of another version of this library, which nothing is lost with
        raise RecordsError(f"{folder}: prepared with other settings; give another --name or --out, or remove it")
    if manifest.forgery_field != "forgery":  # what 0.1 prepared is read as it is; it hashed the clips otherwise
        return True
    if manifest.units != plan.ident:
        raise RecordsError(f"{folder}: prepared from other files; give another --name or --out, or remove it")
    return True


def _left(plan: jobs.Plan, numbers: Sequence[int], work: Path) -> list[int]:
    """Those of some jobs that have no sound part file yet."""
    return [i for i in numbers if shards.read_report(workers.part_file(work, plan.jobs[i])) is None]


def _do(plan: jobs.Plan, request: Request, work: Path, share: Share, processes: int, beam: Sequence[str], say: Say):
    """Does this share's jobs that are left."""
    own = share.of(len(plan.jobs))
    left = _left(plan, own, work)
    if len(left) < len(own):
        say(f"{len(own) - len(left)} of {len(own)} were done before; going on")
    if beam and left:
        _by_beam(left, plan, request, work, beam, say)
        return
    console = rich.console.Console(stderr=True)
    columns = (*rich.progress.Progress.get_default_columns(), rich.progress.MofNCompleteColumn())
    with rich.progress.Progress(*columns, console=console) as bar:
        task = bar.add_task(f"preparing {plan.name}", total=len(own), completed=len(own) - len(left))
        count = min(processes, max(1, len(left)))
        for report in workers.do_all([plan.jobs[i] for i in left], request, work, count):
            bar.advance(task)
            if report.failed:
                say(f"skipped: {report.clip}: {'; '.join(report.words)}")


def _by_beam(left: Sequence[int], plan: jobs.Plan, request: Request, work: Path, options: Sequence[str], say: Say):
    try:
        from dfdetect_jax.data.prepare.beam_runner import do_all  # an extra, and heavy
    except ImportError as error:
        raise SettingsError(f"runner: needs Apache Beam ({error}); pip install 'dfdetect_jax[beam]'") from error
    say(f"{len(left)} clips to prepare with Apache Beam")
    do_all(left, plan, request, work, options)
    for number in left:
        report = shards.read_report(workers.part_file(work, plan.jobs[number]))
        if report and report["failed"]:
            say(f"skipped: {report['clip']}: {'; '.join(report['words'])}")


def _merge(plan: jobs.Plan, request: Request, work: Path, built: Path, folder: Path, processes: int) -> None:
    """Merges the parts into `built`, and lets it appear as `folder`."""
    parts = [workers.part_file(work, job) for job in plan.jobs]
    reports = [shards.read_report(part) for part in parts]
    if not any(report["got"] for report in reports):
        words = sorted({word for report in reports for word in report["words"]})
        raise RecordsError(f"{request.root}: not one example in {len(parts)} clips: {'; '.join(words[:5])}")
    shutil.rmtree(built, ignore_errors=True)
    built.mkdir(parents=True)
    (built / records.CLIPS).write_text("".join(json.dumps(report) + "\n" for report in reports))
    merged = shards.merge(built, plan.name, request.codec, parts, processes)
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


def _tidy(work: Path) -> None:
    """Removes what merging left behind, unless another preparation is under way there."""
    shutil.rmtree(work, ignore_errors=True)
    for empty in (work.parent, work.parent.parent):
        with contextlib.suppress(OSError):
            empty.rmdir()

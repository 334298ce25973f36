"""Preparing a data set: its jobs run in parallel, their results are kept one by one, then merged into records.

Each clip is kept as soon as it is done, so the same call continues after an interruption, `kill -9` included. Several
machines with a disk in common may each run a share of the jobs; the last to finish merges them.
"""

import contextlib
import dataclasses
import importlib.metadata
import json
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import rich.console
import rich.progress

from dfdetect_jax.config import Crop
from dfdetect_jax.data import records
from dfdetect_jax.data.finding import Severity, at_least
from dfdetect_jax.data.prepare import jobs, shards, workers
from dfdetect_jax.data.prepare.locks import locked
from dfdetect_jax.data.prepare.parts import read_report
from dfdetect_jax.data.prepare.request import Request, default_crop
from dfdetect_jax.data.record_folders import records_home
from dfdetect_jax.devices.host import processors
from dfdetect_jax.errors import RecordsError, SettingsError, one_line
from dfdetect_jax.files import write_json, write_text
from dfdetect_jax.shares import Share

_PIXEL_PACKAGES = ("av", "opencv-python-headless", "jax", "mtcnn", "pillow")
_OTHER_PLACE = "give another --name or --out, or remove it"
Log = Callable[[str], None]


def prepare(
    dataset: str,
    root: str | Path | None = None,
    out: str | Path = "",
    crop: Crop | None = None,
    *,
    processes: int = 0,
    beam: Sequence[str] = (),
    log: Log | None = None,
    **settings: Any,
) -> Path:
    """Prepares a data set; does nothing where it is prepared already.

    Args:
        dataset: one of `request.DATASETS`.
        root: the tree on disk; None for the embedded set.
        out: folder of prepared data sets, as `record_folders.records_home` takes it.
        crop: how faces are cropped; None for the defaults.
        processes: that work at a time; 0 for one per processor. The records don't depend on it.
        beam: options of Apache Beam, which then runs the jobs in place of processes of this machine.
        log: called with each line for the user; None prints them on standard error.
        **settings: the other attributes of `request.Request`, such as `frames` or `compression`.

    Returns:
        The folder of records, `<out>/<name>/<config>/<version>`.

    Raises:
        SettingsError, RecordsError: as `jobs.plan`; or the tree has a finding that is an error, such as no reals; or
            the folder holds records of other files; or no clip could be used; or a worker was killed.
    """
    folder = prepare_share(Share(), dataset, root, out, crop, processes=processes, beam=beam, log=log, **settings)
    if folder is None:
        raise RecordsError(f"{out}: part files disappeared while records were prepared; run the same command again")
    return folder


def prepare_share(
    share: Share,
    dataset: str,
    root: str | Path | None = None,
    out: str | Path = "",
    crop: Crop | None = None,
    *,
    processes: int = 0,
    beam: Sequence[str] = (),
    log: Log | None = None,
    **settings: Any,
) -> Path | None:
    """As `prepare`, but runs only the jobs of one share; other calls, here or elsewhere, run the others.

    Returns:
        The folder of records; None while other shares have jobs left.

    Raises:
        SettingsError, RecordsError: as `prepare`.
    """
    if processes < 0:
        raise SettingsError(f"processes: expected at least 1, or 0 for one per processor, found {processes}")
    log = log or (lambda line: print(line, file=sys.stderr, flush=True))
    settings |= {name: _absolute(settings[name]) for name in ("reals", "json") if name in settings}
    crop = crop or default_crop(dataset, settings.get("encoding", ""))
    request = Request(dataset=dataset, root=_absolute(root), crop=crop, **settings)
    target = _Target(request, jobs.plan(request), records_home(out))
    if target.is_prepared():
        log(f"{target.folder}: already prepared, nothing to do")
        return target.folder
    _refuse_errors(target)
    for finding in target.plan.findings:
        log(f"{finding.severity}: {finding.words}")
    return _prepare(target, share, processes or processors(), beam, log)


@dataclasses.dataclass(frozen=True)
class _Target:
    """A request, its plan, and the folder of prepared data sets."""

    request: Request
    plan: jobs.Plan
    home: Path

    @property
    def place(self) -> Path:
        """`<name>/<config>/<version>`."""
        return Path(self.plan.name) / self.request.config / records.VERSION

    @property
    def folder(self) -> Path:
        """The folder of records."""
        return self.home / self.place

    @property
    def work(self) -> Path:
        """The folder of part files and locks."""
        return self.home / ".preparing" / self.plan.name / self.request.config

    def parts(self) -> list[Path]:
        """The part file of each job."""
        return [workers.part_file(self.work, job) for job in self.plan.jobs]

    def remaining(self, numbers: Iterable[int]) -> list[int]:
        """Of the jobs with these numbers those without an intact part file."""
        parts = self.parts()
        return [number for number in numbers if read_report(parts[number]) is None]

    def is_prepared(self) -> bool:
        """Whether the folder already holds these records.

        Raises:
            RecordsError: it holds others.
        """
        if not (self.folder / records.MANIFEST).is_file():
            return False
        manifest = records.read_manifest(self.folder)
        if manifest.settings != self.request.settings:
            if self.request.embedded:
                return False  # made by another version of this library, and quickly made again
            raise RecordsError(f"{self.folder}: prepared with other settings; {_OTHER_PLACE}")
        if manifest.forgery_field != "forgery":  # records of 0.1 are read as they are; it hashed the clips otherwise
            return True
        if manifest.units != self.plan.ident:
            raise RecordsError(f"{self.folder}: prepared from other files; {_OTHER_PLACE}")
        return True


def _refuse_errors(target: _Target) -> None:
    """What `check` calls an error of the tree costs hours when it is seen only after the work."""
    if errors := [finding.words for finding in at_least(target.plan.findings, Severity.ERROR)]:
        raise RecordsError(f"{target.request.root}: {'; '.join(errors)}")


def _prepare(target: _Target, share: Share, processes: int, beam: Sequence[str], log: Log) -> Path | None:
    work, plan = target.work, target.plan
    own_lock = "lock" if share.count == 1 else f"lock-{share.index}-of-{share.count}"
    with locked(work / own_lock, lambda holder: log(f"{work}: {holder} is preparing this; waiting for it")):
        if not target.is_prepared():  # else the process that held the lock has prepared it
            _run_share(target, share, processes, beam, log)
    remaining = [] if target.is_prepared() else target.remaining(range(len(plan.jobs)))
    if remaining:
        counts = f"{len(remaining)} of {len(plan.jobs)} clips remain for other shares"
        log(f"share {share.index} of {share.count} is done; {counts}")
        return None
    with locked(work / "lock-merge", lambda holder: log(f"{work}: {holder} is merging this; waiting for it")):
        if not target.is_prepared():
            _merge(target, processes)
    _clean_up(work)
    return target.folder


def _absolute(path: str | Path | None) -> str:
    return str(Path(path).expanduser().absolute()) if path else ""


def _run_share(target: _Target, share: Share, processes: int, beam: Sequence[str], log: Log) -> None:
    """Runs the jobs of a share that have no part file yet."""
    plan = target.plan
    own = share.of(len(plan.jobs))
    remaining = target.remaining(own)
    if len(remaining) < len(own):
        log(f"{len(own) - len(remaining)} of {len(own)} were done before; continuing")
    if beam and remaining:
        _run_by_beam(target, remaining, beam, log)
        return
    console = rich.console.Console(stderr=True)
    columns = (*rich.progress.Progress.get_default_columns(), rich.progress.MofNCompleteColumn())
    with rich.progress.Progress(*columns, console=console) as bar:
        task = bar.add_task(f"preparing {plan.name}", total=len(own), completed=len(own) - len(remaining))
        count = min(processes, max(1, len(remaining)))
        for report in workers.run_jobs([plan.jobs[i] for i in remaining], target.request, target.work, count):
            bar.advance(task)
            if report.failed:
                log(one_line(f"skipped: {report.clip}: {'; '.join(report.words)}"))


def _run_by_beam(target: _Target, remaining: Sequence[int], options: Sequence[str], log: Log) -> None:
    try:
        from dfdetect_jax.data.prepare.beam_runner import run_jobs  # an extra, and heavy
    except ImportError as error:
        raise SettingsError(f"runner: needs Apache Beam ({error}); pip install 'dfdetect_jax[beam]'") from error
    log(f"{len(remaining)} clips to prepare with Apache Beam")
    run_jobs(remaining, target.plan, target.request, target.work, options)
    parts = target.parts()
    for number in remaining:
        report = read_report(parts[number])
        if report and report["failed"]:
            log(one_line(f"skipped: {report['clip']}: {'; '.join(report['words'])}"))


def _merge(target: _Target, processes: int) -> None:
    """Merges the parts in a folder beside the target's, and moves it there."""
    request, plan, parts = target.request, target.plan, target.parts()
    reports = [report for report in map(read_report, parts) if report]
    if not any(report["got"] for report in reports):
        words = sorted({word for report in reports for word in report["words"]})
        raise RecordsError(f"{request.root}: not one example in {len(parts)} clips: {'; '.join(words[:5])}")
    built = target.home / ".preparing" / target.place
    shutil.rmtree(built, ignore_errors=True)
    write_text(built / records.CLIPS, "".join(json.dumps(report) + "\n" for report in reports))
    merged = shards.merge(built, plan.name, request.codec, parts, processes)
    manifest = records.Manifest(
        name=plan.name,
        config=request.config,
        settings=request.settings,
        units=plan.ident,
        versions={package: importlib.metadata.version(package) for package in _PIXEL_PACKAGES},
        **merged,
    )
    write_json(built / records.MANIFEST, dataclasses.asdict(manifest))
    shards.publish(built, target.folder)


def _clean_up(work: Path) -> None:
    """Removes the folder of part files, and those above it unless another preparation uses them."""
    shutil.rmtree(work, ignore_errors=True)
    for folder in (work.parent, work.parent.parent):
        with contextlib.suppress(OSError):
            folder.rmdir()

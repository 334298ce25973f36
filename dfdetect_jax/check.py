"""`dfdetect check`: an audit of a data set on disk, or of prepared records, in words.

    --dataset NAME --root DIR     before `prepare`: counts, missing parts, unreadable files, duplicates, look-alikes
                                  across splits, files saved differently for fakes and reals, masks that do not fit
    --records DIR                 afterwards: the hash of every file, the counts, no identity in two splits

Findings are errors (they spoil what is prepared or measured), warnings (they may be mistakes) or notes (worth knowing).

Exit status: 0 sound, 1 findings from the level of --fail_on upwards (warnings, unless set otherwise), 2 not readable at
all.
"""

import argparse
import dataclasses
import itertools
import os
import sys
import textwrap
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import rich.console
import rich.progress

from dfdetect_jax import cli
from dfdetect_jax.data import audit, catalog, record_folders
from dfdetect_jax.data.catalog_options import Options, add_flags, options_from
from dfdetect_jax.data.counts_table import counts_table
from dfdetect_jax.data.finding import Finding, Severity, at_least, severity_counts
from dfdetect_jax.errors import SettingsError
from dfdetect_jax.files import write_json
from dfdetect_jax.media.decoding import isolated
from dfdetect_jax.stores.address import local

_PIPED_WIDTH = 120  # columns of a table that is not printed to a terminal


def check_tree(dataset: str, root: str | Path, options: Options | None = None) -> audit.Audit:
    """Audits the tree of a data set on disk.

    Raises:
        RecordsError: it is not a tree of that data set.
    """
    listing = catalog.find_clips(dataset, Path(root), options or Options())
    console = rich.console.Console(stderr=True)
    with rich.progress.Progress(console=console, disable=not console.is_terminal, transient=True) as bar:

        def progress(name: str, steps: int) -> Callable[[], None]:
            task = bar.add_task(name, total=steps, visible=steps > 0)
            return lambda: bar.advance(task)

        return audit.audit_tree(listing, progress)


def check_records(folder: str | Path) -> audit.Audit:
    """Audits prepared records.

    Raises:
        RecordsError: there is no readable manifest.
    """
    return audit.Audit(audit.record_counts(folder), audit.record_findings(folder), [])


def finding_lines(findings: Iterable[Finding], width: int | None = None) -> Iterable[str]:
    """Findings as lines, under their subjects.

    Args:
        findings: in order.
        width: columns to fold at; None for one line each, which scripts can search.
    """
    for subject, group in itertools.groupby(findings, key=lambda finding: finding.subject):
        yield f"{subject}:"
        for finding in group:
            line = f"- {finding.severity}: {finding.words}"
            yield _fold(line, width) if width else line


def _fold(line: str, width: int) -> str:
    return textwrap.fill(line, width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def write_report(path: str | os.PathLike[str], title: str, result: audit.Audit, fail_on: Severity) -> None:
    """Writes an audit for scripts, as JSON: "checked", "sound", "counts", "findings" and "stages".

    Args:
        path: of the file.
        title: the folder that was checked.
        result: of the audit.
        fail_on: severity from which on findings make it unsound.

    Raises:
        SettingsError: the file can't be written.
    """
    sound = not at_least(result.findings, fail_on)
    try:
        write_json(path, {"checked": title, "sound": sound, **dataclasses.asdict(result)})
    except OSError as error:
        raise SettingsError(f"--report {path}: can't be written ({error.strerror or error}); give another") from error


def verdict(findings: Sequence[Finding], fail_on: Severity) -> str:
    """The last line: "sound", "sound (2 notes)", or the number of findings, "1 error, 2 notes"."""
    counts = severity_counts(findings)
    if at_least(findings, fail_on):
        return counts
    return f"sound ({counts})" if counts else "sound"


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line's arguments.

    Raises:
        SettingsError: they can't be used.
    """
    parser = cli.Parser(
        prog="dfdetect check",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--dataset", choices=catalog.NAMES, help="layout of the data set on disk")
    parser.add_argument("--root", help="folder of the data set")
    parser.add_argument("--records", help="name or folder of prepared records, also on gs:// or s3://")
    parser.add_argument(
        "--fail_on",
        default=str(Severity.WARNING),
        choices=[str(severity) for severity in Severity],
        help="lowest severity of a finding that makes the exit status 1 (default: %(default)s)",
    )
    parser.add_argument("--report", metavar="FILE", help="also write counts and findings as JSON")
    add_flags(parser)
    cli.add_isolation(parser, default=False)
    args = parser.parse_args(argv)
    args.fail_on = Severity(args.fail_on)
    if bool(args.records) == bool(args.dataset or args.root) or bool(args.dataset) != bool(args.root):
        parser.error("expected either --dataset with --root, or --records")
    return args


def main(argv: Sequence[str] | None = None) -> int:
    """Prints counts, then findings; returns the exit status."""
    args = parse(argv)
    local(args.root or "", "--root", "copy it here, or mount the bucket")
    if args.records:
        folder = record_folders.locate(args.records)
        title, result = str(folder), check_records(folder)
    else:
        title = str(Path(args.root).expanduser().absolute())
        with isolated(cli.isolation_of(args)):
            result = check_tree(args.dataset, title, options_from(args))
    console = rich.console.Console(width=None if sys.stdout.isatty() else _PIPED_WIDTH)
    console.print(counts_table(title, result.counts))
    for stage in result.stages:
        print(f"{stage.words}: {stage.seconds:.1f} s")
    for line in finding_lines(result.findings, console.width if sys.stdout.isatty() else None):
        print(line)
    if args.report:
        write_report(args.report, title, result, args.fail_on)
    print(verdict(result.findings, args.fail_on))
    return cli.ExitStatus.INCOMPLETE if at_least(result.findings, args.fail_on) else cli.ExitStatus.OK


if __name__ == "__main__":
    cli.run(main)

"""`python -m dfdetect_jax.check`: what would spoil a data set, or whether prepared records are sound, in words.

    --dataset NAME --root DIR     before `prepare`: what is there, what lacks, duplicates, look-alikes across splits,
                                  files saved otherwise for fakes than for reals, masks that don't fit
    --records DIR                 after: every file's hash, the counts, no identity in two splits

Exit status: 0 sound, 1 findings, 2 can't be read at all.
"""

import argparse
import dataclasses
import itertools
import json
import os
import sys
import textwrap
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import rich.console
import rich.progress

from dfdetect_jax import cli
from dfdetect_jax.data import audit, catalog, records
from dfdetect_jax.data.catalog import flags
from dfdetect_jax.data.counts_table import counts_table
from dfdetect_jax.errors import SettingsError

SOUND, FINDINGS = 0, 1
_PIPED_WIDTH = 120  # columns of a table that no terminal shows


def check_tree(dataset: str, root: str | Path, options: catalog.Options | None = None) -> audit.Audit:
    """Counts per split and forgery, findings, and what was looked at, of a tree on disk.

    Raises:
        RecordsError: it is not a tree of that data set.
    """
    found = catalog.find_clips(dataset, Path(root), options or catalog.Options())
    console = rich.console.Console(stderr=True)
    with rich.progress.Progress(console=console, disable=not console.is_terminal, transient=True) as bar:

        def progress(name: str, steps: int) -> Callable[[], None]:
            task = bar.add_task(name, total=steps, visible=steps > 0)
            return lambda: bar.advance(task)

        return audit.audit_tree(found, progress)


def check_records(folder: str | Path) -> audit.Audit:
    """Likewise of prepared records.

    Raises:
        RecordsError: there is no readable manifest.
    """
    return audit.Audit(records.read_manifest(folder).counts, audit.record_findings(folder), [])


def finding_lines(findings: Iterable[audit.Finding], width: int | None = None) -> Iterable[str]:
    """Findings as lines, under their subjects.

    Args:
        findings: in order.
        width: columns to fold at; None for one line each, which scripts can search.
    """
    for subject, group in itertools.groupby(findings, key=lambda finding: finding.subject):
        yield f"{subject}:"
        for finding in group:
            line = f"- {finding.severity}: {finding.words}"
            yield _folded(line, width) if width else line


def _folded(line: str, width: int) -> str:
    return textwrap.fill(line, width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def write_json(path: str | os.PathLike, title: str, result: audit.Audit) -> None:
    """Writes an audit for scripts, whole or not at all: "checked", "sound", "counts", "findings" and "stages".

    Raises:
        SettingsError: the file can't be written.
    """
    told = {"checked": title, "sound": not result.findings, **dataclasses.asdict(result)}
    partial = Path(f"{path}.partial")
    try:
        partial.write_text(json.dumps(told, indent=2, allow_nan=False) + "\n", encoding="utf-8")
        os.replace(partial, path)
    except OSError as error:
        raise SettingsError(f"--report {path}: can't be written; {error.strerror or error}") from error


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m dfdetect_jax.check",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--dataset", choices=tuple(catalog.CATALOGS))
    parser.add_argument("--root", help="the data set's folder")
    flags.add_flags(parser)
    parser.add_argument("--records", help="name or folder of prepared records")
    parser.add_argument("--report", metavar="FILE", help="also write counts and findings there, as JSON")
    given = parser.parse_args(argv)
    if bool(given.records) == bool(given.dataset or given.root) or bool(given.dataset) != bool(given.root):
        raise SettingsError("check: give either --dataset with --root, or --records")
    return given


def main(argv: Sequence[str] | None = None) -> int:
    """Prints counts, then findings; returns the exit status."""
    given = _arguments(argv)
    if given.records:
        place = records.locate(given.records)
        title, result = str(place), check_records(place)
    else:
        title = str(Path(given.root).expanduser().absolute())
        result = check_tree(given.dataset, title, flags.given_options(given))
    console = rich.console.Console(width=None if sys.stdout.isatty() else _PIPED_WIDTH)
    console.print(counts_table(title, result.counts))
    for stage in result.stages:
        print(f"{stage.words}: {stage.seconds:.1f} s")
    for line in finding_lines(result.findings, console.width if sys.stdout.isatty() else None):
        print(line)
    if given.report:
        write_json(given.report, title, result)
    count = len(result.findings)
    print("sound" if not count else f"{count} finding{'s' if count > 1 else ''}")
    return FINDINGS if count else SOUND


if __name__ == "__main__":
    cli.run(main)

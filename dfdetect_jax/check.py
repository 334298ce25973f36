"""`python -m dfdetect_jax.check`: what a data set's tree lacks, or whether prepared records are sound, in words.

    --dataset NAME --root DIR     before `prepare`: opens every file, reads no more of it than its beginning
    --records DIR                 after: every file's hash, the counts, no identity in two splits

Exit status: 0 sound, 1 findings, 2 can't be read at all.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import rich.console
import rich.progress

from dfdetect_jax import cli
from dfdetect_jax.data import audit, catalog, records
from dfdetect_jax.data.catalog import flags
from dfdetect_jax.data.report import counts_table
from dfdetect_jax.errors import SettingsError

SOUND, FINDINGS = 0, 1


def check_tree(dataset: str, root: str | Path, options: catalog.Options | None = None) -> tuple[dict, list[str]]:
    """Counts per split and method, and findings in words, of a tree on disk.

    Raises:
        RecordsError: it is not a tree of that data set.
    """
    found = catalog.find_clips(dataset, Path(root), options or catalog.Options())
    console = rich.console.Console(stderr=True)
    with rich.progress.Progress(console=console, transient=True) as bar:
        task = bar.add_task("opening files", total=len(found.clips))
        unreadable = audit.clip_findings(found.clips, lambda: bar.advance(task))
    return audit.clip_counts(found.clips), found.findings + unreadable + audit.telltale_findings(found.clips)


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
    given = parser.parse_args(argv)
    if bool(given.records) == bool(given.dataset or given.root) or bool(given.dataset) != bool(given.root):
        raise SettingsError("check: give either --dataset with --root, or --records")
    return given


def main(argv: Sequence[str] | None = None) -> int:
    """Prints counts, then findings; returns the exit status."""
    given = _arguments(argv)
    if given.records:
        place = records.locate(given.records)
        title, counts, findings = str(place), records.read_manifest(place).counts, audit.record_findings(place)
    else:
        title = str(Path(given.root).expanduser().absolute())
        counts, findings = check_tree(given.dataset, title, flags.given_options(given))
    rich.console.Console(width=None if sys.stdout.isatty() else 120).print(counts_table(title, counts))
    for finding in findings:
        print(f"- {finding}")
    print("sound" if not findings else f"{len(findings)} findings")
    return FINDINGS if findings else SOUND


if __name__ == "__main__":
    cli.run(main)

"""Whether prepared records are as they were written, and keep their splits apart."""

from pathlib import Path

from dfdetect_jax.data import records
from dfdetect_jax.data.audit.outcome import Counts
from dfdetect_jax.data.finding import Finding, Severity, Subject, quantity
from dfdetect_jax.errors import RecordsError


def record_counts(folder: str | Path) -> Counts:
    """{split: {forgery: {"clips", "examples"}}}, `""` for reals, from the manifest.

    Raises:
        RecordsError: there is no readable manifest.
    """
    manifest = records.read_manifest(folder)
    return {split: {name: dict(row) for name, row in rows.items()} for split, rows in manifest.counts.items()}


def record_findings(folder: str | Path) -> list[Finding]:
    """Errors in a folder of records: changed files, identities in two splits, an index that disagrees.

    Every file is hashed first; only where all are as written are the examples read.

    Raises:
        RecordsError: there is no readable manifest.
    """
    return [
        Finding(Subject.RECORDS, Severity.ERROR, words) for words in records.verify(folder) or _example_findings(folder)
    ]


def _example_findings(folder: str | Path) -> list[str]:
    split_of: dict[str, str] = {}
    findings, crossing = [], set()
    for split in records.read_manifest(folder).shards:
        source = records.Records(folder, split)
        forgeries, disagreeing = source.forgeries, 0
        for i in range(len(source)):
            try:
                fields = source.names(i)
            except RecordsError as error:
                findings.append(f"{split}, record {i}: {error}")
                continue
            disagreeing += fields["forgery"] != forgeries[i] or fields["split"] != split
            if split_of.setdefault(fields["identity"], split) != split:
                crossing.add(fields["identity"])
        if disagreeing:
            findings.append(f"{split}: {quantity(disagreeing, 'records')} disagree with the index")
    if crossing:
        findings.append(f"{len(crossing)} identities are in more than one split, such as {min(crossing)}")
    return findings

"""Whether prepared records are still what was written, and keep their splits apart."""

from pathlib import Path

from dfdetect_jax.data import records
from dfdetect_jax.data.audit.finding import ERROR, RECORDS, Finding
from dfdetect_jax.errors import RecordsError


def record_findings(folder: str | Path) -> list[Finding]:
    """What is wrong with a folder of records: files that changed, identities in two splits, an index that disagrees.

    Every file is hashed first; only where all are as written are the examples read.

    Raises:
        RecordsError: there is no readable manifest.
    """
    return [Finding(RECORDS, ERROR, words) for words in records.verify(folder) or _examples(folder)]


def _examples(folder: str | Path) -> list[str]:
    manifest, split_of = records.read_manifest(folder), {}
    findings, shared = [], set()
    for split in manifest.shards:
        source = records.Records(folder, split)
        forgeries, wrong = source.forgeries, 0
        for i in range(len(source)):
            try:
                fields = source.names(i)
            except RecordsError as error:
                findings.append(f"{split}, record {i}: {error}")
                continue
            wrong += fields["forgery"] != forgeries[i] or fields["split"] != split
            if split_of.setdefault(fields["identity"], split) != split:
                shared.add(fields["identity"])
        if wrong:
            findings.append(f"{split}: {wrong} records are not what the index says")
    if shared:
        findings.append(f"{len(shared)} identities are in more than one split, such as {min(shared)}")
    return findings

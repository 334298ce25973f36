"""What `check` looks for: what would spoil a data set before hours are spent on it, and what is wrong with records.

files        what can't be opened
duplicates   the same bytes under several names, under both labels, in several splits
alike        the same picture in several splits, saved anew
shortcuts    traits of files, read by `traits`, that tell reals from fakes
masks        masks that don't fit their clips
tree         all of these on what a catalog found
records      prepared records, after
"""

from dfdetect_jax.data.audit.dataset_audit import Audit, audit_tree, clip_counts
from dfdetect_jax.data.audit.finding import ERROR, RECORDS, SUBJECTS, WARNING, Finding, Progress, Stage
from dfdetect_jax.data.audit.prepared import record_findings

__all__ = [
    "ERROR",
    "RECORDS",
    "SUBJECTS",
    "WARNING",
    "Audit",
    "Finding",
    "Progress",
    "Stage",
    "audit_tree",
    "clip_counts",
    "record_findings",
]

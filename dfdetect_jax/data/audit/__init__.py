"""What `check` examines: mistakes that would spoil a data set, before hours are spent on it, and damaged records.

readability     files that can't be opened
duplicates      the same bytes under several names, under both labels, in several splits
look_alikes     the same picture in several splits, saved again
shortcuts       traits of files, read by `file_traits`, that separate reals from fakes
mask_audit      masks that do not fit their clips
tree_audit      all of these on the clips of a catalog
records_audit   prepared records
"""

from dfdetect_jax.data.audit.outcome import Audit, Progress, Stage
from dfdetect_jax.data.audit.records_audit import record_counts, record_findings
from dfdetect_jax.data.audit.tree_audit import audit_tree, clip_counts

__all__ = ["Audit", "Progress", "Stage", "audit_tree", "clip_counts", "record_counts", "record_findings"]

"""Data sets: from a tree on disk to records, and from records to batches."""

"""Object stores: run folders and records on gs:// and s3://, copied to and from local folders.

Nothing outside of this package, `run.mirror` and `data.remote_records` knows of buckets: all else works on local paths.
"""

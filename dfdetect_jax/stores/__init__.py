"""Object stores: run folders and records on gs:// and s3://, copied to and from local folders.

Beside this package, `run` and `data.remote_records` alone know of buckets: all else works on local paths.
"""

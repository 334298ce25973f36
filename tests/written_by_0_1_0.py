"""What version 0.1.0 wrote, unpacked once per test session."""

import atexit
import functools
import shutil
import tarfile
import tempfile
from pathlib import Path

ARCHIVE = Path(__file__).parent / "old" / "written_by_0_1_0.tar.xz"


@functools.cache
def folder() -> Path:
    """A folder with `data/` (records of the embedded set), `runs/` and a photograph."""
    root = Path(tempfile.mkdtemp(prefix="dfdetect_jax-0.1.0-"))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(root, filter="data")
    return root / "written_by_0_1_0"

"""The detector that comes with the package: a model folder among its files, pinned by the digest of its `SHA256SUMS`.

How it was made is in its card, `dfdetect card`, and in configs/release.py.
"""

from pathlib import Path

from dfdetect_jax.errors import RunError
from dfdetect_jax.exchange.opening import open_model
from dfdetect_jax.run.folder import Run

FOLDER = Path(__file__).parents[1] / "released"
SHA256 = "fb4c4f774e785f72a94c7d36fb3d33d3643c5a6425ff073d715fa8989b914414"


def open_released() -> Run:
    """Opens it.

    Raises:
        RunError: its files are missing or not the released ones.
    """
    if not FOLDER.is_dir():
        raise RunError(f"{FOLDER}: expected the released detector, found none; install the package anew, or give --run")
    return open_model(FOLDER, SHA256)

"""The detector that comes with the package: a model folder among its files, pinned by the digest of its `SHA256SUMS`.

How it was made is in its card, `dfdetect card`, and in configs/release.py.
"""

from pathlib import Path

from dfdetect_jax.errors import RunError
from dfdetect_jax.exchange.opening import open_model
from dfdetect_jax.run.folder import Run

FOLDER = Path(__file__).parents[1] / "released"
SHA256 = "9374a4acef10af1716679a42861b8c1f6f582d7c975709599c254e3ac7964ea6"


def open_released() -> Run:
    """Opens it.

    Raises:
        RunError: its files are missing or not the released ones.
    """
    if not FOLDER.is_dir():
        raise RunError(f"{FOLDER}: expected the released detector, found none; install the package anew, or give --run")
    return open_model(FOLDER, SHA256)

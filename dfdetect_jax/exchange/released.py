"""The detector that comes with the package: a model folder among its files, pinned by the digest of its `SHA256SUMS`.

How it was made is in its card, `dfdetect card`, and in configs/release.py; `opening.open_released` opens it.
"""

from pathlib import Path

NAME = "released"  # names it wherever a model is named; a folder of this name is ./released
FOLDER = Path(__file__).parents[1] / "released"
SHA256 = "fff42c5e2a842f31e0e6d207debfbd6524caaa34291b539a6c79c07778895a21"

"""The detector that comes with the package: a model folder among its files, pinned by the digest of its `SHA256SUMS`.

How it was made is in its card, `dfdetect card`, and in configs/release.py; `opening.open_released` opens it.
"""

from pathlib import Path

NAME = "released"  # names it wherever a model is named; a folder of this name is ./released
FOLDER = Path(__file__).parents[1] / "released"
SHA256 = "07358f854a2e887be1b9345cd9154dceb39cd25dbe3f1c2bf1e7d47d23ff679b"

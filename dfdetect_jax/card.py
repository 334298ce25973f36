"""Prints the model card of a detector: what it is, how it was made, its figures and its limits.

dfdetect card                    of the detector that comes with the package
dfdetect card --model exported/  of a folder that dfdetect export made
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from dfdetect_jax import cli


def main(argv: Sequence[str] | None = None) -> int:
    """The command; returns its exit status.

    Raises:
        SettingsError: the command line can't be used.
        RunError: the folder has no card, or it is not the one that was sealed.
    """
    args = parse(argv)
    from dfdetect_jax.exchange.released import FOLDER, NAME, SHA256
    from dfdetect_jax.exchange.sealed_folder import CARD, read_file, read_sums
    from dfdetect_jax.run.local_copy import local_copy

    folder, sha256 = (Path(local_copy(args.model)).resolve(), "") if args.model != NAME else (FOLDER, SHA256)
    print(read_file(folder, CARD, read_sums(folder, sha256)).decode("utf-8", errors="replace"), end="")
    return cli.ExitStatus.OK


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line's arguments.

    Raises:
        SettingsError: they can't be used.
    """
    parser = cli.Parser(prog="dfdetect card", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--model",
        default="released",
        metavar="FOLDER",
        help="made by dfdetect export (default: the detector that comes with the package)",
    )
    return parser.parse_args(argv)


if __name__ == "__main__":
    cli.run(main)

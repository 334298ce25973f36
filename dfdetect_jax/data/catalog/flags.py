"""The catalogs' options as flags, the same for every command that reads a tree."""

import argparse
import dataclasses

from dfdetect_jax.config import COMPRESSIONS
from dfdetect_jax.data import catalog


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Adds a flag for each field of `catalog.Options`."""
    default = catalog.Options()
    group = parser.add_argument_group("what some data sets need beside --root")
    group.add_argument(
        "--splits",
        default=default.splits,
        choices=catalog.SPLITTINGS,
        help="the data set's own where it has some, or anew by hashed identity (%(default)s)",
    )
    group.add_argument(
        "--compression",
        default=default.compression,
        choices=COMPRESSIONS,
        help="of FaceForensics++ and what borrows from it (%(default)s)",
    )
    group.add_argument("--reals", default=default.reals, help="folder of the reals, where another data set lends them")
    group.add_argument("--json", default=default.json, help="file that lists the clips, for deepfakebench")


def given_options(given: argparse.Namespace) -> catalog.Options:
    """The options that `add_flags` read."""
    return catalog.Options(**{field.name: getattr(given, field.name) for field in dataclasses.fields(catalog.Options)})

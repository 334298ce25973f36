"""The options of catalogs, and their flags, the same for every command that reads a tree."""

import argparse
import dataclasses

from dfdetect_jax.config import COMPRESSIONS

OFFICIAL, BY_IDENTITY = "official", "identity"
SPLITTINGS = (OFFICIAL, BY_IDENTITY)


@dataclasses.dataclass(frozen=True)
class Options:
    """What some catalogs need beside the root.

    Attributes:
        splits: "official" for the data set's own (by hashed identity where it ships none); "identity" to split anew by
            hashed identity.
        compression: of the FaceForensics++ family: "raw", "c23" or "c40".
        reals: folder of the reals, for data sets that use those of another.
        json: file that lists the clips, for data sets in DeepfakeBench's form.
        real_folder: name of the folder of the reals, or several with commas between, for a folder of one's own; "" for
            the usual names.
        allow_one_class: whether reals alone, or fakes alone, are what is meant.
    """

    splits: str = OFFICIAL
    compression: str = "c23"
    reals: str = ""
    json: str = ""
    real_folder: str = ""
    allow_one_class: bool = False


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Adds a flag for each field of `Options`."""
    default = Options()
    group = parser.add_argument_group("options of some data sets")
    group.add_argument(
        "--splits",
        default=default.splits,
        choices=SPLITTINGS,
        help="official: the data set's own splits, where it ships some; "
        "identity: split anew by hashed identity (default: %(default)s)",
    )
    group.add_argument(
        "--compression",
        default=default.compression,
        choices=COMPRESSIONS,
        help="compression level, for the FaceForensics++ family (default: %(default)s)",
    )
    group.add_argument(
        "--reals",
        default=default.reals,
        help="for deeperforensics, df40 and inpainting: folder of the reals, which are those of another data set",
    )
    group.add_argument("--json", default=default.json, help="for --dataset deepfakebench: file that lists the clips")
    group.add_argument(
        "--real_folder",
        default=default.real_folder,
        metavar="NAME",
        help="for --dataset folder: name of the folder of reals, or several with commas between "
        "(default: the usual names, such as real)",
    )
    group.add_argument(
        "--allow_one_class",
        action="store_true",
        help="accept a data set of reals alone, or of fakes alone, which is refused without this flag",
    )


def options_from(args: argparse.Namespace) -> Options:
    """The options that the flags of `add_flags` have set."""
    return Options(**{field.name: getattr(args, field.name) for field in dataclasses.fields(Options)})

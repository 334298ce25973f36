"""`dfdetect VERB ...`, the console script, and `python -m dfdetect_jax VERB ...`: the commands by name."""

import importlib
import sys
from collections.abc import Sequence

from dfdetect_jax import __version__, cli
from dfdetect_jax.errors import SettingsError

VERBS = {
    "train": "train a detector, or resume training",
    "prepare": "cut faces out of a data set on disk and write records",
    "check": "audit a data set on disk, or prepared records",
    "select": "choose the training fakes that most need a mask",
    "annotate": "open a page to paint those masks on",
    "evaluate": "measure detectors on prepared data sets",
    "predict": "score photographs, videos and folders of them",
    "page": "open a page to try a detector on a photograph or clip",
    "card": "print the model card of the released detector, or of an exported one",
    "export": "hand a detector on: a folder for this library, JAX or ONNX",
}


def dispatch(argv: Sequence[str] | None = None) -> int:
    """Calls the command that the first argument names with the others; returns its exit status.

    Raises:
        SettingsError: there is no such command.
        InputError: as the command.
    """
    verb, *rest = (sys.argv[1:] if argv is None else argv) or [""]
    if verb in ("", "-h", "--help"):
        print(_help())
        return cli.ExitStatus.OK if verb else cli.ExitStatus.BAD_INPUT
    if verb == "--version":
        print(f"dfdetect_jax {__version__}")
        return cli.ExitStatus.OK
    if verb not in VERBS:
        raise SettingsError(f"expected one of {', '.join(VERBS)}, found {verb}; see dfdetect --help")
    return importlib.import_module(f"dfdetect_jax.{verb}").main(rest)


def _help() -> str:
    width = max(map(len, VERBS)) + 2
    lines = [f"  {verb:{width}}{what}" for verb, what in VERBS.items()]
    return "\n".join(["usage: dfdetect VERB ...", "", *lines, "", "dfdetect VERB --help lists the flags."])


def main() -> None:
    """The console script."""
    cli.run(dispatch)


if __name__ == "__main__":
    main()

"""Exports a detector as a folder that can be handed on: `dfdetect export --run RUN --out FOLDER`.

    --format safetensors   the weights, for this library: `dfdetect predict --model FOLDER`
    --format jax           also programs for JAX alone, on CPU, CUDA and TPU (pip install 'dfdetect_jax[export]')
    --format onnx          a network for every ONNX runtime (pip install 'dfdetect_jax[onnx]')

The folder has settings, crop and thresholds in config.json, a model card in README.md, and the SHA-256 of every file in
SHA256SUMS. The digest of SHA256SUMS, which is printed, stands for all of it: whoever knows it can check what they got.
`--model FOLDER` turns an exported model into another format, `--model released` the one that comes with the package;
verdicts, figures and notes of the card are kept.
"""

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from dfdetect_jax import cli, files
from dfdetect_jax.errors import RunError
from dfdetect_jax.stores.address import is_address
from dfdetect_jax.stores.output import written

_REPOSITORY = re.compile(r"\w[\w.-]*/\w[\w.-]*")


def main(argv: Sequence[str] | None = None) -> int:
    """The command; returns its exit status.

    Raises:
        InputError: the command line or the run can't be used, or the folder can't be written.
    """
    args = parse(argv)
    cli.keep_compiled_programs()
    from dfdetect_jax.exchange import hub

    # They bring JAX, which a wrong command line need not wait for.
    from dfdetect_jax.exchange.model_folder import write_model
    from dfdetect_jax.exchange.opening import open_detector
    from dfdetect_jax.exchange.sealed_folder import SUMS
    from dfdetect_jax.run.folder import open_run

    run = open_detector(args.model, args.sha256) if args.model else open_run(args.run)
    with written(args.out, new=True, last=SUMS) as place:
        folder = write_model(run, place, args.format, args.dtype, _notes(args.notes), args.title)
        for path in sorted(folder.iterdir()):
            print(f"{path.stat().st_size:>12,}  {path.name}", file=sys.stderr)
        digest = files.sha256_file(folder / SUMS)
        pushed = hub.push(folder, args.push) if args.push else ""
    print(f"{args.out if is_address(args.out) else folder}\nsha256 {digest}")
    if pushed:
        print(pushed)
    return cli.ExitStatus.OK


def _notes(file: str | None) -> list[str]:
    """The lines of a file that are not empty.

    Raises:
        RunError: it can't be read.
    """
    try:
        text = Path(file).read_text(encoding="utf-8") if file else ""
    except (OSError, ValueError) as error:
        raise RunError(f"{file}: expected a text file in UTF-8, found none ({error}); give another --notes") from error
    return [line.strip() for line in text.splitlines() if line.strip()]


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line's arguments.

    Raises:
        SettingsError: they can't be used.
    """
    parser = cli.Parser(
        prog="dfdetect export",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    detector = parser.add_mutually_exclusive_group(required=True)
    detector.add_argument("--run", help="run folder, made by dfdetect train, also on gs:// or s3://")
    detector.add_argument("--model", help="model, as for dfdetect predict, but no ONNX network")
    parser.add_argument("--sha256", default="", metavar="HEX", help="digest that the model's SHA256SUMS must have")
    parser.add_argument("--out", required=True, metavar="FOLDER", help="folder to make, also on gs:// or s3://")
    parser.add_argument(
        "--format", default="safetensors", choices=("safetensors", "jax", "onnx"), help="default: %(default)s"
    )
    parser.add_argument(
        "--dtype",
        default="",
        choices=("float32", "float16"),
        help="type in which convolution kernels are stored; computation is in float32 (default: float32, "
        "or float16 where the model has it already and the format folds nothing)",
    )
    parser.add_argument(
        "--notes",
        metavar="FILE",
        help="a text file, one sentence per line, for the card: licences of the data, intended use",
    )
    parser.add_argument(
        "--title",
        default="",
        help="of the card (default: that of the model's card, or the folder's name and the method)",
    )
    parser.add_argument(
        "--push",
        metavar="OWNER/NAME",
        help="also upload the folder to the Hugging Face hub, as the user of hf auth login; new ones are private",
    )
    args = parser.parse_args(argv)
    if args.sha256 and not args.model:
        parser.error("--sha256: expected with --model alone, found it without")
    if args.push and not _REPOSITORY.fullmatch(args.push):
        parser.error(f"--push: expected OWNER/NAME, found {args.push!r}")
    return args


if __name__ == "__main__":
    cli.run(main)

"""Opens a page to try a detector on: drop a photograph or clip, and see the verdict and what it rests on.

    dfdetect page --run runs/cae
    dfdetect page --model exported/

Only this machine can open the page, unless you give --host. Ctrl-C ends the command and deletes the files that were
dropped.
"""

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dfdetect_jax import cli
from dfdetect_jax.media.decoding import isolated
from dfdetect_jax.media.limits import MAX_UPLOAD_MEGABYTES
from dfdetect_jax.pages import server

if TYPE_CHECKING:
    from dfdetect_jax.run.folder import Run


def main(argv: Sequence[str] | None = None) -> int:
    """The command; returns its exit status.

    Raises:
        InputError: the run or a flag can't be used.
        Terminated: by SIGTERM.
    """
    args = parse(argv)
    isolation = cli.isolation_of(args)
    password = server.password_of(args)
    cli.keep_compiled_programs()
    server.load_gradio()
    with cli.terminable(), server.private_uploads(), isolated(isolation):
        _serve(args, password)
    return cli.ExitStatus.OK


def _serve(args: argparse.Namespace, password: str) -> None:
    from dfdetect_jax.pages.trial import Trial
    from dfdetect_jax.pages.try_page import ROUTES, build_page

    run = _detector(args)
    page = build_page(Trial(run, args.max_fpr))
    url = server.launch(
        page,
        host=args.host,
        port=args.port,
        password=password,
        most_megabytes=args.most_megabytes,
        routes=ROUTES,
        css=server.template("try.css"),
    )
    print(f"{url} tries {run.folder}; Ctrl-C ends it", file=sys.stderr, flush=True)
    try:
        server.wait()
    finally:
        page.close(verbose=False)


def _detector(args: argparse.Namespace) -> "Run":
    from dfdetect_jax.exchange.opening import open_detector, open_released

    source = args.run or args.model
    return open_detector(source, args.sha256) if source else open_released()


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line's arguments.

    Raises:
        SettingsError: they can't be used.
    """
    parser = cli.Parser(prog="dfdetect page", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    detector = parser.add_mutually_exclusive_group()
    detector.add_argument(
        "--run", help="run folder, made by dfdetect train (default: the detector that comes with the package)"
    )
    detector.add_argument("--model", help="model, as for dfdetect predict")
    parser.add_argument("--sha256", default="", metavar="HEX", help="digest that the model's SHA256SUMS must have")
    parser.add_argument("--max_fpr", type=float, metavar="SHARE", help="as for dfdetect predict")
    parser.add_argument(
        "--most_megabytes",
        type=int,
        default=MAX_UPLOAD_MEGABYTES,
        metavar="N",
        help="largest file that the page takes (default: %(default)s)",
    )
    cli.add_isolation(parser, default=True)
    server.add_server_flags(parser)
    args = parser.parse_args(argv)
    if args.sha256 and not args.model:
        parser.error("--sha256: expected with --model alone, found it without")
    return args


if __name__ == "__main__":
    cli.run(main)

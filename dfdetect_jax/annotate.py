"""Opens a page on which people paint masks for a queue of images, see dfdetect select.

    dfdetect annotate --queue runs/lae/queue

Only this machine can open the page, unless you give --host. Every answer is saved at once: the mask where `train` reads
it, every version of it in answers/, and a line in journal.jsonl with who, when, how long and how far mask and heat map
agree. Stop with Ctrl-C whenever you like, and start it again.

Several people can work on one queue: on one page, under their names. With --overlap 0.2 a fifth of the images is
painted by two of them, and --agreement prints how far they agree.

Masks go to other tools with --export, and come from them with --import_from: Label Studio's JSON (brush), COCO's JSON
(RLE), folders of PNG files.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dfdetect_jax import cli
from dfdetect_jax.pages import server
from dfdetect_jax.stores.address import local

if TYPE_CHECKING:
    from dfdetect_jax.active.queue import Queue


def main(argv: Sequence[str] | None = None) -> int:
    """The command; returns its exit status.

    Raises:
        InputError: the queue, a flag or a file of masks can't be used.
        Terminated: by SIGTERM.
    """
    args = parse(argv)
    local(args.queue, "--queue", "copy it here with gcloud storage cp or aws s3 cp, and back when it is painted")
    from dfdetect_jax.active.queue import read_queue

    queue = read_queue(args.queue)
    if args.agreement:
        from dfdetect_jax.active.queue_agreement import as_json, in_words, measure_agreement

        agreement = measure_agreement(queue)
        print(in_words(agreement), file=sys.stderr)
        print(json.dumps(as_json(agreement), allow_nan=False))
        return cli.ExitStatus.OK
    if args.export or args.import_from:
        return _exchange(args, queue)
    password = server.password_of(args)
    server.load_gradio()
    with cli.terminable(), server.private_uploads():
        _serve(args, queue, password)
    return cli.ExitStatus.OK


def _exchange(args: argparse.Namespace, queue: "Queue") -> int:
    """Writes the masks for another tool, or saves those of one."""
    from dfdetect_jax.active.mask_exchange import export_masks, import_masks

    if args.export:
        print(f"{export_masks(queue, Path(args.export), args.format)} masks: {args.export}", file=sys.stderr)
        return cli.ExitStatus.OK
    imported = import_masks(queue, Path(args.import_from), args.annotator or "imported", replace=args.replace)
    for item, reason in imported.refused.items():
        print(f"{item}: not saved: {reason}", file=sys.stderr)
    print(f"{len(imported.saved)} masks saved, {len(imported.refused)} not", file=sys.stderr)
    return cli.ExitStatus.INCOMPLETE if imported.refused else cli.ExitStatus.OK


def _serve(args: argparse.Namespace, queue: "Queue", password: str) -> None:
    from dfdetect_jax.pages.annotate_page import build_page
    from dfdetect_jax.pages.annotation import Annotation

    annotation = Annotation(queue, args.overlap)
    if annotation.recovered:
        print(f"{annotation.recovered} masks were saved before the server was stopped; entered now", file=sys.stderr)
    page = build_page(annotation, args.annotator)
    url = server.launch(page, host=args.host, port=args.port, password=password)
    print(f"{url} shows {queue.folder}; Ctrl-C ends it", file=sys.stderr, flush=True)
    try:
        server.wait()
    finally:
        page.close(verbose=False)


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line's arguments.

    Raises:
        SettingsError: they can't be used.
    """
    parser = cli.Parser(
        prog="dfdetect annotate",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--queue", required=True, metavar="FOLDER", help="made by dfdetect select or train")
    parser.add_argument("--annotator", default="", metavar="NAME", help="name to fill in (default: the page asks)")
    parser.add_argument(
        "--overlap",
        type=_share,
        default=0.0,
        metavar="SHARE",
        help="share of the images for two annotators (default: 0)",
    )
    parser.add_argument(
        "--agreement", action="store_true", help="print how far annotators agree, with each other and with the map"
    )
    other = parser.add_argument_group("other annotation tools")
    other.add_argument("--export", metavar="OUT", help="write the masks to a new file, or folder of PNG, and end")
    other.add_argument(
        "--format",
        choices=("png", "coco", "label_studio"),
        default="png",
        help="with --export: what to write (default: png)",
    )
    other.add_argument("--import_from", metavar="IN", help="take over the masks of such a file or folder, and end")
    other.add_argument(
        "--replace",
        action="store_true",
        help="with --import_from: also replace masks that were put there by other means; they are kept in answers/",
    )
    server.add_server_flags(parser)
    args = parser.parse_args(argv)
    asked = {"--agreement": args.agreement, "--export": args.export, "--import_from": args.import_from}
    if len(given := [flag for flag, value in asked.items() if value]) > 1:
        parser.error(f"expected one of {', '.join(asked)}, found {' and '.join(given)}; run the command for each")
    return args


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"expected a share from 0 to 1, found {text!r}")
    return value


if __name__ == "__main__":
    cli.run(main)

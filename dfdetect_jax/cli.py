"""What all commands share: how an error reaches the user, and the exit status."""

import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from dfdetect_jax.errors import InputError

BAD_INPUT, INTERRUPTED = 2, 130


def run(main: Callable[[Sequence[str] | None], int]) -> NoReturn:
    """Calls a command and exits with its status; an `InputError` is one line on standard error and status 2."""
    try:
        status = main(None)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        status = BAD_INPUT
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        status = INTERRUPTED
    sys.exit(status)

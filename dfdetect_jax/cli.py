"""What all commands share: how an error reaches the user, and the exit status."""

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
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
    except BrokenPipeError:  # the reader of our output (`| head`) has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 0
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        status = INTERRUPTED
    sys.exit(status)


def set_up_jax() -> None:
    """Keeps compiled programs between runs, under the user's cache folder unless JAX was told of another one."""
    import jax

    if jax.config.jax_compilation_cache_dir is None:
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dfdetect_jax" / "xla"
        jax.config.update("jax_compilation_cache_dir", str(cache))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.2)

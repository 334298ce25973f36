"""What all commands share: how an error reaches the user, the exit status, a progress bar."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from rich.console import Console
from rich.progress import Progress

from dfdetect_jax.errors import InputError

CRASHED, BAD_INPUT, INTERRUPTED = 1, 2, 130


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


@contextmanager
def progress(name: str, images: int) -> Iterator[Callable[[int], None]]:
    """A progress bar on standard error, where that is a terminal; yields the function that moves it on."""
    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task(name, total=images)
        yield lambda count: bar.advance(task, count)


def keep_compiled_programs() -> None:
    """Keeps compiled programs between runs, under the user's cache folder unless JAX was told of another one."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dfdetect_jax" / "xla"
    folder = os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(cache))
    seconds = os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.2")
    if "jax" in sys.modules:  # it read the environment when it was imported; processes started from here will
        jax = sys.modules["jax"]
        jax.config.update("jax_compilation_cache_dir", folder)
        jax.config.update("jax_persistent_cache_min_compile_time_secs", float(seconds))

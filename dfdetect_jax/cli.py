"""What all commands share: exit statuses, how an error reaches the user, a progress bar."""

import argparse
import enum
import os
import signal
import sys
import threading
import traceback
import types
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NoReturn

from dfdetect_jax import faults
from dfdetect_jax.config.isolation import Isolation, check_isolation
from dfdetect_jax.errors import InputError, SettingsError
from dfdetect_jax.files import user_cache


class ExitStatus(enum.IntEnum):
    """What a command returns to the shell."""

    OK = 0
    INCOMPLETE = 1
    """It ran to its end, but some input failed, was skipped, or was found wanting."""
    BAD_INPUT = 2
    """The command line, a setting, a file or the machine can't be used, or no longer; the message says what to do."""
    CRASHED = 3
    """A defect of this library, reported by a traceback."""
    INTERRUPTED = 130
    """Ctrl-C."""
    TERMINATED = 143
    """SIGTERM, to a command that has nothing to save: what it wrote before is whole."""


class Terminated(BaseException):
    """A SIGTERM, see `terminable`; no `Exception`, so that nothing takes it for a failure."""


class Parser(argparse.ArgumentParser):
    """A parser whose errors are `SettingsError`s, so that every command answers a wrong command line in one line."""

    def error(self, message: str) -> NoReturn:
        """Raises what `argparse` would print with the usage.

        Raises:
            SettingsError: always.
        """
        raise SettingsError(f"{self.prog.split()[-1]}: {message}; see --help")


def add_isolation(parser: argparse.ArgumentParser, *, default: bool) -> None:
    """Adds the flags that `isolation_of` reads.

    Args:
        default: whether decoders are isolated where no flag says so: where files are of strangers, and it costs nothing
            that can be measured (`benchmarks/isolation.py`); not where data sets of one's own are only decoded.
    """
    group, limits = parser.add_argument_group("decoders"), Isolation()
    group.add_argument(
        "--isolate",
        action=argparse.BooleanOptionalAction,
        default=default,
        help="decode media in processes of their own, so that one that crashes, hangs or takes all memory costs one "
        f"file (default: {'--isolate' if default else '--no-isolate'})",
    )
    group.add_argument(
        "--decode_seconds",
        type=float,
        default=limits.seconds,
        metavar="S",
        help="with --isolate: seconds within which a photograph, or the next frame, has to come (default: %(default)g)",
    )
    group.add_argument(
        "--decode_memory",
        type=float,
        default=limits.memory,
        metavar="GB",
        help="with --isolate: gigabytes that a decoder may take; kept by Linux alone (default: %(default)g)",
    )


def isolation_of(args: argparse.Namespace) -> Isolation | None:
    """The limits that flags ask for; None for decoding in this process.

    Raises:
        SettingsError: a limit is not allowed.
    """
    if not args.isolate:
        return None
    return check_isolation(Isolation(seconds=args.decode_seconds, memory=args.decode_memory))


def run(main: Callable[[Sequence[str] | None], int]) -> NoReturn:
    """Calls a command and exits with its status.

    An `InputError`, or a fault of the machine, is one line on standard error and `BAD_INPUT`; any other exception a
    traceback and `CRASHED`.
    """
    try:
        status = main(None)
    except BrokenPipeError:  # the reader of our output (`| head`) has seen enough
        discard_output()
        status = ExitStatus.OK
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        status = ExitStatus.INTERRUPTED
    except Terminated:
        print("terminated", file=sys.stderr)
        status = ExitStatus.TERMINATED
    except Exception as error:
        status = report(error)
    sys.exit(status)


def report(error: BaseException) -> ExitStatus:
    """Prints what ended a command: one line, or the traceback of a defect. Returns the exit status."""
    # Grain adds lines of its own to an exception that passes through it.
    line = str(error).partition("\n")[0] if isinstance(error, InputError) else faults.line_of(error)
    if not line:
        traceback.print_exception(error)
        return ExitStatus.CRASHED
    print(f"error: {line}", file=sys.stderr)
    if faults.fault_of(error):
        faults.exit_silently()
    return ExitStatus.BAD_INPUT


@contextmanager
def terminable() -> Iterator[None]:
    """Raises `Terminated` in the block on a SIGTERM, so that files are closed and threads ended as on Ctrl-C."""

    def terminate(number: int, frame: types.FrameType | None) -> NoReturn:
        raise Terminated

    if threading.current_thread() is not threading.main_thread():  # no other may set a handler
        yield
        return
    before = signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def discard_output() -> None:
    """Sends what standard output still holds, and all that follows, nowhere: its reader is gone or its disk full."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def progress(name: str, images: int) -> Iterator[Callable[[int], None]]:
    """A progress bar on standard error, where that is a terminal; yields the function that advances it."""
    from rich.console import Console  # 0.1 s, which a wrong command line need not wait for
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task(name, total=images)
        yield lambda count: bar.advance(task, count)


def keep_compiled_programs() -> None:
    """Keeps compiled programs between runs, under the user's cache folder unless JAX was given another one."""
    cache = user_cache()
    os.environ.setdefault("DFDETECT_JAX_PROGRAMS", str(cache / "programs"))  # as `devices.kept_files` has it
    folder = os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(cache / "xla"))
    seconds = os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.2")
    if "jax" in sys.modules:  # it read the environment when it was imported; processes started from here will
        jax = sys.modules["jax"]
        jax.config.update("jax_compilation_cache_dir", folder)
        jax.config.update("jax_persistent_cache_min_compile_time_secs", float(seconds))

"""Faults of the machine, neither of the input nor of the code: no memory, no room on the disk, no right to write.

They reach Python as exceptions of many types, some with pages of a library's own words. Here each becomes one line.
"""

import contextlib
import enum
import errno
import logging
import os
import re
import sys
import threading
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from dfdetect_jax.errors import InputError, RunError


class Lack(enum.StrEnum):
    """What the machine lacks."""

    MEMORY = "out of memory"
    DISK = "no room on the disk"
    RIGHT = "no access"


class Fault(NamedTuple):
    """A fault of the machine.

    Attributes:
        lack: its kind.
        words: the file or the amount, and the system's own reason; one line.
    """

    lack: Lack
    words: str


ADVICE: Mapping[Lack, str] = {
    Lack.MEMORY: "free memory that other programs hold, or set JAX_PLATFORMS=cpu if an accelerator's is too small",
    Lack.DISK: "make room and run the same command again",
    Lack.RIGHT: "name another folder, or allow writing to it",
}
"""What helps, whatever was done."""

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FORBIDDEN = {errno.EROFS, errno.EACCES, errno.EPERM}
# Libraries written in C++ put the system's reason into their own message.
_FULL_WORDS = re.compile(r"No space left on device|Disk quota exceeded|File too large")
_FORBIDDEN_WORDS = re.compile(r"Read-only file system|Permission denied")
_MEMORY_WORDS = re.compile(r"RESOURCE_EXHAUSTED|std::bad_alloc|[Oo]ut of memory|Unable to allocate")
_LONGEST = 160  # characters of a library's message that are shown


def fault_of(error: BaseException | None) -> Fault | None:
    """The fault of the machine that an exception reports; None where it reports something else.

    What was raised while a full disk or lacking memory was being handled only follows from it, so those are looked for
    in the exceptions before it too.
    """
    first = _fault(error)
    while error is not None and first is None:
        error = error.__cause__ or error.__context__
        first = fault if (fault := _fault(error)) and fault.lack != Lack.RIGHT else None
    return first


def _fault(error: BaseException | None) -> Fault | None:
    """The fault that this exception itself reports."""
    if isinstance(error, InputError):
        return None
    if isinstance(error, MemoryError):
        return Fault(Lack.MEMORY, _short(str(error)))
    if isinstance(error, OSError) and error.errno in _FULL | _FORBIDDEN:
        lack = Lack.DISK if error.errno in _FULL else Lack.RIGHT
        return Fault(lack, ": ".join(filter(None, [_name(error.filename), error.strerror])))
    if not isinstance(error, RuntimeError | ValueError | OSError):
        return None
    for lack, words in ((Lack.DISK, _FULL_WORDS), (Lack.RIGHT, _FORBIDDEN_WORDS), (Lack.MEMORY, _MEMORY_WORDS)):
        if match := words.search(str(error)):
            return Fault(lack, _short(str(error)) if lack == Lack.MEMORY else match[0])
    return None


def line_of(error: BaseException, advice: Mapping[Lack, str] = ADVICE) -> str:
    """The one line that reports a fault of the machine; "" for an `InputError` or where something else is reported.

    Args:
        error: as it was caught.
        advice: what helps, by what is lacking; `ADVICE` for what it leaves out.
    """
    fault = None if isinstance(error, InputError) else fault_of(error)
    if fault is None:
        return ""
    words = f" ({fault.words})" if fault.words else ""
    return f"{fault.lack}{words}; {advice.get(fault.lack) or ADVICE[fault.lack]}"


@contextlib.contextmanager
def explained(where: str, advice: Mapping[Lack, str]) -> Iterator[None]:
    """Turns faults of the machine inside the block into one line.

    Threads that meet the same fault, such as those that write a checkpoint, are kept from printing it as well.

    Args:
        where: begins the line, such as the run folder.
        advice: what helps, see `line_of`.

    Raises:
        RunError: for each fault of the machine.
    """
    try:
        with _silent_threads():
            yield
    except Exception as error:
        if line := line_of(error, advice):
            raise RunError(f"{where}: {line}") from error
        raise


@contextlib.contextmanager
def _silent_threads() -> Iterator[None]:
    """Inside the block, faults of the machine in other threads are printed neither by Python nor by Orbax."""
    names = ("absl", "asyncio") if "absl.logging" in sys.modules else ("asyncio",)  # absl makes its logger itself
    loggers, hook = [logging.getLogger(name) for name in names], threading.excepthook
    for logger in loggers:
        logger.addFilter(_is_no_fault)
    threading.excepthook = lambda thread: None if fault_of(thread.exc_value) else hook(thread)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(_is_no_fault)
        threading.excepthook = hook


def _is_no_fault(record: logging.LogRecord) -> bool:
    return not (record.exc_info and fault_of(record.exc_info[1]))


def exit_silently() -> None:
    """Lets the process end without the tracebacks of threads and exit handlers that meet a reported fault again."""
    logging.disable()
    threading.excepthook = sys.unraisablehook = _ignore


def _ignore(_: object) -> None: ...


def _name(filename: object) -> str:
    return os.fsdecode(filename) if isinstance(filename, str | bytes | os.PathLike) else ""


def _short(text: str) -> str:
    """The first line of a library's message, not too long."""
    line = next(iter(text.strip().splitlines()), "")
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 3]}..."

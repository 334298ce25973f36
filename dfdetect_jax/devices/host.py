"""This process and its machine: processors, and how memory is allocated."""

import contextlib
import ctypes
import os
import sys
from pathlib import Path

_WHOLE = 2**20
"""Bytes from which on a free piece is no fragment."""

_FRAGMENTS = (2**17, 2**14, 2**12, 2**11, 2**10)
"""Sizes in which fragments are taken, bytes; smaller ones are no longer searched for long."""

_CONTROL_GROUPS = (
    ("/sys/fs/cgroup", "memory.max", "memory.current"),
    ("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes"),
)
"""Of Linux: the folder, and the files of limit and usage, of version 2 and of version 1."""

# Parameters of mallopt(3).
_TRIM_THRESHOLD, _MMAP_MAX, _ARENA_MAX = -1, -4, -8


def processors() -> int:
    """How many processors this process may use; fewer than the machine has where it is bound to some of them."""
    if hasattr(os, "process_cpu_count"):  # Python 3.13, which also reads PYTHON_CPU_COUNT
        return os.process_cpu_count() or 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def available_memory() -> int | None:
    """Bytes that this process can still take, by the machine, its container and its own limit; None where unknown."""
    amounts = [_machine_memory(), _container_memory(), _limited_memory()]
    return min((amount for amount in amounts if amount is not None), default=None)


def check_memory(needed: int) -> None:
    """Refuses what needs more memory than there is: it would be granted, and the process killed when it is used.

    Raises:
        MemoryError: one line with both amounts.
    """
    available = available_memory()
    if available is not None and needed > available:
        raise MemoryError(f"{needed / 1e9:.1f} GB are needed at once, {available / 1e9:.1f} GB are available")


def _machine_memory() -> int | None:
    with contextlib.suppress(OSError, ValueError, KeyError):
        amounts = _figures("/proc/meminfo")
        return 1024 * (amounts["MemAvailable:"] + amounts["SwapFree:"])
    return None


def _container_memory() -> int | None:
    """What is left of the limit of this process's control group, version 2 or 1; cached files make room."""
    for folder, limit, usage in _CONTROL_GROUPS:
        with contextlib.suppress(OSError, ValueError, KeyError):  # "max": without limit
            amounts = _figures(f"{folder}/memory.stat")
            cached = amounts["active_file"] + amounts["inactive_file"]
            return int(Path(folder, limit).read_text()) - int(Path(folder, usage).read_text()) + cached
    return None


def _figures(path: str) -> dict[str, int]:
    """The lines "name figure ..." of a file of the system."""
    rows = (line.split() for line in Path(path).read_text().splitlines())
    return {name: int(figure) for name, figure, *_ in rows}


def _limited_memory() -> int | None:
    """What is left of the limit of this process's address space (`ulimit -v`)."""
    try:
        import resource  # not on Windows

        limit = resource.getrlimit(resource.RLIMIT_AS)[0]
        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except (ImportError, OSError, ValueError):
        return None
    return None if limit == resource.RLIM_INFINITY else limit - pages * resource.getpagesize()


def keep_freed_memory() -> bool:
    """Keeps freed memory for the next allocation rather than returning it to the system; True if that was possible.

    XLA's CPU backend allocates a step's temporaries as one block and frees it at the step's end. By default glibc maps
    so large a block anew each time, and the system fills each of its pages with zeros at first touch: a quarter of the
    CPU time of a training step and more. The cost: the process stays at its peak memory.

    Call it before threads start (so before JAX does): a thread's first allocation fixes the arena it allocates from.
    Only glibc supports this; elsewhere nothing happens.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except AttributeError:  # another C library
        return False
    # One arena, since the others are limited in size and map what is larger; never map; never trim.
    return all(
        mallopt(parameter, value) == 1 for parameter, value in ((_ARENA_MAX, 1), (_MMAP_MAX, 0), (_TRIM_THRESHOLD, -1))
    )


def set_fragments_aside() -> int:
    """Takes the small free pieces that compilation left out of use, for good; returns their bytes, 0 without glibc.

    Call it after compilation, with `keep_freed_memory` in force: all threads then share one heap, and while hundreds of
    thousands of small free pieces lie in it, every buffer that a matrix product packs its operands into is searched
    for among them, under one lock. A training step of the LAE took a tenth longer. The pieces were resident already
    and would have stayed so.
    """
    if not sys.platform.startswith("linux"):
        return 0
    libc = ctypes.CDLL(None)
    try:
        malloc, free, sbrk, _ = libc.malloc, libc.free, libc.sbrk, libc.gnu_get_libc_version
    except AttributeError:  # another C library
        return 0
    malloc.restype = sbrk.restype = ctypes.c_void_p
    malloc.argtypes, free.argtypes, sbrk.argtypes = [ctypes.c_size_t], [ctypes.c_void_p], [ctypes.c_ssize_t]
    end = sbrk(0)

    def fill(size: int) -> list[int]:
        """Blocks of `size` until the heap has no room for another without growing."""
        blocks = [malloc(size)]
        while blocks[-1] is not None and blocks[-1] + size < end:
            blocks.append(malloc(size))
        return blocks

    whole = fill(_WHOLE)  # held meanwhile, so that large free pieces stay whole
    taken = sum(size * len(fill(size)) for size in _FRAGMENTS)
    for block in whole:
        free(block)
    return taken

"""This process and its machine: processors, and how memory is allocated."""

import ctypes
import os
import sys

_WHOLE = 2**20
"""Bytes from which on a free piece is no fragment."""

_FRAGMENTS = (2**17, 2**14, 2**12, 2**11, 2**10)
"""Sizes in which fragments are taken, bytes; smaller ones are no longer searched for long."""

# Parameters of mallopt(3).
_TRIM_THRESHOLD, _MMAP_MAX, _ARENA_MAX = -1, -4, -8


def processors() -> int:
    """How many processors this process may use; fewer than the machine has where it is bound to some of them."""
    if hasattr(os, "process_cpu_count"):  # Python 3.13, which also reads PYTHON_CPU_COUNT
        return os.process_cpu_count() or 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


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

"""How this process asks the system for memory."""

import ctypes
import sys

# Parameters of mallopt(3).
_TRIM_THRESHOLD, _MMAP_MAX, _ARENA_MAX = -1, -4, -8


def keep_freed_memory() -> bool:
    """Has freed memory kept for the next allocation, rather than given back to the system; True if that was possible.

    XLA's CPU backend allocates a step's temporaries as one block and frees it at the step's end. By default glibc maps
    so large a block anew each time, and the system fills each of its pages with zeros at first touch: a quarter of the
    CPU time of a training step and more. The price is that the process keeps the most memory that it ever used.

    To be called before threads start (so before JAX does), since a thread's first allocation fixes where it allocates.
    Only glibc can do this; elsewhere nothing happens.
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

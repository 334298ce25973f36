"""Processors are counted, and memory that was freed is used again."""

import os
import subprocess
import sys

import pytest

from dfdetect_jax.devices import host
from dfdetect_jax.devices.host import processors


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system binds no process to processors")
def test_only_processors_that_this_process_may_use_are_counted():
    allowed = os.sched_getaffinity(0)
    assert processors() == len(allowed)
    try:
        os.sched_setaffinity(0, {min(allowed)})
        assert processors() == 1
    finally:
        os.sched_setaffinity(0, allowed)


def test_without_affinity_all_processors_are_counted(monkeypatch):
    for name in ("process_cpu_count", "sched_getaffinity"):
        monkeypatch.delattr(os, name, raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert processors() == 6
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert processors() == 1


# Two blocks one after the other, from a thread as XLA does it; prints the pages that the second one touched first.
CODE = """
import ctypes, resource, threading
from dfdetect_jax.devices.host import keep_freed_memory

kept = {call}
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
libc.free.argtypes, libc.memset.argtypes = [ctypes.c_void_p], [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]

def use(size=100_000_000):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    block = libc.malloc(size)
    libc.memset(block, 1, size)
    libc.free(block)
    faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)

faults = []
for _ in range(2):
    thread = threading.Thread(target=use)
    thread.start()
    thread.join()
print(int(kept), faults[1])
"""


def second_faults(call: str) -> tuple[bool, int]:
    command = [sys.executable, "-c", CODE.format(call=call)]
    kept, faults = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return bool(int(kept)), int(faults)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only glibc has mallopt")
def test_a_block_freed_is_used_again_without_asking_the_system():
    kept, faults = second_faults("keep_freed_memory()")
    if not kept:
        pytest.skip("this C library has no mallopt")
    assert faults < 100
    assert second_faults("False")[1] > 2 * faults + 10


# A large piece and 2,000 small ones, free between others in use; prints what of them malloc still gives out.
FRAGMENTS_CODE = """
import ctypes
from dfdetect_jax.devices.host import keep_freed_memory, set_fragments_aside

kept = keep_freed_memory()
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]
large, _ = libc.malloc(50_000_000), libc.malloc(1_000_000)
small = [libc.malloc(20_000) for _ in range(4_000)]
for block in [large, *small[::2]]:
    libc.free(block)
taken = set_fragments_aside() if {call} else 0
print(int(kept), taken, int(libc.malloc(15_000) <= small[-1]), int(0 <= libc.malloc(40_000_000) - large < 10**6))
"""


def after_fragments(call: bool) -> list[int]:
    command = [sys.executable, "-c", FRAGMENTS_CODE.format(call=call)]
    return [int(word) for word in subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only glibc has mallopt")
def test_fragments_are_given_out_no_more_and_large_pieces_still_are():
    kept, _, small_again, large_again = after_fragments(call=False)
    if not kept:
        pytest.skip("this C library has no mallopt")
    assert (small_again, large_again) == (1, 1)
    _, taken, small_again, large_again = after_fragments(call=True)
    assert taken > 0.7 * 2_000 * 20_000
    assert (small_again, large_again) == (0, 1)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells")
def test_more_memory_than_there_is_is_refused_with_both_amounts(monkeypatch):
    assert 2**20 < host.available_memory() < 2**50
    host.check_memory(1)
    monkeypatch.setattr(host, "available_memory", lambda: 2 * 10**9)
    with pytest.raises(MemoryError, match=r"^8.0 GB are needed at once, 2.0 GB are available$"):
        host.check_memory(8 * 10**9)
    monkeypatch.setattr(host, "available_memory", lambda: None)
    host.check_memory(10**15)

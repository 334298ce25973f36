"""Faults of the machine are one line, whatever type of exception reports them."""

import errno
import sys
import threading

import numpy as np
import pytest

from dfdetect_jax import faults
from dfdetect_jax.errors import RunError
from dfdetect_jax.faults import Lack


def os_error(number: int, name: str | None = "/x/y") -> OSError:
    return OSError(number, "the reason", name)


def following(first: Exception, second: Exception) -> Exception:
    """The second, as raised while the first was handled."""
    try:
        try:
            raise first
        except Exception:
            raise second  # noqa: B904
    except Exception as error:
        return error


@pytest.mark.parametrize(
    ("error", "lack"),
    [
        (os_error(errno.ENOSPC), Lack.DISK),
        (os_error(errno.EROFS), Lack.RIGHT),
        (os_error(errno.EACCES), Lack.RIGHT),
        (ValueError("RESOURCE_EXHAUSTED: Error writing: Failed to write 9 bytes: No space left on device"), Lack.DISK),
        (RuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 400400000000 bytes."), Lack.MEMORY),
        (MemoryError("std::bad_alloc"), Lack.MEMORY),
        (np._core._exceptions._ArrayMemoryError((10**12,), np.dtype("f4")), Lack.MEMORY),
        (following(os_error(errno.ENOSPC), OSError("handle is closed")), Lack.DISK),
        (following(os_error(errno.EACCES), KeyError("x")), None),
        (os_error(errno.ENOENT), None),
        (ValueError("expected 3, found 4"), None),
        (KeyError("No space left on device"), None),
    ],
)
def test_a_fault_is_told_by_its_number_its_words_or_what_came_before(error, lack):
    fault = faults.fault_of(error)
    assert (fault and fault.lack) == lack
    assert bool(faults.line_of(error)) == bool(lack)
    assert "\n" not in faults.line_of(error)


def test_a_line_names_the_file_and_what_helps():
    line = faults.line_of(os_error(errno.ENOSPC), {Lack.DISK: "buy a disk"})
    assert line == "no room on the disk (/x/y: the reason); buy a disk"
    assert faults.line_of(os_error(errno.EROFS, None)).startswith("no access (the reason); name another folder")


def test_inside_a_block_faults_become_the_line_of_a_run_and_other_errors_stay():
    advice = {Lack.MEMORY: "lower it"}
    with pytest.raises(RunError, match=r"^runs/x: out of memory; lower it$"), faults.explained("runs/x", advice):
        raise MemoryError
    with pytest.raises(KeyError), faults.explained("runs/x", {}):
        raise KeyError
    with pytest.raises(RunError, match=r"^as it was$"), faults.explained("runs/x", {}):
        raise RunError("as it was") from os_error(errno.ENOSPC)


def test_threads_that_meet_the_fault_are_silent_and_others_are_not(capsys, monkeypatch):
    monkeypatch.setattr(threading, "excepthook", lambda args: print(args.exc_value, file=sys.stderr))

    def fail(error):
        raise error

    with faults.explained("x", {}):
        for error in (os_error(errno.ENOSPC), KeyError("a defect")):
            thread = threading.Thread(target=fail, args=(error,))
            thread.start()
            thread.join()
    assert capsys.readouterr().err == "'a defect'\n"

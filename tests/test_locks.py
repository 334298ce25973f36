"""Locks between processes."""

import contextlib
import errno
import fcntl

import pytest

from dfdetect_jax import locks
from dfdetect_jax.locks import Lock, LockedError, UnlockableError


def test_a_second_taker_hears_who_holds_it(tmp_path):
    lock = Lock(tmp_path / "lock")
    with pytest.raises(LockedError, match=r"^process \d+ on \S+$"):
        Lock(tmp_path / "lock")
    assert locks.holder(tmp_path / "lock").startswith("process ")
    lock.release()
    assert locks.holder(tmp_path / "lock") == ""
    Lock(tmp_path / "lock").release()


def test_nobody_holds_a_file_that_is_not_there(tmp_path):
    assert locks.holder(tmp_path / "lock") == ""


def test_what_a_dead_holder_left_behind_is_taken_over(tmp_path):
    (tmp_path / "lock").write_text("process 1 on another-machine, which was killed, of a longer name than the next\n")
    lock = Lock(tmp_path / "lock")
    assert "another" not in (tmp_path / "lock").read_text()
    lock.release()


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_refused_in_one_line(tmp_path, monkeypatch, number):
    def fail(*_):
        raise OSError(number, "not here")

    monkeypatch.setattr(fcntl, "flock", fail)
    with pytest.raises(UnlockableError, match=r"a file system with locks, found one without \(not here\)"):
        Lock(tmp_path / "lock")


def test_a_name_that_is_no_text_is_no_trouble(tmp_path):
    with contextlib.ExitStack() as stack:
        stack.callback(Lock(tmp_path / "lock").release)
        (tmp_path / "lock").write_bytes(b"\xff\xfe")
        with pytest.raises(LockedError):
            Lock(tmp_path / "lock")

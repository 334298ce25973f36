"""Lock files between processes."""

import shutil
import subprocess
import sys
import threading

import pytest

from dfdetect_jax.data.prepare.locks import locked
from dfdetect_jax.errors import RecordsError

HOLDER = """
import sys, time
from pathlib import Path
from dfdetect_jax.data.prepare.locks import locked
with locked(Path(sys.argv[1]), lambda holder: None):
    print("held", flush=True)
    time.sleep(60)
"""


def fail(holder):
    pytest.fail("nobody else holds the lock")


def test_a_lock_is_free_again_after_the_block(tmp_path):
    for _ in range(2):
        with locked(tmp_path / "folder/lock", fail):
            pass


def test_a_lock_is_waited_for_and_freed_when_its_process_dies(tmp_path):
    path, waits = tmp_path / "lock", []
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"

        def waiting(holder):
            waits.append((process.poll(), holder.split()[:2]))
            process.kill()

        with locked(path, waiting):
            assert waits == [(None, ["process", str(process.pid)])]  # called once, while the other process lived


def test_a_folder_that_the_holder_removes_is_made_again(tmp_path):
    path, held, release = tmp_path / "work/lock", threading.Event(), threading.Event()

    def hold_and_remove():
        with locked(path, fail):
            held.set()
            release.wait()
            shutil.rmtree(path.parent)

    holder = threading.Thread(target=hold_and_remove)
    holder.start()
    held.wait()
    with locked(path, lambda holder: release.set()):
        holder.join()
        assert path.parent.is_dir()


def test_a_folder_that_can_not_be_made_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with (
        pytest.raises(RecordsError, match=r"can't be written to .*; give another --out"),
        locked(tmp_path / "file/lock", fail),
    ):
        pass

"""A run at an address is trained in one local copy, goes on in another, and is read from a third."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from dfdetect_jax.errors import RunError
from dfdetect_jax.run.best import LOCK
from dfdetect_jax.run.folder import open_run
from dfdetect_jax.run.local_copy import local_copy
from dfdetect_jax.run.seal import SEAL, sealed_steps
from dfdetect_jax.run.workplace import Workplace, workplace
from dfdetect_jax.stores.bucket import Bucket
from tests import emulators, trained
from tests.run.mirrored_job import checkpoints_of, state_at

SCHEMES = pytest.mark.parametrize("scheme", ["gs", "s3"])
BEAT = 0.05  # seconds


@pytest.fixture
def another_machine(monkeypatch, tmp_path):
    """Gives the user an empty cache, as on a machine that has seen no run."""
    numbers = iter(range(100))
    return lambda: monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / f"cache-{next(numbers)}"))


def fill(folder: Path) -> None:
    shutil.copytree(trained.folders()[0], folder, dirs_exist_ok=True)


@contextlib.contextmanager
def training_of_a_sealed_checkpoint(address: str) -> Iterator[Workplace]:
    with workplace(address, beat=BEAT) as place:
        fill(place.folder)
        place.storage.on_sealed()
        yield place


def address_of_a_run(scheme: str) -> str:
    address = emulators.fresh_address(scheme)
    with workplace(address, beat=BEAT) as place:
        fill(place.folder)
    return address


@SCHEMES
def test_a_run_is_read_where_it_was_never_trained(scheme, another_machine):
    another_machine()
    address = address_of_a_run(scheme)
    another_machine()
    run, images = open_run(address), np.zeros((1, 40, 40, 3), np.uint8)
    assert run.folder.name == address.rpartition("/")[2]
    np.testing.assert_array_equal(run.score(images), trained.opened().score(images))
    assert "train.lock" not in Bucket(address).names()


def test_training_goes_on_from_what_the_bucket_has(another_machine):
    address = emulators.fresh_address("gs")
    another_machine()
    with training_of_a_sealed_checkpoint(address) as place:
        (place.folder / "metrics.jsonl").write_text("after the checkpoint")
        first = place.folder
    another_machine()
    with workplace(address, beat=BEAT) as place:
        assert place.folder != first
        assert sealed_steps(place.folder / "checkpoints") == sealed_steps(first / "checkpoints")
        assert (place.folder / "metrics.jsonl").read_text() == "after the checkpoint"


def test_a_copy_drops_what_the_bucket_does_not_have(another_machine):
    address = emulators.fresh_address("s3")
    another_machine()
    with workplace(address, beat=BEAT) as place:
        pass
    fill(place.folder)  # as what was written before a kill
    with workplace(address, beat=BEAT) as place:
        assert not any(path.is_file() for path in place.folder.rglob("*"))


def test_what_a_failed_training_wrote_is_at_the_address_and_nothing_goes(another_machine):
    another_machine()
    address = address_of_a_run("gs")
    before = set(Bucket(address).names())
    failed = workplace(address, beat=BEAT)
    folder = failed.__enter__().folder
    (folder / "bad_steps.jsonl").write_text("{}")
    shutil.rmtree(folder / "checkpoints")
    failed.__exit__(KeyError, KeyError(), None)
    assert {*Bucket(address).names()} == before | {"bad_steps.jsonl"}


def test_who_has_lost_the_lock_uploads_nothing(another_machine):
    address = emulators.fresh_address("gs")
    another_machine()
    training = workplace(address, beat=BEAT)
    training.__enter__()
    Bucket(address).write(LOCK, b'{"holder": "another", "beat": 60}')
    time.sleep(10 * BEAT)
    with pytest.raises(RunError, match=f"^{address}: another has taken over this run"):
        training.__exit__(None, None, None)
    assert Bucket(address).names() == [LOCK]


@SCHEMES
def test_half_of_an_upload_is_no_checkpoint(scheme, another_machine):
    another_machine()
    address = address_of_a_run(scheme)
    bucket = Bucket(address)
    (seal,) = [key for key in bucket.names() if key.endswith(SEAL)]
    for name in ("unfinished", "state/half"):
        bucket.write(f"checkpoints/9/{name}", b"half")
    another_machine()
    assert sealed_steps(local_copy(address) / "checkpoints").keys() == {2}
    with workplace(address, beat=BEAT) as place:
        assert [path.name for path in (place.folder / "checkpoints").iterdir() if any(path.iterdir())] == ["2"]
    assert not bucket.names("checkpoints/9/")
    bucket.delete(seal)
    with pytest.raises(RunError, match=f"^{address}: no intact checkpoint found; train the run"):
        local_copy(address)


def test_a_checkpoint_in_doubt_at_an_address_is_set_aside_there(another_machine, caplog):
    address = emulators.fresh_address("gs")
    another_machine()
    with workplace(address, beat=BEAT) as place, checkpoints_of(place) as checkpoints:
        checkpoints.save(state_at(2), {"next": 2}, {"val_auc": 0.5, "threshold": 0.5})
    bucket = Bucket(address)
    bucket.write("checkpoints/9/state/half", b"half")
    bucket.delete(f"checkpoints/2/{SEAL}")
    before = {key: bucket.read(key) for key in bucket.names("checkpoints/2/")}
    with workplace(address, beat=BEAT) as place, checkpoints_of(place) as checkpoints:
        assert int(checkpoints.restore(state_at(0))[0].step) == 2
    assert f"{address}/checkpoints/2: complete, but training was ended before it was sealed" in caplog.text
    assert bucket.read("checkpoints/set_aside/9/state/half") == b"half"
    assert not bucket.names("checkpoints/9/")
    assert {key: bucket.read(key) for key in before} == before
    bucket.write("config.json", b"{}")
    assert sealed_steps(local_copy(address) / "checkpoints").keys() == {2}


def test_checkpoints_of_another_library_at_an_address_are_refused_and_stay(another_machine):
    address = emulators.fresh_address("gs")
    Bucket(address).write("checkpoints/1000/_CHECKPOINT_METADATA", b"{}")
    another_machine()
    with (
        pytest.raises(RunError, match=f"^{address}/checkpoints: expected a sound checkpoint .*, found 1 in"),
        workplace(address, beat=BEAT) as place,
        checkpoints_of(place) as checkpoints,
    ):
        checkpoints.restore(state_at(0))
    assert Bucket(address).names() == ["checkpoints/1000/_CHECKPOINT_METADATA"]


def test_a_checkpoint_that_training_deletes_goes_from_the_bucket(another_machine):
    address = emulators.fresh_address("gs")
    another_machine()
    with training_of_a_sealed_checkpoint(address) as place:
        shutil.rmtree(place.folder / "checkpoints/2")
    assert not Bucket(address).names("checkpoints/")


@SCHEMES
def test_a_second_training_at_an_address_is_refused(scheme, another_machine):
    address = emulators.fresh_address(scheme)
    another_machine()
    with workplace(address, beat=BEAT):
        another_machine()
        with pytest.raises(RunError, match=f"^{address}: process .* is training this run; wait for it, or give"):
            workplace(address, beat=BEAT).__enter__()


def test_a_local_folder_is_trained_in_where_it_is(tmp_path):
    with workplace(tmp_path / "run") as place:
        assert (place.folder, place.name) == (tmp_path / "run", str(tmp_path / "run"))


@pytest.mark.slow  # two processes, twice
def test_processes_without_a_disk_in_common_start_each_stage_from_the_same_checkpoint(tmp_path):
    address = emulators.fresh_address("gs")
    assert job(address, "save", tmp_path / "here") == ["2 2 65.0", "2 2 65.0"]
    assert [key for key in Bucket(address).names() if key.endswith(SEAL)] == [f"checkpoints/2/{SEAL}"]
    assert job(address, "restore", tmp_path / "there") == ["2 2 65.0", "2 2 65.0"]


def job(address: str, action: str, caches: Path) -> list[str]:
    """The last line that each of two processes printed, each with a cache of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        argv = [sys.executable, "-m", "tests.run.mirrored_job", address, action]
        argv += [f"127.0.0.1:{free.getsockname()[1]}", "2"]
    root = Path(__file__).parents[2]
    environments = [{**os.environ, "XDG_CACHE_HOME": str(caches / str(i))} for i in range(2)]
    started = [
        subprocess.Popen([*argv, str(i)], cwd=root, env=environment, stdout=subprocess.PIPE, text=True)
        for i, environment in enumerate(environments)
    ]
    printed = [process.communicate(timeout=300)[0] for process in started]
    assert [process.returncode for process in started] == [0, 0]
    return [next(iter(reversed(text.splitlines())), "") for text in printed]

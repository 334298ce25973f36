"""What a kill leaves at an address, and what others put there: no half of a checkpoint, nothing deleted."""

import itertools
import shutil

import pytest

from dfdetect_jax.errors import StoreError
from dfdetect_jax.run import seal as seals
from dfdetect_jax.run.mirror import Mirror
from dfdetect_jax.run.seal import SEAL
from dfdetect_jax.run.stored_checkpoints import files_in
from dfdetect_jax.stores.bucket import Bucket
from tests import emulators

LOOSE = {"config.json", "queue/queue.csv"}


@pytest.fixture
def address():
    return emulators.fresh_address("gs")


def new_mirror(address, folder):
    """Of one who starts to train at an address."""
    mirror = Mirror(address, folder)
    mirror.remove_cut_off()
    mirror.fetch()
    return mirror


def write_run(folder, step=2, weights=b"weights"):
    for name in (*LOOSE, f"checkpoints/{step}/variables/d", f"checkpoints/{step}/_CHECKPOINT_METADATA"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(weights)
    seals.write(folder / f"checkpoints/{step}", {"threshold": 0.5, "val_auc": 0.5})


def killed_at(monkeypatch, number, action):
    """Runs an action of which the store refuses all writes after the first `number`; whether it refused one."""
    write, numbers = Bucket.write, itertools.count()

    def refused(bucket, key, content):
        if next(numbers) >= number:
            raise StoreError("killed")
        write(bucket, key, content)

    with monkeypatch.context() as patch:
        patch.setattr(Bucket, "write", refused)
        patch.setattr(Bucket, "delete", lambda bucket, key: refused(bucket, key, None))
        try:
            action()
        except StoreError:
            return True
    return False


def copied_steps(address, folder):
    """The checkpoints that the next training copies, every one of which is whole."""
    new_mirror(address, folder)
    steps = list(seals.step_folders(folder / "checkpoints").values())
    assert all(seals.verify(step) for step in steps)
    return steps


def test_wherever_a_kill_ends_an_upload_a_checkpoint_is_whole_and_has_what_it_needs(tmp_path, monkeypatch):
    for number in itertools.count():
        address, here, there = emulators.fresh_address("gs"), tmp_path / f"{number}", tmp_path / f"{number}-there"
        mirror = new_mirror(address, here)
        write_run(here)
        killed = killed_at(monkeypatch, number, mirror.push)
        steps = copied_steps(address, there)
        assert not steps or all((there / name).is_file() for name in LOOSE)
        if not killed:
            break
    assert number > 4
    assert steps


def test_wherever_a_kill_ends_a_deletion_no_half_of_a_checkpoint_is_left(tmp_path, monkeypatch):
    for number in itertools.count():
        address, here, there = emulators.fresh_address("gs"), tmp_path / f"{number}", tmp_path / f"{number}-there"
        mirror = new_mirror(address, here)
        write_run(here)
        mirror.push()
        shutil.rmtree(here / "checkpoints/2")
        killed = killed_at(monkeypatch, number, mirror.delete_gone)
        copied_steps(address, there)
        if not killed:
            break
    assert number > 3
    assert not Bucket(address).names("checkpoints/")


def test_what_others_put_beside_a_run_stays_and_is_copied(address, tmp_path):
    names = ["checkpoints/0800/seal.json", "checkpoints/1000/_CHECKPOINT_METADATA", "checkpoints/1000/d", "notes.txt"]
    for name in names:
        Bucket(address).write(name, b"{}")
    mirror = new_mirror(address, tmp_path)
    mirror.push()
    mirror.delete_gone()
    assert Bucket(address).names() == names
    assert files_in(tmp_path) == names


def test_of_a_checkpoint_that_is_sealed_late_only_the_seal_is_written(address, tmp_path, monkeypatch):
    write_run(tmp_path / "before")
    names = [name for name in files_in(tmp_path / "before") if not name.endswith(SEAL)]
    Bucket(address).upload(names, tmp_path / "before")
    mirror = new_mirror(address, tmp_path / "copy")
    shutil.copy(tmp_path / f"before/checkpoints/2/{SEAL}", tmp_path / f"copy/checkpoints/2/{SEAL}")
    written: list[str] = []
    monkeypatch.setattr(Bucket, "write", lambda bucket, key, content: written.append(key))
    mirror.push()
    assert written == [f"checkpoints/2/{SEAL}"]


def test_a_step_that_is_trained_anew_takes_the_place_of_one_in_doubt(address, tmp_path):
    write_run(tmp_path / "a")
    (tmp_path / "a/checkpoints/2/old").write_text("")
    first = new_mirror(address, tmp_path / "b")
    shutil.copytree(tmp_path / "a", tmp_path / "b", dirs_exist_ok=True)
    first.push()
    Bucket(address).write("checkpoints/2/variables/d", b"damaged")
    second = new_mirror(address, tmp_path / "c")
    (tmp_path / "c/checkpoints/2").rename(tmp_path / "c/aside")
    write_run(tmp_path / "c", weights=b"other weights")
    second.push()
    second.delete_gone()
    new_mirror(address, tmp_path / "d")
    assert seals.verify(tmp_path / "d/checkpoints/2")
    assert (tmp_path / "d/checkpoints/2/variables/d").read_bytes() == b"other weights"
    assert (tmp_path / "d/aside/variables/d").read_bytes() == b"damaged"

"""A run at an address is copied to be read: its best sound checkpoint, and nothing of what is no run."""

from pathlib import Path

import pytest

from dfdetect_jax.errors import RunError, StoreError
from dfdetect_jax.run import seal as seals
from dfdetect_jax.run.local_copy import local_copy
from dfdetect_jax.run.stored_checkpoints import files_in
from dfdetect_jax.stores.address import copies
from dfdetect_jax.stores.bucket import Bucket
from tests import emulators


@pytest.fixture(autouse=True)
def empty_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def train(tmp_path):
    """Puts a run with these checkpoints, by step with the validation's AUC, in the place of what is at an address."""

    def put(address: str, aucs: dict[int, float]) -> None:
        folder = tmp_path / "run"
        for step, auc in aucs.items():
            weights = folder / f"checkpoints/{step}/variables/d"
            weights.parent.mkdir(parents=True, exist_ok=True)
            weights.write_text(f"{step} {auc}")
            seals.write(folder / f"checkpoints/{step}", {"threshold": 0.5, "val_auc": auc})
        (folder / "config.json").write_text("{}")
        names = [name for name in files_in(folder) if name.split("/")[1:2] in ([], *([str(step)] for step in aucs))]
        Bucket(address).delete_all(Bucket(address).names())
        Bucket(address).upload(names, folder)

    return put


def steps_of(copy: Path) -> set[int]:
    """The checkpoints of a copy, all of which are sound."""
    return {step for step, folder in seals.step_folders(copy / "checkpoints").items() if seals.verify(folder)}


def test_of_a_run_the_best_checkpoint_is_copied(train):
    address = emulators.fresh_address("gs")
    train(address, {1: 0.5, 2: 0.9, 3: 0.7})
    assert steps_of(local_copy(address)) == {2}


def test_a_damaged_checkpoint_is_passed_over(train, caplog):
    address = emulators.fresh_address("s3")
    train(address, {1: 0.5, 2: 0.9})
    Bucket(address).write("checkpoints/2/variables/d", b"damaged")
    assert steps_of(local_copy(address)) == {1}
    assert f"checkpoint {address}/checkpoints/2/ is passed over" in caplog.text


def test_what_another_reader_is_about_to_open_stays_when_a_better_one_is_copied(train):
    address = emulators.fresh_address("gs")
    train(address, {1: 0.6})
    first = local_copy(address)
    train(address, {2: 0.9})
    assert local_copy(address) == first
    assert steps_of(first) == {1, 2}
    train(address, {2: 0.9, 3: 0.95})
    assert steps_of(local_copy(address)) == {2, 3}


def test_a_better_one_that_has_gone_from_the_bucket_goes_from_the_copy(train):
    address = emulators.fresh_address("gs")
    train(address, {1: 0.9})
    local_copy(address)
    train(address, {2: 0.6})
    assert steps_of(local_copy(address)) == {2}
    train(address, {2: 0.7})
    assert (local_copy(address) / "checkpoints/2/variables/d").read_text() == "2 0.7"


@pytest.mark.parametrize(
    ("names", "words"),
    [([], "nothing"), (["a.mp4", "run/config.json"], "neither config.json nor SHA256SUMS"), ([""], "nothing")],
)
def test_what_is_no_run_is_said_by_its_address_before_anything_is_copied(names, words):
    address = emulators.fresh_address("gs")
    for name in names:
        Bucket(address).write(name, b"0")
    with pytest.raises(RunError, match=f"^{address}: expected a run or a model, found {words}; check the address"):
        local_copy(address)
    assert not copies().exists()


@pytest.mark.usefixtures("no_locks")
def test_a_cache_on_a_disk_without_locks_is_said_in_a_line(train):
    address = emulators.fresh_address("gs")
    train(address, {1: 0.5})
    with pytest.raises(StoreError, match=f"^{copies()}.*: expected a file system with locks, .*; set XDG_CACHE_HOME"):
        local_copy(address)

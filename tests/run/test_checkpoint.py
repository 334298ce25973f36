"""Checkpoints: what is restored, what is refused, and what is skipped."""

import contextlib
import json
import os
import resource
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from dfdetect_jax import faults
from dfdetect_jax.devices import processes
from dfdetect_jax.errors import RunError
from dfdetect_jax.locks import Lock
from dfdetect_jax.methods import TrainState
from dfdetect_jax.run.best import LOCK, restore_variables
from dfdetect_jax.run.checkpoint import SET_ASIDE, Checkpoints
from dfdetect_jax.run.seal import SEAL, sealed_steps


def state_at(step: int, dtype=jnp.float32) -> TrainState:
    params = {"dense": {"kernel": jnp.full((3, 2), step, dtype), "bias": jnp.zeros(2, dtype)}}
    return TrainState(
        step=jnp.int32(step),
        key=jax.random.key(7),
        params=params,
        batch_stats={"mean": jnp.full(2, -step, jnp.float32)},
        opt_state=optax.adam(0.1).init(params),
    )


def save(folder, aucs: dict[int, float | None], keep: int = 10):
    checkpoints = Checkpoints(folder, keep)
    for step, auc in aucs.items():
        checkpoints.save(state_at(step), {"next_index": step}, {"val_auc": auc, "threshold": step / 10})
    checkpoints.close()


def restored(folder):
    checkpoints = Checkpoints(folder)
    try:
        return checkpoints.restore(state_at(0))
    finally:
        checkpoints.close()


def contents(folder) -> dict[str, bytes]:
    """Bytes of each file below a folder."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture(scope="module")
def saved_once(tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved") / "checkpoints"
    save(folder, {1: 0.5, 2: 0.6})
    return folder


@pytest.fixture
def two_saved(saved_once, tmp_path):
    """Checkpoints of the steps 1 and 2; the second is the best."""
    return shutil.copytree(saved_once, tmp_path / "run" / "checkpoints")


def test_state_and_cursor_come_back_bit_for_bit(tmp_path):
    save(tmp_path, {1: 0.5, 2: 0.6})
    state, cursor = restored(tmp_path)
    assert cursor == {"next_index": 2}
    assert jax.tree.all(jax.tree.map(np.array_equal, state.with_key_data(), state_at(2).with_key_data()))


def test_an_error_in_one_of_several_processes_waits_for_no_other(tmp_path, monkeypatch):
    waited = []
    checkpoints = Checkpoints(tmp_path)
    monkeypatch.setattr(jax, "process_count", lambda: 2)
    monkeypatch.setattr(processes, "wait_for_all", waited.append)
    with pytest.raises(OSError, match="no room"), checkpoints:
        raise OSError("no room")
    assert waited == []
    with checkpoints:
        pass
    assert waited == ["the checkpoints are sealed"]


def test_an_empty_folder_has_nothing_to_restore(tmp_path):
    assert restored(tmp_path) is None
    with pytest.raises(RunError, match="no intact checkpoint found"):
        restore_variables(tmp_path, state_at(0).variables)


def test_prediction_takes_the_best_by_validation_not_the_latest(tmp_path):
    save(tmp_path, {1: 0.5, 2: 0.9, 3: 0.7})
    variables, metrics = restore_variables(tmp_path, state_at(0).variables)
    assert metrics == {"step": 2, "val_auc": 0.9, "threshold": 0.2}
    np.testing.assert_array_equal(variables["params"]["dense"]["kernel"], np.full((3, 2), 2.0))
    np.testing.assert_array_equal(variables["batch_stats"]["mean"], [-2.0, -2.0])


def test_the_best_outlives_the_latest(tmp_path):
    save(tmp_path, {1: 0.9, 2: 0.5, 3: 0.5, 4: 0.6, 5: None}, keep=2)
    assert sorted(int(p.name) for p in tmp_path.iterdir() if p.name.isdigit()) == [1, 4, 5]


def flip_a_bit(step_folder):
    path = max((p for p in step_folder.rglob("*") if p.is_file() and p.name != SEAL), key=lambda p: p.stat().st_size)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def truncate(step_folder):
    path = max((p for p in step_folder.rglob("*") if p.is_file() and p.name != SEAL), key=lambda p: p.stat().st_size)
    path.write_bytes(path.read_bytes()[:-5])


def delete_a_file(step_folder):
    next(p for p in step_folder.rglob("*") if p.is_file() and p.name != SEAL).unlink()


def change_the_threshold(step_folder):
    path = step_folder / SEAL
    path.write_text(path.read_text().replace('"threshold": 0.2', '"threshold": 0.7'))


def seal_as(content):
    def harm(step_folder):
        (step_folder / SEAL).write_text(content)

    return harm


def seal_is_a_folder(step_folder):
    (step_folder / SEAL).unlink()
    (step_folder / SEAL).mkdir()


def seal_is_a_pipe(step_folder):
    (step_folder / SEAL).unlink()
    os.mkfifo(step_folder / SEAL)


def link_to_elsewhere(step_folder):
    path = step_folder / "variables" / "_METADATA"
    path.rename(step_folder.parent.parent / "elsewhere")
    path.symlink_to(step_folder.parent.parent / "elsewhere")


SEALS = {
    "list": "[]",
    "empty": "",
    "null": "null",
    "without_threshold": '{"metrics": {}, "sha256": {"a": "b"}}',
    "metrics_null": '{"metrics": null, "sha256": {"a": "b"}}',
    "nan": '{"metrics": {"threshold": NaN}, "sha256": {"a": "b"}}',
    "outside": '{"metrics": {"threshold": 0.5}, "sha256": {"../1/seal.json": "b"}}',
    "deep": "[" * 100_000,
}
DAMAGE = [
    flip_a_bit,
    truncate,
    delete_a_file,
    change_the_threshold,
    seal_is_a_folder,
    seal_is_a_pipe,
    link_to_elsewhere,
]


@pytest.mark.parametrize("harm", [*DAMAGE, *(pytest.param(seal_as(text), id=name) for name, text in SEALS.items())])
def test_a_damaged_checkpoint_is_named_and_the_one_before_is_used(two_saved, harm, caplog):
    harm(two_saved / "2")
    assert restore_variables(two_saved, state_at(0).variables)[1]["step"] == 1
    assert f"checkpoint {two_saved / '2'} is passed over: " in caplog.text
    assert [record.message.count("\n") for record in caplog.records] == [0]


@pytest.mark.parametrize("harm", [flip_a_bit, change_the_threshold, seal_as("[]")])
def test_training_sets_a_damaged_checkpoint_aside_and_goes_on_from_the_one_before(two_saved, harm, caplog):
    harm(two_saved / "2")
    before = contents(two_saved / "2")
    state, _ = restored(two_saved)
    assert int(state.step) == 1
    assert contents(two_saved / SET_ASIDE / "2") == before
    assert f"is not used and moved to {two_saved / SET_ASIDE / '2'}: " in caplog.text


def test_what_is_set_aside_twice_is_kept_twice(two_saved):
    for _ in range(2):
        flip_a_bit(two_saved / "2")
        checkpoints = Checkpoints(two_saved)
        checkpoints.restore(state_at(0))
        checkpoints.save(state_at(2), {"next_index": 2}, {"val_auc": 0.7, "threshold": 0.5})
        checkpoints.close()
    assert sorted(path.name for path in (two_saved / SET_ASIDE).iterdir()) == ["2", "2.1"]
    assert int(restored(two_saved)[0].step) == 2


def test_a_stray_file_in_each_checkpoint_takes_nothing_from_it(two_saved, caplog):
    for step in "12":
        (two_saved / step / ".DS_Store").write_bytes(b"x")
        (two_saved / step / "state" / "._manifest").write_bytes(b"x")
    assert int(restored(two_saved)[0].step) == 2
    assert restore_variables(two_saved, state_at(0).variables)[1]["step"] == 2
    assert not caplog.records


def test_if_none_is_sound_training_refuses_to_begin_again_and_touches_nothing(two_saved):
    for step in "12":
        flip_a_bit(two_saved / step)
    before = contents(two_saved)
    with pytest.raises(RunError, match=r"found 2 in doubt \(the newest, 2: .* move that folder away"):
        restored(two_saved)
    assert contents(two_saved) == before


def test_the_best_checkpoint_without_a_seal_is_refused_for_prediction(two_saved):
    (two_saved / "2" / SEAL).unlink()
    with pytest.raises(RunError, match=r"/2: expected a seal.json .* to use checkpoint 1$"):
        restore_variables(two_saved, state_at(0).variables)


def test_one_that_is_not_the_best_may_lack_its_seal(tmp_path, caplog):
    save(tmp_path, {1: 0.9, 2: 0.5})
    (tmp_path / "2" / SEAL).unlink()
    assert restore_variables(tmp_path, state_at(0).variables)[1]["step"] == 1
    assert not caplog.records


@contextlib.contextmanager
def held(path):
    lock = Lock(path)
    yield
    lock.release()


def test_while_the_run_is_trained_one_without_a_seal_is_about_to_get_it(two_saved, caplog):
    (two_saved / "2" / SEAL).unlink()
    with held(two_saved.parent / LOCK):
        assert restore_variables(two_saved, state_at(0).variables)[1]["step"] == 1
    assert "passed over: it has no seal.json" in caplog.text


def test_a_complete_checkpoint_whose_run_was_killed_before_it_was_sealed_is_sealed_on_resume(two_saved, caplog):
    seal = (two_saved / "2" / SEAL).read_text()
    (two_saved / "2" / SEAL).unlink()
    assert int(restored(two_saved)[0].step) == 2
    assert "sealed now" in caplog.text
    assert json.loads((two_saved / "2" / SEAL).read_text()) == json.loads(seal)


# Threads of Orbax meet the missing file again, some after the test.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_incomplete_one_without_a_seal_is_set_aside(two_saved):
    (two_saved / "2" / SEAL).unlink()
    shutil.rmtree(two_saved / "2" / "state" / "d")
    assert int(restored(two_saved)[0].step) == 1
    assert (two_saved / SET_ASIDE / "2").is_dir()


def test_copies_files_and_links_with_the_name_of_a_step_are_no_checkpoints(two_saved):
    shutil.copytree(two_saved / "2", two_saved / "0009999")
    (two_saved / "77").touch()
    (two_saved / "78").symlink_to(two_saved / "1")
    assert restore_variables(two_saved, state_at(0).variables)[1]["step"] == 2
    assert int(restored(two_saved)[0].step) == 2


def test_the_best_outlives_the_latest_after_a_restart_too(tmp_path):
    save(tmp_path, {1: 0.9, 2: 0.5}, keep=2)
    checkpoints = Checkpoints(tmp_path, keep=2)
    checkpoints.restore(state_at(0))
    for step in (3, 4, 5):
        checkpoints.save(state_at(step), {}, {"val_auc": 0.4, "threshold": 0.5})
    checkpoints.close()
    assert sorted(sealed_steps(tmp_path)) == [1, 4, 5]


def test_a_deletion_that_was_cut_off_is_finished(two_saved):
    (two_saved / "1").rename(two_saved / ".deleted-1")
    assert int(restored(two_saved)[0].step) == 2
    assert not (two_saved / ".deleted-1").exists()


def test_a_stray_empty_folder_is_no_checkpoint(tmp_path):
    save(tmp_path, {1: 0.5})
    (tmp_path / "4").mkdir()
    assert int(restored(tmp_path)[0].step) == 1
    assert restore_variables(tmp_path, state_at(0).variables)[1]["step"] == 1


def test_a_state_of_another_dtype_is_refused_instead_of_cast(tmp_path):
    save(tmp_path, {1: 0.5})
    checkpoints = Checkpoints(tmp_path)
    with pytest.raises(RunError, match="other shapes or types"):
        checkpoints.restore(state_at(0, jnp.bfloat16))
    checkpoints.close()


def test_a_seal_holds_the_validation_results(tmp_path):
    save(tmp_path, {3: 0.25})
    assert json.loads((tmp_path / "3" / SEAL).read_text())["metrics"] == {"val_auc": 0.25, "threshold": 0.3}


@contextlib.contextmanager
def no_file_larger_than(size):
    """In bytes: as on a full disk, what is larger can't be written."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def write_two_of(checkpoints):
    checkpoints.save(state_at(2), {"next_index": 2}, {"val_auc": 0.5, "threshold": 0.2})
    checkpoints.seal(wait=True)


# Threads of Orbax meet the full disk again, some after the test.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_checkpoint_that_does_not_fit_on_the_disk_is_one_line_and_the_one_before_stays(tmp_path, caplog):
    save(tmp_path, {1: 0.5})
    checkpoints = Checkpoints(tmp_path)
    full = no_file_larger_than(100)
    expected = pytest.raises(RunError, match=r"^run: no room .*; make room")
    with expected, full, faults.explained("run", {}), contextlib.closing(checkpoints):
        write_two_of(checkpoints)
    assert not caplog.records
    assert list(sealed_steps(tmp_path)) == [1]
    assert restored(tmp_path)[1] == {"next_index": 1}

"""Checkpoints: what is restored, what is refused, and what is skipped."""

import contextlib
import json
import resource

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from dfdetect_jax import faults
from dfdetect_jax.errors import RunError
from dfdetect_jax.methods import TrainState
from dfdetect_jax.run.checkpoint import SEAL, Checkpoints, restore_variables, sealed_steps


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


def test_state_and_cursor_come_back_bit_for_bit(tmp_path):
    save(tmp_path, {1: 0.5, 2: 0.6})
    state, cursor = restored(tmp_path)
    assert cursor == {"next_index": 2}
    assert jax.tree.all(jax.tree.map(np.array_equal, state.with_key_data(), state_at(2).with_key_data()))


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


def unseal(step_folder):
    (step_folder / SEAL).unlink()


@pytest.mark.parametrize("harm", [flip_a_bit, truncate, delete_a_file, unseal])
def test_a_damaged_checkpoint_is_passed_over_for_the_one_before(tmp_path, harm, caplog):
    save(tmp_path, {1: 0.5, 2: 0.6})
    harm(tmp_path / "2")
    state, _ = restored(tmp_path)
    assert int(state.step) == 1
    assert "passing over" in caplog.text or harm is unseal
    assert restore_variables(tmp_path, state_at(0).variables)[1]["step"] == 1


def test_a_stray_empty_folder_is_no_checkpoint(tmp_path):
    save(tmp_path, {1: 0.5})
    (tmp_path / "4").mkdir()
    assert int(restored(tmp_path)[0].step) == 1


def test_training_goes_on_after_falling_back(tmp_path):
    save(tmp_path, {1: 0.5, 2: 0.6})
    flip_a_bit(tmp_path / "2")
    checkpoints = Checkpoints(tmp_path)
    checkpoints.restore(state_at(0))
    checkpoints.save(state_at(2), {"next_index": 2}, {"val_auc": 0.7, "threshold": 0.5})
    checkpoints.close()
    assert int(restored(tmp_path)[0].step) == 2


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

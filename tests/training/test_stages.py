"""Two stages with a selection between them: their data, waiting for masks, and resuming after an interruption."""

import dataclasses
import errno
import json
import os
import shutil
import signal

import cv2
import jax
import numpy as np
import pytest

from dfdetect_jax import methods
from dfdetect_jax.active import queue as queues
from dfdetect_jax.active import queue_masks
from dfdetect_jax.active.journal import Answer
from dfdetect_jax.active.mask_store import save_answer
from dfdetect_jax.config import check, override
from dfdetect_jax.data import records
from dfdetect_jax.errors import BadMediaError, RecordsError, RunError, SettingsError, WeightsError
from dfdetect_jax.run.checkpoint import Checkpoints, Storage
from dfdetect_jax.run.folder import open_run
from dfdetect_jax.run.seal import sealed_steps
from dfdetect_jax.training import loop, parallel, stages
from dfdetect_jax.training.first_weights import initial_state
from dfdetect_jax.weights.vgg16 import load_vgg16
from tests.conftest import tiny_lae_settings
from tests.data.drawn import SIZE, drawn_example, real_example, write_records


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    root = tmp_path_factory.mktemp("data_dir")
    return write_records(root / "drawn" / f"{SIZE}px" / records.VERSION, {"train": 40, "val": 9, "test": 9})


def unmasked_example(split, number):
    """As `drawn_example`, without a mask."""
    return dataclasses.replace(drawn_example(split, number), has_mask=False)


def settings(**active):
    four_of_forty = {"share": 0.1}
    return check(tiny_lae_settings(**{f"active__{name}": value for name, value in (four_of_forty | active).items()}))


def last_state(given, workdir):
    """The newest checkpoint of a run."""
    target = initial_state(parallel.build(methods.build(given), given), given)
    checkpoints = Checkpoints(workdir / "checkpoints")
    state, _ = checkpoints.restore(target)
    checkpoints.close()
    return state


@pytest.fixture(scope="module")
def oracle_run(drawn, tmp_path_factory):
    workdir = tmp_path_factory.mktemp("oracle") / "run"
    assert stages.train(settings(), workdir, drawn)
    return workdir


def test_the_oracle_fills_the_queue_and_stage_two_follows(oracle_run):
    queue = queues.read_queue(oracle_run / stages.QUEUE)
    assert len(queue.rows) == 4
    assert queue_masks.missing(queue) == []
    assert {step: metrics["stage"] for step, metrics in sealed_steps(oracle_run / "checkpoints").items()} == {
        2: 1,
        4: 2,
    }


def test_the_run_is_opened_with_weights_of_the_last_stage(oracle_run):
    run = open_run(oracle_run)
    assert run.info["checkpoint"]["stage"] == 2
    assert run.saw_masks


def test_a_run_without_the_perceptual_term_says_so_and_one_without_masks_too(drawn, oracle_run, tmp_path):
    (note,) = open_run(oracle_run).notes
    assert "without the perceptual term" in note
    assert stages.train(settings(masks="none"), tmp_path / "run", drawn)
    assert not (tmp_path / "run" / stages.QUEUE).exists()
    assert any("trained without masks" in note for note in open_run(tmp_path / "run").notes)


@pytest.mark.slow
def test_an_interrupted_second_stage_ends_like_an_uninterrupted_one(drawn, oracle_run, tmp_path):
    given = override(settings(), {"train.eval_every": 1})
    workdir = tmp_path / "run"
    assert loop.train(given, workdir, drawn, until=2)
    masks = stages.painted_masks(given.active, workdir, drawn)
    assert loop.train(given, workdir, drawn, masks=masks, until=3, stage=2)
    assert stages.train(given, workdir, drawn)
    ended, uninterrupted = last_state(given, workdir), last_state(settings(), oracle_run)
    jax.tree.map(np.testing.assert_array_equal, ended.with_key_data(), uninterrupted.with_key_data())


def paint(queue, value):
    for row in queue.rows:
        mask = np.zeros((SIZE, SIZE), np.uint8)
        mask[4:20, 8:24] = value
        cv2.imwrite(str(queue.folder / row.file(queues.MASKS)), mask)


def test_the_missing_mask_and_the_file_in_its_place_are_named(drawn, oracle_run, tmp_path, capsys):
    shutil.copytree(oracle_run / stages.QUEUE, tmp_path / stages.QUEUE)
    masks = tmp_path / stages.QUEUE / queues.MASKS
    (masks / "0003.png").rename(masks / "0003.jpg")
    (masks / "0002.png").unlink()
    assert stages.painted_masks(settings(annotator="people").active, tmp_path, drawn) is None
    waiting, named = capsys.readouterr().err.splitlines()
    assert waiting.startswith("waiting for masks: 2 of 4 are not painted yet: 0002, 0003 (2); paint them as described")
    assert named == "masks/0003.png: missing, found masks/0003.jpg; if that is it, save it under that name, as PNG"


def test_what_annotators_answered_in_place_of_a_mask_is_reported(drawn, oracle_run, tmp_path, capsys):
    shutil.copytree(oracle_run / stages.QUEUE, tmp_path / stages.QUEUE, ignore=shutil.ignore_patterns(queues.STARTED))
    queue = queues.read_queue(tmp_path / stages.QUEUE)
    (queue.folder / queue.rows[0].file(queues.MASKS)).unlink()
    save_answer(queue, queue.rows[0].id, "ann", Answer.REAL)
    assert len(stages.painted_masks(settings(annotator="people").active, tmp_path, drawn)) == 3
    learns, real = capsys.readouterr().err.splitlines()
    assert "3 masks of 4" in learns
    assert real == f"annotators: 1 images are real after all: check the labels of {queue.rows[0].video} (1)"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            MemoryError("8.0 GB"),
            r"out of memory \(8.0 GB\); give .*train.accumulate=2 .*train.remat.*batch_size",
        ),
        (OSError(errno.ENOSPC, "No space"), "no room on the disk .*it resumes from the last complete checkpoint"),
        (OSError(errno.EROFS, "Read-only"), "no access .*name another --workdir"),
    ],
)
def test_what_the_machine_lacks_is_one_line_with_what_helps(drawn, tmp_path, monkeypatch, error, words):
    def failing(*args, **kwargs):
        raise error

    monkeypatch.setattr(loop, "train", failing)
    with pytest.raises(RunError, match=f"^{tmp_path}: {words}") as line:
        stages.train(settings(), tmp_path, drawn)
    assert "\n" not in str(line.value)


@pytest.mark.usefixtures("no_locks")
@pytest.mark.parametrize(
    ("storage", "advice"),
    [(Storage(), "name a folder on another disk"), (Storage(address="gs://bkt/run"), "set XDG_CACHE_HOME to a folder")],
)
def test_a_disk_without_locks_is_one_line_with_what_helps(drawn, tmp_path, storage, advice):
    with pytest.raises(RunError, match=f"^{tmp_path}: expected a file system with locks, .*; {advice}"):
        stages.train(settings(), tmp_path, drawn, storage=storage)


@pytest.mark.slow
def test_people_are_waited_for_and_the_same_call_goes_on(drawn, tmp_path, capsys):
    given, workdir = settings(annotator="people"), tmp_path / "run"
    for _ in range(2):
        assert not stages.train(given, workdir, drawn)
        assert "waiting for masks: 4 of 4" in capsys.readouterr().err
    assert max(sealed_steps(workdir / "checkpoints")) == 2
    queue = queues.read_queue(workdir / stages.QUEUE)
    paint(queue, 0)  # as a program does that saves too early
    with pytest.raises(BadMediaError, match=r"masks/\d{4}\.png.*paint it"):
        stages.train(given, workdir, drawn)
    paint(queue, 255)
    assert stages.train(given, workdir, drawn)
    assert max(sealed_steps(workdir / "checkpoints")) == 4
    (queue.folder / queue.rows[0].file(queues.MASKS)).unlink()
    (queue.folder / queue.rows[0].file(queues.IMAGES)).unlink()
    with pytest.raises(RunError, match="expected the masks that stage 2 started with"):
        stages.train(given, workdir, drawn)


@pytest.mark.slow
@pytest.mark.parametrize("start", [0, 2])
def test_learning_from_all_masks_asks_nobody(drawn, tmp_path, start):
    workdir = tmp_path / "run"
    assert stages.train(settings(masks="all", start=start), workdir, drawn)
    assert not (workdir / stages.QUEUE).exists()
    assert open_run(workdir).info["checkpoint"]["stage"] == 2


@pytest.mark.slow
def test_a_sigterm_at_the_end_of_stage_one_keeps_stage_two_from_starting(drawn, tmp_path, monkeypatch):
    workdir, save = tmp_path / "run", Checkpoints.save

    def terminated_while_saving(self, *args):
        os.kill(os.getpid(), signal.SIGTERM)
        save(self, *args)

    with monkeypatch.context() as patched:
        patched.setattr(Checkpoints, "save", terminated_while_saving)
        assert not stages.train(settings(masks="all"), workdir, drawn)
    assert list(sealed_steps(workdir / "checkpoints")) == [2]
    assert stages.train(settings(masks="all"), workdir, drawn)
    assert open_run(workdir).info["checkpoint"]["stage"] == 2


@pytest.mark.slow
def test_the_perceptual_term_reads_its_weights_from_a_file_and_keeps_them_in_the_checkpoint(drawn, tmp_path):
    from tests import keras_vgg16

    path = tmp_path / "vgg16.weights.h5"
    keras_vgg16.network().save_weights(path)
    given = override(
        settings(masks="none"),
        {
            "loss.perceptual": 0.01,
            "loss.perceptual_layers": ("relu1_1",),
            "loss.vgg16": str(path),
            "train.steps": 1,
            "train.eval_every": 1,
        },
    )
    assert stages.train(given, tmp_path / "run", drawn)
    checkpoints = Checkpoints(tmp_path / "run" / "checkpoints")
    method = methods.build(given, {"vgg16": load_vgg16(str(path), "", ("relu1_1",))})
    state, _ = checkpoints.restore(initial_state(parallel.build(method, given), given))
    checkpoints.close()
    np.testing.assert_array_equal(state.frozen.params["conv1_1"]["bias"], keras_vgg16.convolution("1_1")[1])


def test_reals_alone_are_trained_on_with_masks_from_the_first_step(tmp_path):
    folder = tmp_path / "drawn" / f"{SIZE}px" / records.VERSION
    write_records(folder, {"train": 8, "val": 6}, example_of=real_example)
    given = override(settings(masks="none"), {"augment.self_blend.share": 0.5, "loss.pixel": 0.0, "train.steps": 2})
    assert stages.train(given, tmp_path / "run", folder)
    run = open_run(tmp_path / "run")
    assert (run.saw_masks, run.seen) == (True, ())
    assert 0 <= run.info["checkpoint"]["val_auc"] <= 1
    metrics = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert all(line["attention"] > 0 for line in metrics if "attention" in line)


def test_reals_alone_are_refused_without_self_blending_before_anything_is_written(tmp_path):
    folder = write_records(tmp_path / f"drawn/{SIZE}px/{records.VERSION}", {"train": 4}, example_of=real_example)
    with pytest.raises(RecordsError, match=r"augment\.self_blend\.share for reals alone"):
        stages.train(settings(masks="none"), tmp_path / "run", folder)
    assert not (tmp_path / "run").exists()


def test_masks_of_selected_fakes_are_refused_where_there_are_no_fakes(tmp_path):
    folder = write_records(tmp_path / f"drawn/{SIZE}px/{records.VERSION}", {"train": 4}, example_of=real_example)
    given = override(settings(), {"augment.self_blend.share": 0.25})
    with pytest.raises(SettingsError, match=r'active\.masks: expected fakes .*active\.masks="none"'):
        stages.train(given, tmp_path / "run", folder)


def test_masks_that_the_data_lack_are_asked_for_before_anything_is_trained(tmp_path):
    folder = write_records(tmp_path / f"drawn/{SIZE}px/{records.VERSION}", {"train": 4}, example_of=unmasked_example)
    with pytest.raises(SettingsError, match=r'expected masks of fakes .*annotator="people".*active\.masks="none"'):
        stages.train(settings(), tmp_path / "run", folder)
    assert not (tmp_path / "run").exists()


def test_a_missing_weights_file_is_told_before_anything_is_trained(drawn, tmp_path):
    given = override(settings(masks="none"), {"loss.perceptual": 1.0, "loss.vgg16": str(tmp_path / "vgg16.h5")})
    with pytest.raises(WeightsError, match="vgg16"):
        stages.train(given, tmp_path / "run", drawn)

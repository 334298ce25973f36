"""Metrics during training: files and console output."""

import json
import math

from dfdetect_jax.training.writers import METRICS, MetricsWriter, ProgressLine


def lines(folder):
    return [json.loads(line) for line in (folder / METRICS).read_text().splitlines()]


def write(folder, steps, resumed=0):
    writer = MetricsWriter(folder, resumed)
    for step in steps:
        writer.write(step, {"loss": 1.0 / step})
    writer.close()


def test_each_step_is_a_json_line_and_a_tensorboard_event(tmp_path):
    write(tmp_path, [1, 2])
    assert lines(tmp_path) == [{"step": 1, "loss": 1.0}, {"step": 2, "loss": 0.5}]
    assert list((tmp_path / "tensorboard").glob("events*"))


def test_a_resumed_run_takes_back_what_came_after_its_checkpoint(tmp_path):
    write(tmp_path, [1, 2, 3, 4])
    write(tmp_path, [3, 4], resumed=2)
    assert [line["step"] for line in lines(tmp_path)] == [1, 2, 3, 4]


def test_a_line_cut_by_a_kill_is_dropped(tmp_path):
    write(tmp_path, [1, 2])
    with (tmp_path / METRICS).open("a") as file:
        file.write('{"step": 3, "lo')
    write(tmp_path, [3], resumed=2)
    assert [line["step"] for line in lines(tmp_path)] == [1, 2, 3]


def test_a_number_that_is_not_finite_becomes_null(tmp_path):
    writer = MetricsWriter(tmp_path)
    writer.write(1, {"val_auc": None, "loss": math.nan})
    writer.close()
    assert lines(tmp_path) == [{"step": 1, "val_auc": None, "loss": None}]


def test_progress_claims_no_speed_before_it_has_one(capsys):
    progress = ProgressLine(steps=100, batch_size=8)
    progress.restart(1)
    assert progress.report(1, loss=0.5)["images_per_second"] == 0
    progress.close()
    assert "ETA -" in capsys.readouterr().err


def test_progress_tells_step_speed_wait_loss_auc_and_time_left(capsys):
    progress = ProgressLine(steps=100, batch_size=8)
    progress.validated(0.875)
    progress.waited(1e6)
    told = progress.report(50, loss=0.25)
    assert told["images_per_second"] > 0
    assert told["data_wait"] > 1
    assert progress.report(51, loss=0.25)["data_wait"] == 0
    progress.close()
    line = capsys.readouterr().err
    for part in ("step 50/100", "images/s", "data wait", "loss 0.2500", "validation AUC 0.875", "ETA"):
        assert part in line


def test_a_path_in_brackets_is_printed_as_it_is(capsys):
    progress = ProgressLine(steps=100, batch_size=8)
    progress.print("resuming /runs/[v2]/a[/b] from step 3")
    progress.close()
    assert "resuming /runs/[v2]/a[/b] from step 3" in capsys.readouterr().err

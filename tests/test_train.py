"""The `train` command: its command line, a small complete run, and resuming after an interruption."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import jax
import numpy as np
import pytest

from dfdetect_jax import methods
from dfdetect_jax.config import Crop, override
from dfdetect_jax.data.prepare.preparation import prepare
from dfdetect_jax.devices import mesh
from dfdetect_jax.errors import RunError, SettingsError
from dfdetect_jax.locks import Lock
from dfdetect_jax.run.best import LOCK
from dfdetect_jax.run.checkpoint import Storage
from dfdetect_jax.run.folder import open_run
from dfdetect_jax.run.seal import sealed_steps
from dfdetect_jax.train import main, parse
from dfdetect_jax.training import loop, parallel, provenance, stages
from dfdetect_jax.training.first_weights import initial_state, weights_of
from dfdetect_jax.training.writers import METRICS
from tests.conftest import command_line, tiny_lae_settings, tiny_settings

CONFIG = "configs/cae.py"
ROOT = Path(__file__).parents[1]


def test_a_preset_and_overrides_make_the_settings():
    command = parse(
        [
            *("--config", f"{CONFIG}:single_branch"),
            *("--config.model.width=0.5", "--config.data.train_forgeries=('a','b')"),
            *("--config.augment.jpeg.quality=(70, 90)", "--config.augment.preset=benchmark"),
        ]
    )
    assert command.settings.loss.reconstruction_weight == 0.0
    assert command.settings.model.width == 0.5
    assert command.settings.data.train_forgeries == ("a", "b")
    assert command.settings.augment.jpeg.quality == (70, 90)
    assert command.settings.augment.warp.probability == 0.5  # the preset's


@pytest.mark.parametrize(
    ("source", "folder"), [(CONFIG, "runs/cae"), (f"{CONFIG}:single_branch", "runs/cae-single_branch")]
)
def test_the_run_folder_is_named_after_config_and_preset(source, folder):
    assert parse(["--config", source]).workdir == Path(folder).resolve()


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        ([], "try --config configs/cae.py"),
        (["--config", "missing.py"], "found no file missing.py"),
        (["--config", f"{CONFIG}:faceforensic"], 'found "faceforensic"'),
        (["--config", CONFIG, "--config.model.widht=1"], r"did you mean config\.model\.width\?"),
        (["--config", CONFIG, "--config.modle.width=1"], r"did you mean config\.model\?"),
        (["--config", CONFIG, "--config.model.width.x=1"], "a single value"),
        (["--config", CONFIG, "--config.model.width=wide"], "could not convert"),
        (["--config", CONFIG, "--config.model.latent=mapp"], 'did you mean "map"'),
        (["--config", CONFIG, "--wrkdir=x"], "unrecognized arguments: --wrkdir=x"),
        (["--config", CONFIG, "extra"], "unrecognized arguments: extra"),
        (["--config", CONFIG, "--profile=13:10"], "expected FIRST:LAST, such as 10:13, found 13:10"),
        (["--config", CONFIG, "--config.train.dtype=bfloat"], 'did you mean "bfloat16"'),
        (["--config", CONFIG, "--config.train.accumulate=5"], "expected a divisor of train.batch_size=32, found 5"),
        (["--config", CONFIG, "--config.parallel=pmap", "--config.train.shard_optimizer"], "expected False with"),
    ],
)
def test_a_wrong_command_line_is_answered_in_one_line(argv, told):
    with pytest.raises(SettingsError, match=told) as error:
        parse(argv)
    assert "\n" not in str(error.value)


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    """A home for prepared data; the tiny embedded set is made in it."""
    folder = tmp_path_factory.mktemp("data")
    tiny = tiny_settings().data
    prepare("forge", None, folder, Crop(size=tiny.image_size), images=tiny.forge_images, processes=1)
    return folder


@pytest.fixture(scope="module")
def records(data_dir):
    return next(data_dir.glob("forge/*/*"))


@pytest.fixture(scope="module")
def finished(data_dir, tmp_path_factory):
    """A run made by the command in this process, and what it printed."""
    workdir = tmp_path_factory.mktemp("runs") / "cae"
    environment = pytest.MonkeyPatch()
    environment.setenv("TFDS_DATA_DIR", str(data_dir))
    environment.chdir(ROOT)
    with environment.context():
        assert main([*command_line(workdir), "--profile=3:4"]) == 0
    environment.undo()
    return workdir


def test_a_run_leaves_settings_metrics_checkpoints_report_and_pictures(finished):
    assert json.loads((finished / "config.json").read_text())["settings"]["data"]["image_size"] == 40
    lines = [json.loads(line) for line in (finished / METRICS).read_text().splitlines()]
    assert [line["step"] for line in lines if "loss" in line] == [2, 4]
    assert [line["step"] for line in lines if "val_auc" in line] == [2, 4]
    assert max(sealed_steps(finished / "checkpoints")) == 4
    assert (finished / "samples" / "examples.png").stat().st_size > 1000
    report = json.loads((finished / "report" / "metrics.json").read_text())
    methods = report["data"]["forge"]["by_forgery"]
    assert sum(figures["seen"] for figures in methods.values()) == 3
    assert len(methods) == 6
    assert set(report["data"]["forge:val"]["by_forgery"]) == {name for name in methods if methods[name]["seen"]}


def test_the_steps_asked_for_are_traced(finished):
    (trace,) = (finished / loop.PROFILE).rglob("*.xplane.pb")
    assert b"train_step" in trace.read_bytes()


def test_a_trace_begins_and_ends_with_the_steps_that_are_taken(monkeypatch, tmp_path):
    calls = []
    monkeypatch.setattr(loop.jax.profiler, "start_trace", lambda folder: calls.append("start"))
    monkeypatch.setattr(loop.jax.profiler, "stop_trace", lambda: calls.append("stop"))
    for taken in (range(12, 20), range(1, 12), range(14, 20)):  # resumed within, ended within, resumed after
        trace = loop._Trace(tmp_path, range(10, 14))
        for step in taken:
            trace.before(step)
            trace.after(step, {})
        trace.close()
    assert calls == ["start", "stop", "start", "stop"]


def test_the_run_opens_with_what_prediction_needs(finished):
    run = open_run(finished)
    assert run.crop == Crop(size=40)
    assert len(run.seen) == 3
    assert 0.0 <= run.threshold <= 1.0
    images = np.random.default_rng(0).integers(0, 256, (5, 40, 40, 3), np.uint8)
    prediction = run.predict(images)
    assert prediction.score.shape == (5,)
    assert prediction.reconstruction.shape == (5, 40, 40, 3)
    np.testing.assert_allclose(run.score(images), prediction.score, atol=1e-6)
    np.testing.assert_allclose(run.score(images[:1]), prediction.score[:1], atol=1e-6)


def test_the_same_command_on_a_finished_run_trains_no_more(finished, data_dir, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(data_dir))
    monkeypatch.chdir(ROOT)
    before = (finished / METRICS).read_text()
    assert main(command_line(finished)) == 0
    assert (finished / METRICS).read_text() == before


def test_a_run_from_before_a_setting_came_resumes_with_its_default(finished, records, tmp_path):
    (tmp_path / "config.json").write_text((finished / "config.json").read_text().replace('"remat": false,', ""))
    assert "remat" not in (tmp_path / "config.json").read_text()
    provenance.write_config(tmp_path, open_run(finished).settings, records)


def test_other_settings_in_the_same_folder_are_refused(finished, records):
    settings = override(open_run(finished).settings, {"optimizer.learning_rate": 0.5})
    with pytest.raises(RunError, match=r"differs in optimizer\.learning_rate"):
        loop.train(settings, finished, records)


def test_a_run_trained_in_a_copy_is_refused_by_the_address_of_its_user(finished, records):
    settings = override(open_run(finished).settings, {"optimizer.learning_rate": 0.5})
    with pytest.raises(RunError, match=r"^gs://bucket/run: expected a run with these settings"):
        loop.train(settings, finished, records, storage=Storage(address="gs://bucket/run"))


def test_a_run_of_another_method_in_the_same_folder_is_refused(finished, records):
    with pytest.raises(RunError, match="expected a run of lae, found one of cae; give another --workdir"):
        provenance.write_config(finished, tiny_lae_settings(), records)


def test_what_is_written_and_where_data_lie_may_change_in_the_same_folder(finished, records):
    settings = override(
        open_run(finished).settings, {"train.log_every": 1, "train.keep": 5, "data.data_dir": "/elsewhere"}
    )
    provenance.write_config(finished, settings, records)
    assert open_run(finished).settings.train.log_every == tiny_settings().train.log_every


def states(workdir: Path):
    """Parameters, optimiser, keys and cursor of the last checkpoint, as NumPy arrays."""
    settings = open_run(workdir).settings
    target = initial_state(parallel.build(methods.build(settings), settings), settings)
    checkpoints = loop.Checkpoints(workdir / "checkpoints")
    state, cursor = checkpoints.restore(target)
    checkpoints.close()
    return jax.tree.map(np.asarray, state.with_key_data()), cursor


class _Killed(BaseException):
    pass


@pytest.mark.slow
def test_a_run_cut_off_and_resumed_equals_an_uninterrupted_one_bit_for_bit(finished, records, tmp_path, monkeypatch):
    settings = open_run(finished).settings
    shard_batch, calls = mesh.shard_batch, []

    def cut_off(*arguments):
        calls.append(1)
        if len(calls) == 4:
            raise _Killed
        return shard_batch(*arguments)

    monkeypatch.setattr(mesh, "shard_batch", lambda *a: cut_off(*a) if "valid" in a[0] else shard_batch(*a))
    with pytest.raises(_Killed):
        loop.train(settings, tmp_path, records)
    monkeypatch.undo()
    assert loop.train(settings, tmp_path, records)
    (resumed, cursor), (whole, whole_cursor) = states(tmp_path), states(finished)
    assert cursor == whole_cursor
    jax.tree.map(np.testing.assert_array_equal, resumed, whole)
    measured = [
        [{k: v for k, v in json.loads(line).items() if k not in ("data_wait", "images_per_second")} for line in lines]
        for lines in ((folder / METRICS).read_text().splitlines() for folder in (tmp_path, finished))
    ]
    assert measured[0] == measured[1]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("limit", "line"),
    [
        (2, r"steps 1 to 2: expected finite numbers, found .*loss=nan, .* in .*bad_steps.jsonl: .*:\d+, "),
        (3, r"step 2: expected finite weights, found NaN"),
    ],
)
def test_a_run_whose_loss_is_never_finite_ends_before_it_is_saved(limit, line, finished, records, tmp_path):
    nothing = jax.tree.map(lambda array: np.full_like(array, np.nan), weights_of(finished))
    settings = override(open_run(finished).settings, {"train.max_bad_steps": limit})
    with pytest.raises(RunError, match=line):
        loop.train(settings, tmp_path, records, initial=nothing)
    assert not sealed_steps(tmp_path / "checkpoints")
    written = [json.loads(line) for line in (tmp_path / "bad_steps.jsonl").read_text().splitlines()]
    assert [(each["step"], each["loss"], len(each["examples"])) for each in written] == [(1, "nan", 8), (2, "nan", 8)]


def test_a_run_that_another_process_trains_is_refused_by_its_holder(finished, records):
    settings, lock = open_run(finished).settings, Lock(finished / LOCK)
    with pytest.raises(RunError, match=r"process \d+ on .* is training this run; .* another --workdir"):
        stages.train(settings, finished, records)
    lock.release()
    assert stages.train(settings, finished, records)


def test_a_run_can_start_from_the_weights_of_another(finished, records):
    weights = weights_of(finished)
    settings = open_run(finished).settings
    state = initial_state(parallel.build(methods.build(settings), settings), settings, weights)
    jax.tree.map(np.testing.assert_array_equal, state.params, weights["params"])
    settings = override(settings, {"model.middle_blocks": 2})
    build = parallel.build(methods.build(settings), settings)
    other = initial_state(build, settings, weights)
    encoder = weights["params"]["encoder"]
    jax.tree.map(np.testing.assert_array_equal, {k: other.params["encoder"][k] for k in encoder}, encoder)
    kernels = [each["logit"]["kernel"] for each in (other.params["classifier"], weights["params"]["classifier"])]
    assert not np.array_equal(*kernels)
    with pytest.raises(RunError, match="same encoder"):
        initial_state(build, settings, {"params": {}, "batch_stats": {}})


@pytest.mark.slow
@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_a_process_ended_by_a_signal_goes_on_by_the_same_command(end, data_dir, tmp_path):
    environment = {**os.environ, "TFDS_DATA_DIR": str(data_dir)}
    argv = [sys.executable, "-m", "dfdetect_jax.train", *command_line(tmp_path, train__steps=400, train__eval_every=10)]
    deadline = time.monotonic() + 300
    with subprocess.Popen(argv, env=environment, cwd=ROOT, stderr=subprocess.DEVNULL) as process:
        while not sealed_steps(tmp_path / "checkpoints") and time.monotonic() < deadline:
            time.sleep(0.2)
        process.send_signal(end)
        assert process.wait(timeout=60) == (0 if end == signal.SIGTERM else -signal.SIGKILL)
    reached = max(sealed_steps(tmp_path / "checkpoints"))
    assert 0 < reached < 400
    again = subprocess.run(argv, env=environment, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "resuming" in again.stderr
    assert max(sealed_steps(tmp_path / "checkpoints")) == 400

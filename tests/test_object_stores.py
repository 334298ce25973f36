"""Commands with addresses: what they do there, and what they refuse in a line."""

import importlib
import json
import os
import subprocess
import sys
import time

import jax
import numpy as np
import pytest

import dfdetect_jax as dfd
from dfdetect_jax.config import check, override
from dfdetect_jax.data import remote_records
from dfdetect_jax.data.record_folders import locate
from dfdetect_jax.errors import SettingsError
from dfdetect_jax.evaluate import main as evaluate
from dfdetect_jax.export import main as export
from dfdetect_jax.run.best import LOCK
from dfdetect_jax.run.folder import open_run
from dfdetect_jax.run.seal import SEAL
from dfdetect_jax.run.workplace import workplace
from dfdetect_jax.stores.bucket import Bucket
from dfdetect_jax.training import loop
from tests import emulators, trained
from tests.conftest import TINY_CAE, command_line

BEAT = 0.05  # seconds


@pytest.mark.parametrize(
    ("verb", "argv", "words"),
    [
        ("predict", ["gs://bkt/photo.jpg"], "PATH: expected a local path, found gs://bkt/photo.jpg; copy it here"),
        ("predict", ["x.jpg", "--scores", "s3://bkt/x.jsonl"], "--scores: expected a local path"),
        ("predict", ["x.jpg", "--out", "s3://bkt/x"], "--out: expected a local path"),
        ("check", ["--dataset", "folder", "--root", "gs://bkt/x"], "--root: expected a local path"),
        ("prepare", ["--dataset", "folder", "--root", "gs://bkt/x"], "--root: expected a local path"),
        ("prepare", ["--dataset", "forge", "--out", "gs://bkt/x", "--shard", "0/2"], "--out: .* that all machines see"),
        ("select", ["--run", "gs://bkt/run"], "--run: expected a local path, .*copy the run here"),
        ("annotate", ["--queue", "gs://bkt/run/queue"], "--queue: expected a local path"),
        ("train", ["--config", "configs/cae.py", "--workdir", "az://bkt/x"], "az://bkt/x: expected gs://BUCKET/FOLDER"),
        (
            "train",
            ["--config", "configs/lae.py", "--config.active.annotator=people", "--workdir", "gs://bkt/x"],
            "--workdir: expected a local path, .*people paint into the run folder",
        ),
    ],
)
def test_what_can_not_be_done_at_an_address_is_said_in_a_line(verb, argv, words):
    with pytest.raises(SettingsError, match=words):
        importlib.import_module(f"dfdetect_jax.{verb}").main(argv)


@pytest.mark.slow  # training compiles
@pytest.mark.parametrize("scheme", ["gs", "s3"])
def test_a_run_cut_off_here_ends_there_as_one_that_was_never_cut_off(scheme, tmp_path, monkeypatch, capsys):
    settings, local_records = check(override(TINY_CAE, {"train.keep": 1})), trained.folders()[1]
    loop.train(settings, tmp_path / "whole", local_records)
    runs, data = emulators.fresh_address(scheme), emulators.fresh_address(scheme)
    Bucket(f"{data}/forge/40px-16/1.0.0").upload([path.name for path in local_records.iterdir()], local_records)

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "here"))
    cut_off = workplace(runs, beat=BEAT)
    place = cut_off.__enter__()
    loop.train(settings, place.folder, locate("forge", data), until=2, storage=place.storage)
    cut_off.__exit__(SystemExit, SystemExit(), None)

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "there"))
    with workplace(runs, beat=BEAT) as place:
        loop.train(settings, place.folder, locate("forge", data), storage=place.storage)

    whole, other = open_run(tmp_path / "whole"), open_run(runs)
    assert f"resuming {runs} from step 2" in capsys.readouterr().err
    assert whole.info["checkpoint"] == other.info["checkpoint"]
    jax.tree.map(np.testing.assert_array_equal, whole.variables, other.variables)
    seals = [json.loads(Bucket(runs).read(key)) for key in Bucket(runs).names() if key.endswith("seal.json")]
    assert {seal["metrics"]["stage"] for seal in seals} == {1}


@pytest.mark.slow
def test_a_command_ended_by_sigterm_goes_on_on_another_machine(tmp_path):
    address = emulators.fresh_address("gs")
    argv = command_line(address, train__steps=300, train__eval_every=20, train__log_every=20)

    def started(cache):
        environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / cache), "TFDS_DATA_DIR": str(tmp_path / "data")}
        command = [sys.executable, "-m", "dfdetect_jax.train", *argv]
        return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)

    here = started("here")
    while here.poll() is None and not any(name.endswith(SEAL) for name in Bucket(address).names()):
        time.sleep(0.2)
    here.terminate()
    words = here.communicate(timeout=120)[1]
    assert (here.returncode, words.count("stopped by SIGTERM")) == (0, 1), words
    assert LOCK not in Bucket(address).names()

    there = started("there")
    words = there.communicate(timeout=400)[1]
    assert (there.returncode, words.count(f"resuming {address} from")) == (0, 1), words
    assert "report/report.html" in Bucket(address).names()
    assert open_run(address).info["checkpoint"]["step"] % 20 == 0


@pytest.mark.slow
def test_a_run_at_an_address_is_evaluated_exported_and_opened(tmp_path, monkeypatch, capsys):
    address, data = emulators.fresh_address("gs"), emulators.fresh_address("s3")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    run, records = trained.folders()
    Bucket(address).upload([path.relative_to(run).as_posix() for path in run.rglob("*") if path.is_file()], run)
    Bucket(f"{data}/forge/40px-16/1.0.0").upload([path.name for path in records.iterdir()], records)
    assert evaluate(["--run", address, "--data", f"{data}/forge", "--resamples", "0"]) == 0
    assert "report/report.html" in Bucket(address).names()
    model = emulators.fresh_address("s3")
    assert export(["--run", address, "--out", model]) == 0
    assert model in capsys.readouterr().out
    images = np.zeros((1, 40, 40, 3), np.uint8)
    np.testing.assert_allclose(dfd.load(model).run.score(images), trained.opened().score(images), rtol=1e-6)
    folder = dfd.prepare("forge", out=data, crop=trained.opened().crop, images=16)
    assert folder == remote_records.fetch("forge", data)

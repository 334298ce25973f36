"""The batch scripts on a real Slurm: preempted, ended before the time limit, cancelled; requeued, resumed, complete."""

import contextlib
import json
import shutil
import sys
import tempfile
from pathlib import Path

import jax
import numpy as np
import pytest

from dfdetect_jax import methods
from dfdetect_jax.config import Crop
from dfdetect_jax.data import record_folders
from dfdetect_jax.data.prepare import jobs, workers
from dfdetect_jax.data.prepare.preparation import prepare
from dfdetect_jax.data.prepare.request import Request
from dfdetect_jax.run.folder import open_run
from dfdetect_jax.run.seal import sealed_steps
from dfdetect_jax.training import loop, parallel
from dfdetect_jax.training.first_weights import initial_state
from dfdetect_jax.training.writers import METRICS
from tests import slurm_cluster
from tests.data.photographs import face_picture, write_image

MISSING = slurm_cluster.missing_programs()
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(MISSING), reason=f"Slurm is not installed, of it {', '.join(MISSING)}"),
]
LAUNCH = Path(__file__).parents[1] / "launch"
TRAIN = ["--nodes=1", "--ntasks-per-node=2", "--gpus-per-node=2", "--cpus-per-task=1", LAUNCH / "slurm.sbatch", "--"]
STEPS = 40
# Stands for a trainer. It gets TERM twice, from Slurm and from the shell that waits for it. It leaves no sooner than
# the other has saved, as JAX's shutdown makes the processes of a job do: Slurm ends those that are left behind.
TRAINER = """#!/usr/bin/env bash
saved=$0.saved-${SLURM_RESTART_COUNT:-0}
trap 'trap "" TERM; echo saved; touch $saved-$SLURM_PROCID
      until [[ -e $saved-$((1 - SLURM_PROCID)) ]]; do sleep .1; done; exit 0' TERM
echo begun
sleep 100 & wait
"""


@pytest.fixture(scope="module")
def cluster():
    """Its folder is short: a socket's path has at most 107 characters."""
    folder = Path(tempfile.mkdtemp(prefix="slurm-"))
    plain = {"PYTHON": sys.executable, "JAX_PLATFORMS": "cpu", "XLA_FLAGS": "--xla_backend_optimization_level=0"}
    plain |= {"PYTHONPATH": str(LAUNCH.parent), "TFDS_DATA_DIR": str(folder / "data")}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in plain.items():
            patch.setenv(name, value)
        with slurm_cluster.started(folder) as cluster:
            yield cluster
    shutil.rmtree(folder)


def training(workdir):
    """Of the network that compiles soonest, since each start compiles."""
    values = {"data.image_size": 64, "data.forge_images": 16, "train.batch_size": 8, "train.steps": STEPS}
    values |= {"train.eval_every": 4, "train.log_every": 1}
    words = ["--config=configs/mesoinception4.py", f"--workdir={workdir}"]
    return [f"--output={workdir}.log", *TRAIN, *words, *(f"--config.{name}={value}" for name, value in values.items())]


def last_state(workdir):
    """Parameters, optimiser, keys and cursor of the last checkpoint."""
    settings = open_run(workdir).settings
    target = initial_state(parallel.build(methods.build(settings), settings), settings)
    with contextlib.closing(loop.Checkpoints(workdir / "checkpoints")) as checkpoints:
        state, cursor = checkpoints.restore(target)
    return jax.tree.map(np.asarray, state.with_key_data()), cursor


def steps(workdir):
    lines = [json.loads(line) for line in (workdir / METRICS).read_text().splitlines()]
    return [line["step"] for line in lines if "loss" in line]


def newest(workdir):
    return max(sealed_steps(workdir / "checkpoints"), default=0)


def test_training_that_another_job_preempts_learns_what_that_one_does_undisturbed(cluster):
    disturbed, undisturbed = cluster.folder / "disturbed", cluster.folder / "undisturbed"
    log = Path(f"{disturbed}.log")
    job = cluster.submit(*training(disturbed))
    cluster.wait_until(lambda: newest(disturbed) >= 4, 600, log)
    # It needs the same GPUs, in a partition whose jobs go first: TERM comes to the processes, not to the script.
    other = cluster.submit(f"--partition={slurm_cluster.HIGH}", *training(undisturbed))
    cluster.wait_until(lambda: {cluster.state(job), cluster.state(other)} == {"COMPLETED"}, 600, log)
    assert cluster.restarts(job) == 1
    said = log.read_text()
    assert said.count("stopped by SIGTERM") == said.count("resuming") == 1, said
    assert steps(disturbed) == steps(undisturbed) == list(range(1, STEPS + 1))
    (state, cursor), (whole, whole_cursor) = last_state(disturbed), last_state(undisturbed)
    assert cursor == whole_cursor
    jax.tree.map(np.testing.assert_array_equal, state, whole)


def test_a_job_that_is_told_to_end_saves_and_comes_back_but_not_when_its_user_cancels_it(cluster, tmp_path):
    trainer, log = tmp_path / "python", tmp_path / "log"
    trainer.write_text(TRAINER)
    trainer.chmod(0o755)
    job = cluster.submit(f"--export=ALL,PYTHON={trainer}", f"--output={log}", *TRAIN, "a")

    def have(word, count):
        cluster.wait_until(lambda: log.exists() and log.read_text().count(word) == count, 60, log)

    have("begun", 2)
    cluster.run("scancel", "--batch", "--signal=TERM", job)  # as before the time limit
    have("begun", 4)
    assert log.read_text().count("saved") == 2
    cluster.run("scancel", job)
    cluster.wait_until(lambda: cluster.state(job) == "CANCELLED", 60, log)
    have("saved", 4)
    assert cluster.restarts(job) == 1


def test_an_array_of_shares_of_which_one_is_ended_midway_prepares_the_records_of_one_process(cluster):
    tree, out, crop = (
        cluster.folder / "faces",
        cluster.folder / "records",
        Crop(size=48, align="box", face_detector="haar"),
    )
    for number in range(240):
        write_image(tree / f"real/p{number}.png", face_picture(number))
    settings = {"dataset": "folder", "crop": crop, "allow_one_class": True}
    plan = jobs.plan(Request(root=str(tree), **settings))
    words = ["prepare", "--dataset", "folder", "--root", tree, "--out", out, "--size=48", "--face_detector=haar"]
    words += ["--align=box", f"--margin={crop.margin}", "--allow_one_class", "--processes=1"]
    log = cluster.folder / "array-1.log"
    options = [f"--output={cluster.folder}/array-%a.log", "--array=0-1", "--cpus-per-task=1"]
    array = cluster.submit(*options, LAUNCH / "slurm_array.sbatch", "--", *words)
    work = out / ".preparing" / plan.name / Request(root=str(tree), **settings).config
    cluster.wait_until(lambda: any(workers.part_file(work, job).exists() for job in plan.jobs[1::2]), 60, log)
    cluster.run("scancel", "--batch", "--signal=TERM", f"{array}_1")
    cluster.wait_until(lambda: cluster.state(array) == "COMPLETED", 120, log)
    assert "of 120 were done before; continuing" in log.read_text()
    whole = prepare(root=tree, out=cluster.folder / "whole", processes=1, log=print, **settings)
    assert files(record_folders.locate("faces", out)) == files(whole)


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}

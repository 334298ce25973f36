"""Records from engines of several processes, of which one dies, are those of one process."""

import os
import subprocess
import sys
import time

import pytest

from dfdetect_jax.config import Crop
from dfdetect_jax.data import record_folders
from dfdetect_jax.data.prepare.preparation import prepare
from dfdetect_jax.errors import RecordsError
from tests import dask_cluster
from tests.data.photographs import face_picture, write_image

pytestmark = pytest.mark.slow
BOX = Crop(size=48, margin=1.3, align="box", face_detector="haar")
FLAGS = ["--dataset", "folder", "--size", "48", "--face_detector", "haar", "--allow_one_class"]
CLIPS = 120


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    root = tmp_path_factory.mktemp("tree") / "faces"
    for number in range(CLIPS):
        write_image(root / f"real/p{number}.png", face_picture(number))
    return root


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def preparing(tree, out, *options):
    argv = [sys.executable, "-m", "dfdetect_jax.prepare", *FLAGS, "--root", str(tree), "--out", str(out), *options]
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    return subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)


def test_dask_gives_the_records_of_beams_own_runner_though_one_of_two_workers_is_killed_midway(tree, tmp_path):
    with (
        dask_cluster.started(tmp_path) as cluster,
        preparing(tree, tmp_path, "--runner=DaskRunner", f"--dask_scheduler_file={cluster.scheduler_file}") as process,
    ):
        deadline = time.monotonic() + 240
        while len(list(tmp_path.rglob("*.part"))) < CLIPS // 8 and process.poll() is None:
            assert time.monotonic() < deadline, cluster.log.read_text()
            time.sleep(0.02)
        cluster.workers[0].kill()
        done = len(list(tmp_path.rglob("*.part")))
        said = process.communicate(timeout=240)[0]
        assert process.returncode == 0, said + cluster.log.read_text()
    assert done < CLIPS * 3 // 4, "killed too late"
    direct = tmp_path / "direct"
    with preparing(tree, direct, "--runner=DirectRunner") as process:
        said = process.communicate(timeout=240)[0]
        assert process.returncode == 0, said
    assert files(record_folders.locate("faces", tmp_path)) == files(record_folders.locate("faces", direct))


def test_a_dask_scheduler_that_is_not_there_is_refused_in_one_line(tree, tmp_path):
    beam = ["--runner=DaskRunner", "--dask_client_address=127.0.0.1:9", "--dask_connection_timeout=1"]
    with pytest.raises(RecordsError, match=r"connect to tcp://127\.0\.0\.1:9") as refusal:
        prepare("folder", tree, tmp_path, BOX, beam=beam, allow_one_class=True)
    assert "\n" not in str(refusal.value)

"""Records are the same from one process, from shards and from Apache Beam."""

import os
import shutil
import subprocess
import sys

import pytest

from dfdetect_jax.config import Crop
from dfdetect_jax.data import record_folders
from dfdetect_jax.data.prepare.preparation import prepare, prepare_share
from dfdetect_jax.errors import SettingsError
from dfdetect_jax.prepare import main
from dfdetect_jax.shares import Share
from tests.data.photographs import face_picture, write_image

BOX = Crop(size=48, margin=1.3, align="box", face_detector="haar")
ONE_CLASS = {"allow_one_class": True}
FLAGS = ["--dataset", "folder", "--size", "48", "--face_detector", "haar", "--allow_one_class"]


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    root = tmp_path_factory.mktemp("tree") / "faces"
    for number in range(9):
        write_image(root / f"real/p{number}.png", face_picture(number))
    (root / "real/broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    return root


@pytest.fixture(scope="module")
def whole(tree, tmp_path_factory):
    return prepare("folder", tree, tmp_path_factory.mktemp("whole"), BOX, processes=1, **ONE_CLASS)


@pytest.fixture(scope="module")
def first_share(tree, tmp_path_factory):
    """A folder in which the first of two shares is done, and what was logged."""
    out, log = tmp_path_factory.mktemp("share"), []
    assert prepare_share(Share(0, 2), "folder", tree, out, BOX, processes=1, log=log.append, **ONE_CLASS) is None
    return out, log


@pytest.fixture
def half(first_share, tmp_path):
    return shutil.copytree(first_share[0], tmp_path / "half")


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_share_reports_the_clips_that_remain(first_share):
    _, log = first_share
    assert log[-1] == "share 0 of 2 is done; 5 of 10 clips remain for other shares"


def test_shares_done_one_by_one_give_the_same_records(tree, whole, half):
    log = []
    folder = prepare_share(Share(1, 2), "folder", tree, half, BOX, processes=1, log=log.append, **ONE_CLASS)
    assert files(folder) == files(whole)
    assert not (half / ".preparing").exists()
    assert prepare_share(Share(0, 2), "folder", tree, half, BOX, log=log.append, **ONE_CLASS) == folder
    assert log[-1] == f"{folder}: already prepared, nothing to do"


def test_shares_at_the_same_time_give_the_same_records(tree, whole, tmp_path):
    argv = [sys.executable, "-m", "dfdetect_jax.prepare", *FLAGS, "--root", str(tree), "--out", str(tmp_path)]
    processes = [
        subprocess.Popen([*argv, "--processes", "1", "--shard", f"{i}/2"], stderr=subprocess.PIPE, text=True)
        for i in range(2)
    ]
    errors = [process.communicate()[1] for process in processes]
    assert {process.returncode for process in processes} <= {0, 1}, errors  # 1: it merged, and a picture is broken
    assert files(record_folders.locate("faces", tmp_path)) == files(whole)


def test_a_call_without_a_share_runs_the_jobs_that_remain(tree, whole, half):
    log = []
    assert files(prepare("folder", tree, half, BOX, processes=1, log=log.append, **ONE_CLASS)) == files(whole)
    assert "5 of 10 were done before; continuing" in log


@pytest.mark.parametrize("mode", ["in_memory", pytest.param("multi_processing", marks=pytest.mark.slow)])
def test_apache_beam_gives_the_same_records(tree, whole, tmp_path, mode):
    argv = [sys.executable, "-m", "dfdetect_jax.prepare", *FLAGS, "--root", str(tree), "--out", str(tmp_path)]
    argv += ["--runner", "DirectRunner", "--direct_num_workers=2", f"--direct_running_mode={mode}"]
    result = subprocess.run(argv, capture_output=True, text=True, env={**os.environ, "PYTHONWARNINGS": "ignore"})
    assert result.returncode == 1, result.stderr  # a picture is broken
    assert "skipped: real/broken: " in result.stderr
    assert files(record_folders.locate("faces", tmp_path)) == files(whole)


def test_a_runner_that_beam_does_not_have_is_refused_in_one_line(tree, tmp_path):
    with pytest.raises(SettingsError, match="runner: Apache Beam refused --runner=NoSuchRunner") as refusal:
        prepare("folder", tree, tmp_path, BOX, beam=["--runner=NoSuchRunner"], **ONE_CLASS)
    assert "\n" not in str(refusal.value)


def test_beams_flags_without_a_runner_are_refused(tree, tmp_path):
    with pytest.raises(SettingsError, match="prepare: unrecognized arguments: --direct_num_workers=2"):
        main([*FLAGS, "--root", str(tree), "--out", str(tmp_path), "--direct_num_workers=2"])

"""Records do not depend on who prepares them: one process, shares, or Apache Beam."""

import os
import subprocess
import sys

import pytest

from dfdetect_jax import prepare as command
from dfdetect_jax.config import Crop
from dfdetect_jax.data import records
from dfdetect_jax.data.prepare.preparation import Share, prepare, prepare_share, read_share
from dfdetect_jax.errors import SettingsError
from tests.data.photographs import face_picture, write_image

BOX = Crop(size=48, margin=1.3, align="box", face_detector="haar")
FLAGS = ["--dataset", "folder", "--size", "48", "--face_detector", "haar"]


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    root = tmp_path_factory.mktemp("tree") / "faces"
    for number in range(9):
        write_image(root / f"real/p{number}.png", face_picture(number))
    (root / "real/broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    return root


@pytest.fixture(scope="module")
def whole(tree, tmp_path_factory):
    return prepare("folder", tree, tmp_path_factory.mktemp("whole"), BOX, processes=1)


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize(("text", "share"), [("0/1", Share(0, 1)), ("2/3", Share(2, 3))])
def test_a_share_is_read(text, share):
    assert read_share(text) == share


@pytest.mark.parametrize("text", ["", "1", "3/3", "-1/3", "1/0", "a/b", "1/3/5"])
def test_what_is_no_share_is_refused(text):
    with pytest.raises(SettingsError, match="expected i/n with i from 0 to n - 1"):
        read_share(text)


def test_shares_done_one_by_one_give_the_same_records(tree, whole, tmp_path):
    log = []
    for index in (2, 0):
        assert prepare_share(Share(index, 3), "folder", tree, tmp_path, BOX, processes=1, log=log.append) is None
    assert "share 2 of 3 is done; 7 of 10 clips remain for other shares" in log
    assert "share 0 of 3 is done; 3 of 10 clips remain for other shares" in log
    folder = prepare_share(Share(1, 3), "folder", tree, tmp_path, BOX, processes=1, log=log.append)
    assert files(folder) == files(whole)
    assert not (tmp_path / ".preparing").exists()
    assert prepare_share(Share(0, 3), "folder", tree, tmp_path, BOX, log=log.append) == folder
    assert log[-1] == f"{folder}: already prepared, nothing to do"


def test_shares_at_the_same_time_give_the_same_records(tree, whole, tmp_path):
    argv = [sys.executable, "-m", "dfdetect_jax.prepare", *FLAGS, "--root", str(tree), "--out", str(tmp_path)]
    processes = [
        subprocess.Popen([*argv, "--processes", "1", "--shard", f"{i}/2"], stderr=subprocess.PIPE, text=True)
        for i in range(2)
    ]
    errors = [process.communicate()[1] for process in processes]
    assert {process.returncode for process in processes} <= {0, 1}, errors  # 1: it merged, and a picture is broken
    assert files(records.locate("faces", tmp_path)) == files(whole)


def test_a_call_without_a_share_runs_the_jobs_that_remain(tree, whole, tmp_path):
    log = []
    prepare_share(Share(0, 2), "folder", tree, tmp_path, BOX, processes=1, log=log.append)
    assert files(prepare("folder", tree, tmp_path, BOX, processes=1, log=log.append)) == files(whole)
    assert "5 of 10 were done before; continuing" in log


def test_apache_beam_gives_the_same_records(tree, whole, tmp_path):
    argv = [sys.executable, "-m", "dfdetect_jax.prepare", *FLAGS, "--root", str(tree), "--out", str(tmp_path)]
    argv += ["--runner", "DirectRunner", "--direct_num_workers=2", "--direct_running_mode=multi_processing"]
    result = subprocess.run(argv, capture_output=True, text=True, env={**os.environ, "PYTHONWARNINGS": "ignore"})
    assert result.returncode == 1, result.stderr  # a picture is broken
    assert "skipped: real/broken: " in result.stderr
    assert files(records.locate("faces", tmp_path)) == files(whole)


def test_a_runner_that_beam_does_not_have_is_refused_in_one_line(tree, tmp_path):
    with pytest.raises(SettingsError, match="runner: Apache Beam refused --runner=NoSuchRunner") as refusal:
        prepare("folder", tree, tmp_path, BOX, beam=["--runner=NoSuchRunner"])
    assert "\n" not in str(refusal.value)


def test_beams_flags_without_a_runner_are_refused(tree, tmp_path):
    with pytest.raises(SettingsError, match="prepare: unrecognized arguments: --direct_num_workers=2"):
        command.main([*FLAGS, "--root", str(tree), "--out", str(tmp_path), "--direct_num_workers=2"])

"""Who does the work, and that it makes no difference to the records."""

import os
import subprocess
import sys

import pytest

from dfdetect_jax.config import Crop
from dfdetect_jax.data import records
from dfdetect_jax.data.prepare.preparation import prepare
from dfdetect_jax.shares import Share
from tests.data.photographs import face_picture, write_image

BOX = Crop(size=48, margin=1.3, align="box", face_detector="haar")
FLAGS = ["--dataset", "folder", "--size", "48", "--detector", "haar"]


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


def test_shares_done_one_by_one_give_the_same_records(tree, whole, tmp_path):
    said = []
    for index in (2, 0):
        assert prepare("folder", tree, tmp_path, BOX, processes=1, share=Share(index, 3), say=said.append) is None
    assert "share 2 of 3 is done; 7 of 10 clips are left to others" in said
    assert "share 0 of 3 is done; 3 of 10 clips are left to others" in said
    folder = prepare("folder", tree, tmp_path, BOX, processes=1, share=Share(1, 3), say=said.append)
    assert files(folder) == files(whole)
    assert not (tmp_path / ".preparing").exists()
    assert prepare("folder", tree, tmp_path, BOX, share=Share(0, 3), say=said.append) == folder
    assert said[-1] == f"{folder}: already prepared, nothing to do"


def test_shares_at_the_same_time_give_the_same_records(tree, whole, tmp_path):
    command = [sys.executable, "-m", "dfdetect_jax.prepare", *FLAGS, "--root", str(tree), "--out", str(tmp_path)]
    processes = [
        subprocess.Popen([*command, "--processes", "1", "--shard", f"{i}/2"], stderr=subprocess.PIPE, text=True)
        for i in range(2)
    ]
    told = [process.communicate()[1] for process in processes]
    assert {process.returncode for process in processes} <= {0, 1}, told  # 1: it merged, and a picture is broken
    assert files(records.locate("faces", tmp_path)) == files(whole)


def test_a_call_without_a_share_does_what_shares_have_left(tree, whole, tmp_path):
    said = []
    prepare("folder", tree, tmp_path, BOX, processes=1, share=Share(0, 2), say=said.append)
    assert files(prepare("folder", tree, tmp_path, BOX, processes=1, say=said.append)) == files(whole)
    assert "5 of 10 were done before; going on" in said


def test_apache_beam_gives_the_same_records(tree, whole, tmp_path):
    command = [sys.executable, "-m", "dfdetect_jax.prepare", *FLAGS, "--root", str(tree), "--out", str(tmp_path)]
    command += ["--runner", "DirectRunner", "--direct_num_workers=2", "--direct_running_mode=multi_processing"]
    result = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONWARNINGS": "ignore"})
    assert result.returncode == 1, result.stderr  # a picture is broken
    assert "skipped: real/broken: " in result.stderr
    assert files(records.locate("faces", tmp_path)) == files(whole)


def test_a_runner_that_beam_does_not_have_is_told_in_one_line(tree, tmp_path):
    command = [sys.executable, "-m", "dfdetect_jax.prepare", *FLAGS, "--root", str(tree), "--out", str(tmp_path)]
    result = subprocess.run([*command, "--runner", "NoSuchRunner"], capture_output=True, text=True)
    assert result.returncode == 2
    assert result.stderr.strip().splitlines()[-1].startswith("error: runner: Apache Beam refused --runner=NoSuchRunner")
    assert "Traceback" not in result.stderr


def test_beams_flags_without_a_runner_are_a_mistake(tree, tmp_path, capsys):
    from dfdetect_jax import prepare as command

    with pytest.raises(SystemExit):
        command.main([*FLAGS, "--root", str(tree), "--out", str(tmp_path), "--direct_num_workers=2"])
    assert "unrecognized arguments: --direct_num_workers=2" in capsys.readouterr().err

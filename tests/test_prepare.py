import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dfdetect_jax.cli import ExitStatus
from dfdetect_jax.config import Crop
from dfdetect_jax.data import record_folders, records
from dfdetect_jax.data.prepare import request
from dfdetect_jax.data.prepare.preparation import prepare
from dfdetect_jax.data.prepare.request import Request
from dfdetect_jax.errors import RecordsError, SettingsError
from dfdetect_jax.prepare import main
from tests.data.photographs import face_picture, forged_picture, mask_picture, write_image, write_video

BOX = Crop(size=48, margin=1.3, align="box", face_detector="haar")
FOLDER = ["--dataset", "folder", "--size", "48", "--align", "box", "--face_detector", "haar", "--frames", "3"]


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A photograph and two videos, one with a mask, and a video that can't be read."""
    root = tmp_path_factory.mktemp("my faces")
    write_image(root / "real/p1_a.png", face_picture())
    write_video(root / "real/p2.mp4", [face_picture(shift) for shift in range(5)])
    write_video(root / "paste/p2.mp4", [forged_picture(shift) for shift in range(5)])
    write_video(root / "masks/paste/p2.mp4", [mask_picture(shift) for shift in range(5)])
    (root / "paste/broken.mp4").write_bytes(b"\0\0\0\x18ftypmp42" + bytes(100))
    return root


@pytest.fixture(scope="module")
def prepared(tree, tmp_path_factory):
    log = []
    out = tmp_path_factory.mktemp("out")
    folder = prepare("folder", tree, out, BOX, frames=3, processes=2, log=log.append)
    return folder, log


def command_line(*arguments):
    return [sys.executable, "-m", "dfdetect_jax.prepare", *map(str, arguments)]


def test_a_tree_becomes_records_named_after_it_and_its_settings(prepared):
    folder, _ = prepared
    assert folder.parts[-3:] == ("my_faces0", "48px-box-haar-3f", records.VERSION)
    counts = records.read_manifest(folder).counts
    totals = {}
    for forgeries in counts.values():
        for forgery, count in forgeries.items():
            totals[forgery] = totals.get(forgery, 0) + count["examples"]
    assert totals == {"": 4, "paste": 3}
    assert records.verify(folder) == []


def test_one_broken_clip_is_reported_and_skipped(prepared):
    folder, log = prepared
    assert any(line.startswith("skipped: paste/broken: ") for line in log)
    reports = {report["clip"]: report for report in records.read_clips(folder)}
    assert reports["paste/broken"]["failed"]
    assert reports["paste/p2"]["words"] == ["mask: own"]
    assert reports["paste/p2"]["got"] == 3


def test_a_second_call_does_nothing_and_reports_it(prepared, tree):
    folder, _ = prepared
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    log = []
    assert prepare("folder", tree, folder.parents[2], BOX, frames=3, log=log.append) == folder
    assert log == [f"{folder}: already prepared, nothing to do"]
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before


def test_other_files_under_the_same_name_are_refused(prepared, tree):
    folder, _ = prepared
    extra = tree / "real/p9.png"
    write_image(extra, face_picture(9))
    try:
        with pytest.raises(RecordsError, match="prepared from other files; give another --name or --out"):
            prepare("folder", tree, folder.parents[2], BOX, frames=3)
    finally:
        extra.unlink()


@pytest.mark.parametrize(
    ("settings", "config"),
    [
        ({"dataset": "faceforensics"}, "c23-299px"),
        ({"dataset": "faceforensics", "compression": "raw", "frames": 10}, "raw-299px-10f"),
        ({"dataset": "folder", "crop": BOX}, "48px-box-haar"),
        ({"dataset": "folder", "crop": BOX, "landmarks": True}, "48px-box-haar-landmarks"),
        ({"dataset": "forge", "crop": Crop(size=64)}, "64px-4000"),
        ({"dataset": "forge", "crop": Crop(size=64, margin=1.5), "images": 90, "seed": 1}, "64px-m1.5-90-seed1"),
    ],
)
def test_other_settings_are_another_folder(settings, config):
    assert Request(**settings).config == config


def test_killed_half_way_and_run_again_gives_the_same_records(tmp_path):
    tree = tmp_path / "tree"
    for number in range(20):
        write_image(tree / f"real/p{number}.png", face_picture(number))
    whole = prepare("folder", tree, tmp_path / "whole", BOX, processes=1, allow_one_class=True)
    out = tmp_path / "killed"
    arguments = [*FOLDER[:-2], "--root", tree, "--out", out, "--processes", 1, "--allow_one_class"]
    process = subprocess.Popen(command_line(*arguments), stderr=subprocess.DEVNULL, start_new_session=True)
    parts = out / ".preparing/tree/48px-box-haar"
    while process.poll() is None and len(list(parts.glob("*.part"))) < 3:
        time.sleep(0.002)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    done = len(list(parts.glob("*.part")))
    assert 3 <= done < 20
    assert not list(out.glob("*/*/*/manifest.json"))
    log = []
    again = prepare("folder", tree, out, BOX, processes=2, log=log.append, allow_one_class=True)
    assert f"{done} of 20 were done before; continuing" in log
    names = sorted(path.name for path in whole.iterdir())
    assert sorted(path.name for path in again.iterdir()) == names
    assert all((whole / name).read_bytes() == (again / name).read_bytes() for name in names)
    assert not (out / ".preparing").exists()


@pytest.mark.slow
def test_a_killed_worker_is_reported_in_one_line_and_leaves_no_process(tmp_path):
    forge = ["--dataset", "forge", "--size", "64", "--images", "3000", "--out", tmp_path, "--processes", "2"]
    process = subprocess.Popen(command_line(*forge), stderr=subprocess.PIPE, text=True, start_new_session=True)
    while process.poll() is None and not list(tmp_path.glob(".preparing/forge/*/*.part")):
        time.sleep(0.05)
    for status in Path("/proc").glob("[0-9]*/stat"):
        if status.read_text().rpartition(")")[2].split()[1] == str(process.pid):
            argv = (status.parent / "cmdline").read_text()
            if "spawn_main" in argv:
                os.kill(int(status.parent.name), signal.SIGKILL)
                break
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 2
    assert errors.splitlines()[-1].startswith("error: a worker was killed")
    time.sleep(2)
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)


@pytest.fixture(scope="module")
def embedded(tmp_path_factory):
    return prepare("forge", None, tmp_path_factory.mktemp("embedded"), Crop(size=32), images=8, processes=1)


def test_the_embedded_set_needs_no_files(embedded):
    manifest = records.read_manifest(embedded)
    assert embedded.parts[-3:] == ("forge", "32px-8", records.VERSION)
    assert sum(count["examples"] for count in manifest.counts["train"].values()) == 8
    assert record_folders.locate("forge", embedded.parents[2]) == embedded


def test_the_embedded_set_of_another_version_is_made_again(embedded, tmp_path, monkeypatch):
    shutil.copytree(embedded.parents[2], tmp_path / "data")
    old = records.read_manifest(embedded)
    monkeypatch.setattr(request, "forge_code", lambda: "another")
    folder = prepare("forge", None, tmp_path / "data", Crop(size=32), images=8, processes=1)
    new = records.read_manifest(folder)
    assert new.settings["code"] == "another" != old.settings["code"]
    assert new.fingerprint == old.fingerprint


def test_a_tree_without_a_single_face_is_refused(tmp_path):
    write_image(tmp_path / "tree/real/p1.png", face_picture()[:40, :40])
    with pytest.raises(RecordsError, match="not one example in 1 clips: no face in 1 of 1 frames"):
        prepare("folder", tmp_path / "tree", tmp_path / "out", BOX, allow_one_class=True)
    assert not list((tmp_path / "out").glob("*/*/*/manifest.json"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"dataset": "folder", "root": None}, "root: expected the folder that holds folder, found none; give --root"),
        ({"dataset": "forge", "root": None, "frames": 0}, "frames: expected at least 1, found 0"),
        ({"dataset": "forge", "root": None, "images": 0}, "images: expected at least 1, found 0"),
        ({"dataset": "forge", "root": None, "seed": -1}, "seed: expected at least 0, found -1"),
        ({"dataset": "forge", "root": None, "processes": -1}, "processes: expected at least 1, or 0 for"),
        ({"dataset": "faceforensics", "root": "/x", "compression": "c30"}, "expected one of raw, c23, c40"),
        ({"dataset": "forge", "root": "/x", "landmarks": True}, "landmarks: kept with crops only"),
        ({"dataset": "folder", "root": "/x", "name": "My Set"}, "name: expected small letters"),
        ({"dataset": "folder", "root": "/x", "crop": Crop(face_detector="haar")}, 'use crop.align="box"'),
    ],
)
def test_impossible_settings_are_refused_in_one_line(arguments, words, tmp_path):
    with pytest.raises(SettingsError, match=re.escape(words)):
        prepare(**arguments, out=tmp_path)


@pytest.mark.parametrize("flag", ["--margin", "--size"])
def test_a_zero_is_refused_and_not_taken_for_the_default(tmp_path, flag):
    with pytest.raises(SettingsError, match=f"crop.{flag[2:]}: expected .*, found 0"):
        main(["--dataset", "folder", "--root", str(tmp_path), "--out", str(tmp_path / "out"), flag, "0"])


def test_a_place_that_can_not_be_written_to_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(RecordsError, match=r"can't be written to .*; give another --out"):
        prepare("forge", None, tmp_path / "file", Crop(size=32), images=8)


def test_the_command_prints_counts_remarks_and_the_folder(prepared, tree, capsys):
    folder, _ = prepared
    status = main([*FOLDER, "--root", str(tree), "--out", str(folder.parents[2])])
    printed = capsys.readouterr().out
    assert status == ExitStatus.INCOMPLETE
    assert printed.splitlines()[-1] == str(folder)
    assert "mask: own" in printed
    assert "no video stream" in printed


def test_the_former_spellings_of_flags_are_understood(prepared, tree, tmp_path, capsys):
    folder, _ = prepared
    former = ["--detector" if flag == "--face_detector" else flag for flag in FOLDER]
    file = tmp_path / "list.json"
    argv = [*former, "--root", str(tree), "--out", str(folder.parents[2]), "--export-json", str(file)]
    assert main(argv) == ExitStatus.INCOMPLETE
    assert capsys.readouterr().out.splitlines()[-1] == str(folder)
    assert file.is_file()


def test_a_tree_of_another_kind_is_refused_in_one_line(tmp_path):
    with pytest.raises(RecordsError, match="give the folder that holds them") as refusal:
        main(["--dataset", "faceforensics", "--root", str(tmp_path), "--out", str(tmp_path)])
    assert "\n" not in str(refusal.value)

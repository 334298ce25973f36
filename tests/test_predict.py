"""The command, called in this process as a user would call it."""

import contextlib
import dataclasses
import errno
import io
import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from dfdetect_jax import cli, files
from dfdetect_jax.errors import RunError, SettingsError
from dfdetect_jax.pictures.picture_files import picture_name
from dfdetect_jax.predict import main
from dfdetect_jax.run import folder
from dfdetect_jax.run.false_alarms import FalseAlarms
from dfdetect_jax.run.frozen import FrozenValues, store_frozen
from dfdetect_jax.scoring import media_frames
from tests import trained


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """A folder with a photograph, a clip, a photograph without a face, and two files that are no media."""
    root = tmp_path_factory.mktemp("inputs")
    trained.write_photo(root / "a.png", trained.one_face())
    trained.write_clip(root / "b.avi", [trained.one_face(2 * i) for i in range(8)])
    trained.write_photo(root / "deeper" / "a.png", trained.no_face())
    (root / "text.jpg").write_text("hello")
    (root / "README").write_text("not to be scored")
    (root / ".hidden.png").write_text("nor this")
    return root


@pytest.fixture(scope="module")
def answers(inputs, tmp_path_factory):
    """(exit status, lines by path, words, picture folder) of one call on that folder, an empty one and a wrong path."""
    out = tmp_path_factory.mktemp("out")
    empty = tmp_path_factory.mktemp("empty")
    arguments = [str(inputs), str(empty), str(inputs / "absent.mp4"), "--out", str(out)]
    with contextlib.redirect_stdout(io.StringIO()) as printed, contextlib.redirect_stderr(io.StringIO()) as words:
        status = main(["--run", str(trained.folders()[0]), *arguments])
    lines = [json.loads(line) for line in printed.getvalue().splitlines()]
    return status, {line["path"]: line for line in lines}, words.getvalue(), out


def test_every_file_has_a_line_of_the_same_form(answers, inputs):
    _, lines, _, _ = answers
    names = ["a.png", "b.avi", "text.jpg", "deeper/a.png"]
    assert list(lines)[:4] == [str(inputs / name) for name in names]
    assert len({tuple(line) for line in lines.values()}) == 1


def test_a_photograph_gets_score_verdict_box_and_picture(answers, inputs):
    line = answers[1][str(inputs / "a.png")]
    assert (line["kind"], line["error"], line["notes"]) == ("image", None, [])
    assert 0 <= line["score"] <= 1
    assert line["verdict"] == ("fake" if line["score"] >= line["threshold"] else "real")
    x0, y0, x1, y1 = line["faces"][0]["box"]
    # Where the astronaut's eyes and mouth are in this part of the photograph.
    assert 100 < x0 < 150 < 195 < x1 < 240
    assert 20 < y0 < 75 < 130 < y1 < 200
    assert cv2.imread(line["picture"]).shape[1] > trained.WIDTH
    assert line["heat"] == "reconstruction error"


def test_a_video_reports_the_frames_that_were_used(answers, inputs):
    line = answers[1][str(inputs / "b.avi")]
    assert (line["kind"], line["frames_used"], line["frames_declared"]) == ("video", 8, 8)
    assert line["faces"][0]["frames"] == 8
    assert cv2.imread(line["picture"]) is not None


def test_a_photograph_without_a_face_is_no_failure(answers, inputs):
    line = answers[1][str(inputs / "deeper" / "a.png")]
    assert (line["verdict"], line["score"], line["picture"]) == ("no face", None, None)
    assert line["heat"] is line["error"] is None


def test_files_that_are_no_media_are_reported_and_do_not_stop_the_rest(answers, inputs):
    status, lines, words, _ = answers
    assert status == 1
    for path, reason in ((inputs / "text.jpg", "found text"), (inputs / "absent.mp4", "No such file")):
        line = lines[str(path)]
        assert (line["verdict"], line["score"]) == ("error", None)
        assert reason in line["error"]
        assert line["error"] in words
    assert "expected photographs or videos in this folder" in words
    assert "README" not in words


def test_what_is_passed_over_in_folders_is_counted(answers):
    counted = "passed over: 1 file that is no photograph or video, 1 hidden file or folder"
    assert answers[2].splitlines()[-2] == counted


@pytest.fixture
def opened(monkeypatch):
    """Commands get the runs that this session has opened, rather than to open and compile each anew."""

    def open_run(path):
        return trained.opened() if Path(path) == trained.folders()[0] else trained.opened_lae()

    monkeypatch.setattr(folder, "open_run", open_run)


@pytest.fixture
def changed(monkeypatch):
    """Lets the command get a changed run, which keeps the compiled programs of the one that this session has opened."""

    def change(**values):
        run = dataclasses.replace(trained.opened(), **values)
        vars(run).update(predictor=trained.opened().predictor)
        monkeypatch.setattr(folder, "open_run", lambda path: run)

    return change


@pytest.fixture
def predicted(opened, capsys):
    """Calls the command without pictures: (exit status, standard output, standard error)."""

    def call(*flags):
        status = main(["--run", str(trained.folders()[0]), "--pictures", "none", *map(str, flags)])
        return status, *capsys.readouterr()

    return call


def test_pictures_go_beside_the_run_and_all_well_exits_0(changed, inputs, tmp_path, capsys):
    changed(folder=tmp_path)
    assert main(["--run", str(tmp_path), str(inputs / "a.png"), str(inputs / "a.png")]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["picture"].startswith(str(tmp_path / "predictions"))


def test_max_fpr_sets_the_thresholds_of_verdicts(changed, inputs, tmp_path, capsys):
    changed(folder=tmp_path)
    command = ["--run", str(tmp_path), str(inputs / "a.png"), "--pictures", "none"]
    with pytest.raises(RunError, match="--max_fpr needs the scores of ten or more reals"):
        main([*command, "--max_fpr", "0.02"])
    reals = FalseAlarms.of(np.linspace(0, 1, 301))
    run = dataclasses.replace(trained.opened(), folder=tmp_path)
    store_frozen(run, FrozenValues(threshold=0.5, temperature=2.0, false_alarms=reals))
    for max_fpr in (0.02, 0.1):
        assert main([*command, "--max_fpr", str(max_fpr)]) == 0
        out, err = capsys.readouterr()
        line = json.loads(out)
        assert (line["threshold"], line["real_below"]) == pytest.approx((1 - max_fpr, 0.5), abs=0.02)
        assert 0 < line["probability"] < 1
        assert f"which {max_fpr:.0%} of 301 real photographs" in err


def test_an_lae_shows_its_attention(opened, inputs, tmp_path, capsys):
    run = str(trained.lae_folders()[0])
    assert main(["--run", run, str(inputs / "a.png"), str(inputs / "b.avi"), "--out", str(tmp_path)]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["heat"] for line in lines] == ["attention"] * 2
    assert all(cv2.imread(line["picture"]) is not None for line in lines)


def test_a_wrong_run_is_one_line_and_status_2(inputs, capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["predict", "--run", str(inputs), str(inputs / "a.png")])
    with pytest.raises(SystemExit, match="2"):
        cli.run(main)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize("frames", ["0", "-3", "many"])
def test_an_impossible_number_of_frames_is_refused(frames):
    with pytest.raises(SettingsError, match="at least 1"):
        main(["--run", "any", "a.png", f"--frames={frames}"])


@pytest.fixture(scope="module")
def listed(inputs, tmp_path_factory):
    """A list of four files, the second of them text."""
    path = tmp_path_factory.mktemp("list") / "paths"
    names = ["a.png", "text.jpg", "b.avi", "deeper/a.png"]
    path.write_text("".join(f"{inputs / name}\n" for name in names))
    return path


def paths_in(file):
    return [json.loads(line)["path"] for line in file.read_text().splitlines()]


def test_an_interrupted_list_is_finished_by_the_same_command(predicted, listed, tmp_path):
    scores = tmp_path / "scores.jsonl"
    whole = predicted("--paths_from", listed, "--scores", scores)
    assert (whole[0], whole[1]) == (1, "")
    assert "4 files, 1 failed" in whole[2]
    complete = scores.read_text()
    assert paths_in(scores) == listed.read_text().split()
    scores.write_text(complete[: complete.index('"kind": "video"')])
    status, _, words = predicted("--paths_from", listed, "--scores", scores)
    assert status == 0
    assert "resuming: 2 files are in" in words
    assert scores.read_text() == complete


def test_failed_files_are_retried_on_request(predicted, tmp_path):
    scores, photo = tmp_path / "scores.jsonl", tmp_path / "late.png"
    assert predicted(photo, "--scores", scores)[0] == 1
    trained.write_photo(photo, trained.one_face())
    assert "0 files" in predicted(photo, "--scores", scores)[2]
    assert predicted(photo, "--scores", scores, "--retry_errors")[0] == 0
    assert [json.loads(line)["error"] is None for line in scores.read_text().splitlines()] == [False, True]


def test_scores_with_other_settings_are_not_mixed(predicted, inputs, tmp_path):
    scores = tmp_path / "scores.jsonl"
    predicted(inputs / "a.png", "--scores", scores)
    with pytest.raises(RunError, match="other settings"):
        predicted(inputs / "a.png", "--scores", scores, "--frames", "7")


def test_shares_are_disjoint_and_together_the_whole(predicted, listed):
    printed = [predicted("--paths_from", listed, "--shard", f"{i}/3")[1] for i in range(3)]
    shares = [[json.loads(line)["path"] for line in each.splitlines()] for each in printed]
    assert sorted(path for share in shares for path in share) == sorted(listed.read_text().split())


def test_the_same_name_in_another_folder_is_another_file(predicted, tmp_path, monkeypatch):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        predicted("x.jpg", "--scores", "../scores.jsonl")
    assert paths_in(tmp_path / "scores.jsonl") == [str(tmp_path / name / "x.jpg") for name in ("one", "two")]


def test_what_cannot_be_searched_fails_again_in_a_resumed_call_and_what_is_done_is_counted(predicted, tmp_path):
    (tmp_path / "text.jpg").write_text("text")
    (tmp_path / "link").symlink_to("nowhere")
    for _ in range(2):
        status, _, words = predicted(tmp_path, "--scores", tmp_path / "scores.jsonl")
        assert status == 1
        assert f"{tmp_path / 'link'}: can't be opened (a link to what doesn't exist)\n" in words
    assert "1 file scored before\n1 file, 1 failed" in words


def test_a_name_with_a_newline_is_one_line(predicted, tmp_path):
    path = tmp_path / "new\nline \udcff.jpg"
    path.write_text("text")
    status, printed, words = predicted(path)
    assert (status, json.loads(printed)["path"]) == (1, str(path))
    assert f"\n{tmp_path}/new\\nline \\udcff.jpg: expected" in words


def test_output_without_room_is_one_line(predicted, tmp_path, monkeypatch):
    def full(*values, file=None, **options):
        if file is None:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(cli, "discard_output", lambda: None)
    monkeypatch.setattr("builtins.print", full)
    with pytest.raises(RunError, match=r"^standard output: No space left on device; make room"):
        predicted(tmp_path / "absent.jpg")


def test_pictures_of_earlier_calls_are_counted_and_not_scored(opened, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    trained.write_photo(tmp_path / "a.png", trained.one_face())
    for _ in range(2):
        assert main(["--run", str(trained.folders()[0]), ".", "--out", "out"]) == 0
    lines, words = capsys.readouterr()
    assert [json.loads(line)["path"] for line in lines.splitlines()] == ["./a.png", "./a.png"]
    assert words.count("passed over: 1 picture drawn by this program\n") == 1


def test_a_picture_that_cannot_be_written_is_its_files_note(opened, inputs, tmp_path, monkeypatch, capsys):
    def full(path, content):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files, "write_bytes", full)
    assert main(["--run", str(trained.folders()[0]), str(inputs / "a.png"), "--out", str(tmp_path / "out")]) == 1
    printed, words = capsys.readouterr()
    line = json.loads(printed)
    assert line["score"] is not None
    assert (line["picture"], line["heat"], line["error"]) == (None, None, None)
    assert "No space left on device; give another --out, or --pictures none" in line["notes"][-1]
    assert "1 file, 0 failed, 1 without their picture" in words


def test_a_place_without_room_for_pictures_is_refused_before_the_work(opened, inputs, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match=r"give another --out, or --pictures none$"):
        main(["--run", str(trained.folders()[0]), str(inputs / "a.png"), "--out", str(tmp_path / "file" / "out")])
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("verdict", ["fake", "real"])
def test_only_fakes_are_drawn_on_request(verdict, changed, inputs, tmp_path, capsys):
    changed(threshold=0.0 if verdict == "fake" else 1.0)
    main(["--run", "any", str(inputs / "a.png"), "--out", str(tmp_path), "--pictures", "fake"])
    line = json.loads(capsys.readouterr().out)
    assert line["verdict"] == verdict
    assert [str(path) for path in tmp_path.iterdir()] == ([line["picture"]] if verdict == "fake" else [])


def test_a_drawn_photograph_is_decoded_once(opened, inputs, tmp_path, monkeypatch):
    decoded, read = [], media_frames.read_photograph
    monkeypatch.setattr(media_frames, "read_photograph", lambda path: decoded.append(path) or read(path))
    photo = str(inputs / "a.png")
    main(["--run", str(trained.folders()[0]), photo, "--out", str(tmp_path)])
    assert [path.name for path in tmp_path.iterdir()] == [picture_name(photo)]
    assert decoded == [photo]


def test_the_last_message_reports_how_long_each_stage_took(answers):
    last = answers[2].splitlines()[-1]
    assert last.startswith("6 files, 3 failed, 9 faces scored in ")
    assert last.endswith(f"; pictures in {answers[3]}")
    assert all(f"{stage} " in last for stage in ("decode", "detect", "crop", "model", "waiting", "pictures"))


def test_something_to_score_is_required():
    with pytest.raises(SettingsError, match="PATH or --paths_from"):
        main(["--run", "any"])


@pytest.mark.slow
def test_a_sigterm_ends_a_call_that_waits_for_its_list_in_one_line(tmp_path):
    run, absent = str(trained.folders()[0]), str(tmp_path / "absent.jpg")
    command = [sys.executable, "-m", "dfdetect_jax.predict", "--run", run, "--paths_from", "-", absent]
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with subprocess.Popen(command, text=True, **pipes) as process:
        process.stdin.write(f"{absent}.png\n")
        process.stdin.flush()
        lines = [json.loads(process.stdout.readline())["path"] for _ in range(2)]
        process.terminate()
        status, words = process.wait(), process.stderr.read()
    assert lines == [absent, f"{absent}.png"]
    assert status == cli.ExitStatus.TERMINATED
    assert words.splitlines()[-1] == "terminated"
    assert "Traceback" not in words
    assert "leaked" not in words


# What is not on every system, or takes long to import: a command line is parsed without.
IMPORT_CODE = """
import sys

for name in ("fcntl", "grp", "pwd", "resource", "termios"):
    sys.modules[name] = None
sys.argv[1:] = ["--run", "any", "a.png", "--shard", "8/8"]

from dfdetect_jax import cli
from dfdetect_jax.predict import main

try:
    cli.run(main)
finally:
    heavy = ("jax", "flax", "optax", "orbax", "grain", "matplotlib", "scipy", "sklearn", "tensorflow_datasets")
    print([name for name in (*heavy, "dfdetect_jax.data") if name in sys.modules])
"""


def test_a_command_line_is_parsed_on_any_system_and_loads_no_heavy_library():
    command = [sys.executable, "-W", "ignore", "-c", IMPORT_CODE]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "[]\n")
    assert "shard: expected i/n" in done.stderr

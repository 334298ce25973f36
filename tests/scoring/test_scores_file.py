import contextlib
import dataclasses
import json
import os
import resource

import numpy as np
import pytest

from dfdetect_jax.errors import RunError
from dfdetect_jax.scoring.decision import DecisionRule
from dfdetect_jax.scoring.scores_file import ScoresFile, fingerprint
from tests import trained


def line(path, error=None):
    return {"path": path, "score": None if error else 0.5, "error": error}


def written(path, *lines):
    scores = ScoresFile(path, "me")
    for each in lines:
        scores.append(each)
    scores.close()
    return path


def done(path, retry_errors=False):
    scores = ScoresFile(path, "me", retry_errors)
    scores.close()
    return scores.done


def test_what_is_in_the_file_is_done(tmp_path):
    path = written(tmp_path / "deep" / "s.jsonl", line("/a.jpg"), line("/new\nline.jpg"), line("/bad.jpg", "broken"))
    paths = done(path)
    assert len(paths) == 3
    assert all(name in paths for name in ("/a.jpg", "/new\nline.jpg", "/bad.jpg"))
    assert "/b.jpg" not in paths


def test_paths_are_kept_absolute_so_that_another_folders_file_of_the_same_name_is_another_file(tmp_path, monkeypatch):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "one")
    path = written(tmp_path / "s.jsonl", {**line("x.jpg"), "picture": "x.png"})
    kept = json.loads(path.read_text())
    assert (kept["path"], kept["picture"]) == (str(tmp_path / "one" / "x.jpg"), str(tmp_path / "one" / "x.png"))
    assert "x.jpg" in done(path)
    monkeypatch.chdir(tmp_path / "two")
    assert "x.jpg" not in done(path)
    assert "../one/x.jpg" in done(path)


def test_relative_paths_of_version_0_1_count_beside_the_file_of_scores_alone(tmp_path, monkeypatch):
    (tmp_path / "one").mkdir()
    monkeypatch.chdir(tmp_path / "one")
    path = tmp_path / "s.jsonl"
    old = json.dumps({"scored_by": "me", **line("x.jpg")}) + "\n"
    path.write_text(old)
    scores = ScoresFile(path, "me")
    assert (scores.relative, len(scores.done)) == (1, 0)
    scores.append(line("x.jpg"))
    scores.close()
    assert path.read_text().startswith(old)
    assert "x.jpg" in done(path)
    monkeypatch.chdir(tmp_path)
    assert "x.jpg" in done(path)


def test_a_full_disk_is_one_line_and_loses_no_line_before(tmp_path):
    path = written(tmp_path / "s.jsonl", line("/a.jpg"))
    before = path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 20, limits[1]))
    try:
        with (
            pytest.raises(RunError, match="File too large; make room, then repeat the command: it resumes"),
            contextlib.closing(ScoresFile(path, "me")) as scores,
        ):
            scores.append(line("/b.jpg"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == before
    written(path, line("/b.jpg"))
    assert "/b.jpg" in done(path)


def test_what_failed_can_be_tried_again(tmp_path):
    path = written(tmp_path / "s.jsonl", line("/a.jpg"), line("/bad.jpg", "broken"))
    assert "/bad.jpg" not in done(path, retry_errors=True)
    written(path, line("/bad.jpg"))
    assert "/bad.jpg" in done(path, retry_errors=True)


@pytest.mark.parametrize("cut", [1, 5, 20, 40])
def test_an_incomplete_last_line_is_removed(cut, tmp_path):
    path = written(tmp_path / "s.jsonl", line("/a.jpg"), line("/b.jpg"))
    whole = path.read_bytes()
    first = whole[: whole.index(b"\n") + 1]
    path.write_bytes(whole[:-cut])
    assert ("/a.jpg" in done(path), "/b.jpg" in done(path)) == (True, False)
    assert path.read_bytes() == first
    written(path, line("/b.jpg"))
    assert path.read_bytes() == whole


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'{"scored_by": "them", "path": "a.jpg", "error": null}\n', "another run"),
        (b'{"path": "a.jpg", "error": null}\n', "something else"),
        (b"\xff\xd8\xff\xe0 a photograph, by mistake", "something else"),
        (b"[1, 2]\n", "something else"),
        (b'{"scored_by": "me", "path": "a.j\n', "line 1"),
    ],
)
def test_a_file_of_something_else_is_refused_and_left_alone(content, reason, tmp_path):
    path = tmp_path / "s.jsonl"
    path.write_bytes(content)
    with pytest.raises(RunError, match=reason):
        ScoresFile(path, "me")
    assert path.read_bytes() == content


def test_two_processes_cannot_write_to_one_file(tmp_path):
    scores = ScoresFile(tmp_path / "s.jsonl", "me")
    with pytest.raises(RunError, match=r"process \d+ on .* is writing scores to it"):
        ScoresFile(tmp_path / "s.jsonl", "me")
    scores.close()
    ScoresFile(tmp_path / "s.jsonl", "me").close()


def test_a_place_that_cannot_be_written_to_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    os.mkfifo(tmp_path / "pipe")
    for place in (tmp_path / "file" / "s.jsonl", tmp_path / "pipe", tmp_path):
        with pytest.raises(RunError, match="expected a place to write scores to"):
            ScoresFile(place, "me")


def test_every_line_names_what_scored(tmp_path):
    path = written(tmp_path / "s.jsonl", line("/a.jpg"))
    assert json.loads(path.read_text()) == {"scored_by": "me", **line("/a.jpg")}


@pytest.fixture(scope="module")
def small():
    """A run of few weights."""
    variables = {
        "params": {"a": {"kernel": np.arange(6, dtype=np.float32).reshape(2, 3)}},
        "batch_stats": {"b": np.ones(2, np.float32)},
    }
    info = {"settings": {"method": "cae"}, "data": {"crop": {"size": 40}}}
    return dataclasses.replace(trained.opened(), variables=variables, threshold=0.25, info=info)


def one_threshold(value):
    return DecisionRule(fake_from=value, real_below=value)


def test_weights_settings_crop_thresholds_and_frames_each_change_the_fingerprint(small):
    other_weights = {**small.variables, "batch_stats": {"b": np.zeros(2, np.float32)}}
    rule = one_threshold(0.25)
    others = [
        fingerprint(dataclasses.replace(small, variables=other_weights), rule, 32),
        fingerprint(small, one_threshold(0.26), 32),
        fingerprint(small, dataclasses.replace(rule, real_below=0.2), 32),
        fingerprint(dataclasses.replace(small, info={**small.info, "settings": {"method": "lae"}}), rule, 32),
        fingerprint(dataclasses.replace(small, info={**small.info, "data": {"crop": {"size": 41}}}), rule, 32),
        fingerprint(small, rule, 16),
    ]
    assert fingerprint(small, rule, 32) == fingerprint(dataclasses.replace(small), rule, 32)
    assert len({fingerprint(small, rule, 32), *others}) == 7


def test_files_of_scores_by_version_0_1_are_resumed(small):
    rule = one_threshold(small.threshold)
    assert (fingerprint(small, rule, 32), fingerprint(small, rule, 8)) == ("fdf1b619e76c0e48", "a4463639048609d4")

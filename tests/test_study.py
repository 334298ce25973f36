"""The study: its arms are allowed, its gains are paired, and one command runs, resumes and writes its tables."""

import argparse
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from dfdetect_jax.evaluation.metrics.frame_scores import from_columns

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "benchmarks"))

import study  # noqa: E402
import study_arms  # noqa: E402
import study_tables  # noqa: E402


@pytest.mark.parametrize("name", study_arms.ARMS)
def test_every_arm_is_allowed_and_has_a_baseline_of_its_group(name):
    arm = study_arms.ARMS[name]
    for steps in (2, 3000):
        assert study_arms.settings_of(arm, {"train.steps": steps, "data.image_size": 96}).method == arm.method
    if arm.baseline:
        assert study_arms.ARMS[arm.baseline].group == arm.group
        assert list(study_arms.ARMS).index(arm.baseline) < list(study_arms.ARMS).index(name)


def frames(seed, strength):
    """Scores of 40 people with a real and a fake clip each, which tell fakes better the larger `strength`."""
    people, label = np.repeat(np.arange(40), 2), np.tile([0, 1], 40)
    score = 1 / (1 + np.exp(-np.random.default_rng(seed).normal(strength * label, 1.0)))
    clips = [f"{person}/{kind}" for person, kind in zip(people, label, strict=True)]
    columns = {"dataset": ["made"] * 80, "split": ["test"] * 80, "forgery": np.where(label, "swap", ""), "video": clips}
    return from_columns({**columns, "identity": people, "frame": [0] * 80, "label": label, "score": score})


def test_a_gain_is_the_mean_over_seeds_of_paired_differences_with_intervals_over_people_and_over_seeds():
    pairs = [((frames(seed, 3.0), 0.6), (frames(seed, 1.0), 0.5)) for seed in range(3)]
    gain = study_tables.compare(pairs, 200)["auc"]
    aucs = [[roc_auc_score(scores.label, scores.score) for scores, _ in pair] for pair in pairs]
    np.testing.assert_allclose(gain.mean, np.mean([a - b for a, b in aucs]), rtol=1e-6)
    assert gain.seeds == 3
    for low, high in (gain.over_people, gain.over_seeds):
        assert 0 < low < gain.mean < high


def test_an_arm_gains_nothing_over_itself():
    same = [((frames(0, 1.0), 0.5),) * 2]
    for gain in study_tables.compare(same, 50).values():
        assert gain == (0.0, (0.0, 0.0), None, 1)


def test_scores_of_frames_in_another_order_are_not_compared():
    scores = frames(0, 1.0)
    with pytest.raises(ValueError, match="expected scores of the same frames"):
        study_tables.compare([((scores, 0.5), (scores[::-1], 0.5))], 20)


def test_runs_of_another_length_or_size_are_out_of_the_tables(tmp_path):
    line = {"train": "d", "arm": "no masks", "seed": 0, "rate": 1e-3, "steps": 2, "image size": 32}
    others = [line | {"steps": 4}, line | {"image size": 64}]
    for each in (line, *others):
        study_tables.add_line(tmp_path / "runs.jsonl", each)
    args = argparse.Namespace(results=tmp_path / "runs.jsonl", steps=2, size=32)
    assert study.of_this_size(args) == [line]


def test_a_line_that_a_kill_cut_short_is_left_out_and_harms_none_behind_it(tmp_path):
    file = tmp_path / "runs.jsonl"
    file.write_text('{"arm": "a"}\n{"arm": "b", "se')
    assert study_tables.read_lines(file) == [{"arm": "a"}]
    study_tables.add_line(file, {"arm": "c"})
    assert study_tables.read_lines(file) == [{"arm": "a"}, {"arm": "c"}]


@pytest.mark.slow
def test_one_command_runs_all_resumes_and_writes_tables(tmp_path):
    command = [sys.executable, "benchmarks/study.py", "--tiny", "--seeds", "1", "--out", str(tmp_path)]
    for _ in range(2):  # the second finds everything done
        ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
        assert ended.returncode == 0, ended.stderr
        lines = [json.loads(line) for line in (tmp_path / "runs.jsonl").read_text().splitlines()]
        assert [line["arm"] for line in lines] == list(study_arms.TINY_ARMS)
    rows = json.loads((tmp_path / "tables.json").read_text())["rows"]
    assert {row["arm"] for row in rows} == set(study_arms.TINY_ARMS)
    assert any(row["gain in auc"] for row in rows)
    assert (tmp_path / "curves.png").exists()

    ended = subprocess.run([*command, "--against", "mesoinception4"], cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    rows = json.loads((tmp_path / "against-mesoinception4.json").read_text())["rows"]
    compared = {row["arm"]: row["against"] for row in rows if row["forgery"] == "all"}
    assert compared == {name: None if name == "mesoinception4" else "mesoinception4" for name in study_arms.TINY_ARMS}

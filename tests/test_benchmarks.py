"""The benchmarks run from the command line, on workloads far too small to measure anything."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from dfdetect_jax.export import main as export
from tests import trained

ROOT = Path(__file__).parents[1]
SMALL = ["--size", "32", "--batch", "2", "--width", "0.125", "--without", "plain", "torch"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("train_step", ["--method", "lae", "--steps", "1", "--guard", *SMALL]),
        ("augmentation", ["--rounds", "1", *SMALL[:-3]]),
        ("score", ["--rounds", "1", *SMALL]),
        ("evaluate", ["--frames", "500", "--resamples", "5", "--images", "24", "--size", "32"]),
        ("input_pipeline", ["--size", "32", "--images", "40", "--seconds", "1"]),
        ("decode_video", ["--seconds", "1", "--rounds", "1", "--mutated", "1"]),
        ("decode_video", ["--long", "--minutes", "0.05", "--rounds", "1"]),
        ("prepare", ["--clips", "2", "--frames", "2", "--processes", "1"]),
        ("exports", ["--images", "2"]),
        ("depthwise", ["--small", "--rounds", "1"]),
        ("conv3x3", ["--small", "--rounds", "1"]),
        ("kill", ["--work", "journal", "--runs", "1"]),
        ("soak", ["--files", "40", "--broken", "0.1"]),
        ("isolation", ["--photos", "4", "--clips", "1", "--seconds", "1", "--rounds", "1", *SMALL[:-3]]),
    ],
)
def test_a_benchmark_writes_its_tables_as_json(name, arguments, tmp_path):
    file = tmp_path / "table.json"
    command = [sys.executable, f"benchmarks/{name}.py", *arguments, "--json", str(file)]
    environment = {**os.environ, "TFDS_DATA_DIR": str(tmp_path)}
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=240)
    assert ended.returncode == 0, ended.stderr
    assert json.loads(file.read_text())


@pytest.mark.slow
def test_a_quantised_network_is_measured_beside_itself(tmp_path):
    run, records = trained.lae_folders()
    model, file = tmp_path / "model", tmp_path / "table.json"
    assert export(["--run", str(run), "--format", "onnx", "--out", str(model)]) == 0
    command = [sys.executable, "benchmarks/quantized.py", "--model", str(model), "--data", str(records)]
    ended = subprocess.run([*command, "--rounds", "1", "--json", str(file)], cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    rows = json.loads(file.read_text())["rows"]
    assert [row["mean"] > 0 for row in rows] == [False, True, True]

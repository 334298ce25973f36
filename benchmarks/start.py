"""From the command to the first verdict: `predict` on one photograph, cold and warm, and where the time goes.

    python benchmarks/start.py --run runs/cae PHOTO [--rounds 3] [--json FILE]

Cold has an empty cache folder: everything is traced and compiled. Warm has the one that a cold start left. The last
rows are of one warm process: seconds of wall clock and processor of each stage, from the interpreter's start on.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import measure

_STAGES = """
import json, sys, time
from pathlib import Path
rows = []
def stage(name):
    rows.append((name, time.time(), time.process_time()))
from dfdetect_jax import cli
cli.keep_compiled_programs()
import jax
stage("import jax")
import importlib
importlib.import_module("dfdetect_jax.predict")
opening = importlib.import_module("dfdetect_jax.exchange.opening")
stage("import dfdetect_jax")
run = opening.open_detector(sys.argv[1])
stage("open the run")
from dfdetect_jax.media.detectors import load_face_detector
detector = load_face_detector(run.crop.face_detector)
stage("load the face detector")
from dfdetect_jax.scoring.stream import score_files
list(score_files(run, detector, [sys.argv[2]]))
stage("first verdict")
print(json.dumps(rows))
"""


def seconds(command: list[str], cache: Path) -> float:
    """Wall clock of a command with a cache folder of its own."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("JAX_")}
    start = time.perf_counter()
    subprocess.run(command, env={**environment, "XDG_CACHE_HOME": str(cache)}, check=True, capture_output=True)
    return time.perf_counter() - start


def stages(run: Path, photo: Path, cache: Path) -> list[measure.Row]:
    """A row of each stage of a warm start."""
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache)}
    start = time.time()
    command = [sys.executable, "-c", _STAGES, str(run), str(photo)]
    output = subprocess.run(command, env=environment, check=True, capture_output=True).stdout
    rows: list[measure.Row] = []
    before, used_before = start, 0.0
    for name, now, used in json.loads(output):
        rows.append({"start": f"warm, {name}", "s": now - before, "least": None, "CPU s": used - used_before})
        before, used_before = now, used
    return rows


def main() -> None:
    parser = measure.command_line(__doc__.partition("\n")[0])
    parser.add_argument("photo", type=Path, metavar="PHOTO")
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=3, help="starts of each kind")
    arguments = parser.parse_args()
    command = [sys.executable, "-m", "dfdetect_jax", "predict", "--run", str(arguments.run), "--pictures", "none"]
    command.append(str(arguments.photo))
    cold, warm = [], []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(arguments.rounds):
            cache = Path(folder) / str(number)
            cold.append(seconds(command, cache))
            warm.append(seconds(command, cache))
        last = stages(arguments.run, arguments.photo, cache)
    rows: list[measure.Row] = [
        {"start": name, "s": sorted(taken)[len(taken) // 2], "least": min(taken), "CPU s": None}
        for name, taken in (("cold", cold), ("warm", warm))
    ]
    notes = ["cold: with an empty cache folder; the interpreter's files are in memory"]
    measure.report("to the first verdict", measure.environment("jax", "flax"), rows + last, notes, arguments.json)


if __name__ == "__main__":
    main()

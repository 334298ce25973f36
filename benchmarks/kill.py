"""`kill -9` at random moments of every command that writes, then the same command again: is the end the same?

    python benchmarks/kill.py [--runs 50] [--minutes M] [--work cae lae prepare predict journal] [--json FILE]

Each work is done once undisturbed. Then it is done anew, `--runs` times; each time it is killed at a random moment of
the last four fifths of the time that the undisturbed one took, one time in three twice, and begun again until it ends.
Ends are compared bit for bit: arrays and cursors of the last checkpoint and the lines of metrics (without speeds), the
bytes of records, the lines of scores, the answers and masks of a queue. A kill fell into a save if a checkpoint was
half written or not sealed, a file partial, or an answer saved in part. Of the journal of annotations, the answers that
were acknowledged before a kill are counted, and those of them that are not there when the queue is opened again.
"""

import argparse
import collections
import json
import math
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import annotate_worker
import measure
import numpy as np

ROOT = Path(__file__).parents[1]
CAE, LAE, PREPARE, PREDICT, JOURNAL = WORKS = ("cae", "lae", "prepare", "predict", "journal")
_COMMAND = ("-m", "dfdetect_jax")
_STEPS = 60
_PICTURES = 40
_TRAIN = [f"--config.train.steps={_STEPS}", "--config.train.eval_every=3", "--config.train.log_every=1"]
_TINY = {
    CAE: [
        *("--config=configs/cae.py", "--config.data.image_size=40", "--config.data.forge_images=16"),
        *("--config.model.width=0.02", "--config.model.middle_blocks=0", "--config.model.decoder_widths=(16, 8)"),
        *("--config.model.classifier_width=16", "--config.train.batch_size=8"),
    ],
    LAE: [
        *("--config=configs/lae.py", "--config.data.image_size=32", "--config.data.forge_images=16"),
        *("--config.model.stages=2", "--config.loss.perceptual=0", "--config.loss.adversarial=0"),
        *("--config.train.batch_size=8", f"--config.active.start={_STEPS // 2}", "--config.augment.flip=False"),
    ],
}
_SPEEDS = ("data_wait", "images_per_second")  # differ from run to run


def command(work: str, out: Path, shared: Path) -> list[str]:
    """What writes into `out`; `shared` holds pictures and a run."""
    if work == JOURNAL:
        return [str(ROOT / "benchmarks/annotate_worker.py"), str(out)]
    if work in _TINY:
        return [*_COMMAND, "train", *_TINY[work], *_TRAIN, f"--workdir={out}"]
    if work == PREPARE:
        haar = ("--face_detector=haar", "--align=box", "--size=64", "--processes=2")
        return [*_COMMAND, "prepare", "--dataset=folder", f"--root={shared / 'tree'}", f"--out={out}", *haar]
    scores = (f"--scores={out / 'scores.jsonl'}", "--pictures=none")
    return [*_COMMAND, "predict", f"--run={shared / 'run'}", *scores, str(shared / "tree")]


def start(work: str, out: Path, shared: Path) -> subprocess.Popen[bytes]:
    words = [sys.executable, *command(work, out, shared)]
    environment = {**os.environ, "TFDS_DATA_DIR": str(shared / "data"), "PYTHONPATH": str(ROOT)}
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    return subprocess.Popen(words, cwd=ROOT, env=environment, start_new_session=True, **quiet)


def finished(work: str, out: Path, shared: Path) -> float:
    """Runs a work to its end; seconds."""
    began = time.monotonic()
    process = start(work, out, shared)
    _, words = process.communicate(timeout=1800)
    if process.returncode:
        raise RuntimeError(f"{work} ended with status {process.returncode}: {words.decode()[-2000:]}")
    return time.monotonic() - began


def killed(work: str, out: Path, shared: Path, seconds: float) -> bool:
    """Starts a work and kills it, and whatever it started, after some time; False if it had ended by then."""
    process = start(work, out, shared)
    try:
        process.communicate(timeout=seconds)
        return False
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return True


def within_a_save(work: str, out: Path) -> bool:
    """Whether something was being written when the work was killed."""
    partial = any(out.rglob("*.partial")) or any(out.rglob("*orbax-checkpoint-tmp*")) or any(out.rglob(".deleted-*"))
    steps = [path for path in (out / "checkpoints").glob("*") if path.name.isdigit()]
    unsealed = any(not (path / "seal.json").exists() for path in steps)
    cut = any(path.read_bytes()[-1:] not in (b"\n", b"") for path in out.rglob("*.jsonl"))
    if work == JOURNAL:
        cut |= annotate_worker.saved_in_part(out / "queue")
    return partial or unsealed or cut or (work == PREPARE and any(out.rglob("*.part.*")))


def end_of(work: str, out: Path) -> Any:
    """What is compared, as JSON-like values."""
    if work in _TINY:
        lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
        return arrays_of(out), [{name: v for name, v in line.items() if name not in _SPEEDS} for line in lines]
    if work == PREPARE:
        manifest = json.loads(next(out.glob("*/*/*/manifest.json")).read_text())
        return manifest["sha256"], manifest["fingerprint"], manifest["counts"]
    if work == JOURNAL:
        return annotate_worker.end_of(out / "queue")
    return sorted((out / "scores.jsonl").read_text().splitlines())


def arrays_of(workdir: Path) -> list[tuple[str, str]]:
    """Digests of every array of the last checkpoint, and its cursor."""
    import hashlib

    import orbax.checkpoint as ocp

    step = max(int(path.name) for path in (workdir / "checkpoints").iterdir() if path.name.isdigit())
    folder = workdir / "checkpoints" / str(step)
    tree = ocp.StandardCheckpointer().restore(folder / "state")
    import jax

    leaves = [
        (jax.tree_util.keystr(path), hashlib.sha256(np.asarray(leaf).tobytes()).hexdigest())
        for path, leaf in jax.tree.leaves_with_path(tree)
    ]
    return [*leaves, ("cursor", (folder / "cursor" / "metadata").read_text())]


def make_shared(shared: Path, works: list[str]) -> None:
    """Pictures, and for `predict` a run."""
    import cv2
    import skimage.data

    photo = cv2.cvtColor(skimage.data.astronaut(), cv2.COLOR_RGB2BGR)
    for i in range(_PICTURES):
        path = shared / "tree" / ("fake/swap" if i % 2 else "real") / f"person{i // 2}_{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), photo[20:260, 100 + i : 400 + i])
    if PREDICT in works:
        finished(CAE, shared / "run", shared)


def row_of(work: str, args: argparse.Namespace, folder: Path, shared: Path) -> measure.Row:
    """A row of the table."""
    generator = np.random.default_rng([args.seed, WORKS.index(work)])
    finished(work, folder / "warm", shared)  # compiles
    seconds = finished(work, folder / "whole", shared)
    expected, counts = end_of(work, folder / "whole"), collections.Counter[str]()
    deadline = time.monotonic() + 60 * args.minutes
    for number in range(args.runs):
        if time.monotonic() > deadline:
            break
        counts["runs"] += 1
        out = folder / f"killed{number}"
        for _ in range(2 if generator.random() < 1 / 3 else 1):
            if killed(work, out, shared, float(generator.uniform(0.2 * seconds, seconds))):
                counts["kills"] += 1
                counts["within a save"] += within_a_save(work, out)
                if work == JOURNAL:
                    acknowledged, lost = annotate_worker.lost(out)
                    counts["acknowledged"] += acknowledged
                    counts["lost"] += lost
        finished(work, out, shared)
        same = end_of(work, out) == expected
        counts["equal"] += same
        if not same:
            print(f"{work}: run {number} ended otherwise; see {out}", file=sys.stderr)
    return {
        "work": work,
        **{name: counts[name] for name in ("runs", "kills", "within a save", "equal")},
        **{name: counts[name] if work == JOURNAL else None for name in ("acknowledged", "lost")},
        "s": seconds,
    }


def main() -> None:
    parser = measure.command_line(__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=50, help="of each work")
    parser.add_argument("--minutes", type=float, default=math.inf, help="of each work, after which no run is begun")
    parser.add_argument("--work", nargs="+", choices=WORKS, default=list(WORKS))
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as name:
        shared = Path(name) / "shared"
        make_shared(shared, args.work)
        for work in args.work:
            rows.append(row_of(work, args, Path(name) / work, shared))
    notes = [f"{row['work']}: {row['equal']} of {row['runs']} ends equal" for row in rows]
    measure.report("kill -9 at random moments", measure.environment("jax", "orbax-checkpoint"), rows, notes, args.json)


if __name__ == "__main__":
    main()

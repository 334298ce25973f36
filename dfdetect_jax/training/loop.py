"""The training loop: the one place with state. Everything it calls is a function of its arguments.

Order matters twice: a checkpoint's cursor is read after the batch of its step was drawn and before the next one is,
and a state is saved only after its loss and gradient were seen to be finite.
"""

import dataclasses
import json
import math
import os
import signal
import subprocess
import time
from contextlib import closing, contextmanager
from importlib import metadata
from pathlib import Path

import jax
import numpy as np

from dfdetect_jax import mesh as meshes
from dfdetect_jax import methods
from dfdetect_jax.checkpoint import Checkpoints
from dfdetect_jax.config import LAESettings, Settings, to_dict
from dfdetect_jax.data import pipeline
from dfdetect_jax.data.masks import Masks
from dfdetect_jax.data.records import read_manifest
from dfdetect_jax.errors import RunError
from dfdetect_jax.evaluation.frame_scores import score_frames
from dfdetect_jax.evaluation.metrics import UNINFORMED_THRESHOLD, choose_threshold, detection
from dfdetect_jax.methods import TrainState, Variables
from dfdetect_jax.models.vgg import VGG16Weights
from dfdetect_jax.run import CHECKPOINTS, CONFIG, PREDICT_BATCH, Predictor, open_run, read_config
from dfdetect_jax.training.writers import MetricsWriter, ProgressLine

STEP_ARRAYS = ("image", "mask", "has_mask", "label", "valid")
# These may differ when a run is resumed: they change what is written and how fast, not what is learned.
FREE_TO_CHANGE = ("train.log_every", "train.keep", "data.data_dir")


def train(
    settings: Settings,
    workdir: Path,
    records: Path,
    *,
    initial: Variables | None = None,
    masks: Masks | str | None = None,
    until: int | None = None,
    stage: int = 1,
) -> bool:
    """Trains until the last step, or goes on from the newest sound checkpoint in `workdir`.

    Args:
        settings: checked settings.
        workdir: the run folder, made if need be.
        records: folder of prepared records with the splits "train" and "val".
        initial: parameters and statistics to start from instead of random ones.
        masks: what may be learnt from masks, see `pipeline.train_batches`.
        until: last step of this call; None for `train.steps`. The schedule knows `train.steps` alone.
        stage: kept with each checkpoint; the best one is of the last stage.

    Returns:
        True when step `until` was reached, False when a SIGTERM ended it early (the state is saved).

    Raises:
        RunError: `workdir` holds a run with other settings, or the loss is not finite any more.
        SettingsError: the batch can't be shared by the devices.
        WeightsError: the settings name a file of weights that can't be read.
    """
    until = until or settings.train.steps
    mesh = meshes.data_mesh()
    meshes.check_batch_size(settings.train.batch_size, mesh)
    write_config(workdir, settings, records)
    method = methods.build(settings, _vgg16(settings))
    with closing(Checkpoints(workdir / CHECKPOINTS, settings.train.keep)) as checkpoints:
        state = initial_state(method, settings, mesh, initial)
        state, cursor = checkpoints.restore(state) or (state, None)
        start = int(state.step)
        if start >= until:
            return True
        batches = _training_stream(records, settings, masks, cursor)
        with (
            closing(MetricsWriter(workdir, start)) as writer,
            closing(ProgressLine(settings.train.steps, settings.train.batch_size, start)) as progress,
            _sigterm_noted() as ended,
        ):
            if start:
                progress.say(f"resuming {workdir} from step {start}")
            loop = _Loop(settings, method, mesh, records, checkpoints, writer, progress, until, stage)
            return loop.run(state, batches, ended)


def _vgg16(settings: Settings) -> VGG16Weights | None:
    """What the perceptual loss needs, if the settings have one."""
    if not isinstance(settings, LAESettings) or settings.loss.perceptual == 0:
        return None
    from dfdetect_jax.weights.pretrained import load_vgg16  # libraries that other runs need not wait for

    return load_vgg16(settings.loss.vgg16, settings.loss.vgg16_sha256, settings.loss.perceptual_layers)


def _training_stream(records: Path, settings: Settings, masks: Masks | str | None, cursor: dict | None):
    batches = iter(
        pipeline.train_batches(
            records,
            settings,
            masks=masks,
            process_index=jax.process_index(),
            process_count=jax.process_count(),
        )
    )
    if cursor is not None:
        batches.set_state(cursor)
    return batches


class _Loop:
    """One run's moving parts, held together for the length of a training."""

    def __init__(self, settings, method, mesh, records, checkpoints, writer, progress, until, stage):
        self.settings, self.mesh, self.records = settings, mesh, records
        self.until, self.stage = until, stage
        self.checkpoints, self.writer, self.progress = checkpoints, writer, progress
        everywhere = meshes.replicated(mesh)
        self.step = jax.jit(method.train_step, donate_argnums=0, out_shardings=everywhere)
        self.method, self.predictor = method, None

    def run(self, state: TrainState, batches, ended: list) -> bool:
        """Steps from `state.step` to `until`; `ended` gets an element when a SIGTERM came."""
        s = self.settings.train
        first, metrics = int(state.step), None
        for step in range(first + 1, self.until + 1):
            arrays = self._next_batch(batches, metrics)
            state, metrics = self.step(state, meshes.shard_batch(arrays, self.mesh))
            self.checkpoints.seal()
            last = step == self.until or bool(ended)
            if step == first + 1:
                jax.block_until_ready(metrics)
                self.progress.restart(step)  # what compiling took says nothing of the speed
            if step % s.log_every == 0 or last:
                self._report(step, metrics)
            if step % s.eval_every == 0 or last:
                self._validate_and_save(step, state, metrics, batches.get_state(), validate=not ended)
                self.progress.restart(step)
            if ended:
                self.progress.say(f"stopped by SIGTERM after step {step}; the same command goes on from there")
                return step == self.until
        return True

    def _next_batch(self, batches, previous: dict | None) -> dict[str, np.ndarray]:
        asked = time.perf_counter()
        batch = next(batches)
        if previous is None or previous["loss"].is_ready():  # else the device was busy, and nothing waited
            self.progress.waited(time.perf_counter() - asked)
        return {name: batch[name] for name in STEP_ARRAYS}

    def _report(self, step: int, metrics: dict) -> None:
        values = {name: float(value) for name, value in metrics.items()}
        self._refuse_non_finite(step, values)
        self.writer.write(step, values | self.progress.report(step, values["loss"]))

    def _validate_and_save(self, step, state, metrics, cursor, *, validate: bool) -> None:
        self._refuse_non_finite(step, {name: float(value) for name, value in metrics.items()})
        result = self._validate(state.variables) if validate else {"val_auc": None, "threshold": UNINFORMED_THRESHOLD}
        result["stage"] = self.stage
        self.checkpoints.save(state, cursor, result)
        self.writer.write(step, result)
        self.progress.validated(result["val_auc"])

    def _validate(self, variables: Variables) -> dict[str, float | None]:
        if self.predictor is None:
            self.predictor = Predictor(self.method, variables)
        self.predictor.variables = variables
        batches = pipeline.eval_batches(
            self.records,
            "val",
            batch_size=PREDICT_BATCH,
            image_size=self.settings.data.image_size,
            methods=self.settings.data.train_methods or None,
        )
        scores = score_frames(self.predictor.score, batches)
        threshold = choose_threshold(scores.score, scores.label)
        return {"val_auc": detection(scores.score, scores.label, threshold)["auc"], "threshold": threshold}

    def _refuse_non_finite(self, step: int, values: dict[str, float]) -> None:
        bad = [name for name, value in values.items() if not math.isfinite(value)]
        if bad:
            self.checkpoints.seal(wait=True)
            raise RunError(
                f"step {step}: expected finite numbers, found {', '.join(f'{n}={values[n]}' for n in bad)}; the last "
                "checkpoint is kept; try a lower optimizer.learning_rate, or optimizer.clip_norm=1, in a new --workdir"
            )


def initial_state(method: methods.Method, settings: Settings, mesh, initial: Variables | None = None) -> TrainState:
    """A fresh state, the same on every device, with `initial` in the place of random parameters if given.

    Raises:
        RunError: `initial` is of another network.
    """
    init = jax.jit(method.init, out_shardings=meshes.replicated(mesh))
    state = init(jax.random.PRNGKey(settings.seed))
    if initial is None:
        return state
    if jax.tree.map(np.shape, initial) != jax.tree.map(np.shape, state.variables):
        raise RunError("--init_from: expected a run of the same network, found other shapes; match config.model to it")
    given = meshes.replicate(initial, mesh)
    averaged = None if state.ema is None else meshes.replicate(jax.tree.map(np.array, initial["params"]), mesh)
    return state.replace(params=given["params"], batch_stats=given["batch_stats"], ema=averaged)


def weights_of(run_folder: str | Path) -> Variables:
    """The best checkpoint's parameters and statistics of another run, for `train(initial=...)`.

    Raises:
        RunError: it is no run folder, or has no sound checkpoint.
    """
    return jax.tree.map(np.asarray, open_run(run_folder).variables)


def write_config(workdir: Path, settings: Settings, records: Path) -> None:
    """Writes config.json, or compares with the one that is there.

    Raises:
        RunError: a run with other settings, or on other data, stands in `workdir`.
    """
    manifest = read_manifest(records)
    seen = settings.data.train_methods or [method for method in manifest.counts["train"] if method]
    info = {
        "settings": json.loads(json.dumps(to_dict(settings))),
        "data": {
            "folder": str(records),
            "fingerprint": manifest.fingerprint,
            "crop": dataclasses.asdict(manifest.crop),
            "seen": sorted(seen),
        },
        "versions": {name: metadata.version(name) for name in ("jax", "flax", "optax", "orbax-checkpoint", "grain")},
        "commit": _commit(),
    }
    if (workdir / CONFIG).exists():
        _check_same_run(workdir, read_config(workdir), info)
    elif jax.process_index() == 0:
        workdir.mkdir(parents=True, exist_ok=True)
        temporary = workdir / f".{CONFIG}.tmp"
        temporary.write_text(json.dumps(info, indent=2))
        os.replace(temporary, workdir / CONFIG)


def _check_same_run(workdir: Path, there: dict, here: dict) -> None:
    before, now = _flat(there["settings"]), _flat(here["settings"])
    changed = sorted(name for name in now if now[name] != before.get(name) and name not in FREE_TO_CHANGE)
    if there["data"]["fingerprint"] != here["data"]["fingerprint"]:
        changed.append("the data's fingerprint")
    if changed:
        raise RunError(
            f"{workdir}: expected a run with these settings, found one that differs in {', '.join(changed)}; "
            "give another --workdir, or delete this one"
        )


def _flat(settings: dict) -> dict:
    """{"train": {"steps": 4}, "seed": 0} -> {"train.steps": 4, "seed": 0}."""
    groups = ((group, value if isinstance(value, dict) else {"": value}) for group, value in settings.items())
    return {f"{group}.{name}".rstrip("."): value for group, names in groups for name, value in names.items()}


def _commit() -> str | None:
    """The library's own commit; None where it is installed, though that may be inside another checkout."""
    checkout = Path(__file__).parents[2]
    if not (checkout / ".git").exists():
        return None
    command = ["git", "-C", str(checkout), "rev-parse", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


@contextmanager
def _sigterm_noted():
    """Yields a list that gets an element when SIGTERM arrives, so that the loop can end after the step it is in."""
    arrived: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: arrived.append(number))
    try:
        yield arrived
    finally:
        signal.signal(signal.SIGTERM, before)

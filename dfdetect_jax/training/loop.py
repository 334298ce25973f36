"""The training loop: the one place with state. Everything it calls is a function of its arguments.

Order matters twice: a checkpoint's cursor is read after the batch of its step was drawn and before the next one is,
and a state is saved only after its weights were seen to be finite.
"""

import contextlib
import dataclasses
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import jax
import numpy as np

from dfdetect_jax import methods
from dfdetect_jax.config import Settings
from dfdetect_jax.data import pipeline
from dfdetect_jax.data.painted_masks import Masks
from dfdetect_jax.devices import processes
from dfdetect_jax.devices.host import check_memory, set_fragments_aside
from dfdetect_jax.errors import RunError
from dfdetect_jax.methods import TrainState, Variables
from dfdetect_jax.run.checkpoint import ON_DISK, Checkpoints, Storage
from dfdetect_jax.run.seal import CHECKPOINTS
from dfdetect_jax.training import parallel as parallels
from dfdetect_jax.training import preemption as preemptions
from dfdetect_jax.training.bad_steps import BadSteps, check_weights
from dfdetect_jax.training.first_weights import initial_state, origins, published_weights
from dfdetect_jax.training.parallel import Parallel
from dfdetect_jax.training.preemption import Preemption
from dfdetect_jax.training.provenance import write_config
from dfdetect_jax.training.validation import NOT_VALIDATED, Validation
from dfdetect_jax.training.writers import MetricsWriter, ProgressLine

STEP_ARRAYS = ("image", "mask", "has_mask", "label", "valid", "self_blend", "landmarks")
PROFILE = "profile"  # folder of traces, in the run folder


def train(
    settings: Settings,
    workdir: Path,
    records: Path,
    *,
    initial: Variables | None = None,
    masks: Masks | str | None = None,
    until: int | None = None,
    stage: int = 1,
    profile: range = range(0),
    storage: Storage = ON_DISK,
) -> bool:
    """Trains until the last step, or goes on from the newest sound checkpoint in `workdir`.

    Args:
        settings: checked settings.
        workdir: the run folder, made if absent.
        records: folder of prepared records with the splits "train" and "val".
        initial: parameters and statistics to start from instead of random ones.
        masks: what may be learnt from masks, see `pipeline.train_batches`.
        until: last step of this call; None for `train.steps`. The schedule knows `train.steps` alone.
        stage: kept with each checkpoint; the best one is of the last stage.
        profile: steps of which a trace is written to `workdir`/profile.
        storage: how `workdir` is kept.

    Returns:
        True when step `until` was reached and what follows may start, False when a SIGTERM, to any process of the job,
        asked to end before the last step of all (the state is saved).

    Raises:
        RunError: `workdir` holds a run with other settings, or the loss was NaN or infinite in
            `train.max_bad_steps` steps in a row, or the weights became so.
        RecordsError, SettingsError: as `pipeline.train_batches` and `parallel.build`.
        WeightsError: the settings name a file of weights that can't be read.
    """
    until = until or settings.train.steps
    weights = published_weights(settings)
    method = methods.build(settings, weights)
    parallel = parallels.build(method, settings)
    stream = _training_stream(records, settings, masks)  # before anything is written: it may be refused
    write_config(workdir, settings, records, storage.name(workdir))
    with contextlib.ExitStack() as stack:
        # Before the checkpoints, so that it ends after the last one is written: a scheduler sends SIGTERM twice.
        preemption = stack.enter_context(preemptions.listening(lambda step: checkpoints.preempted(step)))
        checkpoints = stack.enter_context(Checkpoints(workdir / CHECKPOINTS, settings.train.keep, storage))
        state = initial_state(parallel, settings, initial)
        state, cursor = checkpoints.restore(state) or (state, None)
        start, silent = int(state.step), not processes.is_first()
        if start >= until:
            return True
        batches: Any = iter(stream)
        if cursor is not None:
            batches.set_state(cursor)
        writer = stack.enter_context(contextlib.closing(MetricsWriter(workdir, start, silent=silent)))
        progress = ProgressLine(settings.train.steps, settings.train.batch_size, start, silent=silent)
        stack.enter_context(contextlib.closing(progress))
        if start:
            progress.print(f"resuming {storage.name(workdir)} from step {start}")
        else:
            for line in origins(settings, state.variables, weights, initial):
                progress.print(line)
        loop = _Loop(
            settings=settings,
            parallel=parallel,
            validation=Validation(method, settings, records),
            bad_steps=BadSteps(workdir, records, parallel, settings.train.max_bad_steps, start, storage.name(workdir)),
            checkpoints=checkpoints,
            writer=writer,
            progress=progress,
            preemption=preemption,
        )
        trace = stack.enter_context(contextlib.closing(_Trace(workdir / PROFILE, profile)))
        return loop.run(state, batches, range(start + 1, until + 1), stage, trace)


def _training_stream(records: Path, settings: Settings, masks: Masks | str | None) -> Iterable[dict[str, np.ndarray]]:
    job = {"process_index": jax.process_index(), "process_count": jax.process_count()}
    return pipeline.train_batches(records, settings, masks=masks, **job)


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Loop:
    """One run's moving parts, held together for the length of a training."""

    settings: Settings
    parallel: Parallel
    validation: Validation
    bad_steps: BadSteps
    checkpoints: Checkpoints
    writer: MetricsWriter
    progress: ProgressLine
    preemption: Preemption

    def run(self, state: TrainState, batches: Any, steps: range, stage: int, trace: "_Trace") -> bool:
        """Takes `steps`; returns whether the last one was reached."""
        s, state = self.settings.train, self.parallel.place(state)
        take_step, metrics = None, None
        for step in steps:
            read = self._next_batch(batches, metrics)
            batch = self.parallel.shard({name: read[name] for name in STEP_ARRAYS if name in read})
            take_step = take_step or self._compile(state, batch)
            trace.before(step)
            with jax.transfer_guard("disallow"), jax.profiler.StepTraceAnnotation("train", step_num=step):
                state, metrics = take_step(state, batch)
            trace.after(step, metrics)
            self.bad_steps.took(step, read["place"], metrics)
            self.checkpoints.seal()
            ended = self.preemption.after(step)
            last = step == steps[-1] or ended
            if step == steps[0]:
                jax.block_until_ready(metrics)
                self.progress.restart(step)  # the first step's speed is not typical
            if step % s.log_every == 0 or last:
                self._report(step, metrics)
            if step % s.eval_every == 0 or last:
                validate = not ended or step == steps[-1]  # nothing comes after the last step to make up for it
                self._validate_and_save(step, state, batches.get_state(), stage, validate, step == steps[-1])
                self.progress.restart(step)
                ended = ended or self.preemption.requested_here  # while it validated; the state is saved
            if ended and step < s.steps:
                self.progress.print(f"stopped by SIGTERM after step {step}; rerun the same command to resume")
                return False
        return True

    def _compile(self, state: TrainState, batch: dict[str, jax.Array]) -> parallels.Step:
        began = time.perf_counter()
        step = self.parallel.compile(state, batch)
        set_fragments_aside()
        processes.wait_for_all("the step is compiled")  # so that none waits long in its first collective
        memory = step.memory_analysis()  # None on a backend that doesn't report it
        if memory and jax.default_backend() == "cpu":  # accelerators answer for themselves
            check_memory(memory.temp_size_in_bytes * jax.local_device_count())
        needs = f", {memory.temp_size_in_bytes / 1e6:.0f} MB of temporaries per device" if memory else ""
        self.progress.print(f"the step is compiled: {time.perf_counter() - began:.1f} s{needs}")
        return step

    def _next_batch(self, batches: Any, previous: dict[str, Any] | None) -> dict[str, np.ndarray]:
        asked = time.perf_counter()
        batch = next(batches)
        if previous is None or previous["loss"].is_ready():  # else the device was busy, and nothing waited
            self.progress.waited(time.perf_counter() - asked)
        return batch

    def _report(self, step: int, metrics: dict[str, jax.Array]) -> None:
        self._check_steps()
        values = self.parallel.scalars(metrics) | {"skipped": float(self.bad_steps.count)}
        self.writer.write(step, values | self.progress.report(step, values["loss"]))

    def _validate_and_save(
        self,
        step: int,
        state: TrainState,
        cursor: dict[str, Any],
        stage: int,
        validate: bool,
        final: bool,
    ) -> None:
        self._check_steps()
        whole = self.parallel.whole(state)
        check_weights(step, whole.variables)
        result = dict(NOT_VALIDATED)
        if validate:
            result = self.validation(whole.variables, stop=lambda: self.preemption.requested_here and not final)
        result["stage"] = stage
        self.checkpoints.save(whole, cursor, result)
        self.writer.write(step, result)
        self.progress.validated(result["val_auc"])

    def _check_steps(self) -> None:
        try:
            for line in self.bad_steps.check():
                self.progress.print(line)
        except RunError:
            self.checkpoints.seal(wait=True)
            raise


class _Trace:
    """Writes a trace of some steps, as far as they are taken, into a folder: for TensorBoard, XProf or Perfetto."""

    def __init__(self, folder: Path, steps: range):
        self._folder, self._steps, self._running = folder, steps, False

    def before(self, step: int) -> None:
        if step in self._steps and not self._running:
            jax.profiler.start_trace(self._folder)
            self._running = True

    def after(self, step: int, metrics: dict[str, jax.Array]) -> None:
        if self._running and step == self._steps[-1]:
            jax.block_until_ready(metrics)
            self.close()

    def close(self) -> None:
        """Writes what there is of a trace whose last step was not reached."""
        if self._running:
            jax.profiler.stop_trace()
            self._running = False

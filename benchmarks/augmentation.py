"""Milliseconds that each kind of augmentation takes, per batch, and the share of a training step that it would be.

    python benchmarks/augmentation.py [--size 128] [--batch 32] [--width 0.25] [--rounds 15] [--json FILE]

Each kind alone, as the preset "strong" has it, then whole presets and self-blending; all on JAX's default device,
interleaved, less the time of a batch on which nothing is changed. A kind takes as long whatever share of the images it
changes. The step is the CAE's with `--width`, or the LAE's with `--method lae`, without any augmentation.
"""

import dataclasses
from collections.abc import Callable

import jax
import measure
import numpy as np
import workload

from dfdetect_jax import methods
from dfdetect_jax.augmentation.batches import augment_batch, example_keys
from dfdetect_jax.config import Augment, Crop, SelfBlend, Settings, override
from dfdetect_jax.config.augment import GROUPS, PRESETS
from dfdetect_jax.devices import host
from dfdetect_jax.media.crop import expected_landmarks

NOTHING, SELF_BLENDING, STEP = "nothing", "self-blending", "training step, no augmentation"


def kinds() -> dict[str, Augment]:
    """What is timed, by name."""
    off, strong = PRESETS["none"], PRESETS["strong"]
    alone = {"flip": dataclasses.replace(off, flip=True), "jitter": dataclasses.replace(off, jitter=0.1)}
    alone |= {group: dataclasses.replace(off, **{group: getattr(strong, group)}) for group in GROUPS}
    alone["jpeg, 4:4:4"] = dataclasses.replace(off, jpeg=dataclasses.replace(strong.jpeg, chroma="444"))
    presets = {f'preset "{name}"': preset for name, preset in PRESETS.items() if name != "none"}
    return {NOTHING: off, **alone, **presets, SELF_BLENDING: dataclasses.replace(off, self_blend=SelfBlend(share=0.5))}


def augmentation_arm(settings: Augment, batch: dict, self_blended: bool) -> Callable[[], object]:
    if self_blended:
        count, size = batch["image"].shape[:2]
        points = np.stack([expected_landmarks(Crop(), size)] * count).astype(np.float32)
        batch = batch | {"landmarks": points, "self_blend": np.arange(count) % 2 == 1}
    batch = jax.device_put(batch)
    keys = example_keys(jax.random.key(0), len(batch["image"]))
    run = jax.jit(lambda keys, batch: augment_batch(keys, batch, settings)).lower(keys, batch).compile()
    return lambda: jax.block_until_ready(run(keys, batch))


def step_arm(settings: Settings, batch: dict) -> Callable[[], object]:
    """The state is not donated, so that every call takes the same one."""
    method = methods.build(settings, workload.random_weights(settings))
    state, batch = jax.jit(method.init)(jax.random.key(0)), jax.device_put(batch)
    step = jax.jit(method.train_step).lower(state, batch).compile()
    return lambda: jax.block_until_ready(step(state, batch))


def rows_of(seconds: dict[str, list[measure.Seconds]]) -> list[measure.Row]:
    step, nothing = (measure.medians(seconds.pop(name)) for name in (STEP, NOTHING))
    rows = [{"kind": STEP, "ms": 1e3 * step.clock, "CPU ms": 1e3 * step.processor, "% of step": 100.0}]
    for name, taken in seconds.items():
        median = measure.medians(taken)
        clock, processor = (max(0.0, of - base) for of, base in zip(median, nothing, strict=True))
        share = 100 * clock / step.clock
        rows.append({"kind": name, "ms": 1e3 * clock, "CPU ms": 1e3 * processor, "% of step": share})
    return rows


def main() -> None:
    parser = measure.command_line(__doc__.splitlines()[0])
    workload.add_arguments(parser)
    parser.set_defaults(batch=32, width=0.25)
    parser.add_argument("--rounds", type=int, default=15, help="timed calls of each kind")
    args = parser.parse_args()
    host.keep_freed_memory()
    where = measure.environment("jax", "jaxlib")
    settings = override(workload.settings_from(args), {"augment.preset": "none"})
    batch = workload.random_batch(settings)
    batch |= {"mask": np.zeros(batch["image"].shape[:3], np.uint8), "has_mask": np.ones(len(batch["label"]), bool)}
    arms = {name: augmentation_arm(kind, batch, name == SELF_BLENDING) for name, kind in kinds().items()}
    arms[STEP] = step_arm(settings, batch)
    host.set_fragments_aside()
    rows = rows_of(measure.take_turns(arms, args.rounds))
    title = f"Augmentation in the {args.method.upper()}'s step, {workload.shape_of(args)}, median of {args.rounds}"
    measure.report(title, where, rows, [], args.json)


if __name__ == "__main__":
    main()

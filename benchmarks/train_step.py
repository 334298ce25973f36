"""Images per second of one training step: this library, plain Flax layers, and PyTorch.

    python benchmarks/train_step.py [--method cae] [--size 128] [--batch 8] [--width 1.0] [--steps 7] [--json FILE]

The LAE trains with all its terms, the perceptual one on a VGG16 of random weights, which takes as long as a trained
one. All arms run the same network from the same settings, float32, on JAX's default device (PyTorch on the CPU: its arm
is left out elsewhere), and take turns. "plain Flax layers" is the same method with every layer lowered as `nn.Conv`,
`nn.ConvTranspose`, `nn.max_pool` and `nn.BatchNorm` would be. Close other programs: PyTorch's threads wait for one
another and suffer more from a busy machine than XLA's do. Where that can't be had, keep all arms to one core and read
the column of processor time: `OMP_NUM_THREADS=1 taskset -c 0 python benchmarks/train_step.py`.
"""

import importlib
import importlib.util
import time
from collections.abc import Callable

import jax
import measure
import numpy as np

from dfdetect_jax import allocator, methods
from dfdetect_jax.config import METHODS, CAESettings, LAESettings, Settings, check
from dfdetect_jax.models.layers import plain_lowering
from dfdetect_jax.models.vgg import VGG16, VGG16Weights

OURS, PLAIN, TORCH = "this library", "plain Flax layers", "PyTorch eager, channels_last"


def settings_from(method: str, size: int, batch: int, width: float) -> Settings:
    settings = LAESettings() if method == "lae" else CAESettings()
    settings.data.image_size = size
    settings.train.batch_size = batch
    settings.model.width = width
    if isinstance(settings, LAESettings):
        settings.model.discriminator_width = width
        settings.loss.vgg16 = "random"  # a name is required; `random_vgg16` is what is used
    return check(settings)


def random_batch(settings: Settings) -> dict[str, np.ndarray]:
    n, size = settings.train.batch_size, settings.data.image_size
    images = np.random.default_rng(0).integers(0, 256, (n, size, size, 3), np.uint8)
    batch = {"image": images, "label": np.arange(n, dtype=np.int32) % 2}
    if isinstance(settings, LAESettings):
        masks = np.zeros((n, size, size), np.uint8)
        masks[1::2, : size // 2] = 255
        batch |= {"mask": masks, "has_mask": np.ones(n, bool)}
    return batch


def random_vgg16(settings: Settings) -> VGG16Weights | None:
    if not isinstance(settings, LAESettings):
        return None
    image = jax.ShapeDtypeStruct((1, 32, 32, 3), np.float32)
    params = VGG16(settings.loss.perceptual_layers).lazy_init(jax.random.key(0), image)["params"]
    return VGG16Weights(params, mean=np.zeros(3, np.float32), std=np.ones(3, np.float32))


def jax_arm(settings: Settings, batch: dict, plain: bool) -> tuple[Callable[[], None], dict]:
    """A step with donated state as a call, and what the compiler says of it."""
    method = methods.build(settings, random_vgg16(settings))
    state = jax.jit(method.init)(jax.random.key(0))
    trees = [state.params, state.adversary and state.adversary.params, state.frozen and state.frozen.params]
    parameters = sum(p.size for p in jax.tree.leaves(trees))
    start = time.perf_counter()
    with plain_lowering(plain):
        compiled = jax.jit(method.train_step, donate_argnums=0).lower(state, batch).compile()
    memory, cost = compiled.memory_analysis(), compiled.cost_analysis()
    facts = {
        "compile_s": time.perf_counter() - start,
        "temporaries_mb": memory.temp_size_in_bytes / 1e6,
        "arguments_mb": memory.argument_size_in_bytes / 1e6,
        "flop": cost["flops"],
        "parameters": parameters,
    }
    box = [state]

    def step() -> None:
        box[0], metrics = compiled(box[0], batch)
        jax.block_until_ready((box[0], metrics))

    return step, facts


def build_arms(settings: Settings, wanted: list[str]) -> tuple[dict, dict, list[str]]:
    """Name -> call, name -> facts, and notes on what is absent."""
    batch, arms, facts, notes = random_batch(settings), {}, {}, []
    for name in (OURS, PLAIN):
        if name in wanted:
            arms[name], facts[name] = jax_arm(settings, batch, plain=name == PLAIN)
    if TORCH in wanted and importlib.util.find_spec("torch") is None:
        notes.append("PyTorch is not installed, so its arm is absent: pip install torch")
    elif TORCH in wanted and jax.default_backend() != "cpu":
        notes.append(f"JAX runs on {jax.default_backend()}, so PyTorch's arm on the CPU is absent")
    elif TORCH in wanted:
        twin = importlib.import_module("pytorch_twin_lae" if isinstance(settings, LAESettings) else "pytorch_twin")
        arms[TORCH], parameters = twin.train_step(settings, batch)
        facts[TORCH] = {"parameters": parameters}
    counts = {name: fact["parameters"] for name, fact in facts.items()}
    if len(set(counts.values())) != 1:
        raise RuntimeError(f"the arms are not the same network: parameters {counts}")
    return arms, facts, notes


def table_rows(seconds: dict, facts: dict, images: int, floor: float) -> list[measure.Row]:
    """One row per arm; "times ours" is above 1 where this library is faster."""
    ours = measure.medians(seconds[OURS])
    rows = []
    for name, taken in seconds.items():
        median = measure.medians(taken)
        rows.append(
            {
                "arm": name,
                "images/s": images / median.clock,
                "s/step": median.clock,
                "least": min(t.clock for t in taken),
                "times ours": median.clock / ours.clock,
                "CPU s/step": median.processor,
                "CPU times ours": median.processor / ours.processor,
                "share of floor": floor / median.clock,
                "temporaries MB": facts[name].get("temporaries_mb"),
                "compile s": facts[name].get("compile_s"),
            }
        )
    return rows


def main() -> None:
    parser = measure.command_line(__doc__.splitlines()[0])
    parser.add_argument("--method", default="cae", choices=METHODS)
    parser.add_argument("--size", type=int, default=128, help="side of the images, pixels")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--width", type=float, default=1.0)
    parser.add_argument("--steps", type=int, default=7, help="steps of each arm that count")
    parser.add_argument("--without", nargs="*", default=[], choices=["plain", "torch"], help="arms to leave out")
    args = parser.parse_args()
    left_out = {"plain": PLAIN, "torch": TORCH}
    wanted = [name for name in (OURS, PLAIN, TORCH) if name not in [left_out[w] for w in args.without]]

    allocator.keep_freed_memory()  # as `train` does; PyTorch's arm, in the same process, gains by it too
    where = measure.environment("jax", "jaxlib", "flax", "optax", "torch")
    arms, facts, notes = build_arms(settings_from(args.method, args.size, args.batch, args.width), wanted)
    seconds = measure.take_turns(arms, args.steps)
    rate = measure.matrix_product_rate()
    floor = facts[OURS]["flop"] / rate
    notes += [
        f"{facts[OURS]['parameters'] / 1e6:.1f} M parameters; state {facts[OURS]['arguments_mb']:.0f} MB, donated",
        f"floor: {facts[OURS]['flop'] / 1e9:.0f} GFLOP at the {rate / 1e9:.0f} GFLOP/s of a 4096 x 4096 product, "
        f"{floor:.2f} s",
    ]
    shape = f"{args.size} px, batch {args.batch}, width {args.width:g}"
    title = f"{args.method.upper()} training step, {shape}, median of {args.steps}"
    measure.report(title, where, table_rows(seconds, facts, args.batch, floor), notes, args.json)


if __name__ == "__main__":
    main()

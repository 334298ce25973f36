"""Images per second of one training step: this library, plain Flax layers, and PyTorch, eager and compiled.

    python benchmarks/train_step.py [--method cae] [--size 128] [--batch 8] [--width 1.0] [--steps 7] [--json FILE]
    python benchmarks/train_step.py --encoder efficientnet_lite0 --batch 16
    python benchmarks/train_step.py --size 299 --batch 32 --dtype bfloat16                             on a GPU
    python benchmarks/train_step.py --guard --without plain torch          what the guard against NaN and infinity costs

The LAE trains with all its terms, the perceptual one on a VGG16 of random weights, which takes as long as a trained
one. All arms run the same network from the same settings on JAX's default device, interleaved; PyTorch keeps images
channels_last, computes bfloat16 under autocast and float32 on a GPU as TF32, as JAX does. "plain Flax layers" is the
same method with every layer lowered as `nn.Conv`, `nn.ConvTranspose`, `nn.max_pool` and `nn.BatchNorm` would be; on
GPUs and TPUs that is what this library does, and the arm is left out. "without compiler options" is there where this
library gives XLA some (`devices/compiler_options.py`). "without the guard" takes every update, whatever the numbers
are: norm and loss are computed all the same, since they are metrics.

Close other programs: PyTorch's threads synchronise more often and slow down more on a busy machine than XLA's. If that
isn't possible, restrict all arms to one core and compare the column of processor time:
`OMP_NUM_THREADS=1 taskset -c 0 python benchmarks/train_step.py`.
"""

import contextlib
import importlib
import importlib.util
import os
import time
from collections.abc import Callable, Iterator

import jax
import measure
import workload

from dfdetect_jax import methods
from dfdetect_jax.config import LAESettings, Settings
from dfdetect_jax.devices import host
from dfdetect_jax.devices.compiler_options import compiler_options
from dfdetect_jax.methods import step
from dfdetect_jax.models.operations import plain_lowering

OURS, PLAIN, EAGER, COMPILED = "this library", "plain Flax layers", "PyTorch, eager", "PyTorch, compiled"
UNGUARDED, UNTOLD = "without the guard", "without compiler options"
LEFT_OUT_AS = {
    "options": (UNTOLD,),
    "plain": (PLAIN,),
    "torch": (EAGER, COMPILED),
    "eager": (EAGER,),
    "compile": (COMPILED,),
}


@contextlib.contextmanager
def taking_every_update(whether: bool) -> Iterator[None]:
    """Steps that are compiled in the block learn even from NaN and infinity, if `whether`."""
    guard = step.learnt_where
    if whether:
        step.learnt_where = lambda finite, new, old: new
    try:
        yield
    finally:
        step.learnt_where = guard


def jax_arm(settings: Settings, batch: dict, name: str) -> tuple[Callable[[], None], dict]:
    """A step with donated state as a call; its compile time, memory, FLOP and parameters."""
    method = methods.build(settings, workload.random_weights(settings))
    state, batch = jax.jit(method.init)(jax.random.key(0)), jax.device_put(batch)
    start = time.perf_counter()
    with plain_lowering(name == PLAIN), taking_every_update(name == UNGUARDED):
        lowered = jax.jit(method.train_step, donate_argnums=0).lower(state, batch)
        compiled = lowered.compile({} if name in (PLAIN, UNTOLD) else compiler_options())
    memory = compiled.memory_analysis()
    facts = {
        "compile_s": time.perf_counter() - start,
        "state_mb": memory.argument_size_in_bytes / 1e6,
        "memory_mb": (memory.argument_size_in_bytes + memory.temp_size_in_bytes) / 1e6,
        "flop": workload.arithmetic(method, state, batch),
        "parameters": workload.parameters_of(state),
    }
    box = [state]

    def train() -> None:
        box[0], metrics = compiled(box[0], batch)
        jax.block_until_ready((box[0], metrics))

    return train, facts


def torch_arm(settings: Settings, batch: dict, mode: str | None) -> tuple[Callable[[], None], dict]:
    """The twin's step as a call, compiled if `mode` is set, and facts about it."""
    twin = importlib.import_module("pytorch_twin_lae" if isinstance(settings, LAESettings) else "pytorch_twin")
    place = importlib.import_module("pytorch_twin").Place(jax.default_backend(), settings.train.dtype, mode)
    step, parameters = twin.train_step(settings, batch, place)
    start = time.perf_counter()
    memory = place.peak_memory(step)
    compile_s = time.perf_counter() - start if mode else None
    return step, {"parameters": parameters, "compile_s": compile_s, "memory_mb": memory}


def absent(name: str) -> str | None:
    """The reason why an arm can't run here; None if it can."""
    on_cpu = jax.default_backend() == "cpu"
    if name == PLAIN and not on_cpu:
        return f"plain Flax layers are what this library runs on {jax.default_backend()}"
    if name not in (EAGER, COMPILED):
        return None
    if importlib.util.find_spec("torch") is None:
        return f"{name}: PyTorch is not installed; pip install torch"
    return importlib.import_module("pytorch_twin").missing(jax.default_backend(), compiled=name == COMPILED)


def build_arms(settings: Settings, wanted: list[str], mode: str) -> tuple[dict, dict, list[str]]:
    """Name -> call, name -> facts, and notes on what is absent."""
    batch, arms, facts, notes = workload.random_batch(settings), {}, {}, []
    for name in wanted:
        if (reason := absent(name)) is not None:
            notes.append(reason)
        elif name in (OURS, UNGUARDED, UNTOLD, PLAIN):
            arms[name], facts[name] = jax_arm(settings, batch, name)
        else:
            arms[name], facts[name] = torch_arm(settings, batch, mode if name == COMPILED else None)
    counts = {name: fact["parameters"] for name, fact in facts.items()}
    if len(set(counts.values())) != 1:
        raise RuntimeError(f"the arms are not the same network: parameters {counts}")
    return arms, facts, notes


def table_rows(seconds: dict, facts: dict, images: int, floor: float) -> list[measure.Row]:
    """One row per arm, with its memory and compile time."""
    rows = measure.compared(seconds, OURS, images, floor, "step")
    return [
        row | {"memory MB": facts[row["arm"]]["memory_mb"], "compile s": facts[row["arm"]]["compile_s"]} for row in rows
    ]


def main() -> None:
    parser = measure.command_line(__doc__.splitlines()[0])
    workload.add_arguments(parser)
    parser.add_argument("--steps", type=int, default=7, help="timed steps of each arm")
    parser.add_argument("--without", nargs="*", default=[], choices=LEFT_OUT_AS, help="arms to leave out")
    parser.add_argument("--guard", action="store_true", help="with an arm that takes every update, even NaN")
    modes = ("default", "reduce-overhead", "max-autotune")
    parser.add_argument("--compile-mode", default="default", choices=modes, help="of torch.compile")
    args = parser.parse_args()
    left_out = {name for word in args.without for name in LEFT_OUT_AS[word]}
    guard = (UNGUARDED,) if args.guard else ()
    untold = (UNTOLD,) if compiler_options() else ()
    wanted = [name for name in (OURS, *untold, *guard, PLAIN, EAGER, COMPILED) if name not in left_out]

    host.keep_freed_memory()  # as `train` does; PyTorch's arms, in the same process, gain by it too
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # PyTorch needs some of a GPU's memory
    where = measure.environment("jax", "jaxlib", "flax", "optax", "torch")
    arms, facts, notes = build_arms(workload.settings_from(args), wanted, args.compile_mode)
    host.set_fragments_aside()  # as `train` does once it has compiled
    seconds = measure.take_turns(arms, args.steps, rested=True)
    dtype = "float32" if jax.default_backend() == "cpu" else args.dtype  # a CPU emulates bfloat16
    rate = measure.matrix_product_rate(dtype)
    floor = facts[OURS]["flop"] / rate
    notes += [
        f"{facts[OURS]['parameters'] / 1e6:.1f} M parameters; state {facts[OURS]['state_mb']:.0f} MB, donated",
        f"floor: {facts[OURS]['flop'] / 1e9:.0f} GFLOP at the {rate / 1e9:.0f} GFLOP/s of large {dtype} matrix "
        f"products, {floor:.3g} s",
    ]
    title = f"{args.method.upper()} training step, {workload.shape_of(args)}, median of {args.steps}"
    measure.report(title, where, table_rows(seconds, facts, args.batch, floor), notes, args.json)


if __name__ == "__main__":
    main()

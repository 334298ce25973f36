"""Images per second of scoring face crops: this library, plain Flax layers, PyTorch, eager and compiled, onnxruntime.

    python benchmarks/score.py [--method cae] [--size 128] [--batch 32] [--rounds 15] [--json FILE]
    python benchmarks/score.py --size 299 --batch 256 --dtype bfloat16                                on a GPU

A call takes uint8 crops in the host's memory to scores there, without maps and reconstructions, which PyTorch's arms
leave out as well; these run in inference mode, channels_last, with bfloat16 under autocast and float32 on a GPU as
TF32, as JAX does. onnxruntime runs, on CPUs, the network that `export --format onnx` writes of it. All arms are the
same network with random weights, on JAX's default device, and interleaved. "without compiler options" is there where
this library gives XLA some (`devices/compiler_options.py`). Close other programs. Decoding and face detection are
measured by `score_media.py`.
"""

import functools
import importlib
import importlib.util
import time
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import jax
import measure
import numpy as np
import workload

from dfdetect_jax import methods
from dfdetect_jax.config import Settings
from dfdetect_jax.devices import host, kept_program
from dfdetect_jax.devices.compiler_options import compiler_options
from dfdetect_jax.models.folding import find_folds, fold
from dfdetect_jax.models.operations import plain_lowering
from dfdetect_jax.run.predictor import PREDICT_BATCH, Predictor

OURS, PLAIN, ONNX, UNTOLD = "this library", "plain Flax layers", "onnxruntime", "without compiler options"
EAGER, COMPILED = "PyTorch, eager", "PyTorch, compiled"
LEFT_OUT_AS = {
    "plain": (PLAIN,),
    "torch": (EAGER, COMPILED),
    "eager": (EAGER,),
    "compile": (COMPILED,),
    "onnx": (ONNX,),
    "options": (UNTOLD,),
}
Arm = tuple[Callable[[], object], dict]


def detector_parameters(settings: Settings) -> tuple[methods.Method, methods.TrainState]:
    """A method, and a state with random weights."""
    method = methods.build(settings, workload.random_weights(settings))
    return method, jax.jit(method.init)(jax.random.key(0))


def jax_arm(settings: Settings, images: np.ndarray, name: str) -> Arm:
    """`Predictor.score` on the images as a call, and facts about it."""
    method, state = detector_parameters(settings)
    told = compiler_options if name != UNTOLD else dict
    with mock.patch.object(kept_program, "compiler_options", told):
        predictor = Predictor(method, state.variables)

    def score() -> np.ndarray:
        with plain_lowering(name == PLAIN):  # around each call: it selects the compiled program
            return predictor.score(images)

    start = time.perf_counter()
    score()
    compile_s = time.perf_counter() - start
    parameters = sum(p.size for p in jax.tree.leaves(state.params))
    return score, {"parameters": parameters, "compile_s": compile_s}


def torch_arm(settings: Settings, images: np.ndarray, mode: str | None) -> Arm:
    """The twin's scorer as a call, compiled if `mode` is set, and facts about it."""
    twin = importlib.import_module("pytorch_twin_score")
    place = importlib.import_module("pytorch_twin").Place(jax.default_backend(), settings.train.dtype, mode)
    score, network = twin.scorer(settings, place, images)
    start = time.perf_counter()
    score(images)
    compile_s = time.perf_counter() - start if mode else None
    parameters = sum(p.numel() for p in network.parameters())
    return functools.partial(score, images), {"parameters": parameters, "compile_s": compile_s}


def onnx_arm(settings: Settings, images: np.ndarray) -> Arm:
    """The exported network in onnxruntime as a call, and facts about it."""
    from dfdetect_jax.exchange.onnx_graph import convert
    from dfdetect_jax.exchange.onnx_operators import OPERATORS
    from dfdetect_jax.exchange.onnx_run import open_session

    method, state = detector_parameters(settings)
    variables = jax.device_get(state.variables)
    folded = fold(variables, find_folds(method.predict, variables, images[:1]))
    with plain_lowering(True):
        network = convert(lambda crops: {"score": method.predict(folded, crops).score}, images.shape[1:], OPERATORS)
    session = open_session(network.SerializeToString(), Path("score.onnx"))
    (taken,) = session.get_inputs()
    parameters = sum(p.size for p in jax.tree.leaves(state.params))
    return lambda: session.run(["score"], {taken.name: images}), {"parameters": parameters, "compile_s": None}


def absent(name: str) -> str | None:
    """The reason why the arm can't run here; None if it can."""
    if name == ONNX and jax.default_backend() != "cpu":
        return "onnxruntime is measured on CPUs alone"
    if name == ONNX and not (importlib.util.find_spec("onnx") and importlib.util.find_spec("onnxruntime")):
        return "onnxruntime is not installed, so its arm is absent: pip install 'dfdetect_jax[onnx]'"
    if name == PLAIN and jax.default_backend() != "cpu":
        return f"on {jax.default_backend()} this library's layers are the plain ones"
    if name not in (EAGER, COMPILED):
        return None
    if importlib.util.find_spec("torch") is None:
        return "PyTorch is not installed, so its arms are absent: pip install torch"
    return importlib.import_module("pytorch_twin").missing(jax.default_backend(), compiled=name == COMPILED)


def build_arms(settings: Settings, images: np.ndarray, wanted: list[str]) -> tuple[dict, dict, list[str]]:
    """Name -> call, name -> facts, and notes on what is absent."""
    arms, facts, notes = {}, {}, []
    for name in wanted:
        if reason := absent(name):
            notes.append(reason)
        elif name in (OURS, UNTOLD, PLAIN):
            arms[name], facts[name] = jax_arm(settings, images, name)
        elif name == ONNX:
            arms[name], facts[name] = onnx_arm(settings, images)
        else:
            arms[name], facts[name] = torch_arm(settings, images, "default" if name == COMPILED else None)
    counts = {name: fact["parameters"] for name, fact in facts.items()}
    if len(set(counts.values())) != 1:
        raise RuntimeError(f"the arms are not the same network: parameters {counts}")
    return arms, facts, list(dict.fromkeys(notes))


def arithmetic(settings: Settings, images: np.ndarray) -> float:
    """FLOP of scoring the images as the method is written."""
    method, state = detector_parameters(settings)
    shapes = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype), (state.variables, images[:PREDICT_BATCH]))
    jax.clear_caches()  # cached traces keep their lowering
    with jax.default_device(jax.devices("cpu")[0]), plain_lowering(True):
        compiled = jax.jit(lambda variables, images: method.predict(variables, images).score).lower(*shapes).compile()
    return compiled.cost_analysis()["flops"] * len(images) / len(images[:PREDICT_BATCH])


def table_rows(seconds: dict, facts: dict, images: int, floor: float) -> list[measure.Row]:
    """One row per arm, with what its first call took."""
    rows = measure.compared(seconds, OURS, images, floor, "call")
    return [row | {"first call s": facts[row["arm"]]["compile_s"]} for row in rows]


def main() -> None:
    parser = measure.command_line(__doc__.splitlines()[0])
    workload.add_arguments(parser)
    parser.set_defaults(batch=PREDICT_BATCH)
    parser.add_argument("--rounds", type=int, default=15, help="timed calls of each arm")
    parser.add_argument("--without", nargs="*", default=[], choices=LEFT_OUT_AS, help="arms to leave out")
    args = parser.parse_args()
    left_out = [name for word in args.without for name in LEFT_OUT_AS[word]]
    untold = (UNTOLD,) if compiler_options() else ()
    wanted = [name for name in (OURS, *untold, PLAIN, EAGER, COMPILED, ONNX) if name not in left_out]

    host.keep_freed_memory()  # PyTorch's arms, in the same process, gain by it too
    where = measure.environment("jax", "jaxlib", "flax", "torch", "onnxruntime")
    settings = workload.settings_from(args)
    images = workload.random_batch(settings)["image"]
    arms, facts, notes = build_arms(settings, images, wanted)
    host.set_fragments_aside()
    seconds = measure.take_turns(arms, args.rounds, rested=True)
    rate, flop = measure.matrix_product_rate(args.dtype), arithmetic(settings, images)
    notes += [
        f"{facts[OURS]['parameters'] / 1e6:.1f} M parameters",
        f"floor: {flop / 1e9:.1f} GFLOP at the {rate / 1e9:.0f} GFLOP/s of large products, {flop / rate:.3f} s",
    ]
    title = f"{args.method.upper()} scoring, {workload.shape_of(args)}, median of {args.rounds}"
    measure.report(title, where, table_rows(seconds, facts, args.batch, flop / rate), notes, args.json)


if __name__ == "__main__":
    main()

"""3x3 convolutions on CPUs: as the library has them and as XLA does, with and without the library's compiler options.

    python benchmarks/conv3x3.py [--rounds 15] [--small] [--json FILE]

Forward, float32, at shapes of the LAE's U-Net and some larger ones. "threads" is processor time over wall time.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import measure

from dfdetect_jax.devices import host
from dfdetect_jax.devices.compiler_options import compiler_options
from dfdetect_jax.models import operations


class Case(NamedTuple):
    """One convolution: input [N, H, W, C], output channels, stride."""

    shape: tuple[int, int, int, int]
    features: int
    stride: int = 1


CASES = (
    Case((32, 96, 96, 3), 8),
    Case((32, 96, 96, 8), 8, 2),
    Case((32, 48, 48, 8), 16),
    Case((32, 96, 96, 16), 8),
    Case((32, 96, 96, 8), 3),
    Case((32, 24, 24, 16), 32),
    Case((32, 96, 48, 32), 32),
    Case((32, 62, 62, 32), 64),
    Case((32, 24, 24, 64), 64),
    Case((8, 48, 48, 128), 128),
)
SMALL = (Case((1, 8, 8, 3), 8),)
FORMS = {"this library": False, "plain": True}


def call_of(case: Case, plain: bool, options: dict[str, str | bool]) -> Callable[[], object]:
    keys = jax.random.split(jax.random.key(0))
    x = jax.random.normal(keys[0], case.shape)
    kernel = jax.random.normal(keys[1], (3, 3, case.shape[-1], case.features))
    with operations.plain_lowering(plain):
        lowered = jax.jit(lambda x, kernel: operations.conv3x3(x, kernel, case.stride)).lower(x, kernel)
    program = lowered.compile(options)
    return lambda: jax.block_until_ready(program(x, kernel))


def main() -> None:
    parser = measure.command_line(__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15, help="timed calls of each")
    parser.add_argument("--small", action="store_true", help="one small shape: does it run?")
    args = parser.parse_args()
    host.keep_freed_memory()  # as the commands do
    told = {"with options": compiler_options()} if compiler_options() else {}
    rows: list[measure.Row] = []
    for case in SMALL if args.small else CASES:
        arms = {
            (form, words): call_of(case, plain, options)
            for form, plain in FORMS.items()
            for words, options in {**told, "without": {}}.items()
        }
        taken = measure.take_turns({" ".join(name): call for name, call in arms.items()}, args.rounds)
        for form, words in arms:
            middle = measure.medians(taken[f"{form} {words}"])
            rows.append(
                {
                    "shape": "x".join(map(str, case.shape)),
                    "to": str(case.features),
                    "stride": str(case.stride),
                    "form": form,
                    "compiler options": words,
                    "ms": 1e3 * middle.clock,
                    "threads": middle.processor / middle.clock,
                }
            )
    where = measure.environment("jax", "jaxlib")
    measure.report(f"3x3 convolutions, median of {args.rounds}", where, rows, [], args.json)


if __name__ == "__main__":
    main()

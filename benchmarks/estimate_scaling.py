"""An estimate of the training step's scaling, from what it computes and sums, and published rates; nothing is timed.

    python benchmarks/estimate_scaling.py [--method cae] [--size 299] [--batch 32] [--chips 8 256] [--json FILE]

The formulas are in docs/speed.md. FLOPs are counted by XLA for the step as written, parameters by shape. What a chip
reaches of its peak is assumed (`--reached`), and so is how much of the sum is hidden behind arithmetic (`--hidden`).
"""

from typing import NamedTuple

import jax
import measure
import workload

from dfdetect_jax import methods

BYTES_PER_NUMBER = 4  # gradients are float32


class Chip(NamedTuple):
    """Published figures.

    Attributes:
        name: of the chip, and what joins the chips.
        flops: peak per second, bfloat16 without sparsity.
        near: bytes/s out of a chip to those it is joined with directly, one direction.
        together: chips that are joined so.
        far: bytes/s out of a chip beyond them, one direction.
        latency: seconds of one message; of the order that collectives are measured at.
    """

    name: str
    flops: float
    near: float
    together: int
    far: float
    latency: float


# NVIDIA: data sheets of A100 (2021) and H100 (2023): NVLink 600 and 900 GB/s in both directions, with a network adapter
# of 200 and 400 Gbit/s for each GPU. Google: Cloud TPU documentation, v5e: 197 TFLOP/s, 1,600 Gbit/s of ICI in four
# links, a torus of 256 chips.
CHIPS = (
    Chip("A100 SXM, NVLink, HDR InfiniBand", 312e12, 300e9, 8, 25e9, 5e-6),
    Chip("H100 SXM, NVLink, NDR InfiniBand", 989e12, 450e9, 8, 50e9, 5e-6),
    Chip("TPU v5e, ICI", 197e12, 100e9, 256, 100e9, 1e-6),
)


def ring(size: float, parts: int, rate: float, latency: float) -> float:
    """Seconds of an all-reduce of `size` bytes by a ring: 2 (n - 1) / n size / rate + 2 (n - 1) latency."""
    return 2 * (parts - 1) / parts * size / rate + 2 * (parts - 1) * latency


def all_reduce(size: float, chips: int, chip: Chip) -> float:
    """Seconds of an all-reduce in two stages: a ring within each group, then one over groups of each chip's share."""
    within = min(chips, chip.together)
    groups = -(-chips // within)
    return ring(size, within, chip.near, chip.latency) + ring(size / within, groups, chip.far, chip.latency)


def efficiency(arithmetic: float, reduction: float, hidden: float) -> float:
    """Images/s over those of as many chips alone: arithmetic / (arithmetic + max(0, reduction - hidden arithmetic))."""
    return arithmetic / (arithmetic + max(0.0, reduction - hidden * arithmetic))


def rows_of(
    flops: float, size: float, batch: int, chips: list[int], reached: float, hidden: float
) -> list[measure.Row]:
    """A row of each chip and number of chips; `flops` are of a step of `batch` images, which each chip has."""
    rows: list[measure.Row] = []
    for chip in CHIPS:
        arithmetic = flops / (reached * chip.flops)
        for count in chips:
            reduction = all_reduce(size, count, chip)
            share = efficiency(arithmetic, reduction, hidden)
            row: measure.Row = {"chip": chip.name, "chips": str(count), "arithmetic, ms": 1e3 * arithmetic}
            row |= {"all-reduce, ms": 1e3 * reduction, "efficiency": share}
            rows.append(row | {"images/s": count * batch / arithmetic * share})
    return rows


def main() -> None:
    parser = measure.command_line(__doc__.partition("\n")[0])
    workload.add_arguments(parser)
    parser.add_argument("--chips", type=int, nargs="+", default=[8, 256])
    parser.add_argument("--reached", type=float, default=0.35, help="share of the peak that arithmetic reaches")
    parser.add_argument(
        "--hidden", type=float, default=0.5, help="share of the arithmetic behind which sums are hidden"
    )
    parser.set_defaults(size=299, batch=32)
    args = parser.parse_args()
    settings = workload.settings_from(args)
    method = methods.build(settings, workload.random_weights(settings))
    state = jax.eval_shape(method.init, jax.random.key(0))
    flops = workload.arithmetic(method, state, workload.random_batch(settings))
    trained = jax.tree.leaves((state.params, state.adversary and state.adversary.params))
    size = BYTES_PER_NUMBER * sum(leaf.size for leaf in trained)
    rows = rows_of(flops, size, args.batch, args.chips, args.reached, args.hidden)
    title = f"{args.method.upper()}, estimated weak scaling, {workload.shape_of(args)} on each chip"
    notes = [
        f"{flops / 1e9:.0f} GFLOP and {size / 1e6:.1f} MB of gradients in a step; {args.reached:.0%} of the peak and "
        f"{args.hidden:.0%} hidden are assumed, not measured"
    ]
    measure.report(title, measure.environment("jax"), rows, notes, args.json)


if __name__ == "__main__":
    main()

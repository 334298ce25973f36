"""Images per second of the training step by number of devices and of processes, against DistributedDataParallel.

    python benchmarks/scaling.py [--devices 1 2 4 8] [--processes 1 2] [--batch 8] [--weak] [--json FILE]

Arrangements: one process with several devices, by `jax.jit` on a mesh and by `jax.pmap`; several processes of one
device each, joined over loopback; and the CAE in PyTorch, eager, under DistributedDataParallel. Each runs in fresh
processes, one after the other; the first is repeated, to show the effect of other load on the machine. The
batch is that of all devices together; with `--weak`, of each. With GPUs the devices are those; otherwise they are
partitions of one CPU, whose total throughput is fixed: there the benchmark measures the overhead of distribution.

"all-reduce" is a separate sum over all devices of as many numbers as there are gradients; in the step it can overlap
with arithmetic. JAX's BatchNorm uses statistics of the whole batch, at the cost of a sum per layer; PyTorch's uses
those of each process. Memory is the peak of a process, compilation included. "compile" is what came before the first
step: tracing and compiling, or reading what an earlier arrangement or run has compiled.

What isn't begun within `--minutes` is left out and named; most of the time is compilation, which a second run doesn't
need. What two cores can show is what distribution costs, since all devices share them, and no gain: see docs/speed.md.
"""

import importlib.util
import json
import os
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import jax
import measure
import workload

from dfdetect_jax.devices.host import processors

WORKER = Path(__file__).with_name("scaling_worker.py")


class Arrangement(NamedTuple):
    """How devices are distributed: `form` is "mesh", "pmap" or "ddp"; `devices` is the number of each process."""

    form: str
    processes: int
    devices: int

    @property
    def parts(self) -> int:
        return self.processes * self.devices

    @property
    def name(self) -> str:
        return {"mesh": "this library, mesh", "pmap": "this library, pmap", "ddp": "PyTorch DDP, eager"}[self.form]


def arrangements(args, notes: list[str]) -> list[Arrangement]:
    """The arrangements to measure, the reference first; and notes on those left out."""
    found = [Arrangement("mesh", 1, n) for n in args.devices]
    found += [Arrangement("mesh", n, 1) for n in args.processes if n > 1]
    if args.method == "lae":
        notes.append("the LAE's twin is not distributed: its arrangements are absent")
    elif importlib.util.find_spec("torch") is None:
        notes.append("PyTorch is not installed: its arrangements are absent")
    elif "torch" not in args.without:
        found += [Arrangement("ddp", n, 1) for n in args.processes]
    if jax.default_backend() != "cpu":
        there = jax.local_device_count()
        notes.append(f"{there} devices are there; arrangements of more are absent")
        found = [one for one in found if one.parts <= there]
    by_pmap = [] if "pmap" in args.without else [Arrangement("pmap", 1, n) for n in args.devices]
    return [found[0], *dict.fromkeys(found[1:]), found[0], *by_pmap]  # last what time may not suffice for


def environment_of(one: Arrangement, process: int) -> dict[str, str]:
    """Environment variables that set a process's devices and limit its threads to its cores."""
    cores = str(max(1, processors() // one.processes))
    if jax.default_backend() == "cpu":
        given = {"JAX_PLATFORMS": "cpu", "JAX_NUM_CPU_DEVICES": str(one.devices), "OMP_NUM_THREADS": cores}
    else:
        mine = range(process * one.devices, (process + 1) * one.devices)
        given = {"CUDA_VISIBLE_DEVICES": ",".join(map(str, mine)), "OMP_NUM_THREADS": cores}
    return {**os.environ, **given}


def run(one: Arrangement, args) -> list[dict[str, Any]]:
    """The measurements of each process of an arrangement."""
    given = {key: getattr(args, key) for key in ("method", "encoder", "size", "width", "dtype", "steps")}
    given["batch"] = args.batch * (one.parts if args.weak else 1)
    with socket.socket() as free:
        free.bind(("localhost", 0))
        coordinator = f"localhost:{free.getsockname()[1]}"
    children = []
    for process in range(one.processes):
        spec = {"form": one.form, "coordinator": coordinator, "process_count": one.processes, "process_id": process}
        command = [sys.executable, str(WORKER), json.dumps(spec | {"workload": given})]
        pipe = subprocess.PIPE
        children.append(
            subprocess.Popen(command, env=environment_of(one, process), stdout=pipe, stderr=pipe, text=True)
        )
    said = [child.communicate() for child in children]
    for child, (_, complaint) in zip(children, said, strict=True):
        if child.returncode:
            raise SystemExit(f"{one} failed:\n{complaint}")
    return [json.loads(out.splitlines()[-1]) for out, _ in said]


def row(one: Arrangement, found: list[dict[str, Any]], args, reference: float | None) -> measure.Row:
    """The first process's clock; `reference` is the images/s of the same library on one device."""
    seconds = statistics.median(found[0]["seconds"])
    rate = args.batch * (one.parts if args.weak else 1) / seconds
    reduce = found[0]["reduce_seconds"] and statistics.median(found[0]["reduce_seconds"])
    return {
        "arrangement": one.name,
        "processes": str(one.processes),
        "devices": str(one.parts),
        "images/s": rate,
        "over one device": rate / (reference or rate),
        "s/step": seconds,
        "least": min(found[0]["seconds"]),
        "all-reduce, s": reduce,
        "compile, s": max(process["compile_seconds"] for process in found),
        "of the step": None if reduce is None else reduce / seconds,
        "MB a process": max(process["memory_mb"] for process in found),
    }


def main() -> None:
    """Measures and reports."""
    parser = measure.command_line(__doc__.splitlines()[0])
    workload.add_arguments(parser)
    parser.add_argument("--devices", type=int, nargs="+", default=[1, 2, 4, 8], help="of one process; the first is 1")
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2], help="of one device each")
    parser.add_argument("--weak", action="store_true", help="--batch is that of each device")
    parser.add_argument("--steps", type=int, default=3, help="timed steps of each arrangement")
    parser.add_argument("--minutes", type=float, default=8, help="after which no arrangement is begun")
    parser.add_argument("--without", nargs="*", default=[], choices=("pmap", "torch"), help="what to leave out")
    parser.set_defaults(size=64)
    args = parser.parse_args()
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # this process, too, touches the GPUs
    where, notes, rows = measure.environment("jax", "jaxlib", "flax", "optax", "torch"), [], []
    references: dict[bool, float] = {}
    end = time.monotonic() + 60 * args.minutes
    for one in arrangements(args, notes):
        if time.monotonic() > end:
            notes.append(f"left out for time: {one.name}, {one.processes} x {one.devices}")
            continue
        print(f"{one.name}: {one.processes} x {one.devices}", file=sys.stderr)
        rows.append(row(one, run(one, args), args, references.get(one.form == "ddp")))
        references.setdefault(one.form == "ddp", rows[-1]["images/s"])
    for again in rows[1:]:
        if all(again[name] == rows[0][name] for name in ("arrangement", "processes", "devices")):
            again["arrangement"] = f"{again['arrangement']}, again"
    kind = "weak" if args.weak else "strong"
    title = f"{args.method.upper()}, {kind} scaling, {workload.shape_of(args)}, median of {args.steps}"
    measure.report(title, where, rows, notes, args.json)


if __name__ == "__main__":
    main()

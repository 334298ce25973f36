"""Common parts of the benchmarks: the environment, interleaved timing and the table."""

import argparse
import importlib.metadata
import json
import os
import platform
import resource
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import jax
from rich.console import Console
from rich.table import Table

from dfdetect_jax.devices.host import processors

Row = dict[str, str | float | None]


def processor() -> str:
    """The processor's name as the system reports it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def environment(*packages: str) -> dict[str, str]:
    """Processor, cores this process may use, accelerator, load at the start, Python and the versions of `packages`."""
    found = {
        "processor": f"{processor()}, {processors()} cores",
        "device": jax.devices()[0].device_kind,
        "load": f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown",
        "python": platform.python_version(),
    }
    tunables = os.environ.get("GLIBC_TUNABLES")
    if tunables:
        found["GLIBC_TUNABLES"] = tunables
    for package in packages:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found


class Seconds(NamedTuple):
    """Duration of one call: wall clock, and processor time of all cores (far less affected by other programs)."""

    clock: float
    processor: float


_REST = 0.1
"""Seconds: threads of PyTorch wait for more work by counting for 10 ms, those of onnxruntime for 40."""


def take_turns(
    arms: dict[str, Callable[[], object]], rounds: int, warmup: int = 1, *, rested: bool = False
) -> dict[str, list[Seconds]]:
    """Times each call with the arms interleaved, so that other load on the machine affects all of them equally.

    Args:
        arms: name -> one unit of work, which returns when the work is done.
        rounds: timed calls of each arm.
        warmup: untimed calls of each arm before them.
        rested: for arms of several libraries in this process: before each turn the threads of the one before come to
            rest, and one more call is not timed, since the first after a rest is slower than those in a row.
    """
    seconds = {name: [] for name in arms}
    for i in range(warmup + rounds):
        for name, run in arms.items():
            if rested:
                time.sleep(_REST)
                run()
            clock, processor = time.perf_counter(), time.process_time()
            run()
            if i >= warmup:
                seconds[name].append(Seconds(time.perf_counter() - clock, time.process_time() - processor))
    return seconds


def matrix_product_rate(dtype: str = "float32", rounds: int = 5) -> float:
    """FLOP/s of large matrix products on JAX's default device, the best of `rounds`: an upper bound on throughput.

    Normal numbers, since a GPU multiplies zeros and ones faster; on a GPU float32 means TF32, JAX's default there.
    """
    side, chain = (4096, 1) if jax.default_backend() == "cpu" else (8192, 20)  # long against the start of a program
    x = jax.random.normal(jax.random.key(0), (side, side), dtype) / side**0.5
    product = jax.jit(lambda x: jax.lax.fori_loop(0, chain, lambda _, y: x @ y, x))
    seconds = take_turns({"product": lambda: product(x).block_until_ready()}, rounds)["product"]
    return 2 * side**3 * chain / min(taken.clock for taken in seconds)


def peak_memory() -> float:
    """MB of memory that this process held at most: of the devices where they have their own, else of the system."""
    statistics_of = [device.memory_stats() for device in jax.local_devices()]
    if all(statistics_of):
        return sum(found["peak_bytes_in_use"] for found in statistics_of) / 1e6
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return largest / 1e6 if sys.platform == "darwin" else largest / 1e3


def medians(seconds: list[Seconds]) -> Seconds:
    """The median of each kind of time."""
    return Seconds(*map(statistics.median, zip(*seconds, strict=True)))


def compared(seconds: dict[str, list[Seconds]], ours: str, images: int, floor: float, unit: str) -> list[Row]:
    """One row per arm; "times ours" is above 1 where this library is faster.

    Args:
        seconds: of each arm, from `take_turns`.
        ours: the arm of this library.
        images: in one unit of work.
        floor: lower bound on the seconds of its arithmetic.
        unit: name of the unit of work in the columns.
    """
    reference, rows = medians(seconds[ours]), []
    for name, taken in seconds.items():
        median = medians(taken)
        rows.append(
            {
                "arm": name,
                "images/s": images / median.clock,
                f"s/{unit}": median.clock,
                "least": min(t.clock for t in taken),
                "times ours": median.clock / reference.clock,
                f"CPU s/{unit}": median.processor,
                "CPU times ours": median.processor / reference.processor,
                "share of floor": floor / median.clock,
            }
        )
    return rows


def command_line(description: str) -> argparse.ArgumentParser:
    """A parser that has `--json`."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the table to this file")
    return parser


def report(title: str, where: dict[str, str], rows: list[Row], notes: list[str], json_file: Path | None) -> None:
    """Prints the environment, a table of `rows` (all with the same keys) and `notes`; writes them to `json_file`."""
    console = Console(width=None if Console().is_terminal else 140)
    table = Table(title=title)
    for name in rows[0]:
        table.add_column(name, justify="left" if name == next(iter(rows[0])) else "right")
    for row in rows:
        table.add_row(*("-" if v is None else v if isinstance(v, str) else f"{v:.3g}" for v in row.values()))
    console.print(", ".join(f"{name} {value}" for name, value in where.items()), highlight=False)
    console.print(table)
    for note in notes:
        console.print(note, highlight=False)
    if json_file is not None:
        content = {"title": title, "environment": where, "rows": rows, "notes": notes}
        json_file.write_text(json.dumps(content, indent=2) + "\n")

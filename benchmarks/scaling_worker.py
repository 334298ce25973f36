"""One process of an arrangement of `scaling.py`: joins the others, steps, prints its measurements as one JSON line."""

import argparse
import json
import os
import sys
import time
import traceback
from typing import Any

import jax
import jax.numpy as jnp
import measure
import numpy as np
import workload

from dfdetect_jax import cli, methods
from dfdetect_jax.config import override
from dfdetect_jax.devices import host, processes
from dfdetect_jax.devices import mesh as meshes
from dfdetect_jax.training import parallel

WARMUP = 2


def share_of(batch: dict[str, np.ndarray], process: int, count: int) -> dict[str, np.ndarray]:
    """This process's part of a batch."""
    return {name: np.array_split(values, count)[process] for name, values in batch.items()}


def timed(step, steps: int) -> list[float]:
    """Seconds of `steps` calls, after a warm-up."""
    taken = measure.take_turns({"step": step}, steps, WARMUP)["step"]
    return [one.clock for one in taken]


def all_reduce(numbers: int):
    """A call that sums vectors of `numbers` float32, one on each device, everywhere: what gradients need."""
    mesh = meshes.data_mesh()
    rows = jax.make_array_from_callback(
        (mesh.size, numbers), meshes.split(mesh), lambda index: np.ones((1, numbers), np.float32)
    )
    total = jax.jit(lambda x: jnp.sum(x, 0), out_shardings=meshes.replicated(mesh))
    return lambda: total(rows).block_until_ready()


def jax_run(args: argparse.Namespace, spec: dict[str, Any]) -> dict[str, Any]:
    """Steps of this library over all devices of all processes."""
    count, process = spec["process_count"], spec["process_id"]
    if count > 1:
        processes.join(coordinator=spec["coordinator"], process_count=count, process_id=process)
    settings = override(workload.settings_from(args), {"parallel": spec["form"]})
    method = methods.build(settings, workload.random_weights(settings))
    over = parallel.build(method, settings)
    state = over.place(over.init(jax.random.key(settings.seed)))
    batch = over.shard(share_of(workload.random_batch(settings), process, count))
    if count > 1:
        all_reduce(1)()  # the processes connect at the first collective, within 30 s: before compiling parts them
    start = time.perf_counter()
    compiled, box = over.compile(state, batch), [state]
    compiling = time.perf_counter() - start

    def step() -> None:
        box[0], metrics = compiled(box[0], batch)
        jax.block_until_ready((box[0], metrics))

    found = {"compile_seconds": compiling, "seconds": timed(step, args.steps), "memory_mb": measure.peak_memory()}
    shapes = jax.eval_shape(method.init, jax.random.key(0))
    trained = shapes.params, shapes.adversary and shapes.adversary.params
    numbers = sum(p.size for p in jax.tree.leaves(trained))
    return found | {"reduce_seconds": timed(all_reduce(numbers), args.steps) if jax.device_count() > 1 else [0.0]}


def torch_run(args: argparse.Namespace, spec: dict[str, Any]) -> dict[str, Any]:
    """Steps of the twin under DistributedDataParallel, one device a process."""
    import pytorch_twin
    import torch

    settings, place = workload.settings_from(args), pytorch_twin.Place(jax.default_backend(), args.dtype)
    count, process = spec["process_count"], spec["process_id"]
    backend = "nccl" if place.device == "cuda" else "gloo"
    torch.distributed.init_process_group(backend, f"tcp://{spec['coordinator']}", world_size=count, rank=process)
    batch = share_of(workload.random_batch(settings), process, count)
    wrap = torch.nn.parallel.DistributedDataParallel
    step, _ = pytorch_twin.train_step(settings, batch, place, wrap)
    seconds = timed(step, args.steps)
    memory = place.peak_memory(step) or measure.peak_memory()
    torch.distributed.destroy_process_group()
    return {"compile_seconds": 0.0, "seconds": seconds, "memory_mb": memory, "reduce_seconds": None}


def main() -> None:
    """`scaling_worker.py SPEC`, both as `scaling.py` writes them."""
    spec = json.loads(sys.argv[1])
    args = argparse.Namespace(**spec["workload"])
    host.keep_freed_memory()
    cli.keep_compiled_programs()  # many arrangements, and each of them compiles
    run = torch_run if spec["form"] == "ddp" else jax_run
    try:
        print(json.dumps(run(args, spec)), flush=True)
    except Exception:
        traceback.print_exc()
        os._exit(1)  # an orderly end would wait for the others, which wait for this one


if __name__ == "__main__":
    main()

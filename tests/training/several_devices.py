"""How three steps of SGD on one batch change the state, over however many devices and processes there are.

`python -m tests.training.several_devices OUT.npz METHOD ONE|MESH|PMAP [HOST:PORT COUNT ID]`, for `test_equality.py`.
"""

import sys

import numpy as np

from dfdetect_jax.config import Crop, override
from dfdetect_jax.devices import processes
from dfdetect_jax.media.crop import expected_landmarks


def settings_of(method):
    from tests.conftest import tiny_lae_settings, tiny_settings

    settings = override(
        tiny_settings() if method == "cae" else tiny_lae_settings(),
        {"optimizer.name": "sgd", "optimizer.learning_rate": 0.005, "augment.flip": True, "train.batch_size": 16},
    )
    if method == "cae":
        settings = override(settings, {"loss.reconstruct": "real"})  # devices hold different numbers of reals
    else:
        settings = override(settings, {"loss.adversarial": 0.1, "discriminator.name": "sgd"})
    return settings


def batch_of(settings):
    """Labels and masks fall unevenly on the devices."""
    rng, n, size = np.random.default_rng(0), settings.train.batch_size, settings.data.image_size
    batch = {
        "image": rng.integers(0, 256, (n, size, size, 3), np.uint8),
        "label": np.int32([0, 0, 0, 1, 1, 1, 0, 1, 1, 1, 1, 0, 0, 1, 1, 1]),
        "mask": rng.integers(0, 2, (n, size, size)).astype(np.uint8) * 255,
        "has_mask": np.arange(n) % 3 > 0,
    }
    if settings.method == "cae":  # against an adversary, a pixel that is rounded to the next grey level grows too large
        batch["self_blend"] = np.arange(n) % 5 == 4  # fakes by their labels
        batch["landmarks"] = np.float32([expected_landmarks(Crop(), size)] * n)
    return batch


def arrays_of(ways, state):
    import jax

    leaves = jax.tree_util.tree_leaves_with_path(ways.whole(state).with_key_data())
    return {jax.tree_util.keystr(path): np.asarray(leaf) for path, leaf in leaves}


def take_steps(out, method, kind):
    import jax

    from dfdetect_jax import methods
    from dfdetect_jax.training import parallel

    settings = settings_of(method)
    built, devices = methods.build(settings), jax.devices()
    ways = parallel.pmapped(built, devices) if kind == "pmap" else parallel.on_mesh(built, devices)
    share = settings.train.batch_size // jax.process_count()
    mine = slice(jax.process_index() * share, (jax.process_index() + 1) * share)
    batch = jax.tree.map(lambda a: a[mine], batch_of(settings))
    state, step = ways.place(ways.init(jax.random.key(0))), None
    before = arrays_of(ways, state)
    for _ in range(3):
        sharded = ways.shard(batch)
        step = step or ways.compile(state, sharded)
        state, metrics = step(state, sharded)
    changes = {name: array - before[name] for name, array in arrays_of(ways, state).items()}
    if processes.is_first():
        np.savez(out, devices=jax.device_count(), **changes, **ways.scalars(metrics))


def job(coordinator="", process_count=0, process_id=-1):
    return {"coordinator": coordinator, "process_count": int(process_count), "process_id": int(process_id)}


if __name__ == "__main__":
    with processes.joined(**job(*sys.argv[4:])):
        take_steps(*sys.argv[1:4])

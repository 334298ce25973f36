"""The validation split as checkpoints, thresholds and temperatures are chosen by.

That is reals and the forgeries that a run trains on, as far as the split has them: a small one may lack some. A run
that trains on no forgery but its own self-blended fakes is validated on reals and their self-blended twins: each real
once as it is and once blended, with the same key in every validation of every run.
"""

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from dfdetect_jax.augmentation.batches import blend_batch
from dfdetect_jax.config import Data, SelfBlend, Settings
from dfdetect_jax.data.example import Label
from dfdetect_jax.data.mixture import select
from dfdetect_jax.data.pipeline import eval_batches
from dfdetect_jax.data.records import Records

SPLIT = "val"
_KEY = 0  # of all twins


def validation_batches(
    records: str | Path, settings: Settings, *, batch_size: int, process_index: int = 0, process_count: int = 1
) -> Iterator[dict[str, Any]]:
    """Batches as `pipeline.eval_batches` gives them; twins have the forgery "self_blended" and a mask.

    Args:
        records: the folder that is trained on.
        settings: reads `data` and `augment.self_blend`.
        batch_size: over all processes.
        process_index: of this process.
        process_count: processes in all.

    Raises:
        RecordsError: the split is empty.
        SettingsError: as `eval_batches`.
    """
    data, self_blend = settings.data, settings.augment.self_blend
    twins = by_twins(records, data, self_blend)
    batches = eval_batches(
        records,
        SPLIT,
        batch_size=batch_size,
        image_size=data.image_size,
        forgeries=None if twins else forgeries_of(Records(records, SPLIT), data) or None,
        process_index=process_index,
        process_count=process_count,
        self_blend=self_blend if twins else None,
    )
    first = process_index * (batch_size // process_count)
    for number, batch in enumerate(batches):
        yield _blended(batch, first + number * batch_size, self_blend) if twins else batch


def by_twins(records: str | Path, data: Data, self_blend: SelfBlend) -> bool:
    """Whether validation is on reals and their self-blended twins: training makes its fakes, and uses no others."""
    if self_blend.share in (0.0, 0.5):
        return self_blend.share == 0.5
    split = Records(records, SPLIT)
    return not np.any(split.labels[select(split, forgeries_of(split, data))] == Label.FAKE)


def forgeries_of(split: Records, data: Data) -> tuple[str, ...]:
    """Those of `data.train_forgeries` that a validation split has; all of them, to be refused, if it has none."""
    present = set(split.forgeries)
    return tuple(name for name in data.train_forgeries if name in present) or data.train_forgeries


def _blended(batch: dict[str, Any], first: int, settings: SelfBlend) -> dict[str, Any]:
    """The batch with its marked examples blended; `first` is the place of its first one in the split."""
    names = ("image", "mask", "has_mask", "label", "self_blend", "landmarks")
    blended = _blend({name: batch.pop(name) for name in names}, np.uint32(first), settings)
    return batch | {name: np.asarray(array) for name, array in blended.items()}


@functools.partial(jax.jit, static_argnames="settings")
def _blend(arrays: dict[str, jax.Array], first: jax.Array, settings: SelfBlend) -> dict[str, jax.Array]:
    keys = jax.vmap(lambda place: jax.random.fold_in(jax.random.key(_KEY), place))
    places = first + jnp.arange(len(arrays["label"]), dtype=np.uint32)
    return blend_batch(keys(places), arrays, settings, with_masks=True)

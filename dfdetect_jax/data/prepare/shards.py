"""Shards: the parts of all clips merged into the records of a data set.

The merged bytes depend on the parts alone, so neither the number of processes nor an interruption changes them.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dfdetect_jax.data import records
from dfdetect_jax.data.encoding import Codec
from dfdetect_jax.data.example import SPLITS
from dfdetect_jax.data.prepare.array_files import read_each, write_array_file
from dfdetect_jax.data.prepare.parts import PartRecord, part_records
from dfdetect_jax.errors import RecordsError
from dfdetect_jax.files import sha256_file

if TYPE_CHECKING:
    import tensorflow_datasets as tfds

SHARD_BYTES = 256 * 2**20
_REASON = 200  # characters of array_record's words
_MANY_SHARDS = 6  # from here on they are worth the start of processes
_TEMPLATE = "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}"


def merge(folder: Path, name: str, codec: Codec, parts: Sequence[Path], processes: int = 1) -> dict[str, Any]:
    """Writes the shards, indices and TFDS metadata of a data set from its parts.

    Args:
        folder: an existing folder, whose last three names are <name>/<config>/<version>; files in it are hashed too.
        name: of the data set.
        codec: that the parts were written with.
        parts: part files, in any order.
        processes: that write shards, where there are many.

    Returns:
        The manifest's fields that follow from the records: forgeries, counts, shards, sha256, fingerprint.
    """
    import tensorflow_datasets as tfds

    merged = sorted((r for part in parts for r in part_records(part)), key=lambda record: (record.order, record.key))
    forgeries = sorted({""} | {record.forgery for record in merged})
    shards, infos, counts, files = {}, [], {}, []
    for split in SPLITS:
        members = [record for record in merged if record.key.startswith(f"{split}/")]
        if not members:
            continue
        groups = _groups(members)
        shards[split] = [_shard_name(name, split, i, len(groups)) for i in range(len(groups))]
        files += [(folder / file, group) for file, group in zip(shards[split], groups, strict=True)]
        _write_index(folder / f"index-{split}.npy", members, forgeries)
        infos.append(_split_info(folder, name, split, groups))
        counts[split] = _counts(members)
    digests = _write_shards(files, processes)
    tfds.folder_dataset.write_metadata(
        data_dir=folder,
        features=codec.features,
        split_infos=infos,
        version=records.VERSION,
        filename_template=_TEMPLATE,
        check_data=False,  # which would import TensorFlow
    )
    fingerprint = hashlib.sha256("".join(record.sha256 for record in merged).encode()).hexdigest()
    sha256 = {path.name: digests.get(path) or sha256_file(path) for path in sorted(folder.iterdir())}
    return {"forgeries": forgeries, "counts": counts, "shards": shards, "sha256": sha256, "fingerprint": fingerprint}


def publish(built: Path, folder: Path) -> None:
    """Moves a finished folder to its place by one rename, after its bytes are on disk."""
    for path in built.iterdir():
        with open(path, "rb") as file:
            os.fsync(file.fileno())
    folder.parent.mkdir(parents=True, exist_ok=True)
    if folder.exists():  # without a manifest, else it would have been used: left by something else
        shutil.rmtree(folder)
    built.rename(folder)


def _write_shards(shards: Sequence[tuple[Path, Sequence[PartRecord]]], processes: int) -> dict[Path, str]:
    """Writes shards; returns the SHA-256 of each."""
    paths, groups = zip(*shards, strict=True)
    if processes == 1 or len(shards) < _MANY_SHARDS:
        return dict(zip(paths, map(_write_shard, paths, groups), strict=True))
    context = multiprocessing.get_context("spawn")  # forking a process with threads may hang it
    with ProcessPoolExecutor(min(processes, len(shards)), context) as pool:
        return dict(zip(paths, pool.map(_write_shard, paths, groups), strict=True))


def _write_shard(path: Path, group: Sequence[PartRecord]) -> str:
    """Copies records from their parts; returns the shard's SHA-256."""
    write_array_file(path, _records(group))
    return sha256_file(path)


def _records(group: Sequence[PartRecord]) -> Iterator[bytes]:
    """Reads records from their parts. A damaged part is removed, so that its clip is done again.

    Raises:
        RecordsError: a part is damaged.
    """
    reading = read_each((record.part, record.position) for record in group)
    for record in group:
        try:
            content = next(reading)
        except (OSError, RuntimeError, ValueError) as error:  # array_record's own are of the latter two
            record.part.unlink(missing_ok=True)
            reason = str(error)[:_REASON]
            raise RecordsError(
                f"{record.part}: expected a clip's examples, found damage ({reason}), so that it was removed; run the "
                "same command again, which makes it anew"
            ) from error
        yield content


def _counts(members: Sequence[PartRecord]) -> dict[str, dict[str, int]]:
    """Clips and examples per forgery, `""` for reals."""
    clips: dict[str, set[str]] = {}
    for record in members:
        clips.setdefault(record.forgery, set()).add(record.key.rpartition("/")[0])
    examples = Counter(record.forgery for record in members)
    return {forgery: {"clips": len(clips[forgery]), "examples": examples[forgery]} for forgery in sorted(examples)}


def _groups(members: list[PartRecord]) -> list[list[PartRecord]]:
    """The records of each shard."""
    count = max(1, -(-sum(record.size for record in members) // SHARD_BYTES))
    return [members[i * len(members) // count : (i + 1) * len(members) // count] for i in range(count)]


def _shard_name(name: str, split: str, index: int, count: int) -> str:
    return f"{name}-{split}.array_record-{index:05d}-of-{count:05d}"


def _write_index(path: Path, members: Sequence[PartRecord], forgeries: Sequence[str]) -> None:
    place = {forgery: i for i, forgery in enumerate(forgeries)}
    rows = [(place[record.forgery], record.label, record.has_mask) for record in members]
    np.save(path, np.array(rows, records.INDEX_DTYPE), allow_pickle=False)


def _split_info(folder: Path, name: str, split: str, groups: Sequence[Sequence[PartRecord]]) -> tfds.core.SplitInfo:
    import tensorflow_datasets as tfds

    template = tfds.core.ShardedFileTemplate(
        dataset_name=name, data_dir=folder, split=split, filetype_suffix="array_record", template=_TEMPLATE
    )
    size = sum(record.size for group in groups for record in group)
    return tfds.core.SplitInfo(
        name=split, shard_lengths=[len(group) for group in groups], num_bytes=size, filename_template=template
    )

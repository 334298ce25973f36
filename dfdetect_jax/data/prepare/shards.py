"""Writing records: one part file per clip as work goes on, merged into the final shards when all are there.

A part appears by rename, so it is whole or absent: a killed `prepare` loses the clips it was working on, no more. The
merged bytes depend on the parts alone, so neither the number of processes nor an interruption changes them.
"""

import contextlib
import dataclasses
import fcntl
import functools
import hashlib
import itertools
import json
import multiprocessing
import os
import shutil
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import tensorflow_datasets as tfds
from array_record.python import array_record_module

from dfdetect_jax.data import records
from dfdetect_jax.data.encoding import Codec
from dfdetect_jax.data.example import SPLITS, Example
from dfdetect_jax.errors import RecordsError

SHARD_BYTES = 256 * 2**20
_OPEN_PARTS = 256  # files kept open while merging; the usual limit of a process is 1024
_MANY_SHARDS = 6  # from here on they are worth the start of processes
_TEMPLATE = "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}"
_UNCOMPRESSED = "group_size:1,uncompressed"  # crops hardly get smaller; one record per group for random access


def write_part(path: Path, report: dict, examples: Sequence[Example], codec: Codec) -> None:
    """Writes what came of one clip: first its report and an index of its examples as JSON, then the examples.

    Raises:
        RecordsError: the disk is full, or the folder can't be written to.
    """
    encoded = [codec.encode(example) for example in examples]
    index = [
        [example.key, example.forgery, example.label, example.has_mask, len(record), hashlib.sha256(record).hexdigest()]
        for example, record in zip(examples, encoded, strict=True)
    ]
    temporary = path.with_suffix(f".{uuid.uuid4().hex}.tmp")  # other machines may write the same part
    _write_all(temporary, itertools.chain([json.dumps({"report": report, "index": index}).encode()], encoded))
    temporary.rename(path)


def read_report(path: Path) -> dict | None:
    """The report in a part file, or None where there is no such part, or it is damaged."""
    header = _header(path)
    return header and header["report"]


def _header(path: Path) -> dict | None:
    if not path.is_file():
        return None
    reader = array_record_module.ArrayRecordReader(str(path))
    try:
        header = json.loads(reader.read([0])[0])
        return header if reader.num_records() == 1 + len(header["index"]) else None
    except Exception:  # what a damaged file raises is not documented; it is made again
        return None
    finally:
        reader.close()


@dataclasses.dataclass(frozen=True)
class _Record:
    """Where one example lies, and what the index says of it."""

    key: str
    forgery: str
    label: int
    has_mask: bool
    size: int
    sha256: str
    part: Path
    position: int

    @functools.cached_property
    def place(self) -> bytes:
        return hashlib.sha256(self.key.encode()).digest()


def merge(folder: Path, name: str, codec: Codec, parts: Sequence[Path], processes: int = 1) -> dict:
    """Writes the shards, indices and TFDS metadata of a data set from its parts.

    Args:
        folder: an existing empty folder, whose last three names are <name>/<config>/<version>.
        name: of the data set.
        codec: that the parts were written with.
        parts: part files, in any order.
        processes: that write shards, where these are many.

    Returns:
        The manifest's fields that follow from the records: forgeries, counts, shards, sha256, fingerprint.
    """
    found = [record for part in parts for record in _index(part)]
    found.sort(key=lambda record: (record.place, record.key))
    forgeries = sorted({""} | {record.forgery for record in found})
    shards, infos, counts, files = {}, [], {}, []
    for split in SPLITS:
        chosen = [record for record in found if record.key.startswith(f"{split}/")]
        if not chosen:
            continue
        groups = _shards(chosen)
        shards[split] = [_shard_name(name, split, i, len(groups)) for i in range(len(groups))]
        files += [(folder / file, group) for file, group in zip(shards[split], groups, strict=True)]
        _write_index(folder / f"index-{split}.npy", chosen, forgeries)
        infos.append(_split_info(folder, name, split, groups))
        counts[split] = _counts(chosen)
    digests = _write_shards(files, processes)
    tfds.folder_dataset.write_metadata(
        data_dir=folder,
        features=codec.features,
        split_infos=infos,
        version=records.VERSION,
        filename_template=_TEMPLATE,
        check_data=False,  # which would import TensorFlow
    )
    fingerprint = hashlib.sha256("".join(record.sha256 for record in found).encode()).hexdigest()
    sha256 = {path.name: digests.get(path) or records.sha256_file(path) for path in sorted(folder.iterdir())}
    return {"forgeries": forgeries, "counts": counts, "shards": shards, "sha256": sha256, "fingerprint": fingerprint}


def _write_shards(shards: Sequence[tuple[Path, Sequence[_Record]]], processes: int) -> dict[Path, str]:
    """Writes shards; returns the SHA-256 of each."""
    paths, groups = zip(*shards, strict=True)
    if processes == 1 or len(shards) < _MANY_SHARDS:
        return dict(zip(paths, map(_write_shard, paths, groups), strict=True))
    context = multiprocessing.get_context("spawn")  # forking a process with threads may hang it
    with ProcessPoolExecutor(min(processes, len(shards)), context) as pool:
        return dict(zip(paths, pool.map(_write_shard, paths, groups), strict=True))


def _index(part: Path) -> list[_Record]:
    return [_Record(*fields, part, 1 + i) for i, fields in enumerate(_header(part)["index"])]


def _counts(chosen: Sequence[_Record]) -> dict[str, dict[str, int]]:
    """Clips and examples per forgery, `""` for reals."""
    clips, examples = {}, Counter(record.forgery for record in chosen)
    for record in chosen:
        clips.setdefault(record.forgery, set()).add(record.key.rpartition("/")[0])
    return {forgery: {"clips": len(clips[forgery]), "examples": examples[forgery]} for forgery in sorted(examples)}


def _shards(chosen: list[_Record]) -> list[list[_Record]]:
    count = max(1, -(-sum(record.size for record in chosen) // SHARD_BYTES))
    return [chosen[i * len(chosen) // count : (i + 1) * len(chosen) // count] for i in range(count)]


def _shard_name(name: str, split: str, index: int, count: int) -> str:
    return f"{name}-{split}.array_record-{index:05d}-of-{count:05d}"


def _write_shard(path: Path, group: Sequence[_Record]) -> str:
    """Copies records from their parts; returns the shard's SHA-256."""

    @functools.lru_cache(_OPEN_PARTS)
    def opened(part: Path):
        return array_record_module.ArrayRecordReader(str(part), "readahead_buffer_size:0")

    _write_all(path, (opened(record.part).read([record.position])[0] for record in group))
    return records.sha256_file(path)


def _write_all(path: Path, contents: Iterable[bytes]) -> None:
    try:
        writer = array_record_module.ArrayRecordWriter(str(path), _UNCOMPRESSED)
        for record in contents:
            writer.write(record)
        writer.close()
    except (OSError, RuntimeError, ValueError) as error:  # array_record's own are of the latter two
        raise RecordsError(f"{path}: can't be written ({error}); is the disk full? The same call goes on") from error


def _write_index(path: Path, chosen: Sequence[_Record], forgeries: Sequence[str]) -> None:
    place = {forgery: i for i, forgery in enumerate(forgeries)}
    rows = [(place[record.forgery], record.label, record.has_mask) for record in chosen]
    np.save(path, np.array(rows, records.INDEX_DTYPE), allow_pickle=False)


def _split_info(folder: Path, name: str, split: str, groups: Sequence[Sequence[_Record]]) -> tfds.core.SplitInfo:
    template = tfds.core.ShardedFileTemplate(
        dataset_name=name, data_dir=folder, split=split, filetype_suffix="array_record", template=_TEMPLATE
    )
    size = sum(record.size for group in groups for record in group)
    return tfds.core.SplitInfo(
        name=split, shard_lengths=[len(group) for group in groups], num_bytes=size, filename_template=template
    )


@contextlib.contextmanager
def locked(path: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Holds a lock file against other processes; a killed process lets go of it.

    Args:
        path: of the file; its folder is made if absent.
        waiting: called without arguments, once, if another process holds it.

    Raises:
        RecordsError: the folder can't be made or written to.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = open(path, "w")  # noqa: SIM115 (closed below)
    except OSError as error:
        raise RecordsError(f"{path.parent}: can't be written to ({error.strerror}); give another --out") from error
    with lock as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def publish(built: Path, folder: Path) -> None:
    """Lets a finished folder appear at its place by one rename, after its bytes are on disk."""
    for path in built.iterdir():
        with open(path, "rb") as file:
            os.fsync(file.fileno())
    folder.parent.mkdir(parents=True, exist_ok=True)
    if folder.exists():  # without a manifest, else it would have been used: left by something else
        shutil.rmtree(folder)
    built.rename(folder)

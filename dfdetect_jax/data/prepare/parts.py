"""Part files: the report and the examples of one clip, kept until all are merged into shards.

A part appears by rename, so it is complete or absent: a killed `prepare` loses the clips it was working on, no more.
"""

import dataclasses
import functools
import hashlib
import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dfdetect_jax.data.encoding import Codec
from dfdetect_jax.data.example import Example, LinkedExample
from dfdetect_jax.data.prepare.array_files import read_first, write_array_file
from dfdetect_jax.errors import RecordsError
from dfdetect_jax.files import replacing


@dataclasses.dataclass(frozen=True)
class PartRecord:
    """One example of a part, by the part's index.

    Attributes:
        key: `Example.key`.
        forgery: of the example.
        label: of the example.
        has_mask: of the example.
        size: of the serialised example, bytes.
        sha256: of the serialised example.
        part: the file.
        position: its index in that file.
    """

    key: str
    forgery: str
    label: int
    has_mask: bool
    size: int
    sha256: str
    part: Path
    position: int

    @functools.cached_property
    def order(self) -> bytes:
        """SHA-256 of the key, by which records are sorted."""
        return hashlib.sha256(self.key.encode()).digest()


def write_part(
    path: Path, report: dict[str, Any], examples: Sequence[Example] | Sequence[LinkedExample], codec: Codec
) -> None:
    """Writes the result of one clip: first its report and an index of its examples as JSON, then the examples.

    Raises:
        RecordsError: the disk is full, or the folder can't be written to.
    """
    encoded = [codec.encode(example) for example in examples]
    index = [
        [example.key, example.forgery, example.label, example.has_mask, len(record), hashlib.sha256(record).hexdigest()]
        for example, record in zip(examples, encoded, strict=True)
    ]
    header = json.dumps({"report": report, "index": index}).encode()
    try:
        with replacing(path) as partial:  # other machines may write the same part
            write_array_file(partial, itertools.chain([header], encoded))
    except OSError as error:
        raise RecordsError(f"{path}: can't be written ({error.strerror or error}); give another --out") from error


def read_report(path: Path) -> dict[str, Any] | None:
    """The report in a part file, or None where there is no such part, or it is damaged."""
    header = _header(path)
    return header["report"] if header else None


def part_records(path: Path) -> list[PartRecord]:
    """The index of a part.

    Raises:
        RecordsError: there is no such part, or it is damaged.
    """
    header = _header(path)
    if header is None:
        raise RecordsError(f"{path}: missing or damaged while records were merged; run the same command again")
    return [
        PartRecord(key, forgery, label, has_mask, size, sha256, path, 1 + i)
        for i, (key, forgery, label, has_mask, size, sha256) in enumerate(header["index"])
    ]


def _header(path: Path) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    try:
        first, count = read_first(path)
        header = json.loads(first)
        return header if count == 1 + len(header["index"]) else None
    except Exception:  # the errors of a damaged file are not documented; it is made again
        return None

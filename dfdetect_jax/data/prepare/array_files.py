"""Files of array_record: any number of records of bytes, written in order, read by index."""

import functools
from collections.abc import Iterable, Iterator
from pathlib import Path

from dfdetect_jax.errors import RecordsError

_OPEN_FILES = 256  # files kept open while reading; the usual limit of a process is 1024
_UNCOMPRESSED = "group_size:1,uncompressed"  # crops hardly get smaller; one record per group for random access
_NO_READ_AHEAD = "readahead_buffer_size:0"


def write_array_file(path: str | Path, records: Iterable[bytes]) -> None:
    """Writes records to a new file.

    Raises:
        RecordsError: the disk is full, or the file can't be written.
    """
    from array_record.python import array_record_module

    try:
        writer = array_record_module.ArrayRecordWriter(str(path), _UNCOMPRESSED)
        for record in records:
            writer.write(record)
        writer.close()
    except (OSError, RuntimeError, ValueError) as error:  # array_record's own are of the latter two
        raise RecordsError(
            f"{path}: can't be written ({error}); if the disk is full, make room and run the same command again"
        ) from error


def read_first(path: Path) -> tuple[bytes, int]:
    """The first record of a file, and how many records it has.

    Raises:
        Exception: the file is damaged; array_record does not document its errors.
    """
    from array_record.python import array_record_module

    reader = array_record_module.ArrayRecordReader(str(path))
    try:
        return reader.read([0])[0], reader.num_records()
    finally:
        reader.close()


def read_each(places: Iterable[tuple[Path, int]]) -> Iterator[bytes]:
    """Reads records from many files, in order.

    Args:
        places: file and index of each record.
    """
    from array_record.python import array_record_module

    @functools.lru_cache(_OPEN_FILES)
    def reader(path: Path) -> array_record_module.ArrayRecordReader:
        return array_record_module.ArrayRecordReader(str(path), _NO_READ_AHEAD)

    for path, index in places:
        yield reader(path).read([index])[0]

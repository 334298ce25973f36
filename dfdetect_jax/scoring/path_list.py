"""Lists of paths, from a file or standard input, in the forms in which common tools write them."""

import codecs
import itertools
import os
import sys
from collections.abc import Callable, Iterable, Iterator

from dfdetect_jax.errors import SettingsError

_MARKS = {  # byte order marks; UTF-32 first, since that of UTF-16 is the beginning of its own
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
_HEAD = 64  # bytes in which a file that is no list is recognised
_NO_LISTS = (b"\xff\xd8\xff", b"GIF8", b"RIFF", b"%PDF", b"PK\x03\x04")
_NO_TEXT = bytes(set(range(1, 32)) - set(b"\t\n\v\f\r\x1b"))
_HOW = "write one path per line in UTF-8, or separate them by NUL and give --null"


def listed_paths(
    source: str, null: bool = False, block: int = 65_536, log: Callable[[str], None] = lambda line: None
) -> Iterator[str]:
    """The paths in a list, read as they are needed; empty ones are skipped.

    There is one per line, in UTF-8 (bytes that are none are kept, as in file names), or in UTF-16 or UTF-32 with a byte
    order mark. Quotes or blanks around a path are dropped, unless a file is named so with them and none without. Where
    a NUL comes before the first line's end, paths are separated by NUL and taken as they are.

    Args:
        source: a file, or "-" for standard input.
        null: whether paths are separated by NUL whatever the list's beginning.
        block: bytes that are read at a time, at most.
        log: called with what is worth a line to the user.

    Raises:
        SettingsError: it can't be read, or is no list.
    """
    chunks = _chunks(source, block)
    head, encoding = _beginning(chunks)
    if not head:
        log(f"--paths_from: the list in {source} is empty")
    if not encoding:
        _check(source, head, null)
    text = _decoded(itertools.chain([head], chunks), encoding)
    rest, separator = "", "\0" if null else ""
    for part in text:
        rest += part
        if not separator and (separator := _separator(rest)) == "\0":
            log(f"--paths_from: the paths in {source} are separated by NUL")
        if separator:
            *paths, rest = rest.split(separator)
            yield from filter(None, paths if separator == "\0" else map(_path, paths))
    yield from filter(None, [rest if separator == "\0" else _path(rest)])


def _chunks(source: str, block: int) -> Iterator[bytes]:
    try:
        # Not through `sys.stdin`, whose lock a thread that waits for a line would hold when the program ends.
        descriptor = 0 if source == "-" else os.open(source, os.O_RDONLY)
        while content := os.read(descriptor, block):
            yield content
        if descriptor:
            os.close(descriptor)
    except OSError as error:
        raise SettingsError(f"--paths_from: expected a list of paths in {source}; {error.strerror or error}") from error


def _beginning(chunks: Iterator[bytes]) -> tuple[bytes, str]:
    """The first bytes without a byte order mark, and the encoding that the mark names, "" without one."""
    head = b""
    for chunk in chunks:
        head += chunk
        if not any(mark.startswith(head) for mark in _MARKS):
            break
    mark = next((mark for mark in _MARKS if head.startswith(mark)), b"")
    return head[len(mark) :], _MARKS.get(mark, "")


def _check(source: str, head: bytes, null: bool) -> None:
    """Refuses a beginning that is not a list's."""
    head = head[:_HEAD]
    if not null and len(head) >= 8 and not (any(head[::2]) and any(head[1::2])):
        kind = "UTF-16 without a byte order mark"
    elif head.startswith(_NO_LISTS) or b"\0\0" in head or any(byte in _NO_TEXT for byte in head):
        kind = "no text (a photograph or video is given as PATH)"
    else:
        return
    raise SettingsError(f"--paths_from: expected a list of paths in {source}, found {kind}; {_HOW}")


def _decoded(chunks: Iterable[bytes], encoding: str) -> Iterator[str]:
    """The text of a list; without a named encoding as `os.fsdecode` has it."""
    errors = "surrogateescape" if encoding in ("", "utf-8") else "replace"
    decoder = codecs.getincrementaldecoder(encoding or sys.getfilesystemencoding())(errors)
    for chunk in chunks:
        yield decoder.decode(chunk)
    yield decoder.decode(b"", final=True)


def _separator(text: str) -> str:
    """What separates paths: NUL or the line's end, whichever comes first; "" as long as neither has come."""
    return next((character for character in text if character in "\0\n"), "")


def _path(line: str) -> str:
    line = line.removesuffix("\r")
    bare = line.strip(" \t")
    if len(bare) > 2 and bare[0] == bare[-1] and bare[0] in "\"'":
        bare = bare[1:-1]
    with_them = bare != line and os.path.lexists(line) and not os.path.lexists(bare)
    return line if with_them else bare

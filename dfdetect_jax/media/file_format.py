"""What a file is, by its first bytes; its name doesn't count.

One table names every format that is read, and the suffixes under which folders hold them.
"""

import codecs
import itertools
import os
import stat
import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from dfdetect_jax.errors import BadMediaError

IMAGE, VIDEO = "image", "video"


class Format(NamedTuple):
    """A format of photographs or videos.

    Attributes:
        kind: "image" or "video". Of the formats that hold either, see `ANIMATED`, the kind of a file with one picture.
        words: as people call it.
        suffixes: of file names, in lower case.
    """

    kind: str
    words: str
    suffixes: tuple[str, ...]


FORMATS = {  # photographs by Pillow's names
    "JPEG": Format(IMAGE, "JPEG", (".jpg", ".jpeg", ".jpe", ".jfif")),
    "PNG": Format(IMAGE, "PNG", (".png", ".apng")),
    "WEBP": Format(IMAGE, "WebP", (".webp",)),
    "BMP": Format(IMAGE, "BMP", (".bmp", ".dib")),
    "TIFF": Format(IMAGE, "TIFF", (".tif", ".tiff")),
    "GIF": Format(IMAGE, "GIF", (".gif",)),
    "HEIF": Format(IMAGE, "HEIC", (".heic", ".heif", ".hif")),
    "AVIF": Format(IMAGE, "AVIF", (".avif", ".avifs")),
    "MP4": Format(VIDEO, "MP4", (".mp4", ".m4v", ".3gp", ".3g2")),
    "MOV": Format(VIDEO, "MOV", (".mov", ".qt")),
    "AVI": Format(VIDEO, "AVI", (".avi",)),
    "Matroska": Format(VIDEO, "MKV or WebM", (".mkv", ".webm")),
    "MPEG-TS": Format(VIDEO, "MPEG-TS", (".ts", ".mts", ".m2ts")),
    "MPEG-PS": Format(VIDEO, "MPEG", (".mpg", ".mpeg", ".vob")),
    "ASF": Format(VIDEO, "WMV", (".wmv", ".asf")),
    "FLV": Format(VIDEO, "FLV", (".flv", ".f4v")),
    "Ogg": Format(VIDEO, "Ogg", (".ogv",)),
}
ANIMATED = ("GIF", "WEBP", "PNG", "AVIF")
"""Formats of photographs that may hold several pictures, which are then a video."""
IMAGE_SUFFIXES = frozenset(suffix for each in FORMATS.values() if each.kind == IMAGE for suffix in each.suffixes)
VIDEO_SUFFIXES = frozenset(suffix for each in FORMATS.values() if each.kind == VIDEO for suffix in each.suffixes)
MEDIA_SUFFIXES = IMAGE_SUFFIXES | VIDEO_SUFFIXES

EXPECTED = (
    "a photograph (JPEG, PNG, WebP, BMP, TIFF, GIF, HEIC, AVIF) or "
    "a video (MP4, MOV, AVI, MKV, WebM, MPEG, WMV, FLV, Ogg)"
)
_HEAD = 4096  # bytes; a transport stream shows itself by several packets
_OTHERS = (
    (b"%PDF", "a PDF"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"ID3", "sound without a picture (MP3)"),
    (b"fLaC", "sound without a picture (FLAC)"),
    (b"8BPS", "a Photoshop document"),
)
_HEIF_BRANDS = frozenset((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"mif2", b"miaf"))
_SOUND_BRANDS = frozenset((b"M4A ", b"M4B ", b"M4P ", b"F4A ", b"F4B "))
_ATOMS = frozenset((b"free", b"skip", b"wide", b"moov", b"mdat", b"pnot", b"uuid", b"moof", b"styp", b"sidx"))
_MOST_ATOMS = 64  # that are looked at before the one that says which file it is
_PACKET_LENGTHS = (188, 192, 204)  # of a transport stream: plain, with a time stamp before, with check bytes after


def media_kind(path: str | os.PathLike[str]) -> str:
    """Whether a file is a photograph or a video; a GIF, WebP, PNG or AVIF of several pictures is a video.

    Returns:
        "image" or "video".

    Raises:
        BadMediaError: missing, not a plain file, unreadable, empty, or of a kind that is not read.
    """
    name = media_format(path)
    return VIDEO if name in ANIMATED and is_animated(path, name) else FORMATS[name].kind


def media_format(path: str | os.PathLike[str]) -> str:
    """The format of a photograph or the container of a video, a key of `FORMATS`.

    Raises:
        BadMediaError: as `media_kind`.
    """
    try:
        mode = os.stat(path).st_mode
        if stat.S_ISDIR(mode):
            raise BadMediaError(f"{path}: expected {EXPECTED}, found a folder")
        if not stat.S_ISREG(mode):  # a pipe or device could block for ever
            raise BadMediaError(f"{path}: expected {EXPECTED}, found something that is not a plain file")
        with open(path, "rb") as file:
            head = file.read(_HEAD)
            name = _signature(head) or _by_atoms(file)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = getattr(error, "strerror", None) or str(error)
        raise BadMediaError(f"{path}: can't be opened ({reason})") from error
    if name is None:
        raise BadMediaError(f"{path}: expected {EXPECTED}, found {_describe(head)}")
    return name


def is_animated(path: str | os.PathLike[str], name: str) -> bool:
    """Whether a file of one of the formats `ANIMATED` has several pictures; damaged ones count as having one."""
    with open(path, "rb") as file:
        head = file.read(_HEAD)
        match name:
            case "WEBP":  # the flag of the extended header: WebP Container Specification, "Extended File Format"
                return head[12:16] == b"VP8X" and len(head) > 20 and bool(head[20] & 2)
            case "PNG":  # acTL comes before the pixels: PNG, third edition, section 11.3.6
                return b"acTL" in head.partition(b"IDAT")[0]
            case "AVIF":
                return b"avis" in _brands(head)
        return _second_picture(file)


def _signature(head: bytes) -> str | None:
    """The format of a file that starts with `head`, or None where that needs more of it."""
    for magic, name in _MAGIC:
        if head.startswith(magic):
            return name
    if head[:4] == b"RIFF":
        return {b"WEBP": "WEBP", b"AVI ": "AVI"}.get(head[8:12])
    if head.startswith(b"BM") and len(head) >= 26 and head[6:10] == b"\0\0\0\0":
        return "BMP"
    if head.startswith(b"OggS"):
        return "Ogg" if b"theora" in head or b"\x01video" in head else None
    return "MPEG-TS" if _is_transport_stream(head) and not _is_text(head) else None


_MAGIC = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"II+\x00\x08\x00", "TIFF"),  # BigTIFF
    (b"MM\x00+\x00\x08", "TIFF"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"\x1a\x45\xdf\xa3", "Matroska"),
    (b"\x00\x00\x01\xba", "MPEG-PS"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c", "ASF"),
    (b"FLV\x01", "FLV"),
)


def _is_transport_stream(head: bytes) -> bool:
    """Whether the synchronisation byte stands where packets begin: ISO/IEC 13818-1, section 2.4.3.2.

    A recording may begin within a packet; where the first byte is none, more packets have to agree.
    """
    for length in _PACKET_LENGTHS:
        for start in range(length):
            marks = head[start::length]
            enough = 3 if start == (4 if length == 192 else 0) else 8
            if len(marks) >= enough and marks.count(0x47) == len(marks):
                return True
    return False


def _by_atoms(file: BinaryIO) -> str | None:
    """MP4, MOV, HEIF or AVIF by the first atom that tells; padding before it is passed over."""
    seen = ""
    position = 0
    size_of_file = file.seek(0, os.SEEK_END)
    for _ in range(_MOST_ATOMS):
        file.seek(position)
        header = file.read(16)
        if len(header) < 8:
            break
        size, kind = struct.unpack(">I4s", header[:8])
        if kind == b"ftyp":
            file.seek(position)
            return _by_brand(file.read(min(size, _HEAD)))
        if kind not in _ATOMS:
            break
        seen = "MOV"
        if size == 1 and len(header) == 16:
            size = struct.unpack(">Q", header[8:])[0]
        if size < 8 or kind in (b"moov", b"moof") or position + size >= size_of_file:
            break
        position += size
    return seen or None


def _by_brand(atom: bytes) -> str | None:
    """The format by the brands of an `ftyp` atom: ISO/IEC 14496-12, section 4.3."""
    major, brands = atom[8:12], _brands(atom)
    if major in _SOUND_BRANDS:
        return "MP4"  # whether it has a video beside the sound, its reader finds out
    if brands & {b"avif", b"avis"}:
        return "AVIF"
    if major in _HEIF_BRANDS:
        return "HEIF"
    return "MOV" if major == b"qt  " else "MP4"


def _brands(head: bytes) -> set[bytes]:
    """Of a file that starts with an `ftyp` atom: its major brand and the compatible ones."""
    size = min(int.from_bytes(head[:4], "big"), len(head))
    return {head[8:12], *(head[at : at + 4] for at in range(16, size - 3, 4))}


def _second_picture(file: BinaryIO) -> bool:
    """Whether a GIF has a second image descriptor: GIF89a specification, section 20."""
    pictures = (block for block in gif_blocks(file) if block == b",")
    return len(list(itertools.islice(pictures, 2))) == 2


def gif_blocks(file: BinaryIO) -> Iterator[bytes]:
    """The labels of a GIF's blocks: "," of a picture, "!" of an extension, ";" of the end.

    A file that ends between two blocks has an end, too, since some programs don't write it; one that ends within a
    block has none.
    """
    file.seek(0)
    head = file.read(13)
    if len(head) < 13:
        return
    file.seek(_colours(head[10]), os.SEEK_CUR)
    while (block := file.read(1)) in (b"!", b","):
        yield block
        if block == b",":
            descriptor = file.read(9)
            if len(descriptor) < 9:
                return
            file.seek(_colours(descriptor[8]), os.SEEK_CUR)
        file.read(1)  # the label of an extension, or the code size of a picture
        while length := file.read(1):
            if length == b"\0":
                break
            file.seek(length[0], os.SEEK_CUR)
        else:
            return
    if block in (b";", b""):
        yield b";"


def _colours(flags: int) -> int:
    """Bytes of a GIF's colour table."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _describe(head: bytes) -> str:
    """The apparent kind of a refused file that starts with `head`, for an error message."""
    if not head:
        return "an empty file"
    for magic, name in _OTHERS:
        if head.startswith(magic):
            return name
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return "sound without a picture (WAV)"
    if head.startswith(b"OggS"):
        return "sound without a picture (Ogg)"
    if len(head) > 2 and head[0] == 0xFF and head[1] & 0xE6 == 0xE2:  # frame header of layer III
        return "sound without a picture (MP3)"
    if _is_text(head):
        return "text"
    return f"an unknown format (first bytes {head[:8].hex(' ')})"


def _is_text(head: bytes) -> bool:
    """Whether the first bytes of a file are printable UTF-8."""
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(head[:64])  # incremental: the last character may be cut
    except UnicodeDecodeError:
        return False
    return all(character.isprintable() or character in "\t\n\r\f" for character in text)

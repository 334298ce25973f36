"""What a file is, by its first bytes; its name doesn't count.

One table names every format that is read, and the suffixes under which folders hold them; another the formats that are
not read, so that messages can name them.
"""

import codecs
import itertools
import os
import stat
from collections.abc import Iterable
from typing import BinaryIO, NamedTuple

from dfdetect_jax.errors import BadMediaError
from dfdetect_jax.media.animation_parts import animation_parts
from dfdetect_jax.media.atoms import PADDING, SOUND_BRANDS, atoms, brands
from dfdetect_jax.media.limits import check_bytes

IMAGE, VIDEO = "image", "video"


class Format(NamedTuple):
    """A format of photographs or videos.

    Attributes:
        kind: "image" or "video"; a file of several pictures that form an animation is a video all the same.
        words: as people call it.
        suffixes: of file names, in lower case.
    """

    kind: str
    words: str
    suffixes: tuple[str, ...]


class UnreadFormat(NamedTuple):
    """A format of pictures or videos that is not read.

    Attributes:
        words: as people call it.
        suffixes: of file names, in lower case.
        marks: places and bytes there, by one of which it is known; none where only its name tells.
    """

    words: str
    suffixes: tuple[str, ...]
    marks: tuple[tuple[int, bytes], ...] = ()


FORMATS = {  # photographs by Pillow's names
    "JPEG": Format(IMAGE, "JPEG", (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo")),
    "PNG": Format(IMAGE, "PNG", (".png", ".apng")),
    "WEBP": Format(IMAGE, "WebP", (".webp",)),
    "BMP": Format(IMAGE, "BMP", (".bmp", ".dib")),
    "TIFF": Format(IMAGE, "TIFF", (".tif", ".tiff")),
    "GIF": Format(IMAGE, "GIF", (".gif",)),
    "HEIF": Format(IMAGE, "HEIC", (".heic", ".heif", ".hif", ".heics", ".heifs")),
    "AVIF": Format(IMAGE, "AVIF", (".avif", ".avifs")),
    "MP4": Format(VIDEO, "MP4", (".mp4", ".m4v", ".3gp", ".3gpp", ".3g2", ".f4v", ".insv")),
    "MOV": Format(VIDEO, "MOV", (".mov", ".qt")),
    "AVI": Format(VIDEO, "AVI", (".avi", ".divx")),
    "Matroska": Format(VIDEO, "MKV, WebM", (".mkv", ".webm", ".mk3d")),
    "MPEG-TS": Format(VIDEO, "MPEG-TS", (".ts", ".mts", ".m2ts", ".m2t")),
    "MPEG-PS": Format(VIDEO, "MPEG", (".mpg", ".mpeg", ".mpe", ".m2p", ".vob", ".tod")),
    "ASF": Format(VIDEO, "WMV", (".wmv", ".asf")),
    "FLV": Format(VIDEO, "FLV", (".flv",)),
    "Ogg": Format(VIDEO, "Ogg", (".ogv", ".ogm")),
}
UNREAD = (
    UnreadFormat("a JPEG XL picture", (".jxl",), ((4, b"JXL \r\n"), (0, b"\xff\x0a"))),
    UnreadFormat("a JPEG 2000 picture", (".jp2", ".j2k", ".jpx"), ((4, b"jP  \r\n"), (0, b"\xff\x4f\xff\x51"))),
    UnreadFormat("a Photoshop document", (".psd", ".psb"), ((0, b"8BPS"),)),
    UnreadFormat("an OpenEXR picture", (".exr",), ((0, b"\x76\x2f\x31\x01"),)),
    UnreadFormat("a Targa picture", (".tga",)),
    UnreadFormat("a JPEG-LS or JPEG XR picture", (".jls", ".jxr")),
    UnreadFormat("a QOI picture", (".qoi",), ((0, b"qoif"),)),
    UnreadFormat("a netpbm picture", (".ppm", ".pgm", ".pnm", ".pfm")),
    UnreadFormat("a GIMP picture", (".xcf",), ((0, b"gimp xcf"),)),
    UnreadFormat(
        "a camera's raw file",
        (".dng", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".rw2", ".raf", ".srw", ".pef"),
        ((8, b"CR\x02\x00"), (4, b"ftypcrx "), (0, b"IIRO"), (0, b"IIU\x00"), (0, b"FUJIFILMCCD-RAW")),
    ),
    UnreadFormat("an MPEG video without a container", (".m1v", ".m2v"), ((0, b"\x00\x00\x01\xb3"),)),
    UnreadFormat(
        "a video without a container",
        (".h264", ".264", ".h265", ".265", ".hevc"),
        ((0, b"\x00\x00\x00\x01\x67"), (0, b"\x00\x00\x00\x01\x09"), (0, b"\x00\x00\x00\x01\x40\x01")),
    ),
    UnreadFormat("an IVF video", (".ivf",), ((0, b"DKIF\x00\x00"),)),
    UnreadFormat("a YUV4MPEG video", (".y4m",), ((0, b"YUV4MPEG2 "),)),
    UnreadFormat("a NUT video", (".nut",)),
    UnreadFormat("a recording of Windows Media Center", (".wtv",)),
    UnreadFormat("an MXF video", (".mxf",), ((0, b"\x06\x0e\x2b\x34"),)),
    UnreadFormat("a RealMedia video", (".rm", ".rmvb"), ((0, b".RMF"),)),
    UnreadFormat("a DV video", (".dv",)),
)


def _suffixes(formats: Iterable[Format | UnreadFormat]) -> frozenset[str]:
    return frozenset(suffix for each in formats for suffix in each.suffixes)


IMAGE_SUFFIXES = _suffixes(each for each in FORMATS.values() if each.kind == IMAGE)
VIDEO_SUFFIXES = _suffixes(each for each in FORMATS.values() if each.kind == VIDEO)
MEDIA_SUFFIXES = IMAGE_SUFFIXES | VIDEO_SUFFIXES
UNREAD_SUFFIXES = _suffixes(UNREAD)


def _words(kind: str) -> str:
    return ", ".join(each.words for each in FORMATS.values() if each.kind == kind)


EXPECTED = f"a photograph ({_words(IMAGE)}) or a video ({_words(VIDEO)})"
_HEAD = 4096  # bytes; a transport stream shows itself by several packets
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
_SOUND = (
    (b"ID3", "MP3"),
    (b"fLaC", "FLAC"),
    (b"OggS", "Ogg"),
    (b"RF64", "WAV"),
    (b"caff", "CAF"),
    (b"#!AMR", "AMR"),
)
_OTHERS = ((b"%PDF", "a PDF"), (b"PK\x03\x04", "a ZIP archive"), (b"\x1f\x8b", "a gzip archive"))
_OGG_VIDEO = (b"\x80theora", b"\x01video", b"OVP80")  # packets by which a stream of video begins
_HEIF_BRANDS = frozenset(
    (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"avci", b"mif1", b"msf1", b"mif2", b"miaf")
)
_MOVIE_BRANDS = frozenset((b"isom", b"mp41", b"mp42", b"qt  "))
_OF_MOVIES = PADDING | {b"moov", b"mdat", b"moof", b"styp", b"sidx"}
_MOST_ATOMS = 64  # that are looked at before the one that says which file it is
_PACKET_LENGTHS = (188, 192, 204)  # of a transport stream: plain, with a time stamp before, with check bytes after


def media_kind(path: str | os.PathLike[str]) -> str:
    """Whether a file is a photograph or a video; a GIF, WebP, PNG or AVIF of several pictures is a video.

    A TIFF of several pages, a HEIC of several photographs and a JPEG with further pictures (MPO) are photographs.

    Returns:
        "image" or "video".

    Raises:
        BadMediaError: missing, not a plain file, unreadable, empty, of a kind that is not read, or of more bytes than
            `limits` allows.
    """
    name = media_format(path)
    return VIDEO if is_animated(path, name) else FORMATS[name].kind


def media_format(path: str | os.PathLike[str]) -> str:
    """The format of a photograph or the container of a video, a key of `FORMATS`.

    Raises:
        BadMediaError: as `media_kind`.
    """
    try:
        status = os.stat(path)
        if stat.S_ISDIR(status.st_mode):
            raise BadMediaError(f"{path}: expected {EXPECTED}, found a folder")
        if not stat.S_ISREG(status.st_mode):  # a pipe or device could block for ever
            raise BadMediaError(f"{path}: expected {EXPECTED}, found something that is not a plain file")
        with open(path, "rb") as file:
            head = file.read(_HEAD)
            name = None if unread_format(head) else _signature(head) or _by_atoms(file)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = getattr(error, "strerror", None) or str(error)
        raise BadMediaError(f"{path}: can't be opened ({reason})") from error
    if name is None:
        raise BadMediaError(f"{path}: expected {EXPECTED}, found {_describe(head)}")
    check_bytes(path, status.st_size, video=FORMATS[name].kind == VIDEO)
    return name


def is_animated(path: str | os.PathLike[str], name: str) -> bool:
    """Whether a file of the format of that name has several pictures that form an animation.

    Raises:
        BadMediaError: it can't be read.
    """
    try:
        return len(animation_parts(path, name, most=2).seconds) > 1
    except OSError as error:
        raise BadMediaError(f"{path}: can't be opened ({error.strerror or error})") from error


def unread_format(head: bytes) -> UnreadFormat | None:
    """The format that is not read of a file that starts with `head` (at least 32 bytes, or all); None for others."""
    for each in UNREAD:
        if any(head.startswith(mark, place) for place, mark in each.marks):
            return each
    return None


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
        return "Ogg" if any(mark in head for mark in _OGG_VIDEO) else None
    return "MPEG-TS" if _is_transport_stream(head) and not _is_text(head) else None


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
    seen = None
    for atom in itertools.islice(atoms(file), _MOST_ATOMS):
        if atom.kind == b"ftyp":
            file.seek(atom.start)
            return _by_brand(file.read(min(atom.end - atom.start, _HEAD)))
        if atom.kind not in _OF_MOVIES:
            break
        seen = "MOV"
        if atom.kind in (b"moov", b"moof"):
            break
    return seen


def _by_brand(atom: bytes) -> str | None:
    """The format by the brands of an `ftyp` atom: ISO/IEC 14496-12, section 4.3."""
    major, known = atom[8:12], brands(atom)
    if major in SOUND_BRANDS:
        return "MP4"  # whether it has a video beside the sound, its reader finds out
    if known & {b"avif", b"avis"}:
        return "AVIF"
    if major in _HEIF_BRANDS or (known & _HEIF_BRANDS and not known & _MOVIE_BRANDS):
        return "HEIF"
    return "MOV" if major == b"qt  " else "MP4"


def _describe(head: bytes) -> str:
    """The apparent kind of a refused file that starts with `head`, for an error message."""
    if not head:
        return "an empty file"
    if unread := unread_format(head):
        return f"{unread.words}; convert it first"
    for magic, words in _OTHERS:
        if head.startswith(magic):
            return words
    if sound := _sound(head):
        return f"sound without video ({sound}); leave it out"
    if _is_text(head):
        return "text"
    return f"an unknown format (first bytes {head[:8].hex(' ')})"


def _sound(head: bytes) -> str:
    """The format of a sound file that starts with `head`; "" for what is none."""
    for magic, name in _SOUND:
        if head.startswith(magic):
            return name
    chunked = {b"RIFFWAVE": "WAV", b"FORMAIFF": "AIFF", b"FORMAIFC": "AIFF"}
    if head[:4] + head[8:12] in chunked:
        return chunked[head[:4] + head[8:12]]
    if len(head) < 2 or head[0] != 0xFF:
        return ""
    if head[1] & 0xF6 == 0xF0:  # of a frame of ADTS: ISO/IEC 13818-7, section 6.2
        return "AAC"
    return "MP3" if head[1] & 0xE6 == 0xE2 else ""  # of a frame of layer III: ISO/IEC 11172-3, section 2.4.2.3


def _is_text(head: bytes) -> bool:
    """Whether the first bytes of a file are printable UTF-8."""
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(head[:64])  # incremental: the last character may be cut
    except UnicodeDecodeError:
        return False
    return all(character.isprintable() or character in "\t\n\r\f" for character in text)

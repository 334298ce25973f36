"""NAL units of H.264 and H.265: where decoding can begin, and what it needs.

Sources: ITU-T H.264, 7.3.1 and table 7-1; ITU-T H.265, 7.3.1.2 and table 7-1. Units come with their length, as in MP4
and Matroska (ISO/IEC 14496-15, 5.3.3.1 and 8.3.3.1), or begin with a start code (annex B of both).
"""

from collections.abc import Iterator
from typing import NamedTuple

_START_CODE = b"\0\0\1"
_H264_SLICES, _H264_IDR, _H264_SETS = range(1, 6), 5, range(7, 9)
_H265_SLICES, _H265_IRAP, _H265_SETS = range(32), range(16, 24), range(32, 35)


class CodedPicture(NamedTuple):
    """What the headers of a packet's NAL units say.

    Attributes:
        entry: whether decoding can begin here: what is decoded later and displayed later depends on nothing before.
        parameter_sets: that it carries.
        layered: whether it belongs to a layer above the lowest one, temporal or other.
    """

    entry: bool
    parameter_sets: list[bytes]
    layered: bool


def length_size(codec: str, extradata: bytes | None) -> int:
    """Bytes of the length before each unit of a stream; 0 where units begin with start codes.

    Args:
        codec: "h264" or "hevc".
        extradata: the container's configuration record, or parameter sets with start codes.
    """
    place = 4 if codec == "h264" else 21
    if not extradata or extradata[0] != 1 or len(extradata) <= place:
        return 0
    return (extradata[place] & 3) + 1


def coded_picture(codec: str, data: memoryview, length: int) -> CodedPicture:
    """Reads the headers of a packet's units.

    Args:
        codec: "h264" or "hevc".
        data: the packet, bytes.
        length: as `length_size` has it.

    Raises:
        ValueError: lengths that don't fit, a header that the standard forbids, or no slice of a picture.
    """
    units = list(with_lengths(data, length) if length else with_start_codes(data))
    return _h264(units) if codec == "h264" else _h265(units)


def with_lengths(data: memoryview, length: int) -> Iterator[memoryview]:
    """The units of a packet, each after its length of `length` bytes.

    Raises:
        ValueError: the lengths don't add up to the packet.
    """
    place = 0
    while place < len(data):
        start = place + length
        place = start + int.from_bytes(data[place:start], "big")
        if place > len(data) or place == start:
            raise ValueError(f"expected a unit within {len(data)} bytes, found {place - start} bytes at {start}")
        yield data[start:place]


def with_start_codes(data: memoryview) -> Iterator[memoryview]:
    """The units of a packet, each after its start code, without the zeros that may follow."""
    content = bytes(data)
    start = content.find(_START_CODE)
    while start >= 0:
        end = content.find(_START_CODE, start + 3)
        yield memoryview(content[start + 3 : end if end >= 0 else None].rstrip(b"\0"))
        start = end


def _h264(units: list[memoryview]) -> CodedPicture:
    kinds = [_header(unit, 1) & 31 for unit in units]
    slices = {kind for kind in kinds if kind in _H264_SLICES}
    if not slices:
        raise ValueError("expected a slice of a picture, found none")
    sets = [bytes(unit) for kind, unit in zip(kinds, units, strict=True) if kind in _H264_SETS]
    return CodedPicture(slices == {_H264_IDR}, sets, layered=False)


def _h265(units: list[memoryview]) -> CodedPicture:
    headers = [_header(unit, 2) for unit in units]
    kinds = [header >> 9 & 63 for header in headers]
    slices = {kind for kind in kinds if kind in _H265_SLICES}
    if not slices:
        raise ValueError("expected a slice of a picture, found none")
    sets = [bytes(unit) for kind, unit in zip(kinds, units, strict=True) if kind in _H265_SETS]
    layered = any(header & 0x1FF != 1 for header in headers)  # layer and temporal layer + 1
    return CodedPicture(slices <= set(_H265_IRAP), sets, layered)


def _header(unit: memoryview, size: int) -> int:
    if len(unit) < size or unit[0] & 0x80:
        raise ValueError(f"expected the header of a unit, found {unit[:size].hex() or 'nothing'}")
    return int.from_bytes(unit[:size], "big")

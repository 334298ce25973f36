"""A stream's packets in a table: which frame each holds, and where decoding can begin.

The container's marks of key frames aren't trusted where the stream itself tells. Reading all packets takes a hundredth
of the time of decoding them.
"""

from collections.abc import Callable
from typing import NamedTuple

import av
from av.packet import Packet
from av.video.stream import VideoStream

from dfdetect_jax.media.nal_units import coded_picture, length_size
from dfdetect_jax.media.video_stream import is_shown, packets

_Entry = Callable[[Packet], bool]


class PacketTable(NamedTuple):
    """The packets of a stream in the order of decoding; each list has an item of each packet.

    Attributes:
        stamps: time of display, in the stream's time base.
        decoded_at: time of decoding; None where the container has none.
        sizes: bytes.
        shown: whether its frame is displayed.
        entries: whether decoding can begin with it: what is decoded and displayed later depends on nothing before.
        layered: whether frames belong to temporal layers, so that others may depend on those that claim otherwise.
    """

    stamps: list[int]
    decoded_at: list[int | None]
    sizes: list[int]
    shown: list[bool]
    entries: list[bool]
    layered: bool

    @property
    def shown_stamps(self) -> list[int]:
        """Times of the frames that are displayed."""
        return [stamp for stamp, is_frame in zip(self.stamps, self.shown, strict=True) if is_frame]


def read_table(stream: VideoStream) -> PacketTable | None:
    """Reads all packets of a stream that was just opened.

    None where it can't be known beforehand which frame comes out of which packet, or where decoding can begin: without
    times of display, as in AVI; with times that are not unique or go back; after damage; without a key frame at the
    start; with parameter sets that change; for other codecs than H.264, H.265, VP9, AV1, MPEG-4 and those without
    prediction. VP8's decoder reports no damage, and what it puts in place depends on all that it decoded before.
    """
    marks = _Marks(stream)
    if stream.container.format.name == "avi" or not marks.known:
        return None
    table, latest = PacketTable([], [], [], [], [], layered=False), None
    try:
        for packet in packets(stream):
            entry, shown = marks.entry(packet), is_shown(stream, packet)
            if packet.pts is None or packet.is_corrupt or packet.has_sidedata("new_extradata"):
                return None
            if latest is not None and packet.dts is not None and packet.dts < latest:
                return None
            latest = latest if packet.dts is None else packet.dts
            for column, value in zip(table, (packet.pts, packet.dts, packet.size, shown, entry), strict=False):
                column.append(value)  # type: ignore[attr-defined]  # the last field is no column
    except (av.FFmpegError, ValueError):
        return None
    return table._replace(layered=marks.layered) if _is_plain(table) else None


def _is_plain(table: PacketTable) -> bool:
    """Whether nothing is displayed before the first packet, which is an entry, and no two frames at one time."""
    shown = table.shown_stamps
    if not shown or not table.entries[0]:
        return False
    return len(set(shown)) == len(shown) and min(shown) >= table.stamps[0]


class _Marks:
    """Finds the entries of a stream by its packets.

    Attributes:
        known: whether they can be found.
        layered: as `PacketTable`, up to the last packet.
    """

    def __init__(self, stream: VideoStream):
        context = stream.codec_context
        self._codec = context.codec.canonical_name
        self._length = length_size(self._codec, context.extradata)
        self._sets: list[bytes] | None = None  # those of the first packet
        self._extradata = context.extradata or b""
        self.layered = False
        tests: dict[str, _Entry] = {
            "h264": self._picture,
            "hevc": self._picture,
            "vp9": lambda packet: packet.is_keyframe and _is_vp9_key(memoryview(packet)[0]),
            "av1": lambda packet: packet.is_keyframe,
            "mpeg4": lambda packet: packet.is_keyframe,
        }
        test = (lambda packet: True) if context.codec.intra_only else tests.get(self._codec)
        self.known, self._test = test is not None, test

    def entry(self, packet: Packet) -> bool:
        """Whether decoding can begin with a packet.

        Raises:
            ValueError: it is damaged, or it changes parameter sets.
        """
        if self._test is None or not any(memoryview(packet)):  # a hole of the file
            raise ValueError("expected a packet of a known codec, found another or zeros")
        return self._test(packet)

    def _picture(self, packet: Packet) -> bool:
        picture = coded_picture(self._codec, memoryview(packet), self._length)
        self.layered |= picture.layered
        if self._sets is None:
            self._sets = picture.parameter_sets
        for each in picture.parameter_sets:
            if each not in self._sets and (self._sets or each not in self._extradata):
                raise ValueError("expected the first packet's parameter sets, found others")
        return picture.entry


def _is_vp9_key(first: int) -> bool:
    """By a frame's first byte: VP9 bitstream specification, section 6.2, uncompressed_header."""
    marker, profile = first >> 6, (first >> 5 & 1) | (first >> 3 & 2)
    place = 2 if profile == 3 else 3
    existing, predicted = first >> place & 1, first >> (place - 1) & 1
    return marker == 2 and not existing and not predicted

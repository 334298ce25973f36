"""Units made by hand after ITU-T H.264, table 7-1, and ITU-T H.265, table 7-1."""

import pytest

from dfdetect_jax.media.nal_units import coded_picture, length_size

AVCC = bytes([1, 100, 0, 13, 0xFC | 3])  # ISO/IEC 14496-15, 5.3.3.1: lengthSizeMinusOne in the last two bits
HVCC = bytes([1, *range(20), 0x0C | 1])  # 8.3.3.1


def h264(kind: int, reference: int = 1) -> bytes:
    return bytes([reference << 5 | kind, 0x88, 0x84])


def h265(kind: int, layer: int = 0, temporal: int = 0) -> bytes:
    return bytes([kind << 1 | layer >> 5, (layer & 31) << 3 | temporal + 1, 0xAF])


def read(codec: str, *units: bytes, length: int = 4):
    """Of units with their lengths, and of the same with start codes."""
    lengths = b"".join(len(unit).to_bytes(length, "big") + unit for unit in units)
    codes = b"".join(b"\0\0\0\1" + unit for unit in units)
    picture = coded_picture(codec, memoryview(lengths), length)
    assert coded_picture(codec, memoryview(codes), 0) == picture
    return picture


@pytest.mark.parametrize(
    ("codec", "extradata", "size"),
    [("h264", AVCC, 4), ("hevc", HVCC, 2), ("h264", b"\0\0\0\1\x67", 0), ("hevc", None, 0), ("h264", b"\1", 0)],
)
def test_the_size_of_lengths_is_the_configuration_records(codec, extradata, size):
    assert length_size(codec, extradata) == size


@pytest.mark.parametrize(("slices", "entry"), [([5, 5], True), ([1], False), ([5, 1], False), ([2, 3, 4], False)])
def test_decoding_of_h264_begins_with_an_idr_picture(slices, entry):
    assert read("h264", h264(9), h264(6), *map(h264, slices)).entry == entry


@pytest.mark.parametrize(
    ("kind", "entry"), [(19, True), (20, True), (21, True), (16, True), (1, False), (0, False), (9, False)]
)
def test_decoding_of_h265_begins_with_an_intra_random_access_picture(kind, entry):
    assert read("hevc", h265(35), h265(kind), length=2).entry == entry


def test_parameter_sets_are_kept():
    assert read("h264", h264(7), h264(8), h264(5)).parameter_sets == [h264(7), h264(8)]
    assert read("hevc", *map(h265, (32, 33, 34, 19))).parameter_sets == [h265(32), h265(33), h265(34)]


def test_layers_are_told():
    assert not read("hevc", h265(1)).layered
    assert read("hevc", h265(1, temporal=1)).layered
    assert read("hevc", h265(1), h265(1, layer=1)).layered


WRONG = {
    "a length beyond the end": b"\0\0\0\5\x65\x88",
    "a hole": bytes(12),
    "no slice": b"\0\0\0\2\x06\x88",
    "a forbidden bit": b"\0\0\0\2\xe5\x88",
}


@pytest.mark.parametrize("data", WRONG.values(), ids=WRONG)
def test_what_is_no_picture_is_refused(data):
    with pytest.raises(ValueError, match="expected"):
        coded_picture("h264", memoryview(data), 4)

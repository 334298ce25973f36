"""Formats by content: photographs, videos, animations, sound, and what is none of them."""

import contextlib
import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from dfdetect_jax.errors import BadMediaError
from dfdetect_jax.media.file_format import (
    FORMATS,
    IMAGE_SUFFIXES,
    MEDIA_SUFFIXES,
    UNREAD_SUFFIXES,
    VIDEO_SUFFIXES,
    media_format,
    media_kind,
)
from dfdetect_jax.media.image import read_image

av = pytest.importorskip("av")
PIXELS = np.random.default_rng(0).integers(0, 256, (32, 48, 3), np.uint8)


def atom(kind, body=b""):
    return struct.pack(">I4s", 8 + len(body), kind) + body


def ftyp(major, *compatible):
    return atom(b"ftyp", major + bytes(4) + b"".join(compatible))


def written(path, content):
    path.write_bytes(content)
    return path


def clip(path, container, codec):
    with av.open(str(path), "w", format=container) as file:
        stream = file.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 48, 32, "yuv420p"
        for _ in range(6):
            file.mux(stream.encode(av.VideoFrame.from_ndarray(PIXELS, format="rgb24")))
        file.mux(stream.encode())
    return path


@pytest.mark.parametrize(
    ("container", "codec", "name"),
    [
        ("mp4", "mpeg4", "MP4"),
        ("mov", "mpeg4", "MOV"),
        ("avi", "mpeg4", "AVI"),
        ("matroska", "mpeg4", "Matroska"),
        ("mpegts", "mpeg2video", "MPEG-TS"),
        ("mpeg", "mpeg2video", "MPEG-PS"),
        ("asf", "mpeg4", "ASF"),
        ("flv", "flv", "FLV"),
    ],
)
def test_containers_are_known_under_a_wrong_name(tmp_path, container, codec, name):
    path = clip(tmp_path / "clip.jpg", container, codec)
    assert (media_format(path), media_kind(path)) == (name, "video")


@pytest.mark.parametrize("kind", [name for name in FORMATS if FORMATS[name].kind == "image" and name != "HEIF"])
def test_photographs_are_known_under_a_wrong_name(tmp_path, kind):
    path = tmp_path / "photo.mp4"
    Image.fromarray(PIXELS).save(path, format=kind)
    assert (media_format(path), media_kind(path)) == (kind, "image")


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "AVIF"])
def test_several_pictures_in_one_file_are_a_video(tmp_path, kind):
    path = tmp_path / "moving"
    Image.fromarray(PIXELS).save(path, kind, save_all=True, append_images=[Image.fromarray(PIXELS[::-1].copy())])
    assert media_kind(path) == "video"


def one_frame_webp():
    """An animated WebP whose second and last picture was taken away."""
    stream = io.BytesIO()
    second = Image.fromarray(PIXELS[::-1].copy())
    Image.fromarray(PIXELS).save(stream, "WEBP", save_all=True, append_images=[second], lossless=True)
    shorter = stream.getvalue()[: stream.getvalue().rindex(b"ANMF")]
    return shorter[:4] + struct.pack("<I", len(shorter) - 8) + shorter[8:]


def one_frame_png():
    stream = io.BytesIO()
    Image.fromarray(PIXELS).save(stream, "PNG")
    content, place = stream.getvalue(), stream.getvalue().index(b"IDAT") - 4
    control = struct.pack(">IIIIIHHBB", 0, 48, 32, 0, 0, 1, 10, 0, 0)
    return content[:place] + chunk(b"acTL", struct.pack(">II", 1, 0)) + chunk(b"fcTL", control) + content[place:]


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


@pytest.mark.parametrize("content", [one_frame_webp(), one_frame_png()], ids=["WebP", "PNG"])
def test_an_animation_of_one_picture_is_a_photograph(tmp_path, content):
    path = written(tmp_path / "a", content)
    assert media_kind(path) == "image"
    np.testing.assert_array_equal(read_image(path), PIXELS)


@pytest.mark.parametrize("padding", [b"free", b"skip", b"wide", b"uuid", b"pnot"])
@pytest.mark.parametrize("times", [1, 3])
def test_padding_before_a_movie_is_passed_over(tmp_path, padding, times):
    start = atom(padding, bytes(100)) * times
    assert media_format(written(tmp_path / "a", start + ftyp(b"isom") + atom(b"moov", bytes(64)))) == "MP4"
    assert media_format(written(tmp_path / "b", start + ftyp(b"qt  ") + atom(b"moov", bytes(64)))) == "MOV"
    assert media_format(written(tmp_path / "c", start + atom(b"mdat", bytes(64)) + atom(b"moov", bytes(64)))) == "MOV"


@pytest.mark.parametrize(
    ("start", "name"),
    [
        (ftyp(b"heic", b"mif1"), "HEIF"),
        (ftyp(b"mif1", b"heic"), "HEIF"),
        (ftyp(b"mif1", b"avif"), "AVIF"),
        (ftyp(b"3gp4"), "MP4"),
        (ftyp(b"M4V "), "MP4"),
        (ftyp(b"M4A ", b"isom"), "MP4"),
        (ftyp(b"MiHB", b"heic"), "HEIF"),
        (ftyp(b"mp42", b"isom", b"mif1"), "MP4"),
        (atom(b"free") + ftyp(b"heic", b"mif1"), "HEIF"),
        (struct.pack(">I4sQ", 1, b"mdat", 1 << 40), "MOV"),
    ],
)
def test_brands_decide_between_photographs_and_movies(tmp_path, start, name):
    assert media_format(written(tmp_path / "a", start)) == name


@pytest.mark.parametrize("length", [188, 192, 204])
def test_transport_streams_of_all_packet_lengths(tmp_path, length):
    packet = (bytes(4) if length == 192 else b"") + b"\x47" + bytes(187) + bytes(16 if length == 204 else 0)
    assert media_format(written(tmp_path / "a", packet * 10)) == "MPEG-TS"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "an empty file"),
        (b"hello", "text"),
        (b"GGGGGGGG" * 300, "text"),
        (b"ID3\x04" + bytes(20), "sound without video"),
        (b"\xff\xfb\x90\x00" + bytes(200), "sound without video"),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", "sound without video"),
        (b"OggS" + bytes(24) + b"\x01vorbis", "sound without video"),
        (b"fLaC" + bytes(8), "sound without video"),
        (b"\xff\xf1\x50\x80" + bytes(200), "sound without video"),
        (b"FORM\x00\x00\x00\x00AIFFCOMM", "sound without video"),
        (atom(b"jP  ", b"\r\n\x87\n"), "a JPEG 2000 picture; convert it first"),
        (atom(b"JXL ", b"\r\n\x87\n"), "a JPEG XL picture"),
        (ftyp(b"crx "), "a camera's raw file"),
        (b"II*\x00\x10\x00\x00\x00CR\x02\x00" + bytes(64), "a camera's raw file"),
        (b"\x00\x00\x01\xb3" + bytes(64), "an MPEG video without a container"),
        (b"%PDF-1.7", "a PDF"),
        (bytes(64), "an unknown format"),
    ],
)
def test_what_is_no_medium_is_described(tmp_path, content, words):
    path = written(tmp_path / "a.jpg", content)
    with pytest.raises(BadMediaError, match="expected a photograph") as caught:
        media_format(path)
    assert f"found {words}" in str(caught.value)


def test_no_suffix_is_both_a_photograph_and_a_video():
    assert not IMAGE_SUFFIXES & VIDEO_SUFFIXES
    assert not MEDIA_SUFFIXES & UNREAD_SUFFIXES
    assert {".heic", ".tif", ".gif"} <= IMAGE_SUFFIXES
    assert {".ts", ".wmv", ".flv", ".m4v"} <= VIDEO_SUFFIXES


def test_mutated_starts_raise_nothing_but_bad_media(tmp_path):
    random = np.random.default_rng(0)
    starts = [ftyp(b"isom", b"avis"), atom(b"free", bytes(9)) + ftyp(b"qt  "), b"GIF89a" + bytes(60)]
    for start in starts:
        for _ in range(60):
            content = bytearray(start + bytes(64))
            for place in random.integers(0, len(content), 4):
                content[place] = random.integers(0, 256)
            with contextlib.suppress(BadMediaError):
                assert media_kind(written(tmp_path / "a", content)) in ("image", "video")


@pytest.mark.parametrize("length", [188, 192, 204])
def test_a_transport_stream_that_begins_within_a_packet_is_known(tmp_path, length):
    packet = b"\x47" + bytes(length - 1)
    assert media_format(written(tmp_path / "a", bytes(77) + packet * 20)) == "MPEG-TS"
    with pytest.raises(BadMediaError, match="unknown format"):
        media_format(written(tmp_path / "b", bytes(77) + packet * 4))


def test_a_heif_is_known_by_the_brand_that_several_encoders_put_first(tmp_path):
    assert media_format(written(tmp_path / "a", ftyp(b"miaf", b"mif1", b"heic"))) == "HEIF"

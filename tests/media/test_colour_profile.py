"""Embedded profiles become sRGB as LittleCMS has it; HLG and PQ in HEIC become SDR."""

import io
import struct

import numpy as np
import pillow_heif
import pytest
from PIL import Image, ImageCms

from dfdetect_jax.media.image import read_image
from dfdetect_jax.media.tone_mapping import Transfer, to_sdr

Y, X = np.mgrid[0:24, 0:40]
PIXELS = np.stack([X * 6, Y * 10, (X + Y) * 3], axis=-1).astype(np.uint8)
P3 = ((0.51512, 0.2412, -0.00105), (0.29198, 0.69225, 0.04189), (0.1571, 0.06657, 0.78407))  # XYZ under D50
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def numbers(*values):
    return b"XYZ \0\0\0\0" + struct.pack(f">{len(values)}i", *(round(value * 65_536) for value in values))


def profile(primaries=P3, gamma=2.2, space=b"RGB "):
    """A profile of three primaries or of grey and one gamma: ICC.1:2022, sections 7.2 (header) and 7.3 (tags)."""
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"
    tags = {b"wtpt": numbers(0.9642, 1, 0.8249), b"cprt": b"text\0\0\0\0x\0\0\0"}
    if space == b"GRAY":
        tags[b"kTRC"] = curve
    else:
        tags |= {name + b"XYZ": numbers(*xyz) for name, xyz in zip((b"r", b"g", b"b"), primaries, strict=True)}
        tags |= {name + b"TRC": curve for name in (b"r", b"g", b"b")}
    place, table, body = 132 + 12 * len(tags), struct.pack(">I", len(tags)), b""
    for name, content in tags.items():
        table += name + struct.pack(">II", place + len(body), len(content))
        body += content
    head = struct.pack(">I4xI4s4s4s", place + len(body), 0x0210_0000, b"mntr", space, b"XYZ ")
    return head + bytes(12) + b"acsp" + bytes(28) + numbers(0.9642, 1, 0.8249)[8:] + bytes(48) + table + body


def converted(picture, icc):
    """By LittleCMS in one call."""
    source = ImageCms.ImageCmsProfile(io.BytesIO(icc))
    return np.asarray(ImageCms.profileToProfile(picture, source, ImageCms.createProfile("sRGB"), outputMode="RGB"))


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_an_embedded_profile_is_converted_to_srgb(tmp_path, kind):
    path = tmp_path / "p3"
    Image.fromarray(PIXELS).save(path, kind, icc_profile=profile())
    read = read_image(path)
    np.testing.assert_array_equal(read, converted(Image.fromarray(PIXELS), profile()))
    assert np.abs(read.astype(int) - PIXELS).max() > 20


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "HEIF", "AVIF"])
def test_an_embedded_profile_is_converted_in_lossy_formats_too(tmp_path, kind):
    path = tmp_path / "p3"
    Image.fromarray(PIXELS).save(path, kind, icc_profile=profile(), quality=95)
    close = np.abs(read_image(path).astype(int) - converted(Image.fromarray(PIXELS), profile())).mean()
    assert close < 3 < np.abs(converted(Image.fromarray(PIXELS), profile()).astype(int) - PIXELS).mean() + close


def test_grey_is_converted_by_a_profile_of_grey(tmp_path):
    path, grey = tmp_path / "grey.png", Image.fromarray(PIXELS[..., 0])
    grey.save(path, icc_profile=profile(gamma=1.0, space=b"GRAY"))
    np.testing.assert_array_equal(read_image(path), converted(grey, profile(gamma=1.0, space=b"GRAY")))


@pytest.mark.parametrize(
    "icc",
    [SRGB, profile(space=b"GRAY"), profile()[:200], b"no profile", profile()[:128] + bytes(400), b""],
    ids=["sRGB", "of grey", "cut", "text", "without tags", "empty"],
)
def test_other_profiles_and_damaged_ones_change_nothing(tmp_path, icc):
    path = tmp_path / "a.png"
    Image.fromarray(PIXELS).save(path, icc_profile=icc)
    np.testing.assert_array_equal(read_image(path), PIXELS)


def test_mutated_profiles_are_harmless(tmp_path):
    draw, path = np.random.default_rng(0), tmp_path / "a.tif"
    for _ in range(100):
        icc = bytearray(profile())
        for place in draw.integers(0, len(icc), 6):
            icc[place] = draw.integers(0, 256)
        Image.fromarray(PIXELS).save(path, icc_profile=bytes(icc))
        assert read_image(path).shape == PIXELS.shape


@pytest.mark.parametrize(("number", "transfer"), [(16, Transfer.PQ), (18, Transfer.HLG)])
def test_a_heic_in_hdr_becomes_sdr(tmp_path, number, transfer):
    path = tmp_path / "hdr.heic"
    picture = pillow_heif.from_pillow(Image.fromarray(PIXELS))
    picture.save(path, quality=95, color_primaries=9, transfer_characteristics=number, matrix_coefficients=9)
    assert b"colrnclx" in path.read_bytes()
    expected = to_sdr(PIXELS.astype(np.uint16) * 257, transfer)
    assert np.abs(read_image(path).astype(int) - expected).mean() < 4

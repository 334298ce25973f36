"""TIFF: pixels of every kind, several pages, raw files of cameras, headers that declare too much."""

import struct

import cv2
import numpy as np
import pytest
from PIL import Image

from dfdetect_jax.errors import BadMediaError
from dfdetect_jax.media.image import read_image

Y, X = np.mgrid[0:24, 0:40]
PIXELS = np.stack([X * 6, Y * 10, (X + Y) * 3], axis=-1).astype(np.uint8)


def tiff(path, entries):
    """A TIFF of one page without pixels, by its tags: (number, type, value)."""
    directory = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in sorted(entries))
    path.write_bytes(b"II*\0" + struct.pack("<IH", 8, len(entries)) + directory + bytes(68))
    return path


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg"])
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "CMYK"])
def test_compressed_pages_are_read(tmp_path, mode, compression):
    path = tmp_path / "a.tif"
    Image.fromarray(PIXELS).convert(mode).save(path, compression=compression)
    expected = np.asarray(Image.fromarray(PIXELS).convert("L" if mode == "L" else "RGB").convert("RGB"), int)
    assert np.abs(read_image(path) - expected).mean() < (6 if compression == "jpeg" else 0.1)


def test_16_bits_of_grey_keep_the_high_byte(tmp_path):
    Image.fromarray(PIXELS[..., 0].astype(np.uint16) * 256 + 200).save(tmp_path / "a.tif")
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif")[..., 2], PIXELS[..., 0])


def test_a_tiff_of_16_bits_in_colour_keeps_the_high_byte(tmp_path):
    path = tmp_path / "deep.tif"
    cv2.imwrite(str(path), PIXELS[..., ::-1].astype(np.uint16) * 257)
    np.testing.assert_array_equal(read_image(path), PIXELS)


@pytest.mark.parametrize("deep", [PIXELS.astype(np.float32), PIXELS[..., 0].astype(np.float32)], ids=["RGB", "grey"])
def test_floating_point_is_refused_in_words(tmp_path, deep, capfd):
    cv2.imwrite(str(tmp_path / "a.tif"), deep)
    with pytest.raises(BadMediaError, match=r"rare kind|expected grey, RGB or CMYK pixels of 8 or 16 bits"):
        read_image(tmp_path / "a.tif")
    assert capfd.readouterr() == ("", "")


def test_integers_of_32_bits_are_refused_not_black(tmp_path):
    Image.fromarray(PIXELS[..., 0].astype(np.int32)).save(tmp_path / "a.tif")
    with pytest.raises(BadMediaError, match="8 or 16 bits, found Pillow's mode I"):
        read_image(tmp_path / "a.tif")


@pytest.mark.parametrize(("tag", "value"), [(254, 1), (50706, 0x00000401)], ids=["reduced page", "DNG"])
def test_the_preview_in_a_raw_file_is_not_taken_for_the_photograph(tmp_path, tag, value):
    path = tmp_path / "raw.tif"
    Image.fromarray(PIXELS).save(path, tiffinfo={tag: value if tag == 254 else struct.pack("<I", value)})
    with pytest.raises(BadMediaError, match="a camera's raw file"):
        read_image(path)


def test_a_tiff_of_too_many_pixels_is_refused_before_it_is_decoded(tmp_path):
    """By the header of a TIFF that declares 16 bits and 100,000 x 100,000 pixels."""
    entries = [(256, 4, 1, 100_000), (257, 4, 1, 100_000), (258, 3, 1, 16), (262, 3, 1, 2), (277, 3, 1, 3)]
    directory = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in entries)
    path = tmp_path / "bomb.tif"
    path.write_bytes(b"II*\0" + struct.pack("<I", 8) + directory + struct.pack("<I", 0) + bytes(64))
    with pytest.raises(BadMediaError, match="found 100000 x 100000;"):
        read_image(path)


@pytest.mark.parametrize("compression", [1, 5, 7, 8])
def test_tiles_larger_than_memory_are_refused(tmp_path, compression):
    tags = {256: 100, 257: 100, 258: 8, 259: compression, 262: 1, 277: 1, 322: 65_536, 323: 65_536, 324: 150, 325: 64}
    path = tiff(tmp_path / "a.tif", [(tag, 4, value) for tag, value in tags.items()])
    with pytest.raises(BadMediaError, match=r"expected a readable TIFF, found .*; get the file again"):
        read_image(path)

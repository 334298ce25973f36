import contextlib
import io
import os
import struct
import sys
import zlib

import cv2
import numpy as np
import pillow_heif
import pytest
from PIL import Image

from dfdetect_jax.errors import BadMediaError
from dfdetect_jax.media import image
from dfdetect_jax.media.file_format import media_kind
from dfdetect_jax.media.image import read_image

HEIGHT, WIDTH = 24, 40

pillow_heif.register_heif_opener()


def gradient() -> np.ndarray:
    """Smooth, different in each channel and corner, so that JPEG keeps it and a rotation shows."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    return np.stack([x * 6, y * 10, (x + y) * 3], axis=-1).astype(np.uint8)


def png_declaring(width: int, height: int) -> bytes:
    """A valid PNG of few bytes that declares any size."""

    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(b"\0" * 100_000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.parametrize("suffix", ["png", "bmp", "webp", "tif"])
def test_lossless_formats_are_read_exactly(tmp_path, suffix):
    path = tmp_path / f"picture.{suffix}"
    Image.fromarray(gradient()).save(path, **({"lossless": True} if suffix == "webp" else {}))
    read = read_image(path)
    assert media_kind(path) == "image"
    assert read.dtype == np.uint8
    assert read.flags.writeable
    np.testing.assert_array_equal(read, gradient())


def test_a_jpeg_is_read_as_opencv_reads_it(tmp_path):
    path = tmp_path / "picture.jpg"
    Image.fromarray(gradient()).save(path, quality=95, subsampling=0)
    expected = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
    assert np.abs(read_image(path).astype(int) - expected).max() <= 3


def test_the_bytes_decide_the_kind_not_the_name(tmp_path):
    path = tmp_path / "picture.mp4"
    Image.fromarray(gradient()).save(path, format="PNG")
    assert media_kind(path) == "image"


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(tmp_path, orientation):
    upright = gradient()
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright, 1),
        7: upright[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "turned.png"
    Image.fromarray(np.ascontiguousarray(stored)).save(path, exif=exif)
    np.testing.assert_array_equal(read_image(path), upright)


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif"])
def test_a_density_stretches_nothing(tmp_path, name):
    Image.fromarray(gradient()).save(tmp_path / name, dpi=(144, 72))
    assert read_image(tmp_path / name).shape == (HEIGHT, WIDTH, 3)


def test_damaged_exif_counts_as_upright(tmp_path):
    path = tmp_path / "picture.png"
    Image.fromarray(gradient()).save(path, exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    np.testing.assert_array_equal(read_image(path), gradient())


def test_grey_becomes_three_equal_channels(tmp_path):
    path = tmp_path / "grey.png"
    grey = gradient()[..., 0]
    Image.fromarray(grey).save(path)
    np.testing.assert_array_equal(read_image(path), np.repeat(grey[..., None], 3, axis=-1))


def test_sixteen_bits_keep_the_high_byte(tmp_path):
    path = tmp_path / "deep.png"
    grey = gradient()[..., 0].astype(np.uint16) * 256 + 255
    Image.fromarray(grey).save(path)
    np.testing.assert_array_equal(read_image(path)[..., 0], gradient()[..., 0])


def test_sixteen_bit_colour_keeps_the_high_byte(tmp_path):
    path = tmp_path / "deep.png"
    cv2.imwrite(str(path), gradient()[..., ::-1].astype(np.uint16) * 256 + 17)
    np.testing.assert_array_equal(read_image(path), gradient())


def test_transparent_pixels_are_laid_over_black(tmp_path):
    path = tmp_path / "alpha.png"
    alpha = np.full((HEIGHT, WIDTH, 1), 255, np.uint8)
    alpha[:, :10] = 0
    Image.fromarray(np.concatenate([gradient(), alpha], axis=-1)).save(path)
    read = read_image(path)
    assert not read[:, :10].any()
    np.testing.assert_array_equal(read[:, 10:], gradient()[:, 10:])


def test_a_palette_becomes_its_colours(tmp_path):
    path = tmp_path / "palette.png"
    picture = Image.fromarray(gradient()).quantize(16)
    picture.save(path)
    np.testing.assert_array_equal(read_image(path), np.asarray(picture.convert("RGB")))


def test_cmyk_becomes_rgb(tmp_path):
    path = tmp_path / "print.jpg"
    Image.new("CMYK", (16, 16), (0, 255, 255, 0)).save(path, quality=95)
    red, green, blue = read_image(path)[8, 8]
    assert red > 240
    assert green < 15
    assert blue < 15


def test_the_pixel_cap_counts_before_decoding(tmp_path, monkeypatch):
    monkeypatch.setattr(Image.Image, "load", lambda *_: pytest.fail("decoded"))
    path = tmp_path / "bomb.png"
    path.write_bytes(png_declaring(16_000, 16_000))
    with pytest.raises(BadMediaError, match="scale it down"):
        read_image(path)
    for width, height in [(8_001, 8_000), (32_001, 10)]:
        path.write_bytes(png_declaring(width, height))
        with pytest.raises(
            BadMediaError, match=f"at most 64,000,000 pixels and 32,000 along a side, found {width} x {height};"
        ):
            read_image(path)


def test_the_pixel_cap_itself_is_allowed(tmp_path):
    path = tmp_path / "picture.png"
    Image.fromarray(gradient()).save(path)
    with image.opened(path, "PNG", most=HEIGHT * WIDTH) as picture:
        assert picture.size == (WIDTH, HEIGHT)
    with pytest.raises(BadMediaError, match="scale it down"), image.opened(path, "PNG", most=HEIGHT * WIDTH - 1):
        pass


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "bmp"])
def test_a_file_cut_in_half_is_refused(tmp_path, suffix):
    whole = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(whole, format={"jpg": "JPEG"}.get(suffix, suffix))
    path = tmp_path / f"cut.{suffix}"
    path.write_bytes(whole.getvalue()[: len(whole.getvalue()) // 2])
    with pytest.raises(BadMediaError, match=r"cut\.\w+: expected a readable .*; get the file again"):
        read_image(path)


def test_a_damaged_header_is_refused_and_the_file_named_once(tmp_path):
    path = tmp_path / "photo.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(40))
    with pytest.raises(BadMediaError) as caught:
        read_image(path)
    assert str(caught.value) == f"{path}: expected a readable PNG, found its header damaged; get the file again"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "found an empty file"),
        (b"Not a photograph at all.\n", "found text"),
        ("Überhaupt kein Photo".encode(), "found text"),
        (b"PK\x03\x04" + bytes(40), "found a ZIP archive"),
        (b"ID3" + bytes(40), "found sound without video"),
        (bytes(range(128, 168)), "found an unknown format"),
    ],
)
def test_what_is_not_on_the_list_is_refused_in_words(tmp_path, content, words):
    path = tmp_path / "photo.jpg"
    path.write_bytes(content)
    for read in (media_kind, read_image):
        with pytest.raises(BadMediaError, match=words) as caught:
            read(path)
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_folder_a_missing_file_and_a_pipe_are_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    for name, words in [("", "a folder"), ("no.jpg", "No such file"), ("pipe.jpg", "not a plain file")]:
        with pytest.raises(BadMediaError, match=words):
            read_image(tmp_path / name)


def test_an_animation_is_refused(tmp_path):
    path = tmp_path / "moving.webp"
    frames = [Image.fromarray(gradient()), Image.fromarray(gradient()[::-1].copy())]
    frames[0].save(path, save_all=True, append_images=frames[1:])
    with pytest.raises(BadMediaError, match="animated WebP"):
        read_image(path)


def test_mutated_files_raise_nothing_but_bad_media(tmp_path):
    draw = np.random.default_rng(0)
    path = tmp_path / "mutated"
    for kind in ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "AVIF", "HEIF"):
        whole = io.BytesIO()
        Image.fromarray(gradient()).save(whole, format=kind)
        for _ in range(60):
            content = bytearray(whole.getvalue())
            for position in draw.integers(0, min(len(content), 400), 6):
                content[position] = draw.integers(0, 256)
            path.write_bytes(content)
            with contextlib.suppress(BadMediaError):
                assert read_image(path).ndim == 3


@pytest.mark.parametrize(("suffix", "tolerance"), [("gif", 40), ("avif", 12), ("heic", 12)])
def test_lossy_formats_are_read_closely(tmp_path, suffix, tolerance):
    path = tmp_path / f"picture.{suffix}"
    Image.fromarray(gradient()).save(path, **({} if suffix == "gif" else {"quality": 95}))
    assert media_kind(path) == "image"
    assert np.abs(read_image(path).astype(int) - gradient()).mean() < tolerance


@pytest.mark.parametrize("suffix", ["heic", "tif"])
def test_a_turned_photograph_of_other_formats_is_turned_once(tmp_path, suffix):
    path = tmp_path / f"turned.{suffix}"
    stored = Image.fromarray(gradient())
    stored.getexif()[0x0112] = 6
    stored.save(path, **({"quality": 95} if suffix == "heic" else {"exif": stored.getexif()}))
    assert np.abs(read_image(path).astype(int) - np.rot90(gradient(), -1)).mean() < 12


def test_a_heic_without_its_decoder_names_the_extra(tmp_path, monkeypatch):
    path = tmp_path / "IMG_0001.HEIC"
    Image.fromarray(gradient()).save(path, format="HEIF")
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(BadMediaError, match=r"pip install 'dfdetect_jax\[heif\]'"):
        read_image(path)


def test_of_a_tiff_with_several_pages_the_first_is_read(tmp_path):
    path = tmp_path / "pages.tif"
    pages = [Image.fromarray(gradient()), Image.fromarray(gradient()[::-1].copy())]
    pages[0].save(path, save_all=True, append_images=pages[1:])
    assert media_kind(path) == "image"
    np.testing.assert_array_equal(read_image(path), gradient())


@pytest.mark.parametrize(("kind", "suffix"), [("AVIF", "avif"), ("WEBP", "webp"), ("TIFF", "tif"), ("JPEG", "jpg")])
@pytest.mark.parametrize("orientation", [3, 5, 6, 8])
def test_every_format_is_turned_once(tmp_path, kind, suffix, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    back = {3: lambda a: a[::-1, ::-1], 5: lambda a: a.swapaxes(0, 1), 6: np.rot90, 8: lambda a: np.rot90(a, -1)}
    path = tmp_path / f"turned.{suffix}"
    Image.fromarray(np.ascontiguousarray(back[orientation](gradient()))).save(path, kind, exif=exif, quality=95)
    assert np.abs(read_image(path).astype(int) - gradient()).mean() < 4


def test_a_heic_that_has_both_irot_and_exif_is_turned_once(tmp_path):
    path = tmp_path / "phone.heic"
    stored = Image.fromarray(np.ascontiguousarray(np.rot90(gradient())))
    stored.getexif()[0x0112] = 6
    stored.save(path, quality=95)
    assert b"irot" in path.read_bytes()
    assert b"Exif" in path.read_bytes()
    assert np.abs(read_image(path).astype(int) - gradient()).mean() < 4


def test_a_heic_of_10_bits_keeps_the_high_ones(tmp_path):
    path = tmp_path / "deep.heic"
    deep = gradient().astype(np.uint16) * 257
    pillow_heif.from_bytes("RGB;16", (WIDTH, HEIGHT), deep.tobytes()).save(path, quality=95)
    assert pillow_heif.open_heif(path, convert_hdr_to_8bit=False).info["bit_depth"] == 10
    assert np.abs(read_image(path).astype(int) - gradient()).mean() < 4

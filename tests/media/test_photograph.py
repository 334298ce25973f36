"""Damage that decoders pass over is noticed where the format has something to tell it by."""

import io

import numpy as np
import pytest
from PIL import Image

from dfdetect_jax.errors import BadMediaError
from dfdetect_jax.media.photograph import is_damaged, read_intact, read_photograph

Y, X = np.mgrid[0:96, 0:120]
NOISE = np.random.default_rng(0).integers(-20, 20, (96, 120, 3))
PIXELS = np.clip(np.stack([X * 2, Y * 2, X + Y], axis=-1) + NOISE, 0, 255).astype(np.uint8)


def encoded(kind, mode="RGB", **options):
    stream = io.BytesIO()
    Image.fromarray(PIXELS).convert(mode).save(stream, kind, **options)
    return stream.getvalue()


def written(path, content):
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    "content",
    [
        encoded("JPEG"),
        encoded("JPEG", progressive=True),
        encoded("JPEG", subsampling=0, optimize=True),
        encoded("JPEG", restart_marker_rows=1),
        encoded("JPEG", "L"),
        encoded("JPEG", "CMYK"),
        encoded("JPEG") + bytes(100),
        encoded("PNG"),
        encoded("PNG", "P"),
        encoded("PNG") + b"more",
        encoded("WEBP"),
        encoded("WEBP", lossless=True),
        encoded("TIFF"),
        encoded("BMP"),
    ],
)
def test_intact_photographs_are_not_called_damaged(tmp_path, content):
    path = written(tmp_path / "a", content)
    frame = read_photograph(path)
    assert (frame.index, frame.seconds, frame.damaged) == (0, 0.0, False)
    np.testing.assert_array_equal(frame.image, read_intact(path))


def taller(content):
    """A JPEG whose header declares half as many rows again."""
    place = max(content.find(b"\xff\xc0"), content.find(b"\xff\xc2")) + 5
    return content[:place] + (144).to_bytes(2, "big") + content[place + 2 :]


@pytest.mark.parametrize("options", [{}, {"progressive": True}], ids=["baseline", "progressive"])
@pytest.mark.parametrize(
    "damage",
    [
        taller,
        lambda content: content[: len(content) // 2] + b"\xff\xd9",
        lambda content: content[: len(content) // 2] + bytes(200) + content[len(content) // 2 + 200 :],
    ],
    ids=["taller", "ends early", "hole"],
)
def test_damage_that_pillow_passes_over_is_noticed_in_jpeg(tmp_path, options, damage):
    path = written(tmp_path / "a.jpg", damage(encoded("JPEG", **options)))
    assert read_photograph(path).damaged
    with pytest.raises(BadMediaError, match="damage inside the file"):
        read_intact(path)


def test_wrong_bytes_are_noticed_in_most_jpegs(tmp_path):
    draw = np.random.default_rng(0)
    noticed = 0
    for _ in range(20):
        content = bytearray(encoded("JPEG"))
        for place in draw.integers(content.index(b"\xff\xda") + 14, len(content) - 2, 20):
            content[place] ^= draw.integers(1, 256)
        try:
            noticed += read_photograph(written(tmp_path / "a.jpg", bytes(content))).damaged
        except BadMediaError:
            noticed += 1
    assert noticed > 10


@pytest.mark.parametrize("place", [0.3, 0.6, 0.9])
def test_every_wrong_byte_is_noticed_in_png(tmp_path, place):
    content = bytearray(encoded("PNG"))
    content[int(place * len(content))] ^= 1
    assert is_damaged(written(tmp_path / "a.png", bytes(content)))


def test_a_wrong_checksum_alone_is_damage_of_a_png(tmp_path):
    content = bytearray(encoded("PNG"))
    content[content.rindex(b"IEND") - 5] ^= 1  # of IDAT
    path = written(tmp_path / "a.png", bytes(content))
    assert read_photograph(path).damaged


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(BadMediaError, match="No such file"):
        read_photograph(tmp_path / "no.jpg")

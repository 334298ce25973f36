"""Movies with padding in front: read as they were, whether or not their offsets were corrected."""

import struct

import numpy as np
import pytest

from dfdetect_jax.media.displaced import PartOfFile, displaced_by
from dfdetect_jax.media.video import probe, read_frames
from tests.media.clips import FRAMES, write_clip


@pytest.fixture(scope="module")
def movie(tmp_path_factory):
    return write_clip(tmp_path_factory.mktemp("movie") / "a.mp4")


@pytest.mark.parametrize("padding", [struct.pack(">I4s", 16, b"free") + bytes(8), struct.pack(">I4s", 8, b"wide") * 3])
def test_a_movie_behind_padding_is_read_as_it_was(movie, tmp_path, padding):
    path = tmp_path / "a.mov"
    path.write_bytes(padding + movie.read_bytes())
    assert displaced_by(path) == len(padding)
    assert probe(path).frames == FRAMES
    for ours, before in zip(read_frames(path), read_frames(movie), strict=True):
        np.testing.assert_array_equal(ours.image, before.image)


def test_correct_offsets_are_left_alone(movie, tmp_path):
    padding = struct.pack(">I4s", 16, b"free") + bytes(8)
    content = bytearray(movie.read_bytes())
    at = content.find(b"stco") + 12
    content[at : at + 4] = struct.pack(">I", int.from_bytes(content[at : at + 4], "big") + len(padding))
    path = tmp_path / "a.mov"
    path.write_bytes(padding + content)
    assert displaced_by(path) == displaced_by(movie) == 0
    assert len(list(read_frames(path))) == FRAMES


@pytest.mark.parametrize("content", [b"", b"free", bytes(100), struct.pack(">I4sQ", 1, b"moov", 0), b"\0\0\0\x10free"])
def test_damaged_atoms_are_no_obstacle(tmp_path, content):
    (tmp_path / "a").write_bytes(content)
    assert displaced_by(tmp_path / "a") == 0


def test_a_part_of_a_file_is_as_a_file_of_its_own(tmp_path):
    (tmp_path / "a").write_bytes(bytes(range(20)))
    with PartOfFile(tmp_path / "a", 5) as part:
        assert (part.tell(), part.read(2), part.tell()) == (0, b"\5\6", 2)
        assert (part.seek(3), part.read(1)) == (3, b"\10")
        assert part.seek(0, 2) == 15

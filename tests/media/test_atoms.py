"""Atoms of MP4 and its relatives, by bytes written here."""

import io
import struct

import pytest

from dfdetect_jax.media.atoms import atoms, brands


def read(content):
    return [(atom.kind, atom.start, atom.body, atom.end) for atom in atoms(io.BytesIO(content))]


def test_atoms_of_short_and_long_sizes_follow_each_other():
    short, long = struct.pack(">I4s", 12, b"free") + bytes(4), struct.pack(">I4sQ", 1, b"mdat", 20) + bytes(4)
    assert read(short + long) == [(b"free", 0, 8, 12), (b"mdat", 12, 28, 32)]


def test_an_atom_without_a_size_goes_on_to_the_end_and_one_that_was_cut_beyond_it():
    assert read(struct.pack(">I4s", 0, b"mdat") + bytes(5)) == [(b"mdat", 0, 8, 13)]
    assert read(struct.pack(">I4s", 100, b"mdat") + bytes(5)) == [(b"mdat", 0, 8, 100)]


@pytest.mark.parametrize("content", [b"", b"short", struct.pack(">I4s", 7, b"mdat") + bytes(9)])
def test_what_cannot_be_an_atom_ends_them(content):
    assert read(content) == []


def test_brands_are_the_major_and_the_compatible_ones():
    atom = struct.pack(">I4s", 24, b"ftyp") + b"mif1" + bytes(4) + b"heicavif" + b"beyond"
    assert brands(atom) == {b"mif1", b"heic", b"avif"}

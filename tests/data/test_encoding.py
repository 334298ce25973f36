import dataclasses

import numpy as np
import pytest

from dfdetect_jax.data.encoding import LINKED, PNG, RAW, Codec
from dfdetect_jax.data.example import LandmarkedExample, LinkedExample
from dfdetect_jax.errors import RecordsError
from tests.data.drawn import SIZE, drawn_example
from tests.data.photographs import write_image


def equal(fields, example):
    return all(np.array_equal(fields[name], getattr(example, name)) for name in vars(example))


@pytest.mark.parametrize("encoding", [RAW, PNG])
@pytest.mark.parametrize("number", [2, 3])  # a real and a fake
def test_an_example_comes_back_bit_for_bit(encoding, number):
    codec, example = Codec(SIZE, encoding), drawn_example("train", number)
    fields = codec.decode(codec.encode(example))
    assert equal(fields, example)
    assert (fields["image"].dtype, fields["mask"].dtype) == (np.uint8, np.uint8)


def test_landmarks_are_kept_where_the_records_have_them():
    points = np.random.default_rng(0).uniform(0, SIZE, (5, 2)).astype(np.float32)
    example = LandmarkedExample(**vars(drawn_example("train", 2)), landmarks=points)
    codec = Codec(SIZE, RAW, landmarks=True)
    assert equal(codec.decode(codec.encode(example)), example)


@pytest.mark.parametrize("encoding", [RAW, PNG])
def test_names_are_read_without_pictures(encoding):
    codec, example = Codec(SIZE, encoding), drawn_example("train", 3)
    names = codec.names(codec.encode(example))
    assert names == {name: getattr(example, name) for name in names}


def test_raw_is_larger_and_png_smaller_than_a_smooth_crop():
    smooth = dataclasses.replace(drawn_example("train", 2), image=np.full((SIZE, SIZE, 3), 90, np.uint8))
    assert len(Codec(SIZE, PNG).encode(smooth)) < SIZE * SIZE * 3 < len(Codec(SIZE, RAW).encode(smooth))


def test_bytes_that_are_no_record_and_damaged_pictures_are_refused():
    with pytest.raises(RecordsError, match="can't be parsed"):
        Codec(SIZE, RAW).decode(b"\xff" * 50)
    codec = Codec(SIZE, PNG)
    record = bytearray(codec.encode(drawn_example("train", 3)))
    place = record.index(b"IDAT")
    record[place : place + 40] = bytes(40)
    with pytest.raises(RecordsError, match="damaged"):
        codec.decode(bytes(record))


@pytest.fixture
def linked(tmp_path):
    """Codec, and an example whose picture is 48 wide and 32 high, its mask's right half forged."""
    picture = np.random.default_rng(0).integers(0, 256, (32, 48, 3), np.uint8)
    mask = np.zeros((32, 48), np.uint8)
    mask[:, 24:] = 255
    write_image(tmp_path / "a/0.png", picture)
    write_image(tmp_path / "a/mask.png", mask)
    example = LinkedExample(**{**vars(drawn_example("train", 3)), "image": "a/0.png", "mask": "a/mask.png"})
    return Codec(32, LINKED, str(tmp_path)), example, picture


def test_linked_pictures_are_read_where_they_lie_and_squared_in_the_middle(linked):
    codec, example, picture = linked
    fields = codec.decode(codec.encode(example))
    assert np.array_equal(fields["image"], picture[:, 8:40])
    assert fields["mask"][:, 16:].all()
    assert not fields["mask"][:, :16].any()
    assert fields["label"] == 1


def test_linked_pictures_of_another_size_are_resized_to_the_codecs(linked):
    codec, example, _ = linked
    fields = dataclasses.replace(codec, size=16).decode(codec.encode(example))
    assert (fields["image"].shape, fields["mask"].shape) == ((16, 16, 3), (16, 16))
    assert set(np.unique(fields["mask"])) == {0, 255}


def test_a_linked_example_without_mask_has_an_empty_one(linked):
    codec, example, _ = linked
    fields = codec.decode(codec.encode(dataclasses.replace(example, mask="", has_mask=False)))
    assert not fields["mask"].any()
    assert not fields["has_mask"]


def test_a_linked_picture_that_is_gone_is_named(linked, tmp_path):
    codec, example, _ = linked
    (tmp_path / "a/0.png").unlink()
    with pytest.raises(RecordsError, match=r"a linked picture can't be read: .*a/0\.png"):
        codec.decode(codec.encode(example))

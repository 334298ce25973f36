import pytest

from dfdetect_jax.data.encoding import RAW, Codec
from dfdetect_jax.data.prepare import shards
from dfdetect_jax.data.prepare.parts import read_report, write_part
from dfdetect_jax.errors import RecordsError
from tests.data.drawn import SIZE, drawn_example


def test_a_part_damaged_behind_its_report_is_removed_so_that_its_clip_is_done_again(tmp_path):
    parts, codec = [tmp_path / "0.part", tmp_path / "1.part"], Codec(SIZE, RAW)
    for number, part in enumerate(parts):
        write_part(part, {"clip": str(number)}, [drawn_example("train", number)], codec)
    content = bytearray(parts[1].read_bytes())
    pixels = drawn_example("train", 1).image.tobytes()
    content[content.index(pixels[500:532]) + 3] ^= 0xFF
    parts[1].write_bytes(content)
    assert read_report(parts[1]) == {"clip": "1"}
    folder = tmp_path / "drawn/32px/1.0.0"
    folder.mkdir(parents=True)
    with pytest.raises(RecordsError, match=r"1.part: expected .*, found damage .*; run the same command again"):
        shards.merge(folder, "drawn", codec, parts)
    assert [part.exists() for part in parts] == [True, False]

import dataclasses

import numpy as np

from dfdetect_jax.active.sources import source_crops
from dfdetect_jax.data.records import Records
from tests.data.drawn import drawn_example, write_records


def test_the_source_lies_beside_a_fake_where_the_records_have_it(tmp_path):
    records = write_records(tmp_path / "drawn", {"train": 8}, example_of=forged_from_the_clip)
    split = Records(records, "train")
    fakes = np.flatnonzero(split.labels).tolist()
    crop = source_crops(split, fakes)
    for place in fakes:
        frame = split[place]["frame"]
        source = next(split[i] for i in range(8) if split[i]["video"] == split[place]["source"])
        if source["frame"] == frame:
            np.testing.assert_array_equal(crop(place), source["image"])
    assert crop(fakes[0]) is not None
    without = write_records(tmp_path / "plain", {"train": 8})
    assert source_crops(Records(without, "train"), fakes)(fakes[0]) is None


def forged_from_the_clip(split, number):
    """Reals and fakes in clips of their own; fake 2 n + 1 was forged from real 2 n, whose frame has the same number."""
    example = drawn_example(split, number)
    video = f"{'fake' if number % 2 else 'real'}{number // 2}"
    source = f"real{number // 2}" if number % 2 else ""
    return dataclasses.replace(example, video=video, source=source, frame=number // 2)

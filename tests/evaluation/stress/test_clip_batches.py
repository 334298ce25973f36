import itertools

import numpy as np
import pytest

from dfdetect_jax.data.pipeline import eval_batches
from dfdetect_jax.data.records import Records
from dfdetect_jax.errors import RecordsError
from dfdetect_jax.evaluation.stress.clip_batches import clip_batches, evenly_spaced
from tests.data.drawn import SIZE, write_records

COUNT = 71  # clips of four frames and one of three, the last batch not full


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_records(tmp_path_factory.mktemp("data") / "drawn", {"test": COUNT, "val": 9})


def rows(batches, *names):
    return list(itertools.chain.from_iterable(zip(*(b[n].tolist() for n in names), strict=True) for b in batches))


def test_every_frame_comes_once_with_what_belongs_to_it(folder):
    def by_name(batches):
        frames = [
            (batch["video"][i], batch["frame"][i], batch["label"][i], batch["image"][i].tobytes())
            for batch in batches
            for i in np.flatnonzero(batch["valid"])
        ]
        return sorted(frames)

    expected = by_name(eval_batches(folder, "test", batch_size=8, image_size=SIZE))
    assert by_name(clip_batches(folder, "test", image_size=SIZE)) == expected


def test_frames_of_a_clip_stand_together_and_in_order(folder):
    batches = list(clip_batches(folder, "test", image_size=SIZE))
    frames_of = rows(batches, "video", "frame")
    groups = [list(frames) for _, frames in itertools.groupby(frames_of, key=lambda row: row[0])]
    assert len(groups) == 18
    assert all(frames == sorted(frames) for frames in groups)
    assert [len(batch["frame"]) for batch in batches] == pytest.approx([32, 32, 7], abs=3)
    for batch in batches:
        assert len(set(zip(batch["video"], batch["clip"], strict=True))) == batch["clip"].max() + 1


def test_a_limit_takes_evenly_spaced_frames_with_their_positions_in_the_split(folder):
    limited = rows(clip_batches(folder, "test", image_size=SIZE, max_frames=10), "position", "video")
    assert sorted(place for place, _ in limited) == [0, 7, 14, 21, 28, 35, 42, 49, 56, 63]
    records = Records(folder, "test")
    assert all(records.names(place)["video"] == video for place, video in limited)
    assert len(rows(clip_batches(folder, "test", image_size=SIZE, max_frames=500), "position")) == COUNT


def test_evenly_spaced_positions_start_with_the_first():
    assert evenly_spaced(5, None).tolist() == [0, 1, 2, 3, 4]
    assert evenly_spaced(5, 2).tolist() == [0, 2]
    assert evenly_spaced(0, 3).tolist() == []


def test_an_empty_split_is_rejected(folder):
    with pytest.raises(RecordsError, match="no examples in split 'train'"):
        next(clip_batches(folder, "train", image_size=SIZE))

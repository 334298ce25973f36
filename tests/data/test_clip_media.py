import hashlib

import numpy as np
import pytest

from dfdetect_jax.data.clip_media import MediaLength, media_frames, media_length, paired_frames, sha256_media
from dfdetect_jax.errors import BadMediaError
from tests.data.photographs import write_video
from tests.data.scenes import save, scene


@pytest.fixture
def pictures(tmp_path):
    return tuple(str(save(tmp_path / f"{number}.png", scene(number))) for number in range(3))


def test_a_photograph_a_video_and_a_folder_have_frames(pictures, tmp_path):
    write_video(tmp_path / "v.mp4", [scene(number) for number in range(4)])
    assert [media_length(media) for media in (pictures[0], str(tmp_path / "v.mp4"), pictures)] == [
        MediaLength(1),
        MediaLength(4),
        MediaLength(3),
    ]
    assert [frame.index for frame in media_frames(str(tmp_path / "v.mp4"), [0, 2])] == [0, 2]
    assert [frame.index for frame in media_frames(pictures, [0, 2])] == [0, 2]
    (frame,) = media_frames(pictures[1], [0])
    assert frame.index == 0
    assert np.array_equal(frame.image, scene(1))


def test_of_a_folder_the_readable_pictures_are_frames(pictures, tmp_path):
    (tmp_path / "1.png").write_bytes(b"no picture")
    assert [frame.index for frame in media_frames(pictures, [0, 1, 2])] == [0, 2]
    with pytest.raises(BadMediaError, match=r"1\.png"):
        list(media_frames(pictures, [1]))


def test_frames_are_paired_by_index(pictures):
    masks = ("", pictures[1], pictures[2])
    pairs = {frame.index: beside for frame, beside in paired_frames(pictures, masks, [0, 2])}
    assert pairs[0] is None
    assert np.array_equal(pairs[2], scene(2))
    assert [beside for _, beside in paired_frames(pictures, None, [0, 1])] == [None, None]


def test_the_digest_of_a_folder_depends_on_the_order_of_its_pictures(pictures, tmp_path):
    assert sha256_media(pictures[0]) == hashlib.sha256((tmp_path / "0.png").read_bytes()).hexdigest()
    assert sha256_media(pictures) != sha256_media(pictures[::-1])

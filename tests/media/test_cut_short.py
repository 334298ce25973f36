import numpy as np
import pytest

from dfdetect_jax.media.cut_short import is_cut_short
from tests.media.clips import copy_clip, write_clip

CLIPS = {
    "mp4": ("MP4", {}),
    "mov": ("MOV", {}),
    "mkv": ("Matroska", {}),
    "avi": ("AVI", {}),
    "wmv": ("ASF", {}),
    "fragments.mp4": ("MP4", {"movflags": "frag_keyframe+empty_moov"}),
}


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return write_clip(tmp_path_factory.mktemp("cut") / "clip.mp4", [np.zeros((48, 64, 3), np.uint8)] * 20)


@pytest.mark.parametrize("name", CLIPS)
def test_a_file_that_ends_before_its_container_says_so_is_cut_short(clip, tmp_path, name):
    container, options = CLIPS[name]
    path = copy_clip(clip, tmp_path / f"clip.{name}", **options)
    assert not is_cut_short(path, container)
    path.write_bytes(path.read_bytes()[:-100])
    assert is_cut_short(path, container)


def test_what_stands_after_the_end_does_not_matter(clip, tmp_path):
    path = copy_clip(clip, tmp_path / "clip.mp4")
    for rest in (b"\xff" * 50, bytes(50)):
        (tmp_path / "longer.mp4").write_bytes(path.read_bytes() + rest)
        assert not is_cut_short(tmp_path / "longer.mp4", "MP4")


def test_a_live_recording_declares_no_length(clip, tmp_path):
    path = copy_clip(clip, tmp_path / "clip.mkv", live="1")
    path.write_bytes(path.read_bytes()[:-100])
    assert not is_cut_short(path, "Matroska")


@pytest.mark.parametrize("container", ["MP4", "MOV", "AVI", "Matroska", "ASF", "MPEG-TS"])
def test_garbage_declares_no_length_or_any(tmp_path, container):
    for seed in range(20):
        content = np.random.default_rng(seed).bytes(seed * 3)
        (tmp_path / "file").write_bytes(content)
        assert is_cut_short(tmp_path / "file", container) in (True, False)

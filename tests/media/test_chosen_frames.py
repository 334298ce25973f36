"""Chosen frames beside those of decoding everything; each shows its own index."""

import av
import numpy as np
import pytest

from dfdetect_jax.media import chosen_frames
from dfdetect_jax.media.chosen_frames import UnplannedError, plan_frames, planned_frames
from dfdetect_jax.media.frame_pixels import FrameConverter
from dfdetect_jax.media.video import read_frames
from tests.media.clips import FRAMES, copy_clip, index_shown, mutated, write_clip

X264 = {"encoder": "libx264"}
X265 = {"encoder": "libx265", "pixels": "yuv420p"}
UNEVEN = [40 * index + 7 * (index % 3) for index in range(FRAMES)]


def x265(parameters: str) -> dict:
    return {**X265, "options": {"x265-params": f"log-level=error:keyint=10:{parameters}", "preset": "ultrafast"}}


CLIPS = {
    "closed.mp4": {**X264, "options": {"g": "10", "bf": "2"}},
    "pyramid.mkv": {**X264, "options": {"x264-params": "keyint=12:bframes=5:b-pyramid=normal:scenecut=0"}},
    "open.mp4": {**X264, "options": {"x264-params": "keyint=10:open-gop=1:bframes=2:scenecut=0"}},
    "refreshed.mp4": {**X264, "options": {"x264-params": "keyint=10:intra-refresh=1"}},
    "444.mp4": {**X264, "pixels": "yuv444p", "options": {"g": "10"}},
    "uneven.mkv": {**X264, "milliseconds": UNEVEN, "options": {"g": "10", "bf": "2"}},
    "broadcast.ts": {**X264, "container": "mpegts", "options": {"g": "10", "bf": "2"}},
    "hevc.mp4": x265("bframes=3:open-gop=0"),
    "hevc-open.mov": x265("bframes=3:open-gop=1"),
    "hevc-layers.mp4": x265("bframes=3:temporal-layers=2"),
    "vp9.webm": {"encoder": "libvpx-vp9", "options": {"g": "10", "cpu-used": "8", "auto-alt-ref": "1"}},
    "mpeg4.mp4": {"options": {"g": "10", "bf": "2"}},
    "pictures.mov": {"encoder": "mjpeg", "pixels": "yuvj420p"},
}
WANTED = ([0], [39], [13], [9, 10, 11], [3, 17, 18, 33, 39], list(range(1, 40, 3)))


@pytest.fixture(scope="module", params=CLIPS)
def clip(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("chosen") / request.param
    return write_clip(path, **CLIPS[request.param])


@pytest.fixture(scope="module")
def h264(tmp_path_factory):
    path = tmp_path_factory.mktemp("h264") / "clip.mp4"
    return write_clip(path, **CLIPS["closed.mp4"])


def planned(plan, threads=1):
    return planned_frames(plan, lambda stream: FrameConverter(None).convert, threads)


def assert_equal(one, other):
    assert [frame[:2] for frame in one] == [frame[:2] for frame in other]
    assert [frame.damaged for frame in one] == [frame.damaged for frame in other]
    for frame, same in zip(one, other, strict=True):
        np.testing.assert_array_equal(frame.image, same.image)


def test_chosen_frames_equal_those_of_decoding_everything(clip):
    full = list(read_frames(clip))
    assert [index_shown(frame.image) for frame in full] == list(range(FRAMES))
    for threads, wanted in enumerate(WANTED, 1):
        plan = plan_frames(clip, wanted, FRAMES)
        assert_equal(list(planned(plan, threads)), [full[index] for index in wanted])


def test_chosen_frames_of_a_trimmed_clip_are_those_that_are_displayed(h264, tmp_path):
    path = copy_clip(h264, tmp_path / "trimmed.mp4", lead_in=13)
    full = list(read_frames(path))
    assert_equal(list(planned(plan_frames(path, [0, 8, 26], FRAMES - 13))), [full[index] for index in (0, 8, 26)])


def test_only_what_chosen_frames_depend_on_is_decoded(h264, monkeypatch):
    decoded = []
    monkeypatch.setattr(chosen_frames, "decode", lambda stream, packet: decoded.append(packet) or stream.decode(packet))
    assert [frame.index for frame in planned(plan_frames(h264, [20, 31], FRAMES))] == [20, 31]
    assert sum(packet is not None for packet in decoded) <= 12  # the first packet twice, 20, and 31's group
    assert len(list(planned(plan_frames(h264, [39], FRAMES)))) == 1


@pytest.mark.parametrize(("wanted", "expected"), [(range(20), FRAMES), ([3], FRAMES + 1), ([40], FRAMES)])
def test_there_is_no_plan_where_everything_has_to_be_decoded(h264, wanted, expected):
    assert plan_frames(h264, list(wanted), expected) is None


def damaged_in(path, copy, number):
    content = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        start, size = [(each.pos, each.size) for each in container.demux(video=0) if each.size][number]
    content[start + size // 2 : start + size] = bytes(size - size // 2)
    copy.write_bytes(content)
    return copy


def test_damage_in_what_is_decoded_leads_to_decoding_everything(h264, tmp_path):
    path = damaged_in(h264, tmp_path / "damaged.mp4", number=20)
    plan = plan_frames(path, [5, 25, 35], FRAMES)
    frames = planned(plan, threads=3)
    assert next(frames).index == 5
    with pytest.raises(UnplannedError):
        next(frames)
    full = list(read_frames(path))
    assert full[25].damaged
    assert_equal(list(read_frames(path, [5, 25, 35], FRAMES, threads=3)), [full[index] for index in (5, 25, 35)])


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("name", ["closed.mp4", "hevc-open.mov", "vp9.webm"])
def test_a_mutated_file_gives_the_same_frames_with_any_number_of_threads(tmp_path_factory, tmp_path, name, seed):
    source = write_clip(tmp_path / name, **CLIPS[name])
    path = mutated(source, tmp_path / f"mutated{source.suffix}", seed, count=4)
    readings = [list(read_frames(path, [7, 15, 23, 31], threads=threads)) for threads in (1, 2, 4, 1)]
    for reading in readings[1:]:
        assert_equal(reading, readings[0])


def test_a_file_that_changes_meanwhile_is_not_read_on(h264, tmp_path):
    path = tmp_path / "clip.mp4"
    path.write_bytes(h264.read_bytes())
    plan = plan_frames(path, [35], FRAMES)
    write_clip(path, **CLIPS["pyramid.mkv"])
    with pytest.raises(UnplannedError):
        list(planned(plan))


def test_threads_end_when_the_iterator_is_closed(h264):
    frames = planned(plan_frames(h264, list(range(1, 40, 3)), FRAMES), threads=3)
    next(frames)
    frames.close()
    assert next(frames, None) is None

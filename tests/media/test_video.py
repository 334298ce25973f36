import subprocess
import sys

import cv2
import numpy as np
import pytest
from PIL import Image

from dfdetect_jax.errors import BadMediaError, SettingsError
from dfdetect_jax.media import video
from dfdetect_jax.media.file_format import media_format, media_kind
from dfdetect_jax.media.video import codec, evenly_spaced, probe, read_frames

FRAMES, BITS, BLOCK = 40, 8, 16
CODECS = {"mp4": "mp4v", "avi": "MJPG", "webm": "VP80", "mkv": "mp4v"}


def numbered(index: int) -> np.ndarray:
    """A frame that shows its own index as black and white blocks, upper row, over a noisy ground."""
    frame = np.random.default_rng(index).integers(100, 156, (3 * BLOCK, BITS * BLOCK, 3), np.uint8)
    for bit in range(BITS):
        frame[:BLOCK, bit * BLOCK : (bit + 1) * BLOCK] = 255 * (index >> bit & 1)
    return frame


def index_shown(frame: np.ndarray) -> int:
    cells = frame[:BLOCK, : BITS * BLOCK].reshape(BLOCK, BITS, BLOCK, 3).mean(axis=(0, 2, 3))
    return int(sum(int(cell > 128) << bit for bit, cell in enumerate(cells)))


def write_clip(path, frames: int = FRAMES):
    size = (BITS * BLOCK, 3 * BLOCK)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*CODECS[path.suffix[1:]]), 25, size)
    assert writer.isOpened()
    for index in range(frames):
        writer.write(numbered(index))
    writer.release()
    return path


@pytest.fixture(scope="module", params=CODECS)
def clip(request, tmp_path_factory):
    return write_clip(tmp_path_factory.mktemp("clips") / f"clip.{request.param}")


def test_a_video_is_probed(clip):
    assert media_kind(clip) == "video"
    assert probe(clip) == (FRAMES, 25.0, BITS * BLOCK, 3 * BLOCK)


def test_the_codec_and_the_container_are_named_by_the_file_itself(tmp_path):
    path = write_clip(tmp_path / "clip.mp4").rename(tmp_path / "clip.avi")
    assert (media_format(path), codec(path)) == ("MP4", "FMP4")
    assert media_format(write_clip(tmp_path / "clip.mkv")) == "Matroska"


def test_frames_are_counted_where_the_container_declares_none(tmp_path):
    path = write_clip(tmp_path / "clip.mkv", frames=7)
    content = bytearray(path.read_bytes())
    duration = content.index(b"\x44\x89\x88")  # Matroska's element Duration, 8 bytes long ...
    content[duration] = 0xEC  # ... becomes Void, 9 bytes long
    path.write_bytes(content)
    assert not 0 < cv2.VideoCapture(str(path)).get(cv2.CAP_PROP_FRAME_COUNT) < 1000
    assert probe(path).frames == 7


def test_all_frames_come_in_order(clip):
    read = list(read_frames(clip))
    assert [index for index, _ in read] == list(range(FRAMES))
    assert [index_shown(frame) for _, frame in read] == list(range(FRAMES))
    assert all(frame.shape == (3 * BLOCK, BITS * BLOCK, 3) and frame.dtype == np.uint8 for _, frame in read)


def test_chosen_frames_are_exactly_those_of_a_full_read(clip):
    full = dict(read_frames(clip))
    wanted = [33, 1, 39, 17, 17, 18, 0]
    chosen = dict(read_frames(clip, wanted))
    assert list(chosen) == sorted(set(wanted))
    for index, frame in chosen.items():
        assert index_shown(frame) == index
        np.testing.assert_array_equal(frame, full[index])


def test_indices_past_the_end_are_left_out(clip):
    assert [index for index, _ in read_frames(clip, [38, 39, 40, 1000])] == [38, 39]
    assert list(read_frames(clip, [])) == []


def test_negative_indices_are_refused(clip):
    with pytest.raises(ValueError, match="found -1"):
        read_frames(clip, [-1])


def test_colours_are_rgb(tmp_path):
    path = tmp_path / "red.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25, (64, 48))
    writer.write(np.full((48, 64, 3), (0, 0, 255), np.uint8))  # OpenCV's order: blue, green, red
    writer.release()
    ((_, frame),) = read_frames(path)
    assert frame[24, 32, 0] > 240
    assert frame[24, 32, 1:].max() < 15


def test_a_video_cut_short_declares_more_than_it_yields(tmp_path):
    whole = write_clip(tmp_path / "whole.avi").read_bytes()
    path = tmp_path / "cut.avi"
    path.write_bytes(whole[: len(whole) // 2])
    read = [index for index, _ in read_frames(path)]
    assert read == list(range(len(read)))
    assert 5 < len(read) < FRAMES
    assert probe(path).frames > len(read)


def test_a_video_zeroed_in_the_middle_yields_right_frames_and_fewer(tmp_path):
    content = bytearray(write_clip(tmp_path / "whole.mp4").read_bytes())
    start = len(content) // 2
    content[start : len(content) * 3 // 4] = bytes(len(content) * 3 // 4 - start)
    path = tmp_path / "zeroed.mp4"
    path.write_bytes(content)
    read = dict(read_frames(path))
    assert 5 < len(read) < FRAMES == probe(path).frames
    assert all(index_shown(read[index]) == index for index in range(10))


def test_an_mp4_without_its_index_is_refused_in_words(tmp_path):
    whole = write_clip(tmp_path / "whole.mp4").read_bytes()
    path = tmp_path / "cut.mp4"
    path.write_bytes(whole[: len(whole) // 2])  # the index of an MP4 written in one go stands at its end
    with pytest.raises(BadMediaError, match="no video stream can be opened"):
        probe(path)


def test_garbage_after_the_header_is_refused_in_words(tmp_path):
    path = tmp_path / "garbage.mp4"
    path.write_bytes(b"\0\0\0\x18ftypmp42" + np.random.default_rng(0).bytes(5000))
    for read in (probe, lambda path: list(read_frames(path))):
        with pytest.raises(BadMediaError, match=r"garbage\.mp4: no "):
            read(path)


def test_a_broken_video_leaves_standard_error_empty(tmp_path):
    whole = write_clip(tmp_path / "whole.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "zeroed.mp4").write_bytes(whole[:3000] + bytes(len(whole) - 6000) + whole[-3000:])
    code = """if True:
        import sys
        from dfdetect_jax.errors import BadMediaError
        from dfdetect_jax.media.video import read_frames
        for path in sys.argv[1:]:
            try:
                print(len(list(read_frames(path))))
            except BadMediaError:
                print("refused")
    """
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "cut.mp4", tmp_path / "zeroed.mp4"], capture_output=True, text=True
    )
    assert done.returncode == 0
    assert done.stdout.split()[0] == "refused"
    assert done.stderr == ""


def test_a_photograph_is_not_a_video(tmp_path):
    path = tmp_path / "photo.mp4"
    Image.fromarray(numbered(3)).save(path, format="PNG")
    with pytest.raises(BadMediaError, match="expected a video, found a photograph"):
        probe(path)


def test_the_frame_size_is_capped(tmp_path, monkeypatch):
    path = write_clip(tmp_path / "clip.mp4", frames=2)
    monkeypatch.setattr(video, "MAX_FRAME_PIXELS", 128 * 48 - 1)
    with pytest.raises(BadMediaError, match="128 x 48 pixels"):
        list(read_frames(path))


def test_the_containers_rotation_is_applied(tmp_path):
    """A phone held upright stores frames lying down and a matrix that says how to turn them."""
    path = write_clip(tmp_path / "clip.mp4", frames=3)
    upright = dict(read_frames(path))
    content = bytearray(path.read_bytes())
    matrix = content.index(b"tkhd") + 4 + 4 + 5 * 4 + 8 + 8  # ISO 14496-12, 8.3.2: version 0
    one = 0x10000
    assert int.from_bytes(content[matrix : matrix + 4], "big") == one
    quarter_turn = (0, one, 0, -one, 0, 0, 0, 0, 0x40000000)  # clockwise
    content[matrix : matrix + 36] = b"".join(value.to_bytes(4, "big", signed=True) for value in quarter_turn)
    path.write_bytes(content)
    assert probe(path)[2:] == (3 * BLOCK, BITS * BLOCK)
    for index, frame in read_frames(path):
        np.testing.assert_array_equal(frame, np.rot90(upright[index], -1))


@pytest.mark.parametrize(
    ("total", "count", "expected"),
    [(10, 3, [0, 4, 9]), (5, 5, [0, 1, 2, 3, 4]), (3, 32, [0, 1, 2]), (0, 4, []), (100, 1, [0])],
)
def test_frames_are_spread_evenly(total, count, expected):
    assert evenly_spaced(total, count) == expected


def test_spread_frames_never_repeat():
    for total in range(1, 80):
        for count in range(1, total + 3):
            indices = evenly_spaced(total, count)
            assert len(set(indices)) == len(indices) == min(total, count)


def test_at_least_one_frame_must_be_requested():
    with pytest.raises(SettingsError, match="at least 1"):
        evenly_spaced(10, 0)

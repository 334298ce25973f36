import numpy as np
import pytest
from PIL import Image

from dfdetect_jax.errors import BadMediaError
from dfdetect_jax.media.video import MiscountError, evenly_spaced
from dfdetect_jax.pictures.picture_files import write_png
from dfdetect_jax.scoring.media_frames import MediaHeader, Unreadable, open_media
from tests import trained
from tests.data.photographs import write_damaged_jpeg
from tests.media.clips import write_clip


def test_a_photograph_is_one_frame(media):
    header, chunks = open_media(media["one"])
    (((frame,),),) = chunks
    assert header == MediaHeader(media["one"], "image", 1, 1, 0.0)
    assert (frame.index, frame.seconds) == (0, 0)
    np.testing.assert_array_equal(frame.image, trained.one_face())


def test_a_photograph_whose_file_is_damaged_is_a_damaged_frame(tmp_path):
    _, chunks = open_media(str(write_damaged_jpeg(tmp_path / "a.jpg", trained.one_face())))
    assert [frame.damaged for chunk in chunks for frame in chunk.frames] == [True]


def test_an_animation_is_a_video(tmp_path):
    pictures = [Image.new("RGB", (40, 30), (level, 0, 0)) for level in range(0, 250, 50)]
    pictures[0].save(tmp_path / "a.gif", save_all=True, append_images=pictures[1:], duration=200)
    header, chunks = open_media(str(tmp_path / "a.gif"), frames=3)
    assert (header.kind, header.frames_declared, header.fps) == ("video", 5, 5.0)
    frames = [frame for chunk in chunks for frame in chunk.frames]
    assert [(frame.index, frame.seconds) for frame in frames] == [(0, 0), (2, 0.4), (4, 0.8)]


def test_an_array_is_a_photograph_without_a_path():
    header, chunks = open_media(trained.one_face())
    (((frame,),),) = chunks
    assert (header, frame.index) == (MediaHeader("", "image"), 0)
    np.testing.assert_array_equal(frame.image, trained.one_face())


def test_a_video_comes_in_chunks_of_evenly_spaced_frames(media):
    header, chunks = open_media(media["pan"], frames=12)
    chunks = list(chunks)
    assert header == MediaHeader(media["pan"], "video", 15, 12, trained.FPS)
    assert [len(chunk.images) for chunk in chunks] == [8, 4]
    assert [index for chunk in chunks for index in chunk.indices] == [0, 1, 2, 3, 5, 6, 7, 8, 10, 11, 12, 14]
    times = [frame.seconds for chunk in chunks for frame in chunk.frames]
    assert times == pytest.approx([index / trained.FPS for chunk in chunks for index in chunk.indices])
    assert chunks[0].size == 8 * trained.HEIGHT * trained.WIDTH * 3


def test_where_fewer_frames_come_out_than_promised_the_video_is_opened_again(tmp_path):
    path = str(write_clip(tmp_path / "hole.mp4"))
    content = bytearray((tmp_path / "hole.mp4").read_bytes())
    content[len(content) // 2 : len(content) * 3 // 4] = bytes(len(content) * 3 // 4 - len(content) // 2)
    (tmp_path / "hole.mp4").write_bytes(content)
    _, chunks = open_media(path, 8)
    with pytest.raises(MiscountError) as recount:
        list(chunks)
    header, chunks = open_media(path, 8, recount.value)
    frames = recount.value.frames
    assert (header.frames_declared, header.frames_requested) == (frames, 8)
    assert header.frames_lost == recount.value.lost > 0
    assert [index for chunk in chunks for index in chunk.indices] == evenly_spaced(frames, 8)


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(BadMediaError, match="found a folder"):
        open_media(str(tmp_path))


def test_a_picture_that_was_drawn_here_is_refused(tmp_path):
    write_png(tmp_path / "a.png", trained.one_face(), drawing=True)
    with pytest.raises(BadMediaError, match=r"a\.png: .* drawn by this program; score the photograph"):
        open_media(str(tmp_path / "a.png"))


def test_what_is_known_to_be_unreadable_is_refused_for_that_reason():
    with pytest.raises(BadMediaError, match=r"^a/locked: can't be opened"):
        open_media(Unreadable("a/locked", "can't be opened (Permission denied)"))


def test_frames_that_come_together_have_one_size(tmp_path):
    sizes = {"wide": (48, 96), "tall": (96, 48)}
    clips = [
        write_clip(tmp_path / name, [np.zeros((*size, 3), np.uint8)] * 10, "libx264", container="mpegts")
        for name, size in sizes.items()
    ]
    (tmp_path / "both.ts").write_bytes(b"".join(clip.read_bytes() for clip in clips))
    _, chunks = open_media(str(tmp_path / "both.ts"), frames=10)
    shapes = [{image.shape[:2] for image in chunk.images} for chunk in chunks]
    assert shapes == [{(48, 96)}, {(96, 48)}]

"""Animations: every picture, composed and timed as a viewer shows it, one in memory at a time."""

import struct

import numpy as np
import pytest
from PIL import Image

from dfdetect_jax.errors import BadMediaError
from dfdetect_jax.media import animation, video
from dfdetect_jax.media.animation import is_animation, read_pictures, survey_animation

COLOURS = [(250, 0, 0), (0, 250, 0), (0, 0, 250), (200, 200, 0)]


def moving(path, kind, durations=100, pictures=4):
    frames = [Image.new("RGB", (40, 30), COLOURS[i % 4]) for i in range(pictures)]
    frames[0].save(path, kind, save_all=True, append_images=frames[1:], duration=durations, loop=0)
    return path


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "AVIF"])
def test_every_picture_is_read_in_order(tmp_path, kind):
    path = moving(tmp_path / "a", kind)
    assert is_animation(path)
    info = survey_animation(path)
    assert (info.frames, info.width, info.height, info.cut_short) == (4, 40, 30, False)
    assert info.fps == pytest.approx(10)
    pictures = list(read_pictures(path))
    assert [picture.index for picture in pictures] == [0, 1, 2, 3]
    for picture, colour in zip(pictures, COLOURS, strict=True):
        assert picture.image.shape == (30, 40, 3)
        assert np.abs(picture.image.mean(axis=(0, 1)) - colour).max() < 12


def test_times_are_those_of_the_file_and_hurried_pictures_last_as_in_browsers(tmp_path):
    path = moving(tmp_path / "a.gif", "GIF", [500, 10, 200, 100])
    assert [picture.seconds for picture in read_pictures(path)] == pytest.approx([0, 0.5, 0.6, 0.8])


def test_only_wanted_pictures_are_converted(tmp_path):
    path = moving(tmp_path / "a.webp", "WEBP")
    assert [picture.index for picture in read_pictures(path, {1, 2})] == [1, 2]
    assert list(read_pictures(path, set())) == []


def test_a_single_picture_is_no_animation(tmp_path):
    for kind in ("GIF", "WEBP", "PNG", "AVIF", "TIFF"):
        Image.new("RGB", (40, 30)).save(tmp_path / kind, kind)
        assert not is_animation(tmp_path / kind)


def test_what_is_partly_transparent_is_composed(tmp_path):
    first, second = Image.new("RGBA", (40, 30), (200, 0, 0, 255)), Image.new("RGBA", (40, 30), (0, 0, 0, 0))
    second.paste((0, 200, 0, 255), (0, 0, 20, 30))
    path = tmp_path / "a.gif"
    first.save(path, save_all=True, append_images=[second], disposal=1)
    last = list(read_pictures(path))[-1].image
    assert last[10, 5].tolist() == [0, 200, 0]
    assert last[10, 35].tolist() in ([200, 0, 0], [0, 0, 0])


def test_an_animation_cut_short_yields_what_is_there(tmp_path):
    path = moving(tmp_path / "a.gif", "GIF")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 3 // 4])
    assert 1 <= len(list(read_pictures(path))) < 4


def test_an_animation_is_read_as_any_video(tmp_path):
    path = moving(tmp_path / "a.gif", "GIF")
    assert video.probe(path) == survey_animation(path)
    frames = list(video.read_frames(path, [1, 3]))
    assert [(frame.index, frame.seconds) for frame in frames] == [(1, pytest.approx(0.1)), (3, pytest.approx(0.3))]


def test_too_many_pictures_or_pixels_are_refused(tmp_path, monkeypatch):
    path = moving(tmp_path / "a.gif", "GIF")
    monkeypatch.setattr(animation, "MAX_PICTURES", 3)
    with pytest.raises(BadMediaError, match="more than 3 pictures"):
        survey_animation(path)
    monkeypatch.setattr(animation, "_MAX_PIXELS", 100)
    with pytest.raises(BadMediaError, match="40 x 30 pixels"):
        survey_animation(path)


def test_a_picture_for_viewers_that_show_no_animations_is_no_part_of_one(tmp_path):
    frames = [Image.new("RGB", (40, 30), colour) for colour in COLOURS]
    frames[0].save(tmp_path / "a.png", save_all=True, append_images=frames[1:], default_image=True, duration=100)
    assert survey_animation(tmp_path / "a.png").frames == 3
    assert [picture.image[0, 0].tolist() for picture in read_pictures(tmp_path / "a.png")] == [
        list(colour) for colour in COLOURS[1:]
    ]


def test_an_animation_of_many_large_pictures_is_refused_before_they_are_decoded(tmp_path, monkeypatch):
    monkeypatch.setattr(animation, "MAX_ALL_PIXELS", 4 * 40 * 30 - 1)
    with pytest.raises(BadMediaError, match="4 pictures of 1,200 pixels"):
        survey_animation(moving(tmp_path / "a.gif", "GIF"))


def test_a_gif_that_grows_beyond_the_largest_size_is_refused(tmp_path):
    screen = b"GIF89a" + bytes([1, 0, 1, 0, 0x80, 0, 0]) + bytes(6)
    pictures = [b"," + struct.pack("<HHHHB", at, at, 1, 1, 0) + b"\x02\x02\x44\x01\x00" for at in (0, 9000)]
    (tmp_path / "a.gif").write_bytes(screen + b"".join(pictures) + b";")
    with pytest.raises(BadMediaError, match="9001 x 9001 pixels"):
        survey_animation(tmp_path / "a.gif")


def test_a_gif_that_ends_before_its_end_is_cut_short(tmp_path):
    whole = moving(tmp_path / "a.gif", "GIF").read_bytes()
    assert not survey_animation(tmp_path / "a.gif").cut_short
    (tmp_path / "b.gif").write_bytes(whole[: len(whole) * 3 // 4])
    assert survey_animation(tmp_path / "b.gif").cut_short
    for place, content in enumerate([whole[:-1], whole + b"what some servers append"]):
        (tmp_path / f"{place}.gif").write_bytes(content)
        assert not survey_animation(tmp_path / f"{place}.gif").cut_short

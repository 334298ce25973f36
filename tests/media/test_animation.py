"""Animations: every picture, composed and timed as a viewer shows it, one in memory at a time."""

import contextlib
import struct

import numpy as np
import pytest
from PIL import Image

from dfdetect_jax.errors import BadMediaError
from dfdetect_jax.media import video
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


@pytest.mark.parametrize("kind", ["GIF", "PNG"])
def test_an_animation_cut_short_says_so_and_yields_what_is_there(tmp_path, kind):
    path = moving(tmp_path / "a", kind)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 3 // 4])
    info = survey_animation(path)
    assert info.cut_short
    assert 1 <= len(list(read_pictures(path))) <= info.frames < 4


def test_pictures_lost_to_damage_are_counted(tmp_path):
    path = tmp_path / "a.png"
    noise = [Image.fromarray(pixels) for pixels in np.random.default_rng(0).integers(0, 256, (4, 30, 40, 3), np.uint8)]
    noise[0].save(path, save_all=True, append_images=noise[1:])
    content = bytearray(path.read_bytes())
    place = content.rindex(b"fdAT") + 8
    content[place : place + 200] = bytes(200)
    path.write_bytes(content)
    assert video.probe(path).frames == 4
    with pytest.raises(video.MiscountError) as caught:
        list(video.read_frames(path, [0, 3], expected=4))
    assert (caught.value.frames, caught.value.lost) == (3, 1)
    assert [frame.index for frame in video.read_frames(path, [0, 2], expected=3)] == [0, 2]


def test_an_animation_is_read_as_any_video(tmp_path):
    path = moving(tmp_path / "a.gif", "GIF")
    assert video.probe(path) == survey_animation(path)
    frames = list(video.read_frames(path, [1, 3]))
    assert [(frame.index, frame.seconds) for frame in frames] == [(1, pytest.approx(0.1)), (3, pytest.approx(0.3))]


def gif(path, pictures, screen, picture=(1, 1)):
    """A GIF of many pictures of one colour, 15 bytes each."""
    one = b"," + struct.pack("<4HB", 0, 0, *picture, 0) + b"\x02\x02\x4c\x01\x00"
    path.write_bytes(b"GIF89a" + struct.pack("<HHBBB", *screen, 0x80, 0, 0) + bytes(6) + one * pictures + b";")
    return path


@pytest.mark.parametrize(
    ("pictures", "screen", "picture", "words"),
    [
        (100_000, (10, 10), (1, 1), "at most 20,000 pictures, found more"),
        (2_000, (6_000, 6_000), (1, 1), "at most 5,000,000,000 pixels in all, found 2,000 pictures of 6000 x 6000"),
        (2, (6_001, 6_000), (1, 1), "at most 36,000,000 pixels .*, found 6001 x 6000"),
        (2, (10, 10), (65_535, 60_000), "at most 36,000,000 pixels.*found (far more|65535 x 60000)"),
    ],
)
def test_bombs_are_refused_before_they_are_decoded(tmp_path, monkeypatch, pictures, screen, picture, words):
    monkeypatch.setattr(Image.Image, "load", lambda *_: pytest.fail("decoded"))
    with pytest.raises(BadMediaError, match=words):
        video.probe(gif(tmp_path / "a.gif", pictures, screen, picture))


def test_a_later_picture_beyond_the_screen_is_refused_before_it_is_decoded(tmp_path):
    path = gif(tmp_path / "a.gif", 2, (10, 10))
    content = bytearray(path.read_bytes())
    place = content.rindex(b",")
    content[place + 5 : place + 9] = struct.pack("<HH", 60_000, 60_000)
    path.write_bytes(content)
    with pytest.raises(BadMediaError, match="found 60000 x 60000"):
        video.probe(path)


def test_all_pictures_have_the_size_of_the_first(tmp_path):
    path = gif(tmp_path / "a.gif", 3, (10, 8))
    content = bytearray(path.read_bytes())
    place = content.rindex(b",")
    content[place + 5 : place + 9] = struct.pack("<HH", 30, 30)
    path.write_bytes(content)
    assert {picture.image.shape for picture in read_pictures(path)} == {(8, 10, 3)}


def test_the_picture_for_viewers_without_animation_is_left_out(tmp_path):
    path = tmp_path / "a.png"
    frames = [Image.new("RGB", (40, 30), colour) for colour in COLOURS[:3]]
    frames[0].save(path, save_all=True, default_image=True, append_images=frames[1:], duration=200)
    assert survey_animation(path)[:2] == (2, pytest.approx(5))
    assert [tuple(picture.image[0, 0]) for picture in read_pictures(path)] == COLOURS[1:3]


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "AVIF"])
def test_mutated_animations_raise_nothing_but_bad_media(tmp_path, kind):
    draw, path = np.random.default_rng(0), moving(tmp_path / "a", kind, pictures=3)
    whole = path.read_bytes()
    for _ in range(40):
        content = bytearray(whole)
        for place in draw.integers(0, len(content), 4):
            content[place] = draw.integers(0, 256)
        path.write_bytes(content)
        with contextlib.suppress(BadMediaError):
            if is_animation(path):
                survey_animation(path)
                assert all(picture.image.ndim == 3 for picture in read_pictures(path))

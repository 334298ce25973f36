"""Decoders in processes of their own give what those in this one give, and cost one file where they are lost."""

import contextlib
import itertools
import sys

import cv2
import numpy as np
import pytest

from dfdetect_jax.config.isolation import Isolation
from dfdetect_jax.errors import BadMediaError, SettingsError
from dfdetect_jax.media import decoding, photograph, video
from dfdetect_jax.media.isolation import Decoders
from dfdetect_jax.media.video import MiscountError
from tests import trained


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A photograph, a clip of six frames and a text, by the names that they have."""
    folder = tmp_path_factory.mktemp("media")
    trained.write_photo(folder / "photo.jpg", trained.one_face())
    trained.write_clip(folder / "clip.avi", [trained.one_face(shift) for shift in range(6)])
    (folder / "text.jpg").write_text("not a picture")
    return folder


@pytest.fixture(scope="module")
def decoders():
    with contextlib.closing(Decoders(Isolation(seconds=30))) as decoders:
        yield decoders


def test_a_photograph_is_the_same(decoders, files):
    ours, theirs = photograph.read_photograph(files / "photo.jpg"), decoders.read_photograph(files / "photo.jpg")
    np.testing.assert_array_equal(theirs.image, ours.image)
    assert theirs[:2] + theirs[3:] == ours[:2] + ours[3:]


@pytest.mark.parametrize("indices", [None, [1, 4], []])
def test_frames_are_the_same(decoders, files, indices):
    ours = list(video.read_frames(files / "clip.avi", indices))
    theirs = list(decoders.read_frames(files / "clip.avi", indices, None))
    assert [(frame.index, frame.seconds) for frame in theirs] == [(frame.index, frame.seconds) for frame in ours]
    assert all(np.array_equal(one.image, other.image) for one, other in zip(ours, theirs, strict=True))


def test_what_a_video_is_is_the_same(decoders, files):
    assert decoders.probe(files / "clip.avi") == video.probe(files / "clip.avi")


def test_a_caller_may_stop_within_a_video(decoders, files):
    frames = decoders.read_frames(files / "clip.avi", None, None)
    assert next(frames).index == 0
    frames.close()
    assert len(list(decoders.read_frames(files / "clip.avi", None, None))) == 6


def test_a_file_that_is_none_has_the_same_error(decoders, files):
    with pytest.raises(BadMediaError) as ours:
        photograph.read_photograph(files / "text.jpg")
    with pytest.raises(BadMediaError) as theirs:
        decoders.read_photograph(files / "text.jpg")
    assert str(theirs.value) == str(ours.value)


def test_a_miscount_comes_with_its_numbers(decoders, files):
    with pytest.raises(MiscountError) as error:
        list(decoders.read_frames(files / "clip.avi", [0, 8], 9))
    assert (error.value.frames, error.value.lost) == (6, 0)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems don't keep to the limit")
def test_memory_is_bounded_and_the_next_file_is_read(files, tmp_path):
    cv2.imwrite(str(tmp_path / "large.png"), np.zeros((7900, 7900, 3), np.uint8))
    with contextlib.closing(Decoders(Isolation(memory=0.5))) as decoders:
        with pytest.raises(BadMediaError, match=r"large\.png: .*decode_memory"):
            decoders.read_photograph(tmp_path / "large.png")
        assert decoders.read_photograph(files / "photo.jpg").image.shape == trained.one_face().shape


FAKES = {  # what reads one request and then goes wrong
    "crashes": ("os.kill(os.getpid(), signal.SIGSEGV)", r"x\.jpg: the decoder crashed \(SIGSEGV\)"),
    "hangs": ("time.sleep(60)", r"x\.jpg: the decoder gave nothing for 0.3 s"),
    "stops_within_an_answer": ("os.write(1, b'\\0\\0')", r"the decoder crashed \(status 0\)"),
    "long": ("os.write(1, b'\\xff' * 4); time.sleep(9)", "makes no sense"),
    "no_json": ("os.write(1, b'\\0\\0\\0\\2[]'); time.sleep(9)", "makes no sense"),
    "no_frame": ('os.write(1, b\'\\0\\0\\0\\x12{"answer":"frame"}\'); time.sleep(9)', "makes no sense"),
    "huge": ("os.write(1, b'\\0\\0\\0\\x17{\"bytes\": 999999999999}'); time.sleep(9)", "makes no sense"),
}


@pytest.mark.parametrize("name", FAKES)
def test_a_decoder_that_goes_wrong_costs_one_file(name, monkeypatch):
    monkeypatch.setattr("dfdetect_jax.media.isolation._START", 10.0 if name != "hangs" else 0.0)
    code, words = FAKES[name]
    command = [sys.executable, "-Sc", f"import os, signal, sys, time; sys.stdin.readline(); {code}"]
    with contextlib.closing(Decoders(Isolation(seconds=0.3), command)) as decoders:
        for _ in range(2):  # the second one is asked of another process
            with pytest.raises(BadMediaError, match=words) as line:
                decoders.read_photograph("x.jpg")
            assert "\n" not in str(line.value)


def test_inside_the_block_everything_goes_through_it_and_outside_nothing(files, monkeypatch):
    def forbidden(*_):
        raise AssertionError("decoded here")

    monkeypatch.setattr(photograph, "read_photograph", forbidden)
    monkeypatch.setattr(video, "read_frames", forbidden)
    with decoding.isolated(Isolation()):
        assert decoding.isolation() == Isolation()
        assert decoding.read_intact(files / "photo.jpg").shape == trained.one_face().shape
        assert len(list(itertools.islice(decoding.read_frames(files / "clip.avi"), 2))) == 2
    assert decoding.isolation() is None
    with pytest.raises(AssertionError, match="decoded here"):
        decoding.read_photograph(files / "photo.jpg")


@pytest.mark.parametrize("limits", [{"seconds": 0}, {"memory": 0.1}, {"seconds": float("nan")}])
def test_limits_that_make_no_sense_are_refused(limits):
    with pytest.raises(SettingsError, match=r"isolation\."):
        Decoders(Isolation(**limits))

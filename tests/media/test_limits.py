"""Each limit of media is one line in every way that a file is read: what was expected, what it is, what helps."""

from pathlib import Path

import pytest
from PIL import Image

from dfdetect_jax.errors import BadMediaError
from dfdetect_jax.media import limits
from dfdetect_jax.media.decoding import probe, read_frames, read_photograph
from dfdetect_jax.scoring.media_frames import open_media
from tests.media.clips import numbered, write_clip

PAGE = Path(__file__).parents[2] / "docs/reliability.md"


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """Twelve frames in half a second."""
    path = tmp_path_factory.mktemp("clips") / "clip.mp4"
    return write_clip(path, [numbered(index) for index in range(12)])


def refusal(read, path) -> str:
    with pytest.raises(BadMediaError) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path}: expected ")
    return str(caught.value)


def all_frames(path):
    return list(read_frames(path))


def few_frames(path):
    return list(read_frames(path, [0, 5], expected=12))


def as_predict(path):
    return list(open_media(str(path), 2)[1])


@pytest.mark.parametrize("read", [probe, all_frames, few_frames, as_predict])
@pytest.mark.parametrize(
    ("name", "most", "words"),
    [
        ("MAX_VIDEO_BYTES", 1000, "at most 1,000 bytes of a video, found {size:,}; cut it into parts"),
        ("MAX_FRAME_PIXELS", 5000, "at most 5,000 pixels and 32,000 along a side, found 128 x 48; scale it down"),
        ("MAX_FRAMES", 11, "a video of at most 11 frames, found more; cut it into parts"),
    ],
)
def test_a_video_over_a_limit_is_refused_however_it_is_read(clip, monkeypatch, read, name, most, words):
    monkeypatch.setattr(limits, name, most)
    assert words.format(size=clip.stat().st_size) in refusal(read, clip)


@pytest.mark.parametrize("read", [probe, as_predict])
def test_a_video_that_lasts_too_long_by_its_times_is_refused(clip, monkeypatch, read):
    monkeypatch.setattr(limits, "MAX_SECONDS", 0.1)
    assert "a video of at most 0 hours, found 0.0 by the times in it; cut it into parts" in refusal(read, clip)


@pytest.mark.parametrize("read", [read_photograph, as_predict])
def test_a_photograph_of_too_many_bytes_is_refused(tmp_path, monkeypatch, read):
    Image.fromarray(numbered(3)).save(tmp_path / "a.png")
    size = (tmp_path / "a.png").stat().st_size
    monkeypatch.setattr(limits, "MAX_PHOTOGRAPH_BYTES", size)
    read(tmp_path / "a.png")
    monkeypatch.setattr(limits, "MAX_PHOTOGRAPH_BYTES", size - 1)
    words = f"at most {size - 1:,} bytes of a photograph, found {size:,}; save it compressed"
    assert words in refusal(read, tmp_path / "a.png")


def test_what_has_exactly_as_much_as_is_allowed_is_read(clip, monkeypatch):
    monkeypatch.setattr(limits, "MAX_VIDEO_BYTES", clip.stat().st_size)
    monkeypatch.setattr(limits, "MAX_FRAMES", 12)
    assert probe(clip).frames == len(all_frames(clip)) == 12


def test_a_day_of_video_and_a_jump_of_a_transport_streams_clock_are_within_the_limits():
    hour, jump = 3600, 2**33 / 90_000  # ISO/IEC 13818-1, 2.4.2.1: 33 bits at 90 kHz
    assert 24 * hour * 30 <= limits.MAX_FRAMES
    limits.check_duration("a.ts", 12 * hour + jump)


@pytest.mark.parametrize("name", [name for name in vars(limits) if name.startswith("MAX_")])
def test_the_documentation_names_each_limit_with_its_value(name):
    (line,) = (line for line in PAGE.read_text().splitlines() if line.endswith(f"| `{name}` |"))
    assert f"| {getattr(limits, name):,.0f} " in line

"""Frames and times beside those of ffmpeg itself, as `benchmarks/decode_video.py --encodings` prints them."""

import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_20_ordinary_encodings_are_decoded_as_ffmpeg_decodes_them(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [str(Path(__file__).parents[2] / "benchmarks"), *sys.path])
    from video_encodings import compare_encodings

    rows = compare_encodings(tmp_path)
    assert len(rows) == 20
    for row in rows:
        assert row["frames"] == row["ffmpeg's"] == row["promised"], row
        assert row["chosen equal"] == 1, row
        assert row["largest in seconds"] < 0.001, row
        assert row["damage"] == 0, row
        mapped = any(name in str(row["encoding"]) for name in ("HLG", "PQ"))  # two ways to the same light, rounded
        assert float(row["mean difference"] or 0) <= (0.2 if mapped else 0), row

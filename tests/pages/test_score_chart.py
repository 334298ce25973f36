import dataclasses
import re

import numpy as np
import pytest

from dfdetect_jax.pages.score_chart import TONES, score_over_time
from dfdetect_jax.scoring.decision import Verdict
from tests.pictures.test_verdict_picture import result, view


def clip(*scores):
    views = [view(score=score, frame=n) for n, score in enumerate(scores)]
    each = result(views, "video")
    sightings = tuple(dataclasses.replace(s, seconds=2.0 * s.frame) for s in each.faces[0].sightings)
    return dataclasses.replace(each, faces=(dataclasses.replace(each.faces[0], sightings=sightings),))


def points(svg):
    return np.array([[float(x) for x in pair.split(",")] for pair in re.search('points="(.*?)"', svg)[1].split()])


def test_the_curve_is_linear_in_time_and_score():
    at = points(score_over_time(clip(0.0, 0.5, 1.0, 0.25)))
    np.testing.assert_allclose(np.diff(at[:, 0]), at[1, 0] - at[0, 0], atol=0.11)
    rise = at[0, 1] - at[2, 1]
    assert at[0, 1] - at[1, 1] == pytest.approx(rise / 2, abs=0.11)
    assert at[0, 1] - at[3, 1] == pytest.approx(rise / 4, abs=0.11)


def test_the_thresholds_and_the_times_are_written_out():
    svg = score_over_time(clip(0.1, 0.2))
    for words in ("fake from 0.60", "real below 0.40", "0.0 s", "2.0 s"):
        assert words in svg


def test_a_clip_of_one_frame_is_drawn():
    assert len(points(score_over_time(clip(0.5)))) == 1


@pytest.mark.parametrize("tone", TONES.values())
def test_white_text_on_every_tone_and_the_tone_on_the_page_reach_wcag_aa(tone):
    """WCAG 2.2, 1.4.3: 4.5 to 1, with the relative luminance of its glossary."""

    def luminance(colour):
        shares = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    assert (1 + 0.05) / (luminance(tone) + 0.05) >= 4.5
    assert (luminance("#f1f4f8") + 0.05) / (luminance(tone) + 0.05) >= 4.5


def test_every_verdict_has_a_tone():
    assert set(TONES) == set(Verdict)

"""The score of a clip over time, as SVG inside the page."""

from collections.abc import Sequence
from typing import NamedTuple

from dfdetect_jax.scoring.decision import Verdict
from dfdetect_jax.scoring.result import Result, ScoredFace

TONES = {  # darker than those of the pictures: as text and behind white text they reach WCAG AA
    Verdict.FAKE: "#a33e00",
    Verdict.UNCERTAIN: "#7b3f6b",
    Verdict.REAL: "#005a8f",
    Verdict.NO_FACE: "#4a4f57",
    Verdict.ERROR: "#4a4f57",
}
_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 720, 220, 44, 10, 8, 34
_OTHERS = "#6f7680"


class _Axes(NamedTuple):
    """The times, in seconds, that the chart reaches from and to."""

    first: float
    last: float

    def at(self, seconds: float, score: float) -> tuple[float, float]:
        across = (_WIDTH - _LEFT - _RIGHT) * (seconds - self.first) / (self.last - self.first)
        return _LEFT + across, _TOP + (_HEIGHT - _BOTTOM - _TOP) * (1 - score)


def score_over_time(result: Result) -> str:
    """The score of each face against time, with the thresholds: an SVG element; in the verdict's tone the first face.

    Args:
        result: of a clip with a face.
    """
    times = [sighting.seconds for face in result.faces for sighting in face.sightings]
    axes = _Axes(min(times), max(max(times), min(times) + 0.1))
    parts = [_level(axes, result.rule.fake_from, "fake from")]
    if result.rule.real_below < result.rule.fake_from:
        parts.append(_level(axes, result.rule.real_below, "real below"))
    parts += [_words(_LEFT - 8, axes.at(0, value)[1] + 4, "end", f"{value:g}") for value in (0, 0.5, 1)]
    parts += [
        _words(axes.at(value, 0)[0], _HEIGHT - 12, anchor, f"{value:.1f} s")
        for value, anchor in ((axes.first, "start"), (axes.last, "end"))
    ]
    parts += [_curve(axes, face, _OTHERS) for face in result.faces[:0:-1]]
    parts.append(_curve(axes, result.faces[0], TONES[result.verdict]))
    words = f"Score over time, from {axes.first:.1f} to {axes.last:.1f} seconds"
    box = f'viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{words}"'
    return f'<svg class="chart" {box}>{"".join(parts)}</svg>'


def _level(axes: _Axes, score: float, words: str) -> str:
    _, y = axes.at(axes.first, score)
    above = y - 4 if y > 22 else y + 14
    ends = f'x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"'
    line = f'<line {ends} stroke="#4a4f57" stroke-dasharray="5 4"/>'
    return line + _words(_WIDTH - _RIGHT - 2, above, "end", f"{words} {score:.2f}")


def _words(x: float, y: float, anchor: str, words: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="small">{words}</text>'


def _curve(axes: _Axes, face: ScoredFace, colour: str) -> str:
    points: Sequence[tuple[float, float]] = [axes.at(each.seconds, each.score) for each in face.sightings]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>' for x, y in points)
    return f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>{dots}'

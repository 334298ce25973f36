"""Pictures of a scored photograph and a scored video: faces, scores, verdict, and where the forgery is suspected."""

import textwrap
from collections.abc import Collection
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from dfdetect_jax.pictures.canvas import (
    COLOURS,
    DPI,
    GREY,
    place_axes,
    place_colour_bar,
    place_picture,
    rendered,
    within,
)
from dfdetect_jax.pictures.heat import HEAT_TITLES, blend, coloured, heat_overlay, heat_scale
from dfdetect_jax.scoring.decision import Verdict
from dfdetect_jax.scoring.result import HeatKind, Result, ScoredFace, View
from dfdetect_jax.scoring.views import VIDEO_VIEWS

# Inches: the page's edge, between pictures, a picture's title, the colour bar with its numbers.
_MARGIN, _GAP, _TITLE, _BAR = 0.15, 0.12, 0.3, 0.75
# Inches: the headline with a line of notes, each further line, the verdict's words, a letter of the name and of a note.
_HEADLINE, _NOTE, _VERDICT, _LETTER, _SMALL_LETTER = 0.55, 0.14, 5.0, 0.095, 0.066
_AXIS, _LEGEND, _PLOT, _BELOW_PLOT = 0.75, 2.2, 2.3, 0.6  # inches, of the score over time
_VIDEO_PAGE = 10.4  # inches
_HEAT_WORDS = {
    HeatKind.ATTENTION: "most suspicious places",
    HeatKind.RECONSTRUCTION_ERROR: "where the reconstruction fails",
    HeatKind.CLASS_ACTIVATION: "what raises the score",
}


def picture_of(result: Result) -> np.ndarray:
    """The picture of a scored photograph or video: uint8 [height, width, 3].

    Args:
        result: with views.
    """
    return photo_picture(result) if result.kind == "image" else video_picture(result)


def photo_picture(result: Result) -> np.ndarray:
    """A scored photograph: each face in its box with its score, the heat overlaid, and the highest face enlarged.

    Args:
        result: of a photograph, with a view of each face.

    Returns:
        uint8 [height, width, 3].
    """
    views = result.views
    image, kind = views[0].image, views[0].heat_kind
    scale = heat_scale(kind, *(view.heat for view in views))
    enlarged = _enlarged(views[0], scale)
    columns = max(3, len(enlarged))
    width, height = within(image, 4.4, 5.5)
    page = max(2 * width + _GAP, 2.0 * columns) + 2 * _MARGIN + _BAR
    across = (page - 2 * _MARGIN - _BAR - (columns - 1) * _GAP) / columns
    top = _headline_height(result, page) + _TITLE
    below = top + height + _TITLE
    figure = Figure(figsize=(page, below + across + _MARGIN), dpi=DPI)
    boxes = place_picture(figure, _MARGIN, top, width, height, image)
    over = place_picture(figure, _MARGIN + width + _GAP, top, width, height, heat_overlay(views, scale))
    drawn = [(view, _box_verdict(result, face, view)) for face in result.faces for view in face.views]
    for view, verdict in drawn:
        _draw_box(boxes, view, verdict, words=True)
        _draw_box(over, view, verdict, words=False)
    boxes.set_title("faces and scores", fontsize=10)
    over.set_title(_heat_title(kind, result.verdict), fontsize=10)
    right = page - _MARGIN - _BAR + _GAP
    _key_of_boxes(figure, right, top, {verdict for _, verdict in drawn})
    for column, (name, picture) in enumerate(enlarged):
        left = _MARGIN + column * (across + _GAP)
        place_picture(figure, left, below, across, across, picture).set_title(name, fontsize=10)
    place_colour_bar(figure, right, below, across, scale, kind)
    _headline(figure, result)
    return rendered(figure)


def video_picture(result: Result) -> np.ndarray:
    """A scored video: the score of each face over time, and the most suspicious frames with box and heat.

    Args:
        result: of a video, with at least one view and at most `VIDEO_VIEWS`.

    Returns:
        uint8 [height, width, 3].
    """
    views = result.views
    across = (_VIDEO_PAGE - 2 * _MARGIN - _BAR - (VIDEO_VIEWS - 1) * _GAP) / VIDEO_VIEWS
    width, height = within(views[0].image, across, 1.4 * across)
    top = _headline_height(result, _VIDEO_PAGE)
    frames = top + _PLOT + _BELOW_PLOT + _TITLE
    crops = frames + height + _TITLE
    figure = Figure(figsize=(_VIDEO_PAGE, crops + across + _MARGIN), dpi=DPI)
    _score_over_time(place_axes(figure, _AXIS, top, _VIDEO_PAGE - _AXIS - _LEGEND, _PLOT), result)
    kind = views[0].heat_kind
    scale = heat_scale(kind, *(view.heat for view in views))
    for column, view in enumerate(views):
        left = _MARGIN + column * (across + _GAP)
        axes = place_picture(figure, left + (across - width) / 2, frames, width, height, view.image)
        axes.set_title(f"{view.sighting.seconds:.1f} s: {view.sighting.score:.2f}", fontsize=10)
        _draw_box(axes, view, _box_verdict(result, result.faces[0], view), words=False)
        heat = place_picture(figure, left, crops, across, across, blend(view.crop, scale(view.heat)))
        if column == 0:
            heat.set_title(f"{_heat_title(kind, result.verdict)}, enlarged", fontsize=10, loc="left")
    left = _MARGIN + len(views) * (across + _GAP)
    place_colour_bar(figure, left, crops, across, scale, kind)
    _key_of_boxes(figure, left, frames, {_box_verdict(result, result.faces[0], view) for view in views})
    _headline(figure, result)
    return rendered(figure)


def _heat_title(kind: HeatKind, verdict: Verdict) -> str:
    """The title of a heat map: of a picture that is called real, attention names no suspect."""
    return HEAT_TITLES[kind] if kind == HeatKind.ATTENTION and verdict == Verdict.REAL else _HEAT_WORDS[kind]


def _key_of_boxes(figure: Figure, left: float, down: float, shown: Collection[Verdict]) -> None:
    """What the colours of the boxes say, under each other at a place in inches from the upper left."""
    lines = [("box", GREY), *((f"■ {verdict}", colour) for verdict, colour in COLOURS.items() if verdict in shown)]
    for number, (words, colour) in enumerate(lines):
        x, y = left / figure.get_figwidth(), 1 - (down + 0.16 * number) / figure.get_figheight()
        figure.text(x, y, words, va="top", fontsize=8, color=colour)


def _score_over_time(axes: Axes, result: Result) -> None:
    """The curve of each face and the threshold."""
    for face in result.faces:
        highest = face is result.faces[0]
        x = [sighting.seconds for sighting in face.sightings]
        y = [sighting.score for sighting in face.sightings]
        colour = COLOURS[result.verdict] if highest else "#b5b5b5"
        axes.plot(
            x, y, "o-", color=colour, markersize=4, linewidth=1.4, label=_track_label(face, highest), zorder=2 + highest
        )
    rule = result.rule
    axes.axhline(rule.fake_from, color=GREY, linestyle="--", linewidth=1, label=f"fake from {rule.fake_from:.2f}")
    if rule.real_below < rule.fake_from:
        axes.axhline(rule.real_below, color=GREY, linestyle=":", linewidth=1, label=f"real below {rule.real_below:.2f}")
    axes.set_ylim(-0.03, 1.03)
    axes.set_ylabel("score (1 = fake)")
    axes.set_xlabel("time, seconds")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=8, frameon=False)


def _track_label(face: ScoredFace, highest: bool) -> str:
    name = "highest face" if highest else ("another face" if face.decides else "doubtful")
    return f"{name}, mean {face.score:.2f}"


def _headline_height(result: Result, page: float) -> float:
    return _HEADLINE + _NOTE * max(0, len(_note_lines(result, page)) - 1)


def _headline(figure: Figure, result: Result) -> None:
    """The file's name, the verdict in its colour, and the notes under it."""
    height = figure.get_figheight()
    # A file's name may hold bytes that aren't text.
    name = "".join(letter if letter.isprintable() else "?" for letter in Path(result.path).name)
    most = int((figure.get_figwidth() - _VERDICT) / _LETTER)
    name = name if len(name) <= most else f"{name[: most // 2 - 2]}...{name[2 - most // 2 :]}"
    chance = "" if result.probability is None else f", probability {result.probability:.2f}"
    verdict = f"{result.verdict.upper()}   score {result.score:.3f}{chance}, fake from {result.threshold:.3f}"
    figure.text(0.02, 1 - 0.08 / height, name, va="top", fontsize=11, parse_math=False)
    colour = COLOURS[result.verdict]
    figure.text(0.98, 1 - 0.08 / height, verdict, va="top", ha="right", fontsize=11, weight="bold", color=colour)
    notes = "\n".join(_note_lines(result, figure.get_figwidth()))
    figure.text(0.02, 1 - 0.29 / height, notes, va="top", fontsize=8, color=GREY, parse_math=False)


def _note_lines(result: Result, page: float) -> list[str]:
    """The notes in lines that fit on a page of that width, inches."""
    return textwrap.wrap("; ".join(result.notes), int((page - 2 * _MARGIN) / _SMALL_LETTER))


def _box_verdict(result: Result, face: ScoredFace, view: View) -> Verdict:
    """Of one sighting alone; uncertain for a doubtful face."""
    return result.rule.verdict(view.sighting.score) if face.decides else Verdict.UNCERTAIN


def _draw_box(axes: Axes, view: View, verdict: Verdict, words: bool) -> None:
    """The face's box on its image, in the colour of its verdict, with verdict and score written out if `words`."""
    x0, y0, x1, y1 = view.sighting.face.box * view.scale
    colour = COLOURS[verdict]
    for width, edge in ((3.2, "white"), (1.8, colour)):
        axes.add_patch(Rectangle((x0, y0), x1 - x0, y1 - y0, fill=False, edgecolor=edge, linewidth=width))
    if words:
        label = f"{verdict} {view.sighting.score:.2f}"
        style = {"facecolor": colour, "edgecolor": "none", "pad": 1.5}
        # Within the picture, where the box is near its upper or right edge.
        height, width = view.image.shape[:2]
        across, along = (min(x1, width), "right") if x0 > 0.75 * width else (max(x0, 0), "left")
        down = "top" if y0 < 0.08 * height else "bottom"
        axes.text(across, max(y0, 0), label, color="white", fontsize=8, va=down, ha=along, bbox=style, clip_on=True)


def _enlarged(view: View, scale: Normalize) -> list[tuple[str, np.ndarray]]:
    """(title, uint8 [S, S, 3]) of the crop, its reconstruction and class activation if it has them, and its heat.

    Class activation has a scale of its own, from 0 to its highest values.
    """
    pictures = [("highest face, as scored", view.crop)]
    if view.reconstruction is not None:
        pictures.append(("reconstruction", view.reconstruction))
    if view.class_activation is not None and view.heat_kind != HeatKind.CLASS_ACTIVATION:
        own_scale = heat_scale(HeatKind.CLASS_ACTIVATION, view.class_activation)
        pictures.append((HEAT_TITLES[HeatKind.CLASS_ACTIVATION], coloured(own_scale(view.class_activation))))
    return [*pictures, (HEAT_TITLES[view.heat_kind], coloured(scale(view.heat)))]

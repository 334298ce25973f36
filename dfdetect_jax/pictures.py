"""Pictures for people: reconstructions side by side, a scored photograph, a scored video.

Real is blue and fake vermilion (of Okabe and Ito's set, told apart by all common kinds of colour vision), and each is
also said in words; heat maps use a map that rises evenly in lightness. Matplotlib draws without a display and without
its global state.
"""

import os
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from dfdetect_jax.errors import RunError
from dfdetect_jax.media.crop import unwarp
from dfdetect_jax.methods import Prediction
from dfdetect_jax.scoring import (
    ATTENTION,
    FAKE,
    RECONSTRUCTION_ERROR,
    Result,
    ScoredFace,
    View,
    heat_maps,
    heat_shows,
)

COLOURS = {"fake": "#D55E00", "real": "#0072B2"}
GREY = "#6e6e6e"
HEAT = colormaps["inferno"]
DPI = 100
# Attention is drawn from 0 to 1. Reconstruction error is drawn from 0 to the largest value shown, but to no less than
# this: a good reconstruction stays dark.
LEAST_HEAT_RANGE = 0.2
VIDEO_VIEWS = 4  # frames under the curve of a video
_LONGEST_SIDE = 1000  # of a photograph or frame as drawn, pixels
_HEAT_LABEL = {
    ATTENTION: "attention\n(0 untouched, 1 forged)",
    RECONSTRUCTION_ERROR: "reconstruction error\n(mean |difference|, 0 to 2)",
}
_WHERE = {ATTENTION: "most suspicious places", RECONSTRUCTION_ERROR: "where the reconstruction fails"}
_UNKNOWN = np.full((1, 1, 3), 200, np.uint8)  # in the place of a mask that nobody knows


def write_png(path: str | os.PathLike, picture: np.ndarray) -> None:
    """Writes uint8 [H, W, 3] RGB as PNG, whole or not at all; makes the folder.

    Raises:
        RunError: the folder can't be written to.
    """
    path = Path(path)
    partial = path.with_name(path.name + ".partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))[1].tobytes())
        os.replace(partial, path)
    except OSError as error:
        raise RunError(f"{path}: expected a place to write a picture to; {error.strerror or error}") from error


def example_sheet(
    images: np.ndarray, masks: Sequence[np.ndarray | None], prediction: Prediction, captions: Sequence[str]
) -> np.ndarray:
    """A sheet with a row per example and a caption on its left.

    For a method with attention: input, true mask, attention and, if it reconstructs, the reconstruction. For others:
    input, reconstruction, and where it fails.

    Args:
        images: uint8 [N, S, S, 3], N at least 1.
        masks: N, each uint8 [S, S] in {0, 255}, or None where the mask is unknown.
        prediction: of a run on `images`; one scale serves the whole sheet.
        captions: N, such as "swap_alpha\nfake 0.93".

    Returns:
        uint8 [height, width, 3].
    """
    shows, heat = heat_shows(prediction), heat_maps(prediction, images)
    scale = _heat_scale(shows, heat)
    columns = {"input": images}
    if shows == ATTENTION:
        columns["true mask"] = [_UNKNOWN if mask is None else mask[..., None].repeat(3, axis=-1) for mask in masks]
        columns["attention"] = HEAT(scale(heat))
    if prediction.reconstruction is not None:
        columns["reconstruction"] = to_uint8(prediction.reconstruction)
    if shows == RECONSTRUCTION_ERROR:
        columns["where it fails"] = HEAT(scale(heat))
    return _sheet(columns, captions, scale, _HEAT_LABEL[shows])


def _sheet(columns: Mapping[str, Sequence], captions: Sequence[str], scale: Normalize, label: str) -> np.ndarray:
    """Draws `columns` of N pictures under their names, `captions` beside them, and the colours' scale."""
    rows, side, gap, captions_width, top = len(captions), 1.6, 0.06, 1.5, 0.3
    left = captions_width + len(columns) * (side + gap)
    figure = Figure(figsize=(left + 0.9, top + rows * (side + gap) + gap), dpi=DPI)
    for row in range(rows):
        down = top + row * (side + gap)
        middle = 1 - (down + side / 2) / figure.get_figheight()
        right = (captions_width - 0.1) / figure.get_figwidth()
        figure.text(right, middle, captions[row], ha="right", va="center", fontsize=9, parse_math=False)
        for column, (name, pictures) in enumerate(columns.items()):
            axes = _picture_axes(figure, captions_width + column * (side + gap), down, side, side, pictures[row])
            if pictures[row] is _UNKNOWN:
                axes.text(0, 0, "unknown", ha="center", va="center", fontsize=9)
            if row == 0:
                axes.set_title(name, fontsize=10)
    _colour_bar(figure, left, top, rows * (side + gap) - gap, scale, label)
    return _rendered(figure)


def to_uint8(pixels: np.ndarray) -> np.ndarray:
    """float [..., 3] in [-1, 1] -> uint8 [..., 3] in [0, 255], rounded; values beyond are cut."""
    return np.clip(np.round((pixels + 1) * 127.5), 0, 255).astype(np.uint8)


def photo_picture(result: Result, views: Sequence[View]) -> np.ndarray:
    """A scored photograph: each face in its box with its score, the heat laid over it, and the highest face enlarged.

    Args:
        result: of `scoring.score_photo`, with at least one face.
        views: from the same call.

    Returns:
        uint8 [height, width, 3].
    """
    image, shrink = _fit(views[0].image)
    width, height = _within(image, 4.4, 5.5)
    gap, margin, title, headline = 0.12, 0.15, 0.28, 0.5
    page = max(2 * width + gap, 6.0) + 2 * margin + 0.75
    across = (page - 2 * margin - 0.75 - 2 * gap) / 3
    below = headline + title + height + title
    figure = Figure(figsize=(page, below + across + margin), dpi=DPI)
    shows = views[0].shows
    scale = _heat_scale(shows, *(view.heat for view in views))
    boxes = _picture_axes(figure, margin, headline + title, width, height, image)
    over = _picture_axes(
        figure, margin + width + gap, headline + title, width, height, _overlay(image, views, scale, shrink)
    )
    for view in views:
        _draw_box(boxes, view, result.threshold, shrink, words=True)
        _draw_box(over, view, result.threshold, shrink, words=False)
    boxes.set_title("faces and scores", fontsize=10)
    over.set_title(_WHERE[shows], fontsize=10)
    for column, (name, picture) in enumerate(_enlarged(views[0], scale)):
        left = margin + column * (across + gap)
        _picture_axes(figure, left, below, across, across, picture).set_title(name, fontsize=10)
    _colour_bar(figure, page - margin - 0.75 + gap, below, across, scale, _HEAT_LABEL[shows])
    _headline(figure, result)
    return _rendered(figure)


def video_picture(result: Result, views: Sequence[View]) -> np.ndarray:
    """A scored video: the score of each face over time, and the most suspicious frames with box and heat.

    Args:
        result: of `scoring.score_video`, with at least one face.
        views: of `scoring.video_views`, at least one.

    Returns:
        uint8 [height, width, 3].
    """
    page, gap, margin, title, headline, plot = 10.4, 0.12, 0.15, 0.3, 0.55, 2.3
    across = (page - 2 * margin - 0.75 - (VIDEO_VIEWS - 1) * gap) / VIDEO_VIEWS
    pictures = [_fit(view.image) for view in views]
    width, height = _within(pictures[0][0], across, 1.4 * across)
    frames = headline + plot + 0.6 + title
    crops = frames + height + title
    figure = Figure(figsize=(page, crops + across + margin), dpi=DPI)
    _score_over_time(_axes(figure, 0.75, headline, page - 0.75 - 2.2, plot), result)
    shows = views[0].shows
    scale = _heat_scale(shows, *(view.heat for view in views))
    for column, (view, (picture, shrink)) in enumerate(zip(views, pictures, strict=True)):
        left = margin + column * (across + gap)
        axes = _picture_axes(figure, left + (across - width) / 2, frames, width, height, picture)
        axes.set_title(f"{_moment(view.sighting.frame, result.fps)}: {view.sighting.score:.2f}", fontsize=10)
        _draw_box(axes, view, result.threshold, shrink, words=False)
        heat = _picture_axes(figure, left, crops, across, across, blend(view.crop, scale(view.heat)))
        if column == 0:
            heat.set_title(f"{_WHERE[shows]}, enlarged", fontsize=10, loc="left")
    left = margin + len(views) * (across + gap)
    _colour_bar(figure, left, crops, across, scale, _HEAT_LABEL[shows])
    _headline(figure, result)
    return _rendered(figure)


def _score_over_time(axes: Axes, result: Result) -> None:
    timed = result.fps > 0
    for face in result.faces:
        highest = face is result.faces[0]
        x = [sighting.frame / (result.fps if timed else 1) for sighting in face.sightings]
        y = [sighting.score for sighting in face.sightings]
        colour = COLOURS[result.verdict] if highest else "#b5b5b5"
        axes.plot(
            x, y, "o-", color=colour, markersize=4, linewidth=1.4, label=_track_label(face, highest), zorder=2 + highest
        )
    axes.axhline(result.threshold, color=GREY, linestyle="--", linewidth=1, label=f"threshold {result.threshold:.2f}")
    axes.set_ylim(-0.03, 1.03)
    axes.set_ylabel("score (1 = fake)")
    axes.set_xlabel("time, seconds" if timed else "frame")
    axes.xaxis.set_major_locator(MaxNLocator(integer=not timed))
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=8, frameon=False)


def _track_label(face: ScoredFace, highest: bool) -> str:
    name = "highest face" if highest else ("another face" if face.decides else "seen briefly")
    return f"{name}, mean {face.score:.2f}"


def _moment(frame: int, fps: float) -> str:
    return f"{frame / fps:.1f} s" if fps > 0 else f"frame {frame}"


def _headline(figure: Figure, result: Result) -> None:
    """The file's name, the verdict in its colour, and the notes under it."""
    height = figure.get_figheight()
    # A file's name may hold bytes that are no text.
    name = "".join(letter if letter.isprintable() else "?" for letter in Path(result.path).name)
    name = name if len(name) <= 60 else f"{name[:28]}...{name[-28:]}"
    verdict = f"{result.verdict.upper()}   score {result.score:.3f}, threshold {result.threshold:.3f}"
    figure.text(0.02, 1 - 0.08 / height, name, va="top", fontsize=11, parse_math=False)
    colour = COLOURS[result.verdict]
    figure.text(0.98, 1 - 0.08 / height, verdict, va="top", ha="right", fontsize=11, weight="bold", color=colour)
    notes = "; ".join(result.notes)
    figure.text(0.02, 1 - 0.29 / height, notes, va="top", fontsize=8, color=GREY, parse_math=False)


def _axes(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Axes placed by inches from the upper left corner of the page."""
    page_width, page_height = figure.get_size_inches()
    return figure.add_axes(
        (left / page_width, 1 - (top + height) / page_height, width / page_width, height / page_height)
    )


def _picture_axes(figure: Figure, left: float, top: float, width: float, height: float, picture: np.ndarray) -> Axes:
    axes = _axes(figure, left, top, width, height)
    axes.imshow(picture, interpolation="antialiased")
    axes.axis("off")
    return axes


def _within(image: np.ndarray, widest: float, highest: float) -> tuple[float, float]:
    """(width, height) of the largest copy of `image` that fits into `widest` x `highest`."""
    height, width = image.shape[:2]
    scale = min(widest / width, highest / height)
    return width * scale, height * scale


def _draw_box(axes: Axes, view: View, threshold: float, shrink: float, words: bool) -> None:
    verdict = FAKE if view.sighting.score >= threshold else "real"
    x0, y0, x1, y1 = view.sighting.face.box * shrink
    colour = COLOURS[verdict]
    for width, edge in ((3.2, "white"), (1.8, colour)):
        axes.add_patch(Rectangle((x0, y0), x1 - x0, y1 - y0, fill=False, edgecolor=edge, linewidth=width))
    if words:
        label = f"{verdict} {view.sighting.score:.2f}"
        style = {"facecolor": colour, "edgecolor": "none", "pad": 1.5}
        axes.text(max(x0, 0), max(y0, 0), label, color="white", fontsize=8, va="bottom", bbox=style, clip_on=True)


def _enlarged(view: View, scale: Normalize) -> list[tuple[str, np.ndarray]]:
    pictures = [("highest face, as scored", view.crop)]
    if view.reconstruction is not None:
        pictures.append(("reconstruction", to_uint8(view.reconstruction)))
    heat = "attention" if view.shows == ATTENTION else "where it fails"
    return [*pictures, (heat, (HEAT(scale(view.heat))[..., :3] * 255).astype(np.uint8))]


def _overlay(image: np.ndarray, views: Sequence[View], scale: Normalize, shrink: float) -> np.ndarray:
    """The heat of every face put back where the face is; uint8 [H, W, 3] as `image`, `shrink` times the views' size."""
    # Pixel centres: p in the view's image is at (p + 1/2) * shrink - 1/2 in the smaller one.
    to_full = np.array([[1 / shrink, 0, 0.5 / shrink - 0.5], [0, 1 / shrink, 0.5 / shrink - 0.5], [0, 0, 1]])
    heat = np.zeros(image.shape[:2], np.float32)
    for view in views:
        np.maximum(heat, unwarp(view.heat, view.matrix @ to_full, image.shape[:2]), out=heat)
    return blend(image, scale(heat))


def blend(image: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Greys `image`, uint8 [H, W, 3], and colours it by `share`, float [H, W] in [0, 1], the more the higher."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[..., None] / 255
    colour, weight = HEAT(share)[..., :3], np.asarray(share)[..., None]
    return ((grey * (1 - weight) + colour * weight) * 255).astype(np.uint8)


def _heat_scale(shows: str, *heat: np.ndarray) -> Normalize:
    if shows == ATTENTION:
        return Normalize(0, 1, clip=True)
    return Normalize(0, max(LEAST_HEAT_RANGE, *(float(np.percentile(each, 99.5)) for each in heat)), clip=True)


def _colour_bar(figure: Figure, left: float, top: float, height: float, scale: Normalize, label: str) -> None:
    bar = figure.colorbar(ScalarMappable(scale, HEAT), cax=_axes(figure, left, top, 0.12, height))
    bar.set_label(label, fontsize=8)
    bar.ax.tick_params(labelsize=8)
    bar.outline.set_visible(False)


def _fit(image: np.ndarray) -> tuple[np.ndarray, float]:
    """The image, at most `_LONGEST_SIDE` pixels long, and the factor it was scaled by."""
    shrink = min(1.0, _LONGEST_SIDE / max(image.shape[:2]))
    if shrink == 1.0:
        return image, shrink
    size = (max(1, round(image.shape[1] * shrink)), max(1, round(image.shape[0] * shrink)))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA), shrink


def _rendered(figure: Figure) -> np.ndarray:
    canvas = FigureCanvasAgg(figure)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")  # a file's name may be in a script that the font lacks
        canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()

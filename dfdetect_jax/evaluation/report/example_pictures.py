"""Examples as small pictures inside the page, whose bytes are kept within a budget."""

import base64
import collections
import dataclasses
from collections.abc import Iterator, Mapping, Sequence

import cv2
import numpy as np
from matplotlib.colors import Normalize

from dfdetect_jax.evaluation.report.contents import ExampleView
from dfdetect_jax.pictures.canvas import heat_scale
from dfdetect_jax.pictures.sheets import blend
from dfdetect_jax.scoring.result import HeatKind

Key = tuple[str, str]  # run and data set
BUDGET = 2_500_000  # bytes of all examples in the page
_SIZES = ((160, 85), (112, 80), (80, 70))  # side in pixels and JPEG quality, tried in turn
_HEAT = {HeatKind.ATTENTION: "attention", HeatKind.RECONSTRUCTION_ERROR: "where it fails", None: "heat map"}


@dataclasses.dataclass(frozen=True)
class Example:
    """An example as the page shows it: (name, data URI) of each picture, and its view for the caption."""

    view: ExampleView
    pictures: list[tuple[str, str]]


def examples_of(
    views: Mapping[tuple[str, str], Sequence[ExampleView]], budget: int = BUDGET
) -> tuple[dict[tuple[str, str], list[Example]], int]:
    """Draws examples as large as `budget` allows; where even small ones are too many, each list is cut.

    Args:
        views: by (run, data set).
        budget: bytes of all of them in the page.

    Returns:
        The same, drawn, and how many were left out.
    """
    kept = {key: list(each) for key, each in views.items()}
    total = sum(map(len, kept.values()))
    for side, quality in _SIZES:
        drawn = _drawn(kept, side, quality)
        size = _size(drawn)
        if size <= budget:
            return drawn, 0
    longest = max(map(len, kept.values()))
    while size > budget and longest > 1:
        longest = max(1, min(longest - 1, int(longest * budget / size)))
        drawn = {key: _of_every_kind(each, longest) for key, each in drawn.items()}
        size = _size(drawn)
    return drawn, total - sum(map(len, drawn.values()))


def shrunk(picture: np.ndarray, side: int) -> np.ndarray:
    """A picture or map, [S, S] or [S, S, 3], of which no side is longer than `side`."""
    shrink = side / max(picture.shape[:2])
    if shrink >= 1:
        return picture
    size = tuple(max(1, round(length * shrink)) for length in picture.shape[1::-1])
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)


def jpeg(picture: np.ndarray, quality: int) -> str:
    """uint8 [S, S, 3] RGB as a data URI."""
    parameters = [cv2.IMWRITE_JPEG_QUALITY, quality]
    data = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), parameters)[1].tobytes()
    return f"data:image/jpeg;base64,{base64.b64encode(data).decode()}"


def _drawn(views: Mapping[Key, Sequence[ExampleView]], side: int, quality: int) -> dict[Key, list[Example]]:
    drawn = {}
    for key, group in views.items():
        heats = [view.heat for view in group if view.heat is not None]
        shows = next((view.shows for view in group if view.heat is not None), None)
        scale = heat_scale(shows or HeatKind.RECONSTRUCTION_ERROR, *heats) if heats else None  # one scale: comparable
        drawn[key] = [
            Example(view, [(name, jpeg(picture, quality)) for name, picture in _pictures(view, scale, side)])
            for view in group
        ]
    return drawn


def _pictures(view: ExampleView, scale: Normalize | None, side: int) -> Iterator[tuple[str, np.ndarray]]:
    image = shrunk(view.image, side)
    yield "input", image
    if view.heat is not None:
        yield _HEAT[view.shows], blend(image, np.asarray(scale(shrunk(view.heat, side))))
    if view.mask is not None:
        yield "true mask", np.repeat(shrunk(view.mask, side)[..., None], 3, axis=-1)
    if view.reconstruction is not None:
        yield "reconstruction", shrunk(view.reconstruction, side)


def _size(drawn: Mapping[Key, Sequence[Example]]) -> int:
    return sum(len(uri) for group in drawn.values() for example in group for _, uri in example.pictures)


def _of_every_kind(group: Sequence[Example], count: int) -> list[Example]:
    """At most `count`, in their order: the first of each kind, then the second of each, and so on."""
    met: collections.Counter[str] = collections.Counter()
    ranks = []
    for example in group:
        ranks.append(met[example.view.kind])
        met[example.view.kind] += 1
    chosen = sorted(range(len(group)), key=lambda place: (ranks[place], place))[:count]
    return [group[place] for place in sorted(chosen)]

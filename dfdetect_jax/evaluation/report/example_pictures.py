"""Examples as small pictures inside the page, within a budget of bytes."""

import base64
import collections
import dataclasses
from collections.abc import Iterator, Mapping, Sequence

import cv2
import numpy as np
from matplotlib.colors import Normalize

from dfdetect_jax.evaluation.example_views import ExampleView
from dfdetect_jax.pictures.heat import HEAT_TITLES, blend, heat_scale
from dfdetect_jax.scoring.result import HeatKind

Key = tuple[str, str]  # run and data set
BUDGET = 2_500_000  # bytes of all examples in the page
_SIZES = ((160, 85), (112, 80), (80, 70))  # side in pixels and JPEG quality, tried in turn


@dataclasses.dataclass(frozen=True)
class Example:
    """An example as the page shows it: (name, data URI) of each picture, and its view for the caption."""

    view: ExampleView
    pictures: list[tuple[str, str]]


def examples_of(
    views: Mapping[Key, Sequence[ExampleView]], budget: int = BUDGET
) -> tuple[dict[Key, list[Example]], int]:
    """Renders examples as large as `budget` allows; if even small ones are too many, every list is shortened.

    Args:
        views: by (run, data set).
        budget: bytes of all pictures in the page.

    Returns:
        The examples by (run, data set), and how many were left out.
    """
    total = sum(map(len, views.values()))
    for side, quality in _SIZES:
        examples = _rendered(views, side, quality)
        size = _size(examples)
        if size <= budget:
            return examples, 0
    longest = max(map(len, views.values()))
    while size > budget and longest > 1:
        longest = max(1, min(longest - 1, int(longest * budget / size)))
        examples = {key: _of_every_kind(each, longest) for key, each in examples.items()}
        size = _size(examples)
    return examples, total - sum(map(len, examples.values()))


def shrunk(picture: np.ndarray, side: int) -> np.ndarray:
    """A picture or map, [S, S] or [S, S, 3], with no side longer than `side`."""
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


def _rendered(views: Mapping[Key, Sequence[ExampleView]], side: int, quality: int) -> dict[Key, list[Example]]:
    return {key: _rendered_list(group, side, quality) for key, group in views.items() if group}


def _rendered_list(group: Sequence[ExampleView], side: int, quality: int) -> list[Example]:
    # One scale for the list: comparable.
    scales = {group[0].shows: heat_scale(group[0].shows, *(view.heat for view in group))}
    activations = [view.class_activation for view in group if view.class_activation is not None]
    if activations:
        scales[HeatKind.CLASS_ACTIVATION] = heat_scale(HeatKind.CLASS_ACTIVATION, *activations)
    return [
        Example(view, [(name, jpeg(picture, quality)) for name, picture in _pictures(view, scales, side)])
        for view in group
    ]


def _pictures(view: ExampleView, scales: Mapping[HeatKind, Normalize], side: int) -> Iterator[tuple[str, np.ndarray]]:
    image = shrunk(view.image, side)
    yield "input", image
    maps = {HeatKind.CLASS_ACTIVATION: view.class_activation, view.shows: view.heat}
    for kind, scale in scales.items():
        heat = maps[kind]
        if heat is not None:
            yield HEAT_TITLES[kind], blend(image, np.asarray(scale(shrunk(heat, side))))
    if view.mask is not None:
        yield "true mask", np.repeat(shrunk(view.mask, side)[..., None], 3, axis=-1)
    if view.reconstruction is not None:
        yield "reconstruction", shrunk(view.reconstruction, side)


def _size(examples: Mapping[Key, Sequence[Example]]) -> int:
    return sum(len(uri) for group in examples.values() for example in group for _, uri in example.pictures)


def _of_every_kind(group: Sequence[Example], count: int) -> list[Example]:
    """At most `count`, in their order: the first of each kind, then the second of each, and so on."""
    counts: collections.Counter[str] = collections.Counter()
    ranks = []
    for example in group:
        ranks.append(counts[example.view.kind])
        counts[example.view.kind] += 1
    first = sorted(range(len(group)), key=lambda place: (ranks[place], place))[:count]
    return [group[place] for place in sorted(first)]

"""How far masks agree: of two annotators, and of an annotator with the detector's heat map.

Intersection over union of the marked pixels, per item and on average over items (each item counts the same, whatever
its area).
"""

import itertools
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

HEAT_LEVEL = 0.5  # of attention in [0, 1], from which on the map marks a pixel


class PairIou(NamedTuple):
    """Two annotators on one item.

    Attributes:
        item: `QueueRow.id`.
        annotators: the two, in order of answering.
        iou: in [0, 1]; None where one of them gave no mask.
        answers: what each answered.
    """

    item: str
    annotators: tuple[str, str]
    iou: float | None
    answers: tuple[str, str]


def iou(first: np.ndarray, second: np.ndarray) -> float:
    """Intersection over union of two masks [H, W], of which any value but 0 is marked; 1 where both are empty."""
    a, b = np.asarray(first) != 0, np.asarray(second) != 0
    union = int((a | b).sum())
    return int((a & b).sum()) / union if union else 1.0


def iou_with_heat(mask: np.ndarray, heat: np.ndarray | None) -> float | None:
    """IoU of a mask with the pixels whose heat is at least `HEAT_LEVEL`; None without a map.

    Args:
        mask: uint8 [H, W] in {0, 255}.
        heat: float32 [H, W] in [0, 1].
    """
    return None if heat is None else round(iou(mask, heat >= HEAT_LEVEL), 4)


def pairs(item: str, answers: Mapping[str, tuple[str, np.ndarray | None]]) -> list[PairIou]:
    """Every pair of annotators of one item.

    Args:
        item: `QueueRow.id`.
        answers: (answer, mask [H, W] or None) by annotator.
    """
    return [
        PairIou(item, (one, other), None if a is None or b is None else iou(a, b), (answer_a, answer_b))
        for (one, (answer_a, a)), (other, (answer_b, b)) in itertools.combinations(answers.items(), 2)
    ]


def mean(values: list[float]) -> float | None:
    """The mean; None of nothing."""
    return float(np.mean(values)) if values else None

import numpy as np
import pytest
from sklearn.metrics import jaccard_score

from dfdetect_jax.active.agreement import iou, iou_with_heat, mean, pairs


def square(top, left, side=10):
    mask = np.zeros((24, 24), np.uint8)
    mask[top : top + side, left : left + side] = 255
    return mask


def test_iou_is_the_jaccard_score_of_the_pixels():
    a, b = square(2, 2), square(5, 6)
    assert iou(a, b) == pytest.approx(jaccard_score(a.ravel() > 0, b.ravel() > 0))
    assert iou(a, a) == iou(np.zeros_like(a), np.zeros_like(a)) == 1.0


def test_the_heat_map_marks_what_is_at_least_a_half():
    heat = np.where(square(2, 2) > 0, 0.5, 0.49).astype(np.float32)
    assert iou_with_heat(square(2, 2), heat) == 1.0
    assert iou_with_heat(square(2, 2), heat / 2) == 0.0
    assert iou_with_heat(square(2, 2), None) is None


def test_every_pair_of_annotators_is_compared_and_one_without_mask_has_no_iou():
    found = pairs("0007", {"ann": ("mask", square(2, 2)), "bob": ("real", None), "eve": ("mask", square(2, 2))})
    assert [(each.annotators, each.iou) for each in found] == [
        (("ann", "bob"), None),
        (("ann", "eve"), 1.0),
        (("bob", "eve"), None),
    ]
    assert found[0].answers == ("mask", "real")


def test_there_is_no_mean_of_nothing():
    assert mean([]) is None
    assert mean([0.5, 1.0]) == 0.75

import numpy as np
import pytest

from dfdetect_jax.evaluation.example_views import Kind
from dfdetect_jax.evaluation.report.example_pictures import examples_of, shrunk
from dfdetect_jax.scoring.result import HeatKind
from tests.evaluation.made_results import example


def size_of(examples):
    return sum(len(uri) for group in examples.values() for each in group for _, uri in each.pictures)


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"shows": HeatKind.ATTENTION}, ["input", "attention", "true mask", "reconstruction"]),
        ({"shows": HeatKind.RECONSTRUCTION_ERROR, "mask": None}, ["input", "where it fails", "reconstruction"]),
        ({"shows": HeatKind.ATTENTION, "reconstruction": None}, ["input", "attention", "true mask"]),
        (
            {"shows": HeatKind.RECONSTRUCTION_ERROR, "class_activation": np.ones((64, 64), np.float32), "mask": None},
            ["input", "where it fails", "what raises the score", "reconstruction"],
        ),
    ],
)
def test_examples_have_a_picture_of_everything_that_is_known(changes, names):
    examples, left_out = examples_of({("run", "set"): [example(**changes)]})
    (only,) = examples["run", "set"]
    assert [name for name, _ in only.pictures] == names
    assert all(uri.startswith("data:image/jpeg;base64,") for _, uri in only.pictures)
    assert left_out == 0


def test_examples_are_reduced_before_any_is_left_out():
    blank = example(image=np.zeros((256, 256, 3), np.uint8), heat=np.ones((256, 256), np.float32))
    views = {("run", "set"): [blank] * 3}
    large, _ = examples_of(views)
    small, left_out = examples_of(views, size_of(large) - 1)
    assert left_out == 0
    assert len(small["run", "set"]) == 3
    assert size_of(small) < size_of(large)


def test_where_small_examples_are_still_too_many_every_kind_stays():
    views = [example(kind=kind) for kind in Kind for _ in range(4)]
    examples, left_out = examples_of({("run", name): views for name in ("set", "other")}, 150_000)
    lengths = [len(group) for group in examples.values()]
    assert lengths[0] == lengths[1]
    assert 3 <= lengths[0] < 12
    assert left_out == 24 - sum(lengths)
    assert size_of(examples) <= 150_000
    assert {each.view.kind for each in examples["run", "set"]} == set(Kind)


def test_nothing_to_show_takes_no_room():
    assert examples_of({("run", "set"): []}) == ({}, 0)


@pytest.mark.parametrize(
    ("shape", "expected"), [((64, 64, 3), (16, 16, 3)), ((64, 32), (16, 8)), ((8, 8, 3), (8, 8, 3))]
)
def test_pictures_are_reduced_and_never_enlarged(shape, expected):
    assert shrunk(np.zeros(shape, np.uint8), 16).shape == expected

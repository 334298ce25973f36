"""The examples in the docstrings of the pure floor give what they show."""

import doctest
import importlib

import pytest

MODULES = (
    "losses",
    "media.crop",
    "shares",
    "evaluation.metrics.calibration",
    "evaluation.metrics.ranking",
    "evaluation.metrics.videos",
)


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings_are_true(name):
    result = doctest.testmod(importlib.import_module(f"dfdetect_jax.{name}"), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert result.attempted > 0
    assert result.failed == 0

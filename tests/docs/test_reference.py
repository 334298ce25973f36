"""The generated pages are what their command writes now."""

import runpy

import pytest

from dfdetect_jax.evaluation.report.definitions import DEFINITIONS, OTHER_DEFINITIONS
from tests.documents import ROOT

PAGES = runpy.run_path(str(ROOT / "docs" / "make_reference.py"))["PAGES"]


@pytest.mark.parametrize("name", PAGES)
def test_a_generated_page_is_up_to_date(name):
    assert (ROOT / "docs" / name).read_text() == PAGES[name](), "run python docs/make_reference.py"


def test_every_setting_of_the_cae_is_listed():
    page = PAGES["settings.md"]()
    assert "| `loss.reconstruction_weight` | 0.1 | lambda; 0 is the single-branch baseline. |" in page
    assert page.count("| `train.steps` |") == 1


def test_every_figure_is_defined():
    page = PAGES["metrics.md"]()
    assert all(definition in page for *_, definition in (*DEFINITIONS, *OTHER_DEFINITIONS) if "|" not in definition)

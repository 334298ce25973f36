"""Pages and the README link to what exists, are in the navigation, and their pictures are small and described."""

import json
import re

import numpy as np
import pytest
import yaml

from dfdetect_jax.cli import ExitStatus
from dfdetect_jax.media.face import Face
from dfdetect_jax.scoring.decision import DecisionRule, Verdict
from dfdetect_jax.scoring.result import Result, ScoredFace, Sighting, as_json
from tests.documents import DOCUMENTS, ROOT, blocks

README = ROOT / "README.md"
PAGES = [path for path in DOCUMENTS if path.parent.name == "docs"]
LINK = re.compile(r"(!?)\[([^]]*)\]\(([^)\s]+)\)")
LARGEST_PICTURE = 100_000  # bytes


def anchors(text: str) -> set[str]:
    """Of the headings of a page, as MkDocs and GitHub make them."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(path):
    for _, _, target in LINK.findall(path.read_text()):
        if target.startswith(("http://", "https://", "mailto:")):
            continue
        file, _, anchor = target.partition("#")
        linked = (path.parent / file).resolve() if file else path
        assert linked.exists(), target
        assert not anchor or anchor in anchors(linked.read_text()), target


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_a_page_links_only_to_pages_and_pictures(path):
    """The site holds nothing else; files of the repository are named."""
    targets = [target for _, _, target in LINK.findall(path.read_text())]
    assert [target for target in targets if target.startswith("../") or ".py" in target] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_files_that_a_page_names_exist(path):
    named = re.findall(
        r"`((?:dfdetect_jax|tests|configs|benchmarks|launch|examples|docs)/[\w./-]+)[`:]", path.read_text()
    )
    placeholders = ("NAME", "mine.py", "test_y.py", "x/y.py")
    assert [name for name in named if not any(p in name for p in placeholders) and not (ROOT / name).exists()] == []


def test_every_page_is_in_the_navigation():
    text = (ROOT / "mkdocs.yml").read_text()
    assert yaml.safe_load(text)["docs_dir"] == "docs"
    assert {path.name for path in PAGES} == set(re.findall(r": (\w[\w-]*\.md)$", text, re.MULTILINE))


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_pictures_are_small_and_described(path):
    for picture, words, target in LINK.findall(path.read_text()):
        if picture:
            assert len(words) > 20, target
            assert (path.parent / target).stat().st_size < LARGEST_PICTURE, target


def test_the_readme_is_short():
    assert len(README.read_bytes()) < 7_000


def test_the_page_on_predict_has_the_keys_the_verdicts_and_the_exit_statuses_that_there_are():
    page = (ROOT / "docs" / "predict.md").read_text()
    face = ScoredFace(
        sightings=(Sighting(frame=0, face=Face(box=np.zeros(4), landmarks=None, confidence=1.0), score=0.5),), score=0.5
    )
    rule = DecisionRule(fake_from=0.5, real_below=0.5)
    line = as_json(Result(path="a", kind="image", rule=rule, faces=(face,)))
    (shown,) = [json.loads(block.code) for block in blocks("json") if block.place.startswith("predict.md")]
    assert list(shown) == list(line)
    assert list(shown["faces"][0]) == list(line["faces"][0])
    assert [verdict for verdict in Verdict if f"| `{verdict}` |" not in page] == []
    statuses = page.partition("## Exit statuses")[2].partition("##")[0]
    assert [status for status in ExitStatus if not re.search(rf"^\|.*\b{status.value}\b", statuses, re.MULTILINE)] == []

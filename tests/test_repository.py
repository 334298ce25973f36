"""Versions, commands and packages agree across the repository's files."""

import re
import tomllib
from pathlib import Path

import yaml

import dfdetect_jax

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
TEST_LINE = "pip install -e '.[test]' && python -m pytest"


def test_ci_runs_on_the_versions_that_the_package_names():
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
    named = re.findall(r"Python :: (3\.\d+)", " ".join(PROJECT["classifiers"]))
    assert workflow["jobs"]["checks"]["strategy"]["matrix"]["python"] == named
    assert PROJECT["requires-python"] == f">={named[0]}"


def test_ci_runs_the_readmes_test_line():
    for file in ("README.md", ".ci/run"):
        assert TEST_LINE in (ROOT / file).read_text()


def test_the_citation_is_of_this_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert (citation["version"], citation["license"]) == (dfdetect_jax.__version__, PROJECT["license"])
    assert {reference["url"] for reference in citation["references"]} == set(PROJECT["urls"].values())


def test_every_folder_with_code_is_a_package():  # setuptools' find_packages passes over folders without __init__.py
    folders = {path.parent for path in (ROOT / "dfdetect_jax").rglob("*.py")}
    assert len(folders) > 10
    assert [folder for folder in folders if not (folder / "__init__.py").exists()] == []

"""What several files of the repository state agrees, and the wheel holds what is installed."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import dfdetect_jax

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "dfdetect_jax"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
JOBS = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())["jobs"]
TEST_LINE = "pip install -e '.[test]' && python -m pytest"


def python_versions() -> list[str]:
    """Those of the classifiers, the lowest first."""
    return re.findall(r"Python :: (3\.\d+)", " ".join(PROJECT["classifiers"]))


def test_ci_runs_on_the_versions_that_the_package_names():
    assert JOBS["checks"]["strategy"]["matrix"]["python"] == python_versions()


def test_ci_runs_the_lowest_versions_on_the_lowest_python():
    lowest = python_versions()[0]
    assert PROJECT["requires-python"] == f">={lowest}"
    assert JOBS["lowest"]["steps"][-1]["env"]["PYTHON"] == f"python{lowest}"


@pytest.mark.parametrize(("job", "script"), [("checks", ".ci/run"), ("lowest", ".ci/lowest"), ("locked", ".ci/locked")])
def test_ci_runs_the_scripts_that_a_developer_runs(job, script):
    assert JOBS[job]["steps"][-1]["run"] == script
    assert os.access(ROOT / script, os.X_OK)


@pytest.mark.parametrize("script", [".ci/run", ".ci/lowest", ".ci/lock", ".ci/locked"])
def test_shellcheck_finds_nothing(script):
    shellcheck = shutil.which("shellcheck", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    done = subprocess.run([shellcheck, ROOT / script], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_ci_runs_the_readmes_test_line():
    for file in ("README.md", ".ci/run"):
        assert TEST_LINE in (ROOT / file).read_text()


def test_every_requirement_has_a_lower_bound():
    own = {f"jax[{extra}]" for extra in EXTRAS}  # bounded by the dependency on jax
    requirements = [*PROJECT["dependencies"], *(line for extra in EXTRAS.values() for line in extra)]
    assert [line for line in requirements if ">=" not in line and line not in own] == []


def test_the_lock_file_has_a_hash_and_an_allowed_version_of_every_requirement():
    text = (ROOT / ".ci/requirements.lock").read_text()
    entries = re.findall(
        r"^([a-z0-9._-]+)(?:\[.*\])?==([^ ;\\]+)((?:.*\\\n)(?: +--hash=sha256:[0-9a-f]{64}.*\n)+)", text, re.M
    )
    locked = {name: version for name, version, _ in entries}
    assert len(entries) == len(re.findall(r"^[a-z]", text, re.M))
    assert "http:" not in text
    assert "https:" not in text
    for requirement in map(Requirement, [*PROJECT["dependencies"], *EXTRAS["test"], *EXTRAS["dev"]]):
        name = canonicalize_name(requirement.name)
        assert locked.get(name), name
        assert requirement.specifier.contains(locked[name], prereleases=True), f"{name}: run .ci/lock"


def test_a_requirement_of_several_extras_has_one_bound():
    lines = {line for extra in EXTRAS.values() for line in extra}
    names = [re.split("[<>=]", line)[0] for line in lines]
    assert sorted(names) == sorted(set(names))


def test_the_citation_is_of_this_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert (citation["version"], citation["license"]) == (dfdetect_jax.__version__, PROJECT["license"])
    assert {reference["url"] for reference in citation["references"]} <= set(PROJECT["urls"].values())


def test_every_folder_with_code_is_a_package():
    """Otherwise setuptools doesn't find it."""
    folders = {path.parent for path in PACKAGE.rglob("*.py")}
    assert [folder for folder in folders if not (folder / "__init__.py").is_file()] == []


@pytest.mark.parametrize("name", ["CONTRIBUTING.md", "SECURITY.md"])
def test_files_that_the_documents_name_exist(name):
    text = (ROOT / name).read_text()
    links = re.findall(r"\]\(([^)#]+)\)", text) + re.findall(r"`((?:tests|media|\.ci)/[\w/.]+)`", text)
    placeholders = {"tests/methods/test_NAME.py", "tests/x/test_y.py"}
    bases = (ROOT, PACKAGE)
    assert {link for link in links if not any((base / link).exists() for base in bases)} <= placeholders


def test_the_tests_that_the_fault_table_names_exist():
    named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", (ROOT / "docs/reliability.md").read_text())
    assert len(named) > 30
    assert [(file, name) for file, name in named if f"def {name}(" not in (ROOT / file).read_text()] == []


def installed_files() -> set[str]:
    """Paths of the package's files in the wheel; configs/ is installed as dfdetect_jax.configs."""
    paths = [path.relative_to(ROOT) for path in PACKAGE.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    configs = [Path("dfdetect_jax", path.relative_to(ROOT)) for path in (ROOT / "configs").glob("*.py")]
    return {path.as_posix() for path in (*paths, *configs)}


@pytest.mark.slow
def test_the_wheel_holds_the_package_and_nothing_else(tmp_path):
    source = tmp_path / "source"  # a copy, since setuptools also packs what an earlier build left in build/
    for folder in ("dfdetect_jax", "configs"):
        shutil.copytree(ROOT / folder, source / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "setup.py", "setup.cfg", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", tmp_path, source]
    subprocess.run(command, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {name for name in names if ".dist-info/" not in name} == installed_files()

"""Imports point one way, and the pure floor knows no files, flags or data sets."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "dfdetect_jax"

# Each layer may import itself and what stands below it.
LAYERS = (
    ("commands", {"__main__", "train", "prepare", "check", "evaluate", "predict", "select"}),
    ("front door", {"api"}),
    ("training", {"training"}),
    ("active and evaluation", {"active", "evaluation"}),
    ("pictures", {"pictures"}),
    ("scoring", {"scoring"}),
    ("runs", {"run"}),
    ("data and weights", {"data", "weights"}),
    ("media and devices", {"media", "devices"}),
    ("methods", {"methods"}),
    ("parts", {"models", "losses", "augment", "optimizer"}),
    ("ground", {"config", "errors", "cli", "files", "shares", "batching"}),
)
FLOOR = {"methods", "models", "losses", "augment", "optimizer", "config", "errors"}
FLOOR_LIBRARIES = {"jax", "flax", "optax", "chex", "numpy"}
# data/example.py is the record itself: arrays and names, below everything that reads or scores it.
EVERYWHERE = {"dfdetect_jax.data.example", "dfdetect_jax.__version__"}


def modules():
    return [path for path in sorted(PACKAGE.rglob("*.py")) if path.parent.name != "configs"]


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def part(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def layer_of(name: str) -> int | None:
    return next((i for i, (_, parts) in enumerate(LAYERS) if name in parts), None)


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_down(path):
    if path == PACKAGE / "__init__.py":
        return
    here = layer_of(part(path))
    assert here is not None, f"{path.name} has no layer: name it in LAYERS"
    for name in imported(path):
        if name.startswith("dfdetect_jax.") and not name.startswith(tuple(EVERYWHERE)):
            there = layer_of(name.split(".")[1])
            assert there is not None, name
            assert there >= here, f"{part(path)} imports {name}, which stands above it"


@pytest.mark.parametrize("path", [p for p in modules() if part(p) in FLOOR], ids=lambda p: str(p.relative_to(PACKAGE)))
def test_the_floor_imports_arrays_alone(path):
    for name in imported(path):
        top = name.partition(".")[0]
        if top == "dfdetect_jax":
            assert name.split(".")[1] in FLOOR, f"{path.name} imports {name}"
        else:
            assert top in FLOOR_LIBRARIES or top in sys.stdlib_module_names, f"{path.name} imports {name}"


@pytest.mark.parametrize("name", ["methods", "run.predictor", "training.parallel", "devices.processes"])
def test_what_runs_on_a_bare_accelerator_pulls_in_no_library_that_reads_files(name):
    heavy = (
        "tensorflow",
        "tensorflow_datasets",
        "grain",
        "ml_collections",
        "cv2",
        "PIL",
        "orbax.checkpoint",
        "matplotlib",
        "sklearn",
    )
    heavy += ("matplotlib", "sklearn", "h5py", "safetensors", "huggingface_hub")
    code = f"import sys, dfdetect_jax.{name}; print([m for m in {heavy!r} if m in sys.modules])"
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, capture_output=True, text=True, check=True, cwd=PACKAGE.parent)
    assert result.stdout.strip() == "[]"

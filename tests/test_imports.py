"""Imports point one way, without cycles; the lowest layer has no files, flags or data sets."""

import ast
import graphlib
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "dfdetect_jax"

# Each layer may import itself and what stands below it.
LAYERS = (
    {
        "__main__",
        "train",
        "prepare",
        "check",
        "evaluate",
        "predict",
        "select",
        "annotate",
        "page",
        "card",
        "export",
    },  # commands
    {"pages"},
    {"api"},
    {"training", "exchange"},
    {"active", "evaluation"},
    {"pictures"},
    {"scoring"},
    {"run"},
    {"data", "weights"},
    {"stores"},
    {"media", "devices"},
    {"methods"},
    {"models", "losses", "augmentation", "optimizer"},
    {"config", "errors", "faults", "cli", "files", "locks", "batching", "shares"},
)
FLOOR = {"methods", "models", "losses", "augmentation", "optimizer", "config", "errors"}
FLOOR_LIBRARIES = {"jax", "flax", "optax", "chex", "numpy"}


def name_of(path: Path) -> str:
    """dfdetect_jax/data/records.py -> dfdetect_jax.data.records"""
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")


MODULES = {name_of(path): path for path in sorted(PACKAGE.rglob("*.py")) if path.parent.name != "configs"}


def imported(tree: ast.AST) -> set[str]:
    """Modules that a piece of code imports; of `from a import b` the module a.b if there is one, else a."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            whole = {f"{node.module}.{alias.name}" for alias in node.names}
            names |= {name if name in MODULES else node.module for name in whole}
    return names


def loaded(path: Path) -> set[str]:
    """Modules of the package that are imported as soon as this one is."""
    return at_once(ast.parse(path.read_text())) & set(MODULES)


def at_once(tree: ast.Module) -> set[str]:
    """Modules that a module imports outside of functions and of what is for type checkers alone."""
    top = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    return imported(ast.Module(top, []))


def reached(tree: ast.Module) -> set[str]:
    """Modules that are imported as soon as this code is, by itself and by the package's modules that it imports."""
    names: set[str] = set()
    waiting = at_once(tree)
    while waiting:
        name = waiting.pop()
        names.add(name)
        if name in MODULES:
            waiting |= at_once(ast.parse(MODULES[name].read_text())) - names
    return names


def layer_of(name: str) -> int:
    part = name.split(".")[1]
    return next(i for i, parts in enumerate(LAYERS) if part in parts)


@pytest.mark.parametrize("name", [name for name in MODULES if name != "dfdetect_jax"])
def test_imports_point_down(name):
    ours = {other for other in imported(ast.parse(MODULES[name].read_text())) if other.startswith("dfdetect_jax.")}
    above = {other for other in ours if layer_of(other) < layer_of(name)}
    assert not above


def test_no_module_imports_itself_through_others():
    graph = {name: loaded(path) - {name} for name, path in MODULES.items()}
    assert set(graphlib.TopologicalSorter(graph).static_order()) == set(MODULES)


@pytest.mark.parametrize("name", [name for name in MODULES if name.partition(".")[2].partition(".")[0] in FLOOR])
def test_the_floor_imports_arrays_alone(name):
    for other in imported(ast.parse(MODULES[name].read_text())):
        top, _, part = other.partition(".")
        if top == "dfdetect_jax":
            assert part.partition(".")[0] in FLOOR
        else:
            assert top in FLOOR_LIBRARIES or top in sys.stdlib_module_names


@pytest.mark.parametrize("name", ["page", "annotate", "export", "prepare", "train", "predict"])
def test_a_command_starts_without_the_libraries_of_extras(name):
    """Its help and its message of what to install come without them."""
    extras = ("gradio", "starlette", "onnx", "onnxruntime", "flatbuffers", "apache_beam", "tensorboardX", "pillow_heif")
    code = ast.parse(MODULES[f"dfdetect_jax.{name}"].read_text())
    assert not set(extras) & {other.partition(".")[0] for other in reached(code)}


def test_what_runs_on_a_bare_accelerator_pulls_in_no_library_that_reads_files():
    heavy = ("tensorflow", "tensorflow_datasets", "grain", "ml_collections", "cv2", "PIL", "orbax.checkpoint")
    heavy += ("matplotlib", "sklearn", "h5py", "safetensors", "huggingface_hub")
    ours = ", ".join(f"dfdetect_jax.{name}" for name in ("methods", "run.predictor", "training.parallel"))
    code = f"import sys, {ours}; print([m for m in {heavy!r} if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
